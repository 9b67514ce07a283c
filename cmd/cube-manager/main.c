/* cube-manager - accepts tasks, keeps them durably, and decides where each runs.
 *
 * The entry point: options into settings, mistakes into one line and exit 2. All else is
 * core/shell/manager.c.
 */
#include "common/clean.h"
#include "common/options.h"
#include "common/plugin_help.h"
#include "cube-manager/options.h"
#include "shell/daemon.h"
#include "shell/manager.h"

#include <malloc.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define EXIT_FAILED 1
#define EXIT_USAGE  2

#define KEEP_MAX_MS (UINT64_C(10) * 366 * 24 * 3600 * 1000)

/* Memory of many small threads: two arenas are plenty, and freed memory goes back. */
static void
tune_memory(void)
{
	(void)mallopt(M_ARENA_MAX, 2);
	(void)mallopt(M_TRIM_THRESHOLD, 256 << 10);
}

static int
read_settings(const struct cli_values *values, struct manager_settings *out,
	      struct cube_error *err)
{
	int64_t port = 0;
	int64_t events_max = 0;
	int64_t keep_tasks = 0;
	uint64_t keep_ms = 0;
	uint64_t timeout_ms = 0;
	int failed = cli_number(values, "port", 0, UINT16_MAX, &port, err);

	if (failed == 0)
		failed = cli_number(values, "events-max", 0, UINT32_MAX, &events_max, err);
	if (failed == 0)
		failed = cli_number(values, "keep-tasks", 0, UINT32_MAX, &keep_tasks, err);
	if (failed == 0)
		failed = cli_duration(values, "keep-tasks-for", 0, KEEP_MAX_MS, &keep_ms, err);
	if (failed == 0)
		failed = cli_duration(values, "node-timeout", 3000, 3600000, &timeout_ms, err);
	if (failed != 0)
		return failed;
	out->port = (uint16_t)port;
	out->events_max = (uint32_t)events_max;
	out->keep_tasks = (uint32_t)keep_tasks;
	/* Of a part of a second, all of it. */
	out->keep_tasks_s = (uint32_t)((keep_ms + 999) / 1000);
	out->node_timeout_ms = (uint32_t)timeout_ms;
	out->scheduler = cli_text(values, "scheduler");
	out->scheduler_options =
		cli_list(values, "scheduler-opt", &out->scheduler_option_count);
	out->store = cli_text(values, "store");
	out->store_options = cli_list(values, "store-opt", &out->store_option_count);
	out->plugin_dir = cli_text(values, "plugin-dir");
	out->data_dir = cli_text(values, "data-dir");
	out->host = cli_text(values, "host");
	out->workers = cli_text(values, "workers");
	return 0;
}

/* A host other than loopback is open to everyone who reaches it: said at every start. */
static void
warn_if_open(struct log *log, const char *host)
{
	if (strncmp(host, "127.", 4) != 0 && strcmp(host, "localhost") != 0)
		log_event(
			log, LOG_LEVEL_WARNING, "listening.openly", "host", host, "message",
			"anyone who reaches this port can run programs on every worker: there "
			"is no TLS and no authentication yet; keep it behind a firewall or a "
			"VPN",
			NULL);
}

static int
serve(const struct cli_values *values, struct cube_error *err)
{
	struct manager_settings settings = {0};
	enum log_level level = LOG_LEVEL_INFO;
	struct log *log;
	int failed = read_settings(values, &settings, err);

	if (failed == 0 && log_level_parse(cli_text(values, "log-level"), &level) != 0)
		failed = cube_fail(err, CUBE_ERR_INVALID, 0,
				   "--log-level %s: must be error, warning, info or debug",
				   cli_text(values, "log-level"));
	if (failed != 0)
		return failed;
	log = log_new(STDERR_FILENO, level);
	if (log == NULL)
		return cube_fail(err, CUBE_ERR_NO_MEMORY, 0, "out of memory");
	warn_if_open(log, settings.host);
	failed = manager_run(&settings, log, err);
	log_free(log);
	return failed;
}

int
main(int argc, char **argv)
{
	struct cli_values *values = NULL;
	struct cube_error err = {0};
	int failed = cli_parse(&manager_program, argc, argv, &values, &err);

	if (failed == 0 && cli_flag(values, "help")) {
		cli_help(&manager_program, stdout);
		plugin_help(cli_text(values, "scheduler"), CUBE_PLUGIN_SCHEDULER, "--scheduler",
			    cli_text(values, "plugin-dir"), stdout);
		plugin_help(cli_text(values, "store"), CUBE_PLUGIN_STORE, "--store",
			    cli_text(values, "plugin-dir"), stdout);
	} else if (failed == 0 && cli_flag(values, "version")) {
		cli_version("cube-manager", stdout);
	} else if (failed == 0) {
		tune_memory();
		daemon_block_signals();
		daemon_raise_files();
		failed = serve(values, &err);
	}
	cli_values_free(values);
	if (failed == 0)
		return 0;
	complain("cube-manager", "%s", err.message);
	return failed == CUBE_ERR_INVALID ? EXIT_USAGE : EXIT_FAILED;
}
