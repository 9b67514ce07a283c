/* tests/plugin/sqlite_test.c - what sqlite.so promises of its file: private, one owner, never
 * another program's, never a newer cube's, never a damaged one overwritten; whole after
 * kill -9. */
#include "../unit/check_main.h"
#include "store_fixture.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define AT_FORMAT      60
#define AT_APPLICATION 68

static void
begin(struct store_stage *stage)
{
	stage_load(stage, "plugins/store/sqlite.so");
}

/* A store with some hundred records, closed. */
static void
begin_filled(struct store_stage *stage)
{
	begin(stage);
	stage_open(stage);
	for (int batch = 0; batch < 20; batch++) {
		struct cube_write writes[16];
		char keys[16][32];

		for (int i = 0; i < 16; i++) {
			(void)snprintf(keys[i], sizeof(keys[i]), "task/%02d-%02d", i, batch);
			writes[i] = put(keys[i], "{\"Name\": \"a value of some length, so that "
						 "there is more than one page\"}");
		}
		commit(stage, writes, 16);
	}
	stage_close(stage);
}

/* ---- the bytes of a file ---- */

struct bytes {
	char *data;
	size_t size;
};

static struct bytes
read_file(const char *path)
{
	struct bytes bytes = {.data = NULL};
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(fstat(fd, &st), 0);
	bytes.size = (size_t)st.st_size;
	bytes.data = malloc(bytes.size + 1);
	ck_assert_ptr_nonnull(bytes.data);
	ck_assert_int_eq(read(fd, bytes.data, bytes.size), (ssize_t)bytes.size);
	ck_assert_int_eq(close(fd), 0);
	return bytes;
}

static void
write_file(const char *path, const void *data, size_t size)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, data, size), (ssize_t)size);
	ck_assert_int_eq(close(fd), 0);
}

static void
patch_file(const char *path, off_t at, const void *data, size_t size)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(pwrite(fd, data, size, at), (ssize_t)size);
	ck_assert_int_eq(close(fd), 0);
}

/* It cannot be opened, twice over, and is as it was. */
static void
expect_refused(struct store_stage *stage, int code, const char *words)
{
	struct bytes before = read_file(stage->path);
	struct bytes after;

	for (int i = 0; i < 2; i++) {
		struct cube_error err;

		ck_assert_int_eq(stage_try_open(stage, &err), code);
		fixture_contains(err.message, stage->path);
		fixture_contains(err.message, words);
	}
	after = read_file(stage->path);
	ck_assert_uint_eq(after.size, before.size);
	ck_assert_int_eq(memcmp(after.data, before.data, before.size), 0);
	free(before.data);
	free(after.data);
}

/* ---- SQLite itself, as another program would use it ---- */

struct other {
	void *dl;
	void *db;
	int (*open)(const char *path, void **db);
	int (*exec)(void *db, const char *text, int (*row)(void *, int, char **, char **),
		    void *ctx, char **message);
	int (*close)(void *db);
};

static void
other_open(struct other *other, const char *path)
{
	other->dl = dlopen("libsqlite3.so.0", RTLD_NOW | RTLD_LOCAL);
	ck_assert_ptr_nonnull(other->dl);
	*(void **)&other->open = dlsym(other->dl, "sqlite3_open");
	*(void **)&other->exec = dlsym(other->dl, "sqlite3_exec");
	*(void **)&other->close = dlsym(other->dl, "sqlite3_close");
	ck_assert_int_eq(other->open(path, &other->db), 0);
}

static void
other_run(struct other *other, const char *text)
{
	ck_assert_int_eq(other->exec(other->db, text, NULL, NULL, NULL), 0);
}

static void
other_close(struct other *other)
{
	ck_assert_int_eq(other->close(other->db), 0);
	(void)dlclose(other->dl);
}

/* ---- the file ---- */

START_TEST(the_file_is_private_and_alone_once_it_is_closed)
{
	struct store_stage stage;
	struct stat st;
	char wal[128];

	begin_filled(&stage);
	ck_assert_int_eq(stat(stage.path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0600);
	(void)snprintf(wal, sizeof(wal), "%s-wal", stage.path);
	ck_assert_int_ne(stat(wal, &st), 0);
	stage_open(&stage);
	commit_one(&stage, put("a", "1"));
	ck_assert_int_eq(stat(wal, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0600);
	stage_release(&stage);
}
END_TEST

START_TEST(path_is_required_and_must_name_a_file_in_a_folder_that_exists)
{
	struct store_stage stage;
	struct cube_error err;
	const char **values = NULL;

	begin(&stage);
	ck_assert_int_eq(options_resolve("sqlite", "--store-opt", stage.plugin->info.options,
					 NULL, 0, &values, &err),
			 CUBE_ERR_INVALID);
	fixture_contains(err.message, "sqlite needs --store-opt path=VALUE");
	(void)snprintf(stage.path, sizeof(stage.path), "%s/no/such/cube.db", stage.folder);
	ck_assert_int_eq(stage_try_open(&stage, &err), CUBE_ERR_NOT_FOUND);
	fixture_contains(err.message, "/no/such does not exist: make it");
	(void)snprintf(stage.path, sizeof(stage.path), "%s", stage.folder);
	ck_assert_int_eq(stage_try_open(&stage, &err), CUBE_ERR_INVALID);
	fixture_contains(err.message, "cannot be opened for writing: Is a directory");
	(void)snprintf(stage.path, sizeof(stage.path), "/dev/null");
	ck_assert_int_eq(stage_try_open(&stage, &err), CUBE_ERR_INVALID);
	fixture_contains(err.message, "is no ordinary file");
	stage.path[0] = '\0';
	ck_assert_int_eq(stage_try_open(&stage, &err), CUBE_ERR_INVALID);
	fixture_contains(err.message, "path= is empty");
	stage_release(&stage);
}
END_TEST

START_TEST(an_empty_file_becomes_a_store)
{
	struct store_stage stage;

	begin(&stage);
	write_file(stage.path, "", 0);
	stage_open(&stage);
	commit_one(&stage, put("a", "1"));
	expect_all(&stage, "a=1");
	stage_release(&stage);
}
END_TEST

START_TEST(a_file_of_another_program_is_refused_and_left_alone)
{
	struct store_stage stage;
	struct other other;

	begin(&stage);
	write_file(stage.path, "a letter to a friend, and short\n", 32);
	expect_refused(&stage, CUBE_ERR_INVALID, "is no cube store");
	ck_assert_int_eq(unlink(stage.path), 0);
	other_open(&other, stage.path);
	other_run(&other, "CREATE TABLE record (key TEXT, value TEXT)");
	other_close(&other);
	expect_refused(&stage, CUBE_ERR_INVALID, "is a database of another program");
	stage_release(&stage);
}
END_TEST

START_TEST(a_file_of_a_newer_cube_is_refused_and_left_alone)
{
	static const unsigned char format[4] = {0, 0, 0, 2};
	struct store_stage stage;

	begin_filled(&stage);
	patch_file(stage.path, AT_FORMAT, format, sizeof(format));
	expect_refused(&stage, CUBE_ERR_INVALID,
		       "written by a newer cube (format 2, this one knows 1)");
	stage_release(&stage);
}
END_TEST

/* Dies, as by kill -9, after a newer cube has said so in the log alone. */
static void
become_newer_and_die(const char *path)
{
	struct other other;

	other_open(&other, path);
	other_run(&other, "PRAGMA wal_autocheckpoint = 0; PRAGMA user_version = 2; "
			  "UPDATE record SET value = 'new'");
	(void)kill(getpid(), SIGKILL);
}

START_TEST(a_newer_cube_that_shows_only_in_the_log_is_refused_too)
{
	struct store_stage stage;
	pid_t child;
	int status;

	begin_filled(&stage);
	child = fork();
	ck_assert_int_ge(child, 0);
	if (child == 0) {
		become_newer_and_die(stage.path);
		_exit(1);
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	expect_refused(&stage, CUBE_ERR_INVALID, "written by a newer cube (format 2");
	stage_release(&stage);
}
END_TEST

START_TEST(a_damaged_file_is_refused_and_left_alone)
{
	static const char noise[64] = "damage damage damage damage damage damage damage";
	struct store_stage stage;
	struct bytes whole;

	begin_filled(&stage);
	whole = read_file(stage.path);
	ck_assert_uint_gt(whole.size, 6 * 4096);
	/* Its first bytes, a page of the tree, its end cut off, zeros. */
	patch_file(stage.path, 0, noise, sizeof(noise));
	expect_refused(&stage, CUBE_ERR_INVALID, "its first bytes are damaged");
	for (off_t page = 1; page < 5; page++) {
		write_file(stage.path, whole.data, whole.size);
		patch_file(stage.path, page * 4096, noise, sizeof(noise));
		expect_refused(&stage, CUBE_ERR_INTERNAL, "damaged");
	}
	write_file(stage.path, whole.data, whole.size - 2 * 4096);
	expect_refused(&stage, CUBE_ERR_INTERNAL, "damaged");
	write_file(stage.path, whole.data, 50);
	expect_refused(&stage, CUBE_ERR_INVALID, "its first bytes are damaged");
	write_file(stage.path, whole.data, whole.size);
	stage_open(&stage);
	ck_assert_uint_eq(count_records(&stage), 320);
	free(whole.data);
	stage_release(&stage);
}
END_TEST

START_TEST(a_store_without_its_tables_is_refused_as_damaged)
{
	struct store_stage stage;
	struct other other;

	begin_filled(&stage);
	other_open(&other, stage.path);
	other_run(&other, "PRAGMA journal_mode = DELETE; DROP TABLE counter");
	other_close(&other);
	expect_refused(&stage, CUBE_ERR_INTERNAL, "is damaged (no such table: counter)");
	other_open(&other, stage.path);
	other_run(&other, "CREATE TABLE counter (id INTEGER PRIMARY KEY, ceiling INTEGER)");
	other_close(&other);
	expect_refused(&stage, CUBE_ERR_INTERNAL, "has no answer");
	stage_release(&stage);
}
END_TEST

/* ---- one owner ---- */

/* Opens the store in a process of its own, commits until it is killed, and tells each number
 * that was acknowledged. */
static void
commit_until_killed(struct store_stage *stage, int told)
{
	stage_open(stage);
	for (uint32_t number = 1;; number++) {
		char key[32];
		char pair[32];
		struct cube_write writes[2];

		(void)snprintf(key, sizeof(key), "n/%08u", number);
		(void)snprintf(pair, sizeof(pair), "p/%08u", number);
		writes[0] = put(key, "x");
		writes[1] = put(pair, "x");
		commit(stage, writes, 2);
		if (write(told, &number, sizeof(number)) != (ssize_t)sizeof(number))
			_exit(1);
	}
}

START_TEST(a_second_process_is_refused_until_the_first_is_gone_and_nothing_it_said_is_lost)
{
	struct store_stage stage;
	struct cube_error err;
	uint32_t number = 0;
	uint32_t last = 0;
	size_t count;
	int told[2];
	pid_t child;

	begin(&stage);
	ck_assert_int_eq(pipe(told), 0);
	child = fork();
	ck_assert_int_ge(child, 0);
	if (child == 0) {
		(void)close(told[0]);
		commit_until_killed(&stage, told[1]);
		_exit(1);
	}
	ck_assert_int_eq(close(told[1]), 0);
	while (last < 500 && read(told[0], &number, sizeof(number)) == sizeof(number))
		last = number;
	ck_assert_uint_eq(last, 500);
	ck_assert_int_eq(stage_try_open(&stage, &err), CUBE_ERR_UNAVAILABLE);
	fixture_contains(err.message, "cube.db is in use by another process");
	ck_assert_int_eq(kill(child, SIGKILL), 0);
	ck_assert_int_eq(waitpid(child, NULL, 0), child);
	while (read(told[0], &number, sizeof(number)) == sizeof(number))
		last = number;
	ck_assert_int_eq(close(told[0]), 0);
	stage_open(&stage);
	count = count_records(&stage);
	/* Every commit that was told of, and at most the one that was under way; whole. */
	ck_assert_uint_ge(count, (size_t)last * 2);
	ck_assert_uint_le(count, (size_t)last * 2 + 2);
	ck_assert_uint_eq(count % 2, 0);
	stage_release(&stage);
}
END_TEST

static int
count_row(void *ctx, int columns, char **values, char **names)
{
	(void)columns;
	(void)names;
	*(long *)ctx = strtol(values[0], NULL, 10);
	return 0;
}

START_TEST(a_person_may_read_the_file_while_it_is_open)
{
	struct store_stage stage;
	struct other other;
	long count = 0;
	long texts = 0;

	begin_filled(&stage);
	stage_open(&stage);
	other_open(&other, stage.path);
	ck_assert_int_eq(
		other.exec(other.db, "SELECT count(*) FROM record", count_row, &count, NULL),
		0);
	ck_assert_int_eq(count, 320);
	ck_assert_int_eq(other.exec(other.db,
				    "SELECT count(*) FROM record WHERE "
				    "json_extract(value, '$.Name') LIKE 'a value%'",
				    count_row, &texts, NULL),
			 0);
	ck_assert_int_eq(texts, 320);
	commit_one(&stage, put("a", "1"));
	other_close(&other);
	stage_release(&stage);
}
END_TEST

START_TEST(a_locked_file_is_unavailable_and_works_again_when_it_is_free)
{
	struct store_stage stage;
	struct other other;
	struct cube_error err;
	struct cube_write write = put("b", "2");

	begin(&stage);
	stage_open(&stage);
	commit_one(&stage, put("a", "1"));
	other_open(&other, stage.path);
	other_run(&other, "BEGIN IMMEDIATE");
	ck_assert_int_eq(try_commit(&stage, &write, 1, &err), CUBE_ERR_UNAVAILABLE);
	fixture_contains(err.message, "another program holds it locked");
	other_run(&other, "ROLLBACK");
	commit(&stage, &write, 1);
	expect_all(&stage, "a=1 b=2");
	other_close(&other);
	stage_release(&stage);
}
END_TEST

START_TEST(revisions_grow_over_kill_and_many_openings)
{
	struct store_stage stage;
	uint64_t last = 0;

	begin(&stage);
	for (int opening = 0; opening < 5; opening++) {
		stage_open(&stage);
		for (int i = 0; i < 3; i++) {
			uint64_t revision = commit_one(&stage, put("a", "1"));

			ck_assert_uint_gt(revision, last);
			last = revision;
		}
		last = commit_one(&stage, del("a"));
		stage_close(&stage);
	}
	stage_open(&stage);
	for (int i = 0; i < 5000; i++) { /* over the edge of what one reservation holds */
		uint64_t revision = commit_one(&stage, put("a", "1"));

		ck_assert_uint_gt(revision, last);
		last = revision;
	}
	stage_release(&stage);
}
END_TEST

static Suite *
suite(void)
{
	Suite *made = suite_create("sqlite");
	TCase *file = tcase_create("file");
	TCase *owner = tcase_create("owner");

	tcase_add_test(file, the_file_is_private_and_alone_once_it_is_closed);
	tcase_add_test(file, path_is_required_and_must_name_a_file_in_a_folder_that_exists);
	tcase_add_test(file, an_empty_file_becomes_a_store);
	tcase_add_test(file, a_file_of_another_program_is_refused_and_left_alone);
	tcase_add_test(file, a_file_of_a_newer_cube_is_refused_and_left_alone);
	tcase_add_test(file, a_newer_cube_that_shows_only_in_the_log_is_refused_too);
	tcase_add_test(file, a_damaged_file_is_refused_and_left_alone);
	tcase_add_test(file, a_store_without_its_tables_is_refused_as_damaged);
	tcase_set_timeout(owner, 60);
	tcase_add_test(
		owner,
		a_second_process_is_refused_until_the_first_is_gone_and_nothing_it_said_is_lost);
	tcase_add_test(owner, a_person_may_read_the_file_while_it_is_open);
	tcase_add_test(owner, a_locked_file_is_unavailable_and_works_again_when_it_is_free);
	tcase_add_test(owner, revisions_grow_over_kill_and_many_openings);
	suite_add_tcase(made, file);
	suite_add_tcase(made, owner);
	return made;
}

CHECK_MAIN(suite)
