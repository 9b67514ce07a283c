/* plugin/find.c - from the name a person gave to the file of a plugin. The folders to look
 * in are gathered first, each once and in order, so that the search and the message that it
 * failed go over the same list. Main thread; owns nothing after it returns. */
#include "plugin/find.h"

#include "base/buf.h"
#include "base/cleanup.h"
#include "plugin/load.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FOLDERS_MAX 32

struct folders {
	char *path[FOLDERS_MAX];
	size_t count;
};

static void
folders_release(struct folders *folders)
{
	for (size_t i = 0; i < folders->count; i++)
		free(folders->path[i]);
}

/* Folders past the maximum are not looked in; nobody has 32. */
static int
folders_add(struct folders *folders, const char *path, size_t size)
{
	char *copy;

	if (size == 0 || folders->count == FOLDERS_MAX)
		return 0;
	copy = strndup(path, size);
	if (copy == NULL)
		return CUBE_ERR_NO_MEMORY;
	for (size_t i = 0; i < folders->count; i++) {
		if (strcmp(folders->path[i], copy) == 0) {
			free(copy);
			return 0;
		}
	}
	folders->path[folders->count++] = copy;
	return 0;
}

static int
folders_add_list(struct folders *folders, const char *list)
{
	while (list != NULL && *list != '\0') {
		const char *end = strchrnul(list, ':');

		if (folders_add(folders, list, (size_t)(end - list)) != 0)
			return CUBE_ERR_NO_MEMORY;
		list = *end == ':' ? end + 1 : end;
	}
	return 0;
}

/* Where this program's bin folder stands, "/x" for /x/bin/cube; false if it is in none. */
static bool
find_home(char path[PATH_MAX])
{
	ssize_t size = readlink("/proc/self/exe", path, PATH_MAX - 1);
	char *slash;

	if (size <= 0)
		return false;
	path[size] = '\0';
	slash = strrchr(path, '/');
	if (slash == NULL)
		return false;
	*slash = '\0';
	slash = strrchr(path, '/');
	if (slash == NULL || strcmp(slash, "/bin") != 0)
		return false;
	*slash = '\0';
	return true;
}

/* HOME/plugins in a build tree, HOME/lib/cube/plugins where `make install` was given another
 * prefix than the build; each only if it is there. */
static int
folders_add_home(struct folders *folders)
{
	static const char *const places[] = {"/plugins", "/lib/cube/plugins"};
	char home[PATH_MAX];

	if (!find_home(home))
		return 0;
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		char path[PATH_MAX + 32];
		struct stat st;
		int size = snprintf(path, sizeof(path), "%s%s", home, places[i]);

		if (size < 0 || (size_t)size >= sizeof(path) || stat(path, &st) != 0 ||
		    !S_ISDIR(st.st_mode))
			continue;
		if (folders_add(folders, path, (size_t)size) != 0)
			return CUBE_ERR_NO_MEMORY;
	}
	return 0;
}

static int
folders_gather(struct folders *folders, const char *plugin_dir)
{
	if (plugin_dir != NULL && folders_add(folders, plugin_dir, strlen(plugin_dir)) != 0)
		return CUBE_ERR_NO_MEMORY;
	if (folders_add_list(folders, getenv("CUBE_PLUGIN_PATH")) != 0)
		return CUBE_ERR_NO_MEMORY;
	if (folders_add_home(folders) != 0)
		return CUBE_ERR_NO_MEMORY;
	return folders_add(folders, CUBE_PLUGIN_DIR, strlen(CUBE_PLUGIN_DIR));
}

/* 1 and *path if DIR/[KIND/]STEM.so is a file, 0 if not, or NO_MEMORY. */
static int
try_file(const char *folder, const char *kind, const char *stem, char **path)
{
	cleanup_free char *made = NULL;
	struct stat st;
	int size;

	if (kind == NULL)
		size = asprintf(&made, "%s/%s.so", folder, stem);
	else
		size = asprintf(&made, "%s/%s/%s.so", folder, kind, stem);
	if (size < 0) {
		made = NULL;
		return CUBE_ERR_NO_MEMORY;
	}
	if (stat(made, &st) != 0 || S_ISDIR(st.st_mode))
		return 0;
	*path = TAKE(made);
	return 1;
}

/* As try_file: first the kind that is wanted in every folder, then the others. */
static int
search(const struct folders *folders, enum cube_plugin_kind kind, const char *stem, char **path)
{
	static const enum cube_plugin_kind kinds[] = {CUBE_PLUGIN_SCHEDULER,
						      CUBE_PLUGIN_RUNTIME, CUBE_PLUGIN_STORE};
	int found = 0;

	for (size_t i = 0; i < folders->count && found == 0; i++) {
		found = try_file(folders->path[i], NULL, stem, path);
		if (found == 0 && kind != 0)
			found = try_file(folders->path[i], plugin_kind_name(kind), stem, path);
	}
	for (size_t i = 0; i < folders->count && found == 0; i++) {
		for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]) && found == 0; k++)
			found = try_file(folders->path[i], plugin_kind_name(kinds[k]), stem,
					 path);
	}
	return found;
}

static int
fail_not_found(const struct folders *folders, enum cube_plugin_kind kind, const char *flag,
	       const char *stem, struct cube_error *err)
{
	cleanup_buf struct buf list =
		BUF_INIT((size_t)256 * 1024); /* the message is cut, not empty */

	for (size_t i = 0; i < folders->count; i++)
		buf_printf(&list, "%s%s", i == 0 ? "" : ", ", folders->path[i]);
	return cube_fail(err, CUBE_ERR_NOT_FOUND, ENOENT,
			 "%s%sno plugin %s.so: looked for it and for %s/%s.so in %s",
			 flag != NULL ? flag : "", flag != NULL ? ": " : "", stem,
			 kind != 0 ? plugin_kind_name(kind) : "KIND", stem, buf_text(&list));
}

static int
find_path(const char *name, const char *flag, char **path, struct cube_error *err)
{
	struct stat st;

	if (stat(name, &st) != 0)
		return cube_fail(err, errno == ENOENT ? CUBE_ERR_NOT_FOUND : CUBE_ERR_INVALID,
				 errno, "%s%splugin %s: %s", flag != NULL ? flag : "",
				 flag != NULL ? ": " : "", name, strerror(errno));
	if (S_ISDIR(st.st_mode))
		return cube_fail(err, CUBE_ERR_INVALID, EISDIR,
				 "%s: not a cube plugin: it is a folder", name);
	*path = strdup(name);
	if (*path == NULL)
		return cube_fail(err, CUBE_ERR_NO_MEMORY, 0, "plugin %s: out of memory", name);
	return 0;
}

static int
find_bare(const char *name, enum cube_plugin_kind kind, const char *flag,
	  const char *plugin_dir, struct folders *folders, char **path, struct cube_error *err)
{
	char stem[NAME_MAX + 1];
	size_t size = strlen(name);
	int found;

	if (size > 3 && strcmp(name + size - 3, ".so") == 0)
		size -= 3;
	if (size == 0 || size > NAME_MAX)
		return cube_fail(err, CUBE_ERR_INVALID, 0, "%s: the plugin's name is %s",
				 flag != NULL ? flag : "plugin",
				 size == 0 ? "empty" : "too long");
	memcpy(stem, name, size);
	stem[size] = '\0';
	if (folders_gather(folders, plugin_dir) != 0)
		return cube_fail(err, CUBE_ERR_NO_MEMORY, 0, "plugin %s: out of memory", name);
	found = search(folders, kind, stem, path);
	if (found < 0)
		return cube_fail(err, CUBE_ERR_NO_MEMORY, 0, "plugin %s: out of memory", name);
	if (found == 0)
		return fail_not_found(folders, kind, flag, stem, err);
	return 0;
}

int
plugin_find(const char *name, enum cube_plugin_kind kind, const char *flag,
	    const char *plugin_dir, char **path, struct cube_error *err)
{
	struct folders folders = {.count = 0};
	int result;

	if (strchr(name, '/') != NULL)
		return find_path(name, flag, path, err);
	result = find_bare(name, kind, flag, plugin_dir, &folders, path, err);
	folders_release(&folders);
	return result;
}
