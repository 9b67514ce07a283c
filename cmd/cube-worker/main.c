/* cube-worker - runs the tasks of one machine through a container runtime.
 *
 * The entry point: options into settings, mistakes into one line and exit 2. All else is
 * core/shell/worker.c.
 */
#include "base/clock.h"
#include "common/options.h"
#include "common/plugin_help.h"
#include "common/units.h"
#include "cube-worker/options.h"
#include "model/node.h"
#include "shell/daemon.h"
#include "shell/worker.h"

#include <malloc.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define EXIT_FAILED 1
#define EXIT_USAGE  2

/* Memory of many small threads: two arenas are plenty, and freed memory goes back. */
static void
tune_memory(void)
{
	(void)mallopt(M_ARENA_MAX, 2);
	(void)mallopt(M_TRIM_THRESHOLD, 256 << 10);
}

static int
read_capacity(const struct cli_values *values, struct worker_settings *out,
	      struct cube_error *err)
{
	const char *cpus = cli_text(values, "cpus");
	const char *memory = cli_text(values, "memory");
	const char *disk = cli_text(values, "disk");
	int rc = 0;

	if (cpus != NULL)
		rc = units_mcpu("--cpus", cpus, &out->mcpu, err);
	if (rc == 0 && memory != NULL)
		rc = units_bytes("--memory", memory, &out->memory_bytes, err);
	if (rc == 0 && disk != NULL)
		rc = units_bytes("--disk", disk, &out->disk_bytes, err);
	return rc;
}

/* --manager HOST:PORT or http://HOST:PORT[/], as a URL without the slash at its end. */
static int
read_manager(const char *given, char *url, size_t size, struct cube_error *err)
{
	int n = snprintf(url, size, "%s%s", strstr(given, "://") == NULL ? "http://" : "",
			 given);

	if (n < 0 || (size_t)n >= size)
		return cube_fail(err, CUBE_ERR_INVALID, 0, "--manager: '%.64s...' is too long",
				 given);
	if (strncmp(url, "http://", 7) != 0 || url[7] == '\0')
		return cube_fail(err, CUBE_ERR_INVALID, 0,
				 "--manager wants http://HOST:PORT, not '%s'", given);
	if (url[n - 1] == '/')
		url[n - 1] = '\0';
	return 0;
}

static int
read_settings(const struct cli_values *values, struct worker_settings *out, char *name,
	      size_t name_size, char *url, size_t url_size, struct cube_error *err)
{
	const char *manager = cli_text(values, "manager");
	int64_t port = 0;
	int64_t keep = 0;
	int rc = cli_number(values, "port", 1, UINT16_MAX, &port, err);

	if (rc == 0)
		rc = cli_number(values, "keep-ended", 0, 100000, &keep, err);
	if (rc == 0 && manager != NULL && manager[0] != '\0') {
		rc = read_manager(manager, url, url_size, err);
		out->manager = url;
	}
	if (rc == 0)
		rc = read_capacity(values, out, err);
	if (rc < 0)
		return rc;
	out->name = cli_text(values, "name");
	if (out->name == NULL) {
		if (gethostname(name, name_size) != 0)
			return cube_fail(err, CUBE_ERR_INVALID, 0,
					 "this machine has no name: give --name");
		name[name_size - 1] = '\0';
		out->name = name;
	}
	out->port = (uint16_t)port;
	out->keep_ended = (uint32_t)keep;
	out->host = cli_text(values, "host");
	out->advertise = cli_text(values, "advertise");
	out->runtime = cli_text(values, "runtime");
	out->runtime_options = cli_list(values, "runtime-opt", &out->runtime_option_count);
	out->store = cli_text(values, "store");
	out->store_options = cli_list(values, "store-opt", &out->store_option_count);
	out->plugin_dir = cli_text(values, "plugin-dir");
	out->data_dir = cli_text(values, "data-dir");
	out->labels = cli_text(values, "labels");
	return 0;
}

/* A host other than loopback is open to everyone who reaches it: said at every start. */
static void
warn_if_open(struct log *log, const char *host)
{
	if (strncmp(host, "127.", 4) != 0 && strcmp(host, "localhost") != 0)
		log_event(
			log, LOG_LEVEL_WARNING, "listening.openly", "host", host, "message",
			"anyone who reaches this port can run programs on this machine: there "
			"is "
			"no TLS and no authentication yet; keep it behind a firewall or a VPN",
			NULL);
}

static int
serve(const struct cli_values *values, struct cube_error *err)
{
	struct worker_settings settings = {0};
	char name[NAME_SIZE];
	char url[NODE_API_SIZE];
	enum log_level level = LOG_LEVEL_INFO;
	struct log *log;
	int rc = read_settings(values, &settings, name, sizeof(name), url, sizeof(url), err);

	if (rc == 0 && log_level_parse(cli_text(values, "log-level"), &level) < 0)
		rc = cube_fail(err, CUBE_ERR_INVALID, 0,
			       "--log-level wants error, warning, info or debug, not '%s'",
			       cli_text(values, "log-level"));
	if (rc < 0)
		return rc;
	log = log_new(STDERR_FILENO, level);
	if (log == NULL)
		return cube_fail(err, CUBE_ERR_NO_MEMORY, 0, "out of memory");
	warn_if_open(log, settings.host);
	rc = worker_run(&settings, log, err);
	log_free(log);
	return rc;
}

int
main(int argc, char **argv)
{
	struct cli_values *values = NULL;
	struct cube_error err = {0};
	int rc = cli_parse(&worker_program, argc, argv, &values, &err);

	if (rc == 0 && cli_flag(values, "help")) {
		cli_help(&worker_program, stdout);
		plugin_help(cli_text(values, "runtime"), CUBE_PLUGIN_RUNTIME, "--runtime",
			    cli_text(values, "plugin-dir"), stdout);
		plugin_help(cli_text(values, "store"), CUBE_PLUGIN_STORE, "--store",
			    cli_text(values, "plugin-dir"), stdout);
	} else if (rc == 0 && cli_flag(values, "version")) {
		cli_version("cube-worker", stdout);
	} else if (rc == 0) {
		tune_memory();
		daemon_block_signals();
		rc = serve(values, &err);
	}
	cli_values_free(values);
	if (rc == 0)
		return 0;
	(void)fprintf(stderr, "cube-worker: %s\n", err.message);
	return rc == CUBE_ERR_INVALID || rc == CUBE_ERR_NOT_FOUND ? EXIT_USAGE : EXIT_FAILED;
}
