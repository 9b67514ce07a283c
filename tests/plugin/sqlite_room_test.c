/* tests/plugin/sqlite_room_test.c - sqlite.so where there is no room: nothing is written, what
 * was there is whole, and service resumes when there is room again. On a small file system of
 * its own where this user may mount one, and by a limit on the size of a file for everybody. */
#include "../unit/check_main.h"
#include "store_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>

static void
begin(struct store_stage *stage)
{
	stage_load(stage, "plugins/store/sqlite.so");
}

static char kilobyte[1025];

/* Commits of eight until one fails; how many were good. */
static size_t
fill(struct store_stage *stage, size_t first, struct cube_error *err)
{
	memset(kilobyte, 'v', sizeof(kilobyte) - 1);
	for (size_t good = 0;; good++) {
		struct cube_write writes[8];
		char keys[8][32];

		for (size_t i = 0; i < 8; i++) {
			(void)snprintf(keys[i], sizeof(keys[i]), "fill/%06zu/%zu", first + good,
				       i);
			writes[i] = put(keys[i], kilobyte);
		}
		if (try_commit(stage, writes, 8, err) != 0)
			return good;
		ck_assert_uint_lt(good, 20000);
	}
}

static void
expect_full_and_whole(struct store_stage *stage, size_t good, const struct cube_error *err)
{
	struct cube_error again;

	ck_assert_msg(err->code == CUBE_ERR_UNAVAILABLE, "%s", err->message);
	fixture_contains(err->message, "the disk is full");
	ck_assert_uint_gt(good, 5);
	ck_assert_uint_eq(count_records(stage), good * 8);
	ck_assert_uint_eq(fill(stage, good, &again), 0);
	ck_assert_int_eq(again.code, CUBE_ERR_UNAVAILABLE);
	ck_assert_uint_eq(count_records(stage), good * 8);
}

/* True if a file system of that size is mounted on folder, in a name space of our own. */
static bool
mount_small(const char *folder)
{
	if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
		return false;
	return mount("none", folder, "tmpfs", 0, "size=1m") == 0;
}

START_TEST(a_full_disk_writes_nothing_and_service_resumes_when_there_is_room)
{
	struct store_stage stage;
	struct cube_error err;
	size_t good;

	begin(&stage);
	if (!mount_small(stage.folder)) {
		/* Needs a right this user has not; the next test holds for everybody. */
		ck_assert_int_ne(geteuid(), 0);
		stage_release(&stage);
		return;
	}
	stage_open(&stage);
	good = fill(&stage, 0, &err);
	expect_full_and_whole(&stage, good, &err);
	ck_assert_int_eq(mount("none", stage.folder, "tmpfs", MS_REMOUNT, "size=8m"), 0);
	commit_one(&stage, put("a", "1"));
	good += fill(&stage, good, &err);
	ck_assert_int_eq(err.code, CUBE_ERR_UNAVAILABLE);
	ck_assert_uint_eq(count_records(&stage), good * 8 + 1);
	stage_close(&stage);
	ck_assert_int_eq(mount("none", stage.folder, "tmpfs", MS_REMOUNT, "size=32m"), 0);
	stage_open(&stage);
	ck_assert_uint_eq(count_records(&stage), good * 8 + 1);
	stage_close(&stage);
	(void)unlink(stage.path);
	ck_assert_int_eq(umount(stage.folder), 0);
	stage_release(&stage);
}
END_TEST

START_TEST(a_file_that_may_not_grow_is_a_full_disk)
{
	struct store_stage stage;
	struct cube_error err;
	struct rlimit before;
	struct rlimit small;
	size_t good;

	begin(&stage);
	stage_open(&stage);
	ck_assert(signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
	ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &before), 0);
	small = before;
	small.rlim_cur = 512 * 1024;
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &small), 0);
	good = fill(&stage, 0, &err);
	expect_full_and_whole(&stage, good, &err);
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &before), 0);
	commit_one(&stage, put("a", "1"));
	ck_assert_uint_eq(count_records(&stage), good * 8 + 1);
	stage_close(&stage);
	stage_open(&stage);
	ck_assert_uint_eq(count_records(&stage), good * 8 + 1);
	stage_release(&stage);
}
END_TEST

START_TEST(a_new_store_without_room_leaves_no_file)
{
	struct store_stage stage;
	struct cube_error err;
	struct rlimit before;
	struct rlimit none;
	struct stat st;

	begin(&stage);
	ck_assert(signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
	ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &before), 0);
	none = before;
	none.rlim_cur = 0;
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &none), 0);
	ck_assert_int_eq(stage_try_open(&stage, &err), CUBE_ERR_UNAVAILABLE);
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &before), 0);
	fixture_contains(err.message, "the disk is full");
	ck_assert_int_ne(stat(stage.path, &st), 0);
	ck_assert_int_eq(errno, ENOENT);
	stage_open(&stage);
	commit_one(&stage, put("a", "1"));
	stage_release(&stage);
}
END_TEST

START_TEST(the_log_beside_the_file_stays_bounded)
{
	struct store_stage stage;
	struct cube_error err;
	struct stat st;
	char wal[128];

	begin(&stage);
	stage_open(&stage);
	memset(kilobyte, 'v', sizeof(kilobyte) - 1);
	for (int i = 0; i < 200; i++) {
		struct cube_write writes[64];
		char keys[64][32];
		uint64_t revision;

		for (int k = 0; k < 64; k++) {
			(void)snprintf(keys[k], sizeof(keys[k]), "k/%d/%d", i, k);
			writes[k] = put(keys[k], kilobyte);
		}
		ck_assert_int_eq(store_commit(stage.store, writes, 64, &revision, &err), 0);
	}
	(void)snprintf(wal, sizeof(wal), "%s-wal", stage.path);
	ck_assert_int_eq(stat(wal, &st), 0);
	ck_assert_int_lt(st.st_size, 8 * 1024 * 1024); /* of 13 MB of values */
	stage_release(&stage);
}
END_TEST

static Suite *
suite(void)
{
	Suite *made = suite_create("sqlite room");
	TCase *room = tcase_create("room");

	tcase_set_timeout(room, 60);
	tcase_add_test(room, a_full_disk_writes_nothing_and_service_resumes_when_there_is_room);
	tcase_add_test(room, a_file_that_may_not_grow_is_a_full_disk);
	tcase_add_test(room, a_new_store_without_room_leaves_no_file);
	tcase_add_test(room, the_log_beside_the_file_stays_bounded);
	suite_add_tcase(made, room);
	return made;
}

CHECK_MAIN(suite)
