/* settings.c - the options of the process runtime: their table, and how they are read. */
#include "process.h"

#include "base/cleanup.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum option {
	OPTION_DIR,
	OPTION_SUPERVISOR,
	OPTION_LOG_BYTES,
	OPTION_PORTS,
	OPTION_USER,
	OPTION_CGROUP,
	OPTION_CGROUP_MOUNT
};

const struct cube_option settings_options[] = {
	[OPTION_DIR] = {"dir", "",
			"folder for the state, output and working directories of containers "
			"(default /var/lib/cube/process, or cube/process in $XDG_STATE_HOME "
			"when not root)"},
	[OPTION_SUPERVISOR] =
		{"supervisor", "",
		 "the supervisor program (default: process-supervisor beside this "
		 "plugin)"},
	[OPTION_LOG_BYTES] = {"log_bytes", "10485760",
			      "bytes of output kept of a container, twice: a full file is kept "
			      "until the next is full"},
	[OPTION_PORTS] = {"ports", "20000-29999",
			  "host ports for containers that ask for any free one"},
	[OPTION_USER] = {"user", "",
			 "run programs as this user: NAME, UID or UID:GID (default: the "
			 "worker's own)"},
	[OPTION_CGROUP] = {"cgroup", "",
			   "cgroup below which each container gets its own, or none for no "
			   "cgroups and no limits (default /cube)"},
	[OPTION_CGROUP_MOUNT] = {"cgroup_mount", "/sys/fs/cgroup", "where cgroups are mounted"},
	{0},
};

static int
no_memory(struct cube_error *err)
{
	return cube_fail(err, CUBE_ERR_NO_MEMORY, 0, "no memory for the options");
}

static int
read_folder(const char *option, char **out, struct cube_error *err)
{
	const char *state = getenv("XDG_STATE_HOME");
	const char *home = getenv("HOME");
	int length;

	if (option[0] == '/')
		length = asprintf(out, "%s", option);
	else if (option[0] != '\0')
		return cube_fail(err, CUBE_ERR_INVALID, 0,
				 "option dir: \"%s\" is not an absolute path", option);
	else if (geteuid() == 0)
		length = asprintf(out, "/var/lib/cube/process");
	else if (state != NULL && state[0] == '/')
		length = asprintf(out, "%s/cube/process", state);
	else if (home != NULL && home[0] == '/')
		length = asprintf(out, "%s/.local/state/cube/process", home);
	else
		return cube_fail(err, CUBE_ERR_INVALID, 0,
				 "option dir: neither $XDG_STATE_HOME nor $HOME is set; give a "
				 "folder");
	if (length < 0) {
		*out = NULL;
		return no_memory(err);
	}
	return 0;
}

/* The supervisor lies beside the file that this code was loaded from. */
static int
read_supervisor(const char *option, char **out, struct cube_error *err)
{
	cleanup_free char *file = NULL;
	char *slash;
	Dl_info info;

	if (option[0] != '\0') {
		*out = realpath(option, NULL);
		if (*out == NULL)
			return cube_fail(err, CUBE_ERR_INVALID, errno,
					 "option supervisor: \"%s\": %s", option,
					 strerror(errno));
		return 0;
	}
	if (dladdr((const void *)settings_options, &info) == 0 || info.dli_fname == NULL)
		return cube_fail(err, CUBE_ERR_INVALID, 0,
				 "cannot tell which file this plugin is: give the option "
				 "supervisor");
	file = realpath(info.dli_fname, NULL);
	slash = file == NULL ? NULL : strrchr(file, '/');
	if (slash == NULL)
		return cube_fail(err, CUBE_ERR_INVALID, errno, "%s: %s", info.dli_fname,
				 strerror(errno));
	*slash = '\0';
	if (asprintf(out, "%s/process-supervisor", file) < 0) {
		*out = NULL;
		return no_memory(err);
	}
	return 0;
}

static int
read_ports(const char *option, struct settings *out, struct cube_error *err)
{
	char *dash = NULL;
	char *end = NULL;
	unsigned long first;
	unsigned long last = 0;

	errno = 0;
	first = strtoul(option, &dash, 10);
	if (dash != option && *dash == '-')
		last = strtoul(dash + 1, &end, 10);
	if (end == NULL || end == dash + 1 || *end != '\0' || errno != 0 || first == 0 ||
	    first > last || last > UINT16_MAX || option[0] == '-' || dash[1] == '-')
		return cube_fail(err, CUBE_ERR_INVALID, 0,
				 "option ports: \"%s\" is not a range like 20000-29999",
				 option);
	out->port_first = (uint16_t)first;
	out->port_last = (uint16_t)last;
	return 0;
}

static int
read_log_bytes(const char *option, uint64_t *out, struct cube_error *err)
{
	char *end = NULL;
	unsigned long long bytes;

	errno = 0;
	bytes = strtoull(option, &end, 10);
	if (option[0] < '0' || option[0] > '9' || *end != '\0' || errno != 0 ||
	    bytes < LOG_BYTES_MIN || bytes > INT64_MAX)
		return cube_fail(err, CUBE_ERR_INVALID, 0,
				 "option log_bytes: \"%s\" is not a number of at least %d",
				 option, LOG_BYTES_MIN);
	*out = bytes;
	return 0;
}

/* It names a folder and cgroups. */
static int
check_identity(const char *identity, struct cube_error *err)
{
	static const char plain[] = "0123456789abcdefghijklmnopqrstuvwxyz"
				    "ABCDEFGHIJKLMNOPQRSTUVWXYZ_.-";
	size_t length = identity == NULL ? 0 : strspn(identity, plain);

	if (length == 0 || length > 64 || identity[length] != '\0' || identity[0] == '.')
		return cube_fail(err, CUBE_ERR_INVALID, 0,
				 "the worker's identity \"%s\" cannot name a folder",
				 identity == NULL ? "" : identity);
	return 0;
}

int
settings_read(const char *const *options, const char *identity, struct settings *out,
	      struct cube_error *err)
{
	struct settings read = {
		.cgroup = options[OPTION_CGROUP],
		.cgroup_mount = options[OPTION_CGROUP_MOUNT],
		.user = options[OPTION_USER],
	};

	if (check_identity(identity, err) != 0 ||
	    read_folder(options[OPTION_DIR], &read.folder, err) != 0 ||
	    read_supervisor(options[OPTION_SUPERVISOR], &read.supervisor, err) != 0 ||
	    read_ports(options[OPTION_PORTS], &read, err) != 0 ||
	    read_log_bytes(options[OPTION_LOG_BYTES], &read.log_bytes, err) != 0) {
		settings_release(&read);
		return err->code;
	}
	*out = read;
	return 0;
}

void
settings_release(struct settings *settings)
{
	free(settings->folder);
	free(settings->supervisor);
	settings->folder = NULL;
	settings->supervisor = NULL;
}
