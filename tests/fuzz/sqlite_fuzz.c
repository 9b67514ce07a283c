/* tests/fuzz/sqlite_fuzz.c - sqlite.so's first look at a file that is there already.
 *
 * An input is the front of a file. Only the header of a store of ours, of a format that
 * we know, is taken; whatever is refused is refused in words, and no byte of it changes.
 */
#include "../../plugins/store/sqlite/identify.h"
#include "fuzz_lines.h"

#include <fcntl.h>

#define HEADER_SIZE 100

/* "SQLite format 3", page size 4096, WAL, one page; user_version at 60, application at 68. */
#define HEADER(format, application)                                                         \
	"SQLite format 3\0\x10\0\x02\x02\0\x40\x20\x20\0\0\0\x02\0\0\0\x01\0\0\0\0\0\0\0\0" \
	"\0\0\0\x01\0\0\0\x04\0\0\0\0\0\0\0\0\0\0\0\x01" format "\0\0\0\0" application      \
	"\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x02\0\x2e\x7a\x70"

static const struct fuzz_seed seeds[] = {
	FUZZ_SEED(HEADER("\0\0\0\x01", "CuBe")),
	FUZZ_SEED(HEADER("\0\0\0\x02", "CuBe")),
	FUZZ_SEED(HEADER("\0\0\0\0", "\0\0\0\0")),
	FUZZ_SEED("SQLite format 3"),
	FUZZ_SEED(""),
};

static char path[64];

static void
path_remove(void)
{
	(void)unlink(path);
}

static void
path_make(void)
{
	int fd;

	(void)snprintf(path, sizeof(path), "%s/cube-fuzz.XXXXXX",
		       access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	fd = mkstemp(path);
	FUZZ_MUST(fd >= 0);
	(void)close(fd);
	(void)atexit(path_remove);
}

static void
put(const uint8_t *data, size_t size)
{
	int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);

	FUZZ_MUST(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	(void)close(fd);
}

static bool
is_unchanged(const uint8_t *data, size_t size)
{
	uint8_t *bytes = malloc(size + 1);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	bool same;

	FUZZ_MUST(bytes != NULL && fd >= 0);
	same = read(fd, bytes, size + 1) == (ssize_t)size && memcmp(bytes, data, size) == 0;
	(void)close(fd);
	free(bytes);
	return same;
}

/* What the file format says, read another way than identify.c does. */
static bool
is_ours(const uint8_t *data, size_t size)
{
	return size >= HEADER_SIZE && memcmp(data, "SQLite format 3", 16) == 0 &&
	       memcmp(data + 68, "CuBe", 4) == 0 && memcmp(data + 60, "\0\0\0\x01", 4) == 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct store_file file = {.fd = -1};
	struct cube_error err = {0};
	int rc;

	if (path[0] == '\0')
		path_make();
	put(data, size);
	rc = identify_open(path, &file, &err);
	if (rc == 0) {
		FUZZ_MUST(!file.is_new && file.is_empty == (size == 0));
		FUZZ_MUST(size == 0 || is_ours(data, size));
		fuzz_accepted();
		identify_close(path, &file);
	} else {
		fuzz_check_error(rc, &err);
		FUZZ_MUST(size > 0 && !is_ours(data, size) && file.fd == -1);
		FUZZ_MUST(rc == CUBE_ERR_INVALID || rc == CUBE_ERR_INTERNAL);
		FUZZ_MUST(strstr(err.message, "left as it is") != NULL);
	}
	FUZZ_MUST(is_unchanged(data, size));
	return 0;
}

FUZZ_MAIN(seeds)
