/* plugin/load.c - open a plugin's file and refuse what does not fit.
 *
 * What a plugin says of itself is data, so all of it is read and checked before any of its
 * functions is called: the symbol, the ABI, the size, the kind, the texts, the option table,
 * the required functions. Each refusal names the file and says what would be right. The
 * struct handed out is a copy as large as this core knows; what it points at stays in the
 * plugin's memory until plugin_unload. Main thread.
 */
#include "plugin/load.h"

#include "base/cleanup.h"
#include "plugin/find.h"
#include "plugin/outcome.h"
#include "plugin/runtime.h"
#include "plugin/scheduler.h"
#include "plugin/store.h"

#include <assert.h>
#include <dlfcn.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define WORD_MAX_BYTES  32
#define WORD_CHARACTERS "abcdefghijklmnopqrstuvwxyz0123456789-"
#define OPTIONS_MAX     64

/* The part of struct cube_plugin that no ABI ever moves. */
struct plugin_head {
	uint32_t struct_size;
	uint16_t abi_major;
	uint16_t abi_minor;
};

const char *
plugin_kind_name(uint32_t kind)
{
	switch (kind) {
	case CUBE_PLUGIN_SCHEDULER:
		return "scheduler";
	case CUBE_PLUGIN_RUNTIME:
		return "runtime";
	case CUBE_PLUGIN_STORE:
		return "store";
	default:
		return "unknown";
	}
}

/* dlerror's words without the file's name, which our message has already. */
static const char *
dl_reason(const char *path)
{
	const char *reason = dlerror();
	size_t size = strlen(path);

	if (reason == NULL)
		return "no reason given";
	if (strncmp(reason, path, size) == 0 && strncmp(reason + size, ": ", 2) == 0)
		return reason + size + 2;
	return reason;
}

/* Is all of the file there that would be mapped? The dynamic loader believes the headers,
 * and the process would die of the first page behind the end of a file that was cut. */
static bool
is_whole(int fd, const ElfW(Ehdr) * head)
{
	struct stat st;

	if (fstat(fd, &st) != 0 || head->e_phentsize != sizeof(ElfW(Phdr)))
		return false;
	for (size_t i = 0; i < head->e_phnum; i++) {
		off_t at = (off_t)(head->e_phoff + i * sizeof(ElfW(Phdr)));
		ElfW(Phdr) part;

		if (pread(fd, &part, sizeof(part), at) != (ssize_t)sizeof(part) ||
		    part.p_offset > (uint64_t)st.st_size ||
		    part.p_filesz > (uint64_t)st.st_size - part.p_offset)
			return false;
	}
	return true;
}

/* What keeps a file from being handed to the dynamic loader; NULL: nothing. */
static const char *
look_at_file(const char *path)
{
	cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	ElfW(Ehdr) head;

	if (fd < 0 || pread(fd, &head, SELFMAG, 0) != SELFMAG ||
	    memcmp(head.e_ident, ELFMAG, SELFMAG) != 0)
		return "it is no shared library";
	if (pread(fd, &head, sizeof(head), 0) != (ssize_t)sizeof(head))
		return "it is cut short";
	/* Of another class the fields lie elsewhere: dlopen says so itself. */
	if (head.e_ident[EI_CLASS] == ELFCLASS64 && !is_whole(fd, &head))
		return "it is cut short";
	return NULL;
}

static int
open_file(const char *path, void **dl, struct cube_error *err)
{
	const char *wrong;

	if (access(path, R_OK) != 0)
		return cube_fail(err, CUBE_ERR_INVALID, errno, "%s: cannot be read: %s", path,
				 strerror(errno));
	wrong = look_at_file(path);
	if (wrong != NULL)
		return cube_fail(err, CUBE_ERR_INVALID, 0, "%s: not a cube plugin: %s", path,
				 wrong);
	*dl = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (*dl == NULL)
		return cube_fail(err, CUBE_ERR_INVALID, 0, "%s: cannot be loaded: %s", path,
				 dl_reason(path));
	return 0;
}

/* The plugin's symbol, once it is known to be data of at least the head's size. */
static int
find_symbol(const char *path, void *dl, const void **symbol, size_t *size,
	    struct cube_error *err)
{
	const ElfW(Sym) *entry = NULL;
	Dl_info info;
	void *at;

	(void)dlerror();
	at = dlsym(dl, "cube_plugin");
	if (at == NULL)
		return cube_fail(err, CUBE_ERR_INVALID, 0, "%s: not a cube plugin: %s", path,
				 dl_reason(path));
	if (dladdr1(at, &info, (void **)&entry, RTLD_DL_SYMENT) == 0 || entry == NULL)
		return cube_fail(err, CUBE_ERR_INVALID, 0,
				 "%s: not a cube plugin: its symbol cube_plugin is nowhere",
				 path);
	if (ELF64_ST_TYPE(entry->st_info) != STT_OBJECT ||
	    entry->st_size < sizeof(struct plugin_head))
		return cube_fail(err, CUBE_ERR_INVALID, 0,
				 "%s: not a cube plugin: its symbol cube_plugin is no "
				 "struct cube_plugin",
				 path);
	*symbol = at;
	*size = entry->st_size;
	return 0;
}

static int
copy_info(const char *path, const void *symbol, size_t symbol_size, struct cube_plugin *info,
	  struct cube_error *err)
{
	const size_t least = offsetof(struct cube_plugin, ops) + sizeof(info->ops);
	struct plugin_head head;
	char what[160];

	assert(symbol != NULL);
	memcpy(&head, symbol, sizeof(head));
	if (head.abi_major != CUBE_ABI_MAJOR)
		return cube_fail(
			err, CUBE_ERR_INVALID, 0,
			"%s: built for cube's plugin ABI %u, and this is cube " CUBE_VERSION
			" with ABI %d: build it again with the headers "
			"of this cube",
			path, head.abi_major, CUBE_ABI_MAJOR);
	if (head.struct_size > symbol_size)
		return cube_fail(err, CUBE_ERR_INVALID, 0,
				 "%s: its cube_plugin says it is %u bytes long and is %zu: set "
				 "struct_size to its sizeof (CUBE_PLUGIN_HEADER does)",
				 path, head.struct_size, symbol_size);
	(void)snprintf(what, sizeof(what), "%s: its cube_plugin", path);
	return outcome_copy(what, symbol, info, sizeof(*info), least, err);
}

/* 1 to WORD_MAX_BYTES of these characters. */
static bool
is_word(const char *text, const char *characters)
{
	size_t size = strspn(text, characters);

	return size > 0 && size <= WORD_MAX_BYTES && text[size] == '\0';
}

static int
check_options(const char *path, const struct cube_option *table, struct cube_error *err)
{
	for (size_t i = 0; table != NULL && table[i].key != NULL; i++) {
		if (i == OPTIONS_MAX)
			return cube_fail(err, CUBE_ERR_INVALID, 0,
					 "%s: its option table has more than %d entries, or no "
					 "NULL at its end",
					 path, OPTIONS_MAX);
		if (!is_word(table[i].key, WORD_CHARACTERS "_"))
			return cube_fail(err, CUBE_ERR_INVALID, 0,
					 "%s: option %zu has a bad key: [a-z0-9_-], at most %d",
					 path, i, WORD_MAX_BYTES);
		if (table[i].help == NULL)
			return cube_fail(err, CUBE_ERR_INVALID, 0,
					 "%s: option %s has no help text", path, table[i].key);
		for (size_t k = 0; k < i; k++) {
			if (strcmp(table[k].key, table[i].key) == 0)
				return cube_fail(err, CUBE_ERR_INVALID, 0,
						 "%s: declares option %s twice", path,
						 table[i].key);
		}
	}
	return 0;
}

static int
check_kind(const char *path, const struct cube_plugin *info, enum cube_plugin_kind kind,
	   const char *flag, struct cube_error *err)
{
	if (info->kind < CUBE_PLUGIN_SCHEDULER || info->kind > CUBE_PLUGIN_STORE)
		return cube_fail(err, CUBE_ERR_INVALID, 0,
				 "%s: a plugin of kind %u, which cube " CUBE_VERSION
				 " does not know",
				 path, info->kind);
	if (kind != 0 && info->kind != (uint32_t)kind)
		return cube_fail(err, CUBE_ERR_INVALID, 0, "%s is a %s; %s wants a %s", path,
				 plugin_kind_name(info->kind),
				 flag != NULL ? flag : "this place", plugin_kind_name(kind));
	return 0;
}

/* The ops tables differ a kind; each kind's own file knows what is required. */
static int
check_ops(const char *path, const struct cube_plugin *info, struct cube_error *err)
{
	int result = 0;

	/* Any member: a NULL is a NULL in all of them. */
	if (info->ops.scheduler == NULL)
		return cube_fail(err, CUBE_ERR_INVALID, 0, "%s: its cube_plugin has no ops",
				 path);
	if (info->kind == CUBE_PLUGIN_SCHEDULER) {
		struct cube_scheduler_ops ops;

		result = scheduler_ops_read(info->ops.scheduler, &ops, err);
	} else if (info->kind == CUBE_PLUGIN_RUNTIME) {
		struct cube_runtime_ops ops;

		result = runtime_ops_read(info->ops.runtime, &ops, err);
	} else {
		struct cube_store_ops ops;

		result = store_ops_read(info->ops.store, &ops, err);
	}
	return result == 0 ? 0 : error_wrap(err, "%s", path);
}

static int
check_info(const char *path, const struct cube_plugin *info, enum cube_plugin_kind kind,
	   const char *flag, struct cube_error *err)
{
	if (check_kind(path, info, kind, flag, err) != 0)
		return err->code;
	if (info->name == NULL || !is_word(info->name, WORD_CHARACTERS))
		return cube_fail(err, CUBE_ERR_INVALID, 0,
				 "%s: its name is missing or not [a-z0-9-], at most %d", path,
				 WORD_MAX_BYTES);
	if (info->version == NULL || info->summary == NULL)
		return cube_fail(err, CUBE_ERR_INVALID, 0, "%s: it has no %s", path,
				 info->version == NULL ? "version" : "summary");
	if (check_options(path, info->options, err) != 0)
		return err->code;
	return check_ops(path, info, err);
}

int
plugin_load(const char *name, enum cube_plugin_kind kind, const char *flag,
	    const char *plugin_dir, struct plugin **out, struct cube_error *err)
{
	struct plugin *plugin = calloc(1, sizeof(*plugin));
	const void *symbol = NULL;
	size_t size = 0;

	if (plugin == NULL)
		return cube_fail(err, CUBE_ERR_NO_MEMORY, 0, "plugin %s: out of memory", name);
	if (plugin_find(name, kind, flag, plugin_dir, &plugin->path, err) != 0 ||
	    open_file(plugin->path, &plugin->dl, err) != 0 ||
	    find_symbol(plugin->path, plugin->dl, &symbol, &size, err) != 0 ||
	    copy_info(plugin->path, symbol, size, &plugin->info, err) != 0 ||
	    check_info(plugin->path, &plugin->info, kind, flag, err) != 0) {
		plugin_unload(plugin);
		return err->code;
	}
	*out = plugin;
	return 0;
}

void
plugin_unload(struct plugin *plugin)
{
	if (plugin == NULL)
		return;
	if (plugin->dl != NULL)
		(void)dlclose(plugin->dl);
	free(plugin->path);
	free(plugin);
}

void
plugin_describe_options(const struct plugin *plugin, struct buf *out)
{
	const struct cube_option *table = plugin->info.options;
	int width = 0;

	for (size_t i = 0; table != NULL && table[i].key != NULL; i++) {
		const char *value = table[i].default_value;
		size_t size = strlen(table[i].key) + 1 +
			      (value != NULL ? strlen(value) : strlen("VALUE"));

		if (size < 40 && (int)size > width)
			width = (int)size;
	}
	for (size_t i = 0; table != NULL && table[i].key != NULL; i++) {
		const char *value = table[i].default_value;
		int size = (int)strlen(table[i].key) + 1;

		buf_printf(out, "  %s=%-*s  %s%s\n", table[i].key,
			   width > size ? width - size : 0, value != NULL ? value : "VALUE",
			   table[i].help, value != NULL ? "" : " (required)");
	}
}

void
plugin_describe(const struct plugin *plugin, struct buf *out)
{
	const struct cube_plugin *info = &plugin->info;

	buf_printf(out, "name     %s\n", info->name);
	buf_printf(out, "kind     %s\n", plugin_kind_name(info->kind));
	buf_printf(out, "version  %s\n", info->version);
	buf_printf(out, "summary  %s\n", info->summary);
	buf_printf(out, "abi      %u.%u\n", info->abi_major, info->abi_minor);
	buf_printf(out, "file     %s\n", plugin->path);
	if (info->options == NULL || info->options[0].key == NULL) {
		buf_append_text(out, "options  none\n");
		return;
	}
	buf_printf(out, "options  (--%s-opt KEY=VALUE)\n", plugin_kind_name(info->kind));
	plugin_describe_options(plugin, out);
}
