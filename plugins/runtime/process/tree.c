/* tree.c - remove a folder and all that a container has put into it.
 *
 * The container may have made a tree of any depth, with any names and modes, and
 * links that point anywhere. So no recursion and no paths: a folder that is not
 * empty is moved up into the top one and emptied there, which takes two descriptors
 * at any depth; and nothing is followed.
 */
#include "tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct removal {
	const struct cube_host *host;
	uint64_t deadline_ms;
	int top_fd;
	unsigned long moved; /* names those that were moved up */
	struct cube_error *err;
};

static int
failed(const struct removal *removal, const char *name)
{
	return cube_fail(removal->err, CUBE_ERR_UNAVAILABLE, errno, "remove %.100s: %s", name,
			 strerror(errno));
}

static bool
is_folder(int fd, const struct dirent *entry)
{
	struct stat st;

	if (entry->d_type != DT_UNKNOWN)
		return entry->d_type == DT_DIR;
	return fstatat(fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode);
}

static DIR *
open_folder(int parent_fd, const char *name)
{
	int fd = openat(parent_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *dir;

	if (fd < 0 && errno == EACCES && fchmodat(parent_fd, name, 0700, 0) == 0)
		fd = openat(parent_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return NULL;
	(void)fchmod(fd, 0700);
	dir = fdopendir(fd);
	if (dir == NULL)
		(void)close(fd);
	return dir;
}

static int
move_up(struct removal *removal, int fd, const char *name)
{
	char up[32];

	/* A name that is taken, by a file of the container's, is skipped. */
	do {
		(void)snprintf(up, sizeof(up), "moved-%lu", removal->moved++);
		(void)!fchmodat(fd, name, 0700, 0);
		if (renameat2(fd, name, removal->top_fd, up, RENAME_NOREPLACE) == 0)
			return 0;
	} while (errno == EEXIST);
	return failed(removal, name);
}

/* Removes what is in the folder; folders that are not empty go to the top, unless
 * this is the top: those are left to the caller, who is told of one in keep. */
static int
empty_folder(struct removal *removal, DIR *dir, char keep[NAME_MAX + 1])
{
	int fd = dirfd(dir);
	struct dirent *entry;

	while ((errno = 0, entry = readdir(dir)) != NULL) {
		bool folder;

		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		if (removal->host->now_ms(removal->host->ctx) >= removal->deadline_ms)
			return cube_fail(removal->err, CUBE_ERR_TIMEOUT, 0,
					 "there is more to remove than the time allows");
		folder = is_folder(fd, entry);
		if (unlinkat(fd, entry->d_name, folder ? AT_REMOVEDIR : 0) == 0 ||
		    errno == ENOENT)
			continue;
		if (!folder || (errno != ENOTEMPTY && errno != EEXIST))
			return failed(removal, entry->d_name);
		if (fd != removal->top_fd) {
			if (move_up(removal, fd, entry->d_name) != 0)
				return CUBE_ERR_UNAVAILABLE;
		} else {
			(void)snprintf(keep, NAME_MAX + 1, "%s", entry->d_name);
			return 0;
		}
	}
	return errno == 0 ? 0 : failed(removal, "a folder of it");
}

/* Empties one folder in the top one and removes it. */
static int
remove_inner(struct removal *removal, const char *name)
{
	char unused[NAME_MAX + 1];
	DIR *dir = open_folder(removal->top_fd, name);
	int rc;

	if (dir == NULL)
		return failed(removal, name);
	rc = empty_folder(removal, dir, unused);
	(void)closedir(dir);
	if (rc != 0)
		return rc;
	if (unlinkat(removal->top_fd, name, AT_REMOVEDIR) != 0 && errno != ENOENT)
		return failed(removal, name);
	return 0;
}

int
tree_remove(int parent_fd, const char *name, const struct cube_host *host, uint64_t deadline_ms,
	    struct cube_error *err)
{
	struct removal removal = {.host = host, .deadline_ms = deadline_ms, .err = err};
	DIR *top = open_folder(parent_fd, name);
	int rc = 0;

	if (top == NULL)
		return errno == ENOENT ? 0 : failed(&removal, name);
	removal.top_fd = dirfd(top);
	for (;;) {
		char keep[NAME_MAX + 1] = "";

		rc = empty_folder(&removal, top, keep);
		if (rc != 0 || keep[0] == '\0')
			break;
		rc = remove_inner(&removal, keep);
		if (rc != 0)
			break;
		rewinddir(top);
	}
	(void)closedir(top);
	if (rc == 0 && unlinkat(parent_fd, name, AT_REMOVEDIR) != 0 && errno != ENOENT)
		rc = failed(&removal, name);
	return rc;
}
