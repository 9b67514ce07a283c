/* cube/submission.c - see the header. */
#include "submission.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/json.h"
#include "common/units.h"
#include "ports.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TASKS_MAX 10000

static int
no_memory(struct cube_error *err)
{
	return cube_fail(err, CUBE_ERR_NO_MEMORY, ENOMEM, "out of memory");
}

void
submission_release(struct submission *submission)
{
	buf_release(&submission->body);
	free(submission->ids);
	free(submission->given);
	memset(submission, 0, sizeof(*submission));
}

static void
new_id(char out[ID_SIZE])
{
	uint8_t bytes[16];

	clock_random(bytes, sizeof(bytes));
	id_from_random(bytes, out);
}

/* The front of a TaskEvent, up to its Task. */
static void
event_begin(struct json_writer *writer)
{
	char id[ID_SIZE];
	char time[TIMESTAMP_SIZE];

	new_id(id);
	timestamp_format(clock_now().wall_ms, time);
	json_begin_object(writer);
	json_put_text(writer, "ID", id);
	json_put_int(writer, "State", 2);
	json_put_text(writer, "Timestamp", time);
	json_key(writer, "Task");
}

static int
room_for(struct submission *out, size_t count, struct cube_error *err)
{
	memset(out, 0, sizeof(*out));
	buf_init(&out->body, SUBMISSION_LIMIT_BYTES);
	out->ids = calloc(count + 1, sizeof(out->ids[0]));
	out->given = calloc(count + 1, sizeof(out->given[0]));
	return out->ids == NULL || out->given == NULL ? no_memory(err) : 0;
}

/* ---- from options -------------------------------------------------------------------- */

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
		char key[256];
		const char *equals = strchr(labels[i], '=');

		if (equals == NULL || equals == labels[i] ||
		    (size_t)(equals - labels[i]) >= sizeof(key))
			return cube_fail(err, CUBE_ERR_INVALID, 0,
					 "--label wants KEY=VALUE, not '%.100s'", labels[i]);
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
	if (count == 0)
		return 0;
	json_key(writer, "PortBindings");
	json_begin_object(writer);
	for (size_t i = 0; i < count; i++) {
		char container[16];
		char host[8];
		int rc = port_parse(ports[i], container, host, err);

		if (rc < 0)
			return rc;
		json_put_text(writer, container, host);
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
			return no_memory(err);
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
	int rc = cli_number(values, "priority", 0, 100, &number, err);

	if (rc == 0 && number >= 0)
		json_put_int(writer, "Priority", number);
	number = -1;
	if (rc == 0)
		rc = cli_number(values, "stop-timeout", 0, 3600, &number, err);
	if (rc == 0 && number >= 0)
		json_put_int(writer, "StopTimeout", number);
	return rc;
}

static int
put_task(struct json_writer *writer, const struct cli_values *values, const char *id,
	 struct cube_error *err)
{
	static const struct {
		const char *option, *key;
	} texts[] = {{"name", "Name"},
		     {"restart", "RestartPolicy"},
		     {"health", "HealthCheck"},
		     {"job", "Job"}};
	size_t count;
	const char *const *operands = cli_operands(values, &count);
	const char *const *list;
	int rc;

	json_begin_object(writer);
	json_put_text(writer, "ID", id);
	json_put_text(writer, "Image", operands[0]);
	put_list(writer, "Cmd", operands + 1);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		if (cli_text(values, texts[i].option) != NULL)
			json_put_text(writer, texts[i].key, cli_text(values, texts[i].option));
	}
	list = cli_list(values, "entrypoint", &count);
	put_list(writer, "Entrypoint", list);
	rc = put_amounts(writer, values, err);
	if (rc == 0)
		rc = put_numbers(writer, values, err);
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
	struct json_writer *writer;
	int rc = room_for(out, 1, err);

	if (rc < 0)
		return rc;
	writer = json_writer_new(&out->body, false);
	if (writer == NULL)
		return no_memory(err);
	new_id(out->ids[0]);
	out->count = 1;
	event_begin(writer);
	rc = put_task(writer, values, out->ids[0], err);
	json_end_object(writer);
	json_writer_free(writer);
	return rc == 0 && out->body.failed ? no_memory(err) : rc;
}

/* ---- from a file --------------------------------------------------------------------- */

static int
read_file(const char *path, struct buf *out, struct cube_error *err)
{
	FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
	char block[16384];
	size_t n;
	int rc = 0;

	if (file == NULL)
		return cube_fail(err, CUBE_ERR_INVALID, errno, "-f %.150s: %s", path,
				 strerror(errno));
	while ((n = fread(block, 1, sizeof(block), file)) > 0)
		buf_append(out, block, n);
	if (ferror(file))
		rc = cube_fail(err, CUBE_ERR_INVALID, errno, "-f %.150s: %s", path,
			       strerror(errno));
	else if (out->failed)
		rc = cube_fail(err, CUBE_ERR_INVALID, 0, "-f %.150s is larger than %u MiB",
			       path, SUBMISSION_LIMIT_BYTES >> 20);
	if (file != stdin)
		(void)fclose(file);
	return rc;
}

/* The Task with the id that it will have. */
static void
write_task(struct json_writer *writer, const struct json_value *task, const char *id)
{
	json_begin_object(writer);
	json_put_text(writer, "ID", id);
	for (const struct json_value *at = task->as.first; at != NULL; at = at->next) {
		if (strcmp(at->key, "ID") == 0)
			continue;
		json_key(writer, at->key);
		json_value_write(writer, at);
	}
	json_end_object(writer);
}

/* One element of the file: a TaskEvent, or a bare Task. */
static int
write_element(struct json_writer *writer, const struct json_doc *doc,
	      const struct json_value *value, bool fresh, struct submission *out,
	      struct cube_error *err)
{
	const struct json_value *task = json_get(value, "Task");
	char *id = out->ids[out->count];
	const char *given = NULL;

	if (value->type != JSON_OBJECT)
		return json_fail(doc, value, err, "must be a TaskEvent or a Task object");
	if (task == NULL)
		task = value;
	if (task->type != JSON_OBJECT)
		return json_fail(doc, task, err, "must be a Task object");
	if (json_read_text(doc, json_get(task, "ID"), &given, err) < 0)
		return CUBE_ERR_INVALID;
	if (given != NULL && !id_is_nil(given) && id_parse(given, id) < 0)
		return json_fail(doc, json_get(task, "ID"), err, "'%.64s' is not a uuid",
				 given);
	out->given[out->count] = !fresh && !id_is_nil(id);
	if (!out->given[out->count])
		new_id(id);
	out->count++;
	if (task == value) {
		event_begin(writer);
		write_task(writer, task, id);
		json_end_object(writer);
		return 0;
	}
	json_begin_object(writer);
	for (const struct json_value *at = value->as.first; at != NULL; at = at->next) {
		json_key(writer, at->key);
		if (at == task)
			write_task(writer, task, id);
		else
			json_value_write(writer, at);
	}
	json_end_object(writer);
	return 0;
}

static int
write_all(struct json_writer *writer, const struct json_doc *doc, bool fresh,
	  struct submission *out, struct cube_error *err)
{
	const struct json_value *root = doc->root;
	int rc = 0;

	if (root->type != JSON_ARRAY)
		return write_element(writer, doc, root, fresh, out, err);
	if (root->count == 0)
		return cube_fail(err, CUBE_ERR_INVALID, 0,
				 "the array is empty: there is nothing to run");
	json_begin_array(writer);
	for (const struct json_value *at = root->as.first; rc == 0 && at != NULL; at = at->next)
		rc = write_element(writer, doc, at, fresh, out, err);
	json_end_array(writer);
	return rc;
}

int
submission_from_file(const char *path, bool fresh, struct submission *out,
		     struct cube_error *err)
{
	cleanup_buf struct buf text = BUF_INIT(SUBMISSION_LIMIT_BYTES);
	cleanup_json struct json_doc doc = {0};
	struct json_writer *writer;
	size_t count;
	int rc;

	memset(out, 0, sizeof(*out));
	rc = read_file(path, &text, err);
	if (rc < 0)
		return rc;
	rc = json_parse(buf_text(&text), text.size, &doc, err);
	if (rc < 0)
		return error_wrap(err, "-f %.100s", path);
	count = doc.root->type == JSON_ARRAY ? doc.root->count : 1;
	if (count > TASKS_MAX)
		return cube_fail(err, CUBE_ERR_INVALID, 0,
				 "-f %.100s holds %zu tasks; at most %d go at once", path,
				 count, TASKS_MAX);
	rc = room_for(out, count, err);
	if (rc < 0)
		return rc;
	writer = json_writer_new(&out->body, false);
	if (writer == NULL)
		return no_memory(err);
	rc = write_all(writer, &doc, fresh, out, err);
	json_writer_free(writer);
	if (rc < 0)
		return error_wrap(err, "-f %.100s", path);
	return out->body.failed
		       ? cube_fail(err, CUBE_ERR_INVALID, 0, "-f %.100s is larger than %u MiB",
				   path, SUBMISSION_LIMIT_BYTES >> 20)
		       : 0;
}
