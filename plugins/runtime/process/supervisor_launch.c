/* supervisor_launch.c - read what process.so wants run.
 *
 * The texts stay where they are, in a private map of the memory file, and the
 * arrays of arguments and environment point into it; all of it is given back once
 * the program runs, so that a supervisor that waits for days holds little memory.
 * The bytes come from our own plugin, yet are checked: it may be of another version.
 */
#include "supervisor.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

struct reader {
	char *at;
	char *end;
};

static char *
read_text(struct reader *reader)
{
	char *text = reader->at;
	char *nul = memchr(text, '\0', (size_t)(reader->end - text));

	if (nul == NULL)
		return NULL;
	reader->at = nul + 1;
	return text;
}

static bool
read_number(struct reader *reader, uint64_t max, uint64_t *out)
{
	const char *text = read_text(reader);
	char *end = NULL;

	if (text == NULL || *text < '0' || *text > '9')
		return false;
	errno = 0;
	*out = strtoull(text, &end, 10);
	return errno == 0 && *end == '\0' && *out <= max;
}

/* A count and that many texts, as a NULL-ended array. */
static char **
read_array(struct reader *reader)
{
	uint64_t count;
	char **array;

	if (!read_number(reader, (uint64_t)(reader->end - reader->at), &count))
		return NULL;
	array = calloc((size_t)count + 1, sizeof(*array));
	for (uint64_t i = 0; array != NULL && i < count; i++) {
		array[i] = read_text(reader);
		if (array[i] == NULL) {
			free(array);
			array = NULL;
		}
	}
	return array;
}

static bool
read_user(struct reader *reader, struct launch *launch)
{
	uint64_t has_user;
	uint64_t uid;
	uint64_t gid;

	if (!read_number(reader, 1, &has_user) || !read_number(reader, UINT32_MAX - 1, &uid) ||
	    !read_number(reader, UINT32_MAX - 1, &gid))
		return false;
	launch->has_user = has_user == 1;
	launch->uid = (uid_t)uid;
	launch->gid = (gid_t)gid;
	return true;
}

static bool
read_cgroups(struct reader *reader, struct launch *launch)
{
	uint64_t count;

	if (!read_number(reader, CGROUP_DIRS_MAX, &count))
		return false;
	for (uint64_t i = 0; i < count; i++) {
		const char *kind = read_text(reader);
		const char *path = kind == NULL ? NULL : read_text(reader);

		if (path == NULL || strlen(kind) != 1 || strlen(path) >= CGROUP_PATH_SIZE)
			return false;
		launch->cgroups[i].kind = kind[0];
		memcpy(launch->cgroups[i].path, path, strlen(path) + 1);
	}
	launch->cgroup_count = (unsigned)count;
	return true;
}

bool
launch_read(struct launch *launch, int fd)
{
	struct reader reader;
	const char *magic;
	struct stat st;

	if (fstat(fd, &st) != 0 || st.st_size <= 0 || st.st_size > INT_MAX)
		return false;
	launch->map_size = (size_t)st.st_size;
	launch->map = mmap(NULL, launch->map_size, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	if (launch->map == MAP_FAILED)
		return false;
	reader = (struct reader){launch->map, launch->map + launch->map_size};
	magic = read_text(&reader);
	if (magic == NULL || strcmp(magic, LAUNCH_MAGIC) != 0)
		return false;
	launch->folder = read_text(&reader);
	if (launch->folder == NULL || !read_number(&reader, INT64_MAX, &launch->log_bytes) ||
	    !read_user(&reader, launch))
		return false;
	launch->program = read_text(&reader);
	if (launch->program == NULL || !read_cgroups(&reader, launch))
		return false;
	launch->argv = read_array(&reader);
	launch->envp = launch->argv == NULL ? NULL : read_array(&reader);
	return launch->envp != NULL && reader.at == reader.end;
}

void
launch_release(struct launch *launch)
{
	free(launch->argv);
	free(launch->envp);
	(void)munmap(launch->map, launch->map_size);
	launch->argv = NULL;
	launch->envp = NULL;
	launch->map = NULL;
}
