/* tests/fake/disk_preload.c - a disk that fails, for LD_PRELOAD: what is written to a store's
 * log goes wrong in the way that a file says, for as long as that file is there.
 *
 * $CUBE_FAULTY_DISK names the file; its text is the fault: "write EIO" (ENOSPC, EROFS),
 * "sync EIO", or "write hang". Only files whose names end in -wal are touched. Any thread.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool
is_log(int fd)
{
	char link[64];
	char path[4096];
	ssize_t size;

	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	size = readlink(link, path, sizeof(path));
	return size > 4 && memcmp(path + size - 4, "-wal", 4) == 0;
}

/* What the file says now; "": nothing is wrong. */
static void
fault_read(char *out, size_t size)
{
	const char *path = getenv("CUBE_FAULTY_DISK");
	FILE *file = path != NULL ? fopen(path, "re") : NULL;

	out[0] = '\0';
	if (file == NULL)
		return;
	if (fgets(out, (int)size, file) == NULL)
		out[0] = '\0';
	out[strcspn(out, "\n")] = '\0';
	(void)fclose(file);
}

static int
errno_of(const char *name)
{
	if (strcmp(name, "ENOSPC") == 0)
		return ENOSPC;
	return strcmp(name, "EROFS") == 0 ? EROFS : EIO;
}

/* True: it fails, with errno set. A hang lasts until the file is gone. */
static bool
fails(int fd, const char *call)
{
	size_t length = strlen(call);
	char fault[64];

	if (!is_log(fd))
		return false;
	fault_read(fault, sizeof(fault));
	if (strncmp(fault, call, length) != 0 || fault[length] != ' ')
		return false;
	if (strcmp(fault + length + 1, "hang") != 0) {
		errno = errno_of(fault + length + 1);
		return true;
	}
	while (access(getenv("CUBE_FAULTY_DISK"), F_OK) == 0)
		(void)usleep(10000);
	return false;
}

static void *
next(const char *name)
{
	void *function = dlsym(RTLD_NEXT, name);

	if (function == NULL)
		abort();
	return function;
}

__attribute__((visibility("default"))) ssize_t
pwrite64(int fd, const void *bytes, size_t size, off64_t at)
{
	ssize_t (*real)(int, const void *, size_t, off64_t);

	if (fails(fd, "write"))
		return -1;
	*(void **)&real = next("pwrite64");
	return real(fd, bytes, size, at);
}

__attribute__((visibility("default"))) ssize_t
pwrite(int fd, const void *bytes, size_t size, off_t at)
{
	return pwrite64(fd, bytes, size, at);
}

__attribute__((visibility("default"))) int
fdatasync(int fd)
{
	int (*real)(int);

	if (fails(fd, "sync"))
		return -1;
	*(void **)&real = next("fdatasync");
	return real(fd);
}

__attribute__((visibility("default"))) int
fsync(int fd)
{
	int (*real)(int);

	if (fails(fd, "sync"))
		return -1;
	*(void **)&real = next("fsync");
	return real(fd);
}
