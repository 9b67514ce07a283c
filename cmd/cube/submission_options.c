/* cube/submission_options.c - a TaskEvent from the options of `cube run`. Main thread. */
#include "submission.h"

#include "base/cleanup.h"
#include "base/json.h"
#include "common/units.h"
#include "ports.h"
#include "submission_event.h"
#include "submission_health.h"
#include "submission_placing.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LABEL_KEY_SIZE 256
#define RESTARTS_MAX   1000000

static void
put_list(struct json_writer *writer, const char *key, const char *const *items)
{
	if (items == NULL || items[0] == NULL)
		return;
	json_key(writer, key);
	json_begin_array(writer);
	for (; *items != NULL; items++)
		json_text(writer, *items);
	json_end_array(writer);
}

/* Do the first size bytes of items[at] stand at the front of an earlier one? */
static bool
is_again(const char *const *items, size_t at, size_t size)
{
	for (size_t i = 0; i < at; i++) {
		if (strncmp(items[i], items[at], size) == 0)
			return true;
	}
	return false;
}

/* KEY=VALUE pairs as an object. */
static int
put_labels(struct json_writer *writer, const char *const *labels, size_t count,
	   struct cube_error *err)
{
	if (count == 0)
		return 0;
	json_key(writer, "Labels");
	json_begin_object(writer);
	for (size_t i = 0; i < count; i++) {
		char key[LABEL_KEY_SIZE];
		const char *equals = strchr(labels[i], '=');

		if (equals == NULL || equals == labels[i] ||
		    (size_t)(equals - labels[i]) >= sizeof(key))
			return cube_fail(err, CUBE_ERR_INVALID, 0,
					 "--label wants KEY=VALUE, not '%.100s'", labels[i]);
		if (is_again(labels, i, (size_t)(equals - labels[i]) + 1))
			return cube_fail(err, CUBE_ERR_INVALID, 0,
					 "--label %.*s is given twice",
					 (int)(equals - labels[i]), labels[i]);
		(void)snprintf(key, sizeof(key), "%.*s", (int)(equals - labels[i]), labels[i]);
		json_put_text(writer, key, equals + 1);
	}
	json_end_object(writer);
	return 0;
}

static int
put_ports(struct json_writer *writer, const char *const *ports, size_t count,
	  struct cube_error *err)
{
	char seen[PORTS_MAX][PORT_CONTAINER_SIZE];
	char host[PORT_HOST_SIZE];

	if (count == 0)
		return 0;
	if (count > PORTS_MAX)
		return cube_fail(err, CUBE_ERR_INVALID, 0,
				 "--publish is given %zu times; a task has at most %d ports",
				 count, PORTS_MAX);
	json_key(writer, "PortBindings");
	json_begin_object(writer);
	for (size_t i = 0; i < count; i++) {
		int rc = port_parse(ports[i], seen[i], host, err);

		if (rc < 0)
			return rc;
		for (size_t k = 0; k < i; k++) {
			if (strcmp(seen[k], seen[i]) == 0)
				return cube_fail(
					err, CUBE_ERR_INVALID, 0,
					"--publish %.40s: port %s is published already",
					ports[i], seen[i]);
		}
		json_put_text(writer, seen[i], host);
	}
	json_end_object(writer);
	return 0;
}

/* NAME=value as it is; NAME alone takes the value from our own environment. */
static int
put_env(struct json_writer *writer, const char *const *env, size_t count,
	struct cube_error *err)
{
	if (count == 0)
		return 0;
	json_key(writer, "Env");
	json_begin_array(writer);
	for (size_t i = 0; i < count; i++) {
		cleanup_free char *pair = NULL;
		const char *value = strchr(env[i], '=') == NULL ? getenv(env[i]) : NULL;

		if (env[i][0] == '=' || env[i][0] == '\0')
			return cube_fail(err, CUBE_ERR_INVALID, 0,
					 "--env wants NAME=VALUE, not '%.100s'", env[i]);
		if (strchr(env[i], '=') != NULL) {
			json_text(writer, env[i]);
			continue;
		}
		if (value == NULL)
			return cube_fail(err, CUBE_ERR_INVALID, 0,
					 "--env %.100s: there is no such variable here; give "
					 "NAME=VALUE",
					 env[i]);
		if (asprintf(&pair, "%s=%s", env[i], value) < 0) {
			pair = NULL;
			return cube_fail(err, CUBE_ERR_NO_MEMORY, 0, "out of memory");
		}
		json_text(writer, pair);
	}
	json_end_array(writer);
	return 0;
}

static int
put_amounts(struct json_writer *writer, const struct cli_values *values, struct cube_error *err)
{
	static const struct {
		const char *option, *flag, *key;
	} sizes[] = {{"memory", "--memory", "Memory"}, {"disk", "--disk", "Disk"}};
	int64_t number = 0;
	int rc = 0;

	if (cli_text(values, "cpus") != NULL) {
		rc = units_mcpu("--cpus", cli_text(values, "cpus"), &number, err);
		if (rc < 0)
			return rc;
		json_put_real(writer, "Cpu", (double)number / 1000);
	}
	for (size_t i = 0; i < 2; i++) {
		const char *text = cli_text(values, sizes[i].option);

		if (text == NULL)
			continue;
		rc = units_bytes(sizes[i].flag, text, &number, err);
		if (rc < 0)
			return rc;
		json_put_int(writer, sizes[i].key, number);
	}
	return 0;
}

static int
put_numbers(struct json_writer *writer, const struct cli_values *values, struct cube_error *err)
{
	int64_t number = -1;
	int rc = cli_number(values, "stop-timeout", 0, 3600, &number, err);

	if (rc == 0 && number >= 0)
		json_put_int(writer, "StopTimeout", number);
	number = -1;
	if (rc == 0)
		rc = cli_number(values, "max-restarts", 1, RESTARTS_MAX, &number, err);
	if (rc == 0 && number >= 0)
		json_put_int(writer, "MaxRestarts", number);
	return rc;
}

static void
put_texts(struct json_writer *writer, const struct cli_values *values)
{
	static const struct {
		const char *option, *key;
	} texts[] = {{"name", "Name"}, {"restart", "RestartPolicy"}, {"job", "Job"}};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		if (cli_text(values, texts[i].option) != NULL)
			json_put_text(writer, texts[i].key, cli_text(values, texts[i].option));
	}
}

static int
put_task(struct json_writer *writer, const struct cli_values *values, const char *id,
	 struct cube_error *err)
{
	size_t count;
	const char *const *operands = cli_operands(values, &count);
	const char *const *list;
	int rc;

	json_begin_object(writer);
	json_put_text(writer, "ID", id);
	json_put_text(writer, "Image", operands[0]);
	put_list(writer, "Cmd", operands + 1);
	put_texts(writer, values);
	put_list(writer, "Entrypoint", cli_list(values, "entrypoint", &count));
	rc = health_put(writer, values, err);
	if (rc == 0)
		rc = put_amounts(writer, values, err);
	if (rc == 0)
		rc = put_numbers(writer, values, err);
	if (rc == 0)
		rc = placing_put(writer, values, err);
	list = cli_list(values, "env", &count);
	if (rc == 0)
		rc = put_env(writer, list, count, err);
	list = cli_list(values, "label", &count);
	if (rc == 0)
		rc = put_labels(writer, list, count, err);
	list = cli_list(values, "publish", &count);
	if (rc == 0)
		rc = put_ports(writer, list, count, err);
	json_end_object(writer);
	return rc;
}

int
submission_from_options(const struct cli_values *values, struct submission *out,
			struct cube_error *err)
{
	const char *dry = cli_text(values, "dry-run");
	struct json_writer *writer;
	int rc = submission_room(out, 1, err);

	if (rc < 0)
		return rc;
	writer = json_writer_new(&out->body, dry != NULL && strcmp(dry, "print") == 0);
	if (writer == NULL)
		return cube_fail(err, CUBE_ERR_NO_MEMORY, 0, "out of memory");
	event_new_id(out->ids[0]);
	out->count = 1;
	event_begin(writer);
	rc = put_task(writer, values, out->ids[0], err);
	json_end_object(writer);
	json_writer_free(writer);
	return rc == 0 && out->body.failed
		       ? cube_fail(err, CUBE_ERR_INVALID, 0, "the task is over %u MiB",
				   SUBMISSION_LIMIT_BYTES >> 20)
		       : rc;
}
