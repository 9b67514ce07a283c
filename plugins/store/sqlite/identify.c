/* sqlite/identify.c - whose file is this? Reads the header that every SQLite database starts
 * with (sqlite.org/fileformat2.html, section 1.3) and nothing else. Owns the descriptor until
 * it is handed out. [loop] */
#include "identify.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define HEADER_BYTES   100
#define AT_FORMAT      60
#define AT_APPLICATION 68

#define LEFT_ALONE "it was left as it is; choose another path="

static const char header_magic[16] = "SQLite format 3";

static int64_t
big_endian(const unsigned char *at)
{
	return (int32_t)((uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 |
			 (uint32_t)at[3]);
}

int
identify_check(const char *path, int64_t application_id, int64_t format, struct cube_error *err)
{
	if (application_id != STORE_APPLICATION_ID)
		return cube_fail(err, CUBE_ERR_INVALID, 0,
				 "%s is a database of another program; " LEFT_ALONE, path);
	if (format > STORE_FORMAT)
		return cube_fail(err, CUBE_ERR_INVALID, 0,
				 "%s was written by a newer cube (format %lld, this one knows "
				 "%d): run that cube; " LEFT_ALONE,
				 path, (long long)format, STORE_FORMAT);
	if (format < 1)
		return cube_fail(err, CUBE_ERR_INTERNAL, 0,
				 "%s is damaged: it says format %lld; restore a backup; " //
				 LEFT_ALONE,
				 path, (long long)format);
	return 0;
}

static int
check_header(const char *path, int fd, struct cube_error *err)
{
	unsigned char header[HEADER_BYTES];
	ssize_t size = pread(fd, header, sizeof(header), 0);

	if (size < 0)
		return cube_fail(err, CUBE_ERR_INTERNAL, errno, "read %s: %s", path,
				 strerror(errno));
	if (size < HEADER_BYTES || memcmp(header, header_magic, sizeof(header_magic)) != 0)
		return cube_fail(err, CUBE_ERR_INVALID, 0,
				 "%s is no cube store, or its first bytes are damaged; " //
				 LEFT_ALONE,
				 path);
	return identify_check(path, big_endian(header + AT_APPLICATION),
			      big_endian(header + AT_FORMAT), err);
}

static int
fail_open(const char *path, struct cube_error *err)
{
	int cause = errno;
	const char *slash = strrchr(path, '/');

	if (cause == ENOENT && slash != NULL)
		return cube_fail(err, CUBE_ERR_NOT_FOUND, cause,
				 "%s: its folder %.*s does not exist: make it, or choose "
				 "another path=",
				 path, slash == path ? 1 : (int)(slash - path), path);
	if (cause == ENOSPC || cause == EDQUOT || cause == EMFILE || cause == ENFILE)
		return cube_fail(err, CUBE_ERR_UNAVAILABLE, cause, "open %s: %s", path,
				 strerror(cause));
	return cube_fail(err, CUBE_ERR_INVALID, cause, "%s cannot be opened for writing: %s",
			 path, strerror(cause));
}

/* A new name in a folder is durable only when the folder is. */
static int
sync_folder(const char *path, struct cube_error *err)
{
	char folder[4096];
	const char *slash = strrchr(path, '/');
	size_t size = slash == NULL ? 0 : slash == path ? 1 : (size_t)(slash - path);
	int result = 0;
	int fd;

	if (size >= sizeof(folder))
		return cube_fail(err, CUBE_ERR_INVALID, ENAMETOOLONG, "path= is too long");
	memcpy(folder, path, size);
	folder[size] = '\0';
	fd = open(size > 0 ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || (fsync(fd) != 0 && errno != EINVAL))
		result = cube_fail(err, CUBE_ERR_INTERNAL, errno, "sync the folder of %s: %s",
				   path, strerror(errno));
	if (fd >= 0)
		(void)close(fd);
	return result;
}

static int
examine(const char *path, struct store_file *file, struct cube_error *err)
{
	struct stat st;

	if (fstat(file->fd, &st) != 0)
		return cube_fail(err, CUBE_ERR_INTERNAL, errno, "stat %s: %s", path,
				 strerror(errno));
	if (!S_ISREG(st.st_mode))
		return cube_fail(err, CUBE_ERR_INVALID, 0,
				 "%s is no ordinary file; " //
				 LEFT_ALONE,
				 path);
	if (flock(file->fd, LOCK_EX | LOCK_NB) != 0) {
		if (errno == EWOULDBLOCK)
			return cube_fail(err, CUBE_ERR_UNAVAILABLE, 0,
					 "%s is in use by another process: stop it, or choose "
					 "another path=",
					 path);
		return cube_fail(err, CUBE_ERR_INTERNAL, errno, "lock %s: %s", path,
				 strerror(errno));
	}
	/* Again: who held the lock may have filled the file since. */
	if (fstat(file->fd, &st) != 0)
		return cube_fail(err, CUBE_ERR_INTERNAL, errno, "stat %s: %s", path,
				 strerror(errno));
	file->is_empty = st.st_size == 0;
	if (file->is_new)
		return sync_folder(path, err);
	return file->is_empty ? 0 : check_header(path, file->fd, err);
}

int
identify_open(const char *path, struct store_file *file, struct cube_error *err)
{
	struct store_file opened = {.fd = -1};

	if (path[0] == '\0')
		return cube_fail(err, CUBE_ERR_INVALID, 0, "path= is empty: it names a file");
	opened.fd = open(path, O_RDWR | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (opened.fd < 0 && errno == ENOENT) {
		opened.fd = open(path, O_RDWR | O_CLOEXEC | O_CREAT | O_EXCL, 0600);
		opened.is_new = opened.fd >= 0;
	}
	if (opened.fd < 0)
		return fail_open(path, err);
	if (examine(path, &opened, err) != 0) {
		identify_close(path, &opened);
		return err->code;
	}
	*file = opened;
	return 0;
}

void
identify_close(const char *path, struct store_file *file)
{
	struct stat st;

	if (file->is_new && fstat(file->fd, &st) == 0 && st.st_size == 0)
		(void)unlink(path);
	(void)close(file->fd);
	file->fd = -1;
}
