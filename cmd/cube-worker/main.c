/* cube-worker - runs the tasks of one machine through a container runtime.
 *
 * The entry point: options into settings, mistakes into one line and exit 2. All else is
 * core/shell/worker.c.
 */
#include "common/address.h"
#include "common/clean.h"
#include "common/options.h"
#include "common/plugin_help.h"
#include "common/units.h"
#include "cube-worker/options.h"
#include "model/node.h"
#include "shell/daemon.h"
#include "shell/worker.h"

#include <arpa/inet.h>
#include <errno.h>
#include <malloc.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define EXIT_FAILED  1
#define EXIT_USAGE   2
#define MANAGER_PORT 5555
#define KEEP_MAX     100000
#define KEEP_MAX_MS  (UINT32_MAX * UINT64_C(1000))

/* Memory of many small threads: two arenas are plenty, and freed memory goes back. */
static void
tune_memory(void)
{
	(void)mallopt(M_ARENA_MAX, 2);
	(void)mallopt(M_TRIM_THRESHOLD, 256 << 10);
}

/* A capacity. None at all would be taken for one that was not given. */
static int
read_bytes(const char *option, const char *text, int64_t *out, struct cube_error *err)
{
	int rc = units_bytes(option, text, out, err);

	if (rc == 0 && *out == 0)
		rc = cube_fail(err, CUBE_ERR_INVALID, 0,
			       "%s 0 leaves nothing for tasks: without it they have the "
			       "machine's",
			       option);
	return rc;
}

static int
read_capacity(const struct cli_values *values, struct worker_settings *out,
	      struct cube_error *err)
{
	const char *cpus = cli_text(values, "cpus");
	const char *memory = cli_text(values, "memory");
	const char *disk = cli_text(values, "disk");
	const char *reserve = cli_text(values, "reserve-memory");
	const char *reserve_cpus = cli_text(values, "reserve-cpus");
	int rc = 0;

	if (reserve != NULL && memory != NULL)
		return cube_fail(err, CUBE_ERR_INVALID, 0,
				 "give --memory or --reserve-memory, not both: the one is what "
				 "tasks may have, the other what they may not");
	if (reserve_cpus != NULL && cpus != NULL)
		return cube_fail(err, CUBE_ERR_INVALID, 0,
				 "give --cpus or --reserve-cpus, not both: the one is what "
				 "tasks may have, the other what they may not");

	if (cpus != NULL)
		rc = units_mcpu("--cpus", cpus, &out->mcpu, err);
	if (rc == 0 && memory != NULL)
		rc = read_bytes("--memory", memory, &out->memory_bytes, err);
	if (rc == 0 && disk != NULL)
		rc = read_bytes("--disk", disk, &out->disk_bytes, err);
	if (rc == 0 && reserve != NULL)
		rc = units_bytes("--reserve-memory", reserve, &out->reserve_bytes, err);
	out->reserve_given = reserve != NULL;
	if (rc == 0 && reserve_cpus != NULL)
		rc = units_mcpu("--reserve-cpus", reserve_cpus, &out->reserve_mcpu, err);
	return rc;
}

/* Texts of settings that are given nowhere as they are needed. */
struct texts {
	char name[NAME_SIZE];
	char manager[NODE_API_SIZE];
	char advertise[NODE_API_SIZE];
};

/* The addresses of the manager and of this worker as the manager sees it. */
static int
read_addresses(const struct cli_values *values, struct texts *texts,
	       struct worker_settings *out, struct cube_error *err)
{
	const char *manager = cli_text(values, "manager");
	const char *advertise = cli_text(values, "advertise");
	const size_t scheme = strlen("http://");
	int rc = 0;

	out->host = cli_text(values, "host");
	if (manager != NULL && manager[0] != '\0') {
		memcpy(texts->manager, "http://", scheme);
		rc = address_read("--manager", manager, MANAGER_PORT, texts->manager + scheme,
				  sizeof(texts->manager) - scheme, err);
		out->manager = texts->manager;
	}
	if (rc == 0 && advertise != NULL && advertise[0] != '\0') {
		rc = address_read("--advertise", advertise, out->port, texts->advertise,
				  sizeof(texts->advertise) - scheme, err);
		out->advertise = texts->advertise;
	}
	if (rc == 0 && out->manager != NULL && out->advertise == NULL &&
	    strcmp(out->host, "0.0.0.0") == 0)
		rc = cube_fail(err, CUBE_ERR_INVALID, 0,
			       "--host 0.0.0.0 does not tell the manager where this worker is: "
			       "give --advertise HOST:PORT as well");
	return rc;
}

/* Whole seconds; of a part of one, all of it. */
static int
read_seconds(const struct cli_values *values, const char *name, uint32_t *out,
	     struct cube_error *err)
{
	uint64_t ms = 0;
	int rc = cli_duration(values, name, 0, KEEP_MAX_MS, &ms, err);

	if (rc == 0)
		*out = (uint32_t)((ms + 999) / 1000);
	return rc;
}

/* What is kept of what has ended, and for how long. */
static int
read_keeping(const struct cli_values *values, struct worker_settings *out,
	     struct cube_error *err)
{
	int64_t ended = 0;
	int64_t attempts = 0;
	int rc = cli_number(values, "keep-ended", 0, KEEP_MAX, &ended, err);

	if (rc == 0)
		rc = cli_number(values, "keep-attempts", 0, KEEP_MAX, &attempts, err);
	if (rc == 0)
		rc = read_seconds(values, "keep-ended-for", &out->keep_ended_for_s, err);
	if (rc == 0)
		rc = read_seconds(values, "orphan-grace", &out->orphan_grace_s, err);
	out->keep_ended = (uint32_t)ended;
	out->keep_attempts = (uint32_t)attempts;
	return rc;
}

static int
read_settings(const struct cli_values *values, struct texts *texts, struct worker_settings *out,
	      struct cube_error *err)
{
	int64_t port = 0;
	int rc = cli_number(values, "port", 1, UINT16_MAX, &port, err);

	if (rc == 0)
		rc = read_keeping(values, out, err);
	out->port = (uint16_t)port;
	if (rc == 0)
		rc = read_addresses(values, texts, out, err);
	if (rc == 0)
		rc = read_capacity(values, out, err);
	if (rc != 0)
		return rc;
	out->name = cli_text(values, "name");
	if (out->name == NULL) {
		/* One that does not fit is cut or refused, and neither is a name. */
		if (gethostname(texts->name, sizeof(texts->name)) != 0)
			return cube_fail(err, CUBE_ERR_INVALID, errno,
					 "this machine's name cannot be used: give --name");
		texts->name[sizeof(texts->name) - 1] = '\0';
		out->name = texts->name;
	}
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
	static const char message[] =
		"anyone who reaches this port can run programs on this machine: there is no "
		"TLS and no authentication yet; keep it behind a firewall or a VPN";
	struct in_addr address;
	bool loopback = inet_pton(AF_INET, host, &address) == 1
				? (ntohl(address.s_addr) >> 24) == IN_LOOPBACKNET
				: strcmp(host, "localhost") == 0;

	if (!loopback)
		log_event(log, LOG_LEVEL_WARNING, "listening.openly", "host", host, "message",
			  message, NULL);
}

static int
serve(const struct cli_values *values, struct cube_error *err)
{
	struct worker_settings settings = {0};
	struct texts texts;
	enum log_level level = LOG_LEVEL_INFO;
	struct log *log;
	int rc = read_settings(values, &texts, &settings, err);

	if (rc == 0 && log_level_parse(cli_text(values, "log-level"), &level) < 0)
		rc = cube_fail(err, CUBE_ERR_INVALID, 0,
			       "--log-level wants error, warning, info or debug, not '%s'",
			       cli_text(values, "log-level"));
	if (rc != 0)
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
	complain("cube-worker", "%s", err.message);
	return rc == CUBE_ERR_INVALID ? EXIT_USAGE : EXIT_FAILED;
}
