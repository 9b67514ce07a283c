/* worker/journal.c - what the worker remembers over its own end, as records of its store.
 *
 *     meta/format          "1"
 *     meta/instance        this worker's uuid
 *     meta/cluster         the first cluster whose orders it took
 *     meta/desired         "GENERATION-SEQUENCE" of the newest orders it took
 *     meta/echo            the newest stamp of ours that a manager gave back (disconnect.c)
 *     attempt/TASK/%08x    a Task, and beside its members "Phase": "ordered", "running" or
 *                          "ended"; "Acked": bool; "Origin": "ordered" or "local";
 *                          "Doomed": true if the worker stops it by itself
 *
 * The handle is the Task's ContainerID. meta/batch is the loop's. Pure; writes join the
 * batch of the step, loading makes the table that the brain starts from.
 */
#include "worker/brain.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FORMAT         1
#define KEY_SIZE       64
#define RECORD_MAX     ((size_t)4 * 1024 * 1024)
#define ATTEMPT_PREFIX "attempt/"

static const char *const phase_names[] = {"ordered", "running", "ended"};
static const char *const origin_names[] = {"ordered", "local"};

static void
attempt_key(const struct attempt *attempt, char key[KEY_SIZE])
{
	(void)snprintf(key, KEY_SIZE, ATTEMPT_PREFIX "%s/%08" PRIx32, attempt->task->id,
		       attempt->status.attempt);
}

void
worker_journal_put(struct worker *worker, struct attempt *attempt)
{
	struct task task = {.spec = attempt->spec, .status = attempt->status};
	cleanup_buf struct buf out = BUF_INIT(RECORD_MAX);
	struct json_writer *writer = json_writer_new(&out, false);
	char key[KEY_SIZE];
	char *value;
	size_t size;

	if (writer == NULL) {
		worker->failed = true;
		return;
	}
	json_begin_object(writer);
	task_encode_members(writer, &task);
	json_put_text(writer, "Phase", phase_names[attempt->phase]);
	json_put_bool(writer, "Acked", attempt->acked);
	json_put_text(writer, "Origin", origin_names[attempt->origin]);
	if (attempt->doomed)
		json_put_bool(writer, "Doomed", true);
	json_end_object(writer);
	json_writer_free(writer);
	value = buf_take(&out, &size);
	attempt_key(attempt, key);
	if (value == NULL || step_write(worker->step, key, value, size) != 0)
		worker->failed = true;
}

void
worker_journal_delete(struct worker *worker, const struct attempt *attempt)
{
	char key[KEY_SIZE];

	if (attempt->origin == ORIGIN_STRAY)
		return;
	attempt_key(attempt, key);
	if (step_write(worker->step, key, NULL, 0) != 0)
		worker->failed = true;
}

void
worker_journal_meta(struct worker *worker, const char *key, const char *value)
{
	char *copy = strdup(value);

	if (copy == NULL || step_write(worker->step, key, copy, strlen(value)) != 0)
		worker->failed = true;
}

void
worker_journal_desired(struct worker *worker)
{
	char text[REVISION_SIZE];

	(void)snprintf(text, sizeof(text), "%" PRIu64 "-%" PRIu64, worker->desired.epoch,
		       worker->desired.sequence);
	worker_journal_meta(worker, "meta/desired", text);
}

/* ---- loading ---- */

static int
damaged(struct cube_error *err, const char *key, const char *what)
{
	return cube_fail(
		err, CUBE_ERR_INTERNAL, 0,
		"the journal's record %s is damaged (%s): restore the data directory, or "
		"start this worker on an empty one",
		key, what);
}

static int
load_id(const char *key, const char *text, char out[ID_SIZE], struct cube_error *err)
{
	if (id_parse(text, out) != 0)
		return damaged(err, key, "not a uuid");
	return 0;
}

/* Decimal digits up to the end character; NULL: there are none, or too many. */
static const char *
read_number(const char *text, char end, uint64_t *out)
{
	uint64_t value = 0;
	const char *at = text;

	for (; *at >= '0' && *at <= '9'; at++) {
		uint64_t digit = (uint64_t)(*at - '0');

		if (value > (UINT64_MAX - digit) / 10)
			return NULL;
		value = value * 10 + digit;
	}
	if (at == text || *at != end)
		return NULL;
	*out = value;
	return at;
}

static int
load_meta(struct worker *worker, const char *key, const char *text, struct cube_error *err)
{
	uint64_t number;

	if (strcmp(key, "meta/format") == 0) {
		if (read_number(text, '\0', &number) == NULL)
			return damaged(err, key, "not a number");
		if (number > FORMAT)
			return cube_fail(
				err, CUBE_ERR_INVALID, 0,
				"the journal has format %" PRIu64
				", this program knows %d: start a newer cube-worker, or "
				"this one on an empty data directory",
				number, FORMAT);
		worker->format_known = true;
		return 0;
	}
	if (strcmp(key, "meta/instance") == 0)
		return load_id(key, text, worker->info.instance, err);
	if (strcmp(key, "meta/cluster") == 0)
		return load_id(key, text, worker->info.cluster, err);
	if (strcmp(key, "meta/echo") == 0 && read_number(text, '\0', &worker->echo) == NULL)
		return damaged(err, key, "not a number");
	if (strcmp(key, "meta/desired") == 0) {
		struct revision desired;
		const char *rest = read_number(text, '-', &desired.epoch);

		if (rest == NULL || read_number(rest + 1, '\0', &desired.sequence) == NULL)
			return damaged(err, key, "not GENERATION-SEQUENCE");
		worker->desired = desired;
		worker->desired_durable = desired;
	}
	return 0; /* the loop's, or of a later version */
}

static int
find_name(const char *const *names, size_t count, const char *name)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (strcmp(names[i], name) == 0)
			return (int)i;
	return -1;
}

/* Eight lower-case hex digits; 0: they are not. */
static uint32_t
read_hex(const char *text)
{
	static const char digits[] = "0123456789abcdef";
	uint32_t value = 0;
	size_t i;

	for (i = 0; i < 8; i++) {
		const char *digit = text[i] != '\0' ? strchr(digits, text[i]) : NULL;

		if (digit == NULL)
			return 0;
		value = value * 16 + (uint32_t)(digit - digits);
	}
	return text[8] == '\0' ? value : 0;
}

/* "attempt/ID/0000001f" */
static int
parse_key(const char *key, char id[ID_SIZE], uint32_t *number)
{
	const char *text = key + strlen(ATTEMPT_PREFIX);
	char name[ID_SIZE];

	if (strnlen(text, ID_SIZE) != ID_SIZE || text[ID_SIZE - 1] != '/')
		return -1;
	memcpy(name, text, ID_SIZE - 1);
	name[ID_SIZE - 1] = '\0';
	*number = read_hex(text + ID_SIZE);
	return *number != 0 ? id_parse(name, id) : -1;
}

/* Phase and state have to agree, or a later transition would be a false one. */
static bool
agrees(const struct attempt *attempt)
{
	enum task_state state = attempt->status.state;
	bool ended = state == TASK_COMPLETED || state == TASK_FAILED;

	if (attempt->phase == PHASE_ENDED)
		return ended;
	if (attempt->phase == PHASE_RUNNING && attempt->status.container_id[0] == '\0')
		return false;
	return state == TASK_SCHEDULED ||
	       (state == TASK_RUNNING && attempt->phase == PHASE_RUNNING);
}

static int
read_attempt(const struct json_doc *doc, struct attempt *attempt, struct cube_error *err)
{
	struct task_status status;
	const char *phase = "";
	const char *origin = "";
	uint32_t number = attempt->status.attempt;
	int index;
	int rc;

	rc = json_read_text(doc, json_get(doc->root, "Phase"), &phase, err);
	if (rc == 0)
		rc = json_read_text(doc, json_get(doc->root, "Origin"), &origin, err);
	if (rc == 0)
		rc = json_read_bool(doc, json_get(doc->root, "Acked"), &attempt->acked, err);
	if (rc == 0)
		rc = json_read_bool(doc, json_get(doc->root, "Doomed"), &attempt->doomed, err);
	if (rc != 0)
		return rc;
	index = find_name(phase_names, 3, phase);
	if (index < 0)
		return json_fail(doc, doc->root, err, "Phase \"%s\" is unknown", phase);
	attempt->phase = (enum attempt_phase)index;
	index = find_name(origin_names, 2, origin);
	if (index < 0)
		return json_fail(doc, doc->root, err, "Origin \"%s\" is unknown", origin);
	attempt->origin = (enum attempt_origin)index;
	memset(&status, 0, sizeof(status));
	rc = task_status_decode(doc, doc->root, &status, err);
	if (rc != 0)
		return rc;
	task_status_release(&attempt->status);
	attempt->status = status;
	attempt->status.attempt = number;
	if (!agrees(attempt))
		return json_fail(doc, doc->root, err,
				 "Phase %s and State %s do not go together", phase,
				 task_state_name(status.state));
	return 0;
}

static int
no_memory(struct cube_error *err)
{
	return cube_fail(err, CUBE_ERR_NO_MEMORY, 0, "out of memory");
}

/* Into the table. What is loaded is durable: it has a saved copy from the start. */
static int
insert_attempt(struct worker *worker, const struct json_doc *doc, struct task_spec *spec,
	       uint32_t number, struct cube_error *err)
{
	struct worker_task *task = worker_task_have(worker, spec->id);
	struct attempt *attempt;
	int rc;

	if (task == NULL)
		return no_memory(err);
	attempt = worker_attempt_new(worker, task, number, spec, ORIGIN_ORDERED);
	if (attempt == NULL)
		return no_memory(err);
	rc = read_attempt(doc, attempt, err);
	if (rc != 0)
		return rc;
	attempt->saved = calloc(1, sizeof(*attempt->saved));
	if (attempt->saved == NULL)
		return no_memory(err);
	task_status_copy(attempt->saved, &attempt->status);
	attempt->changed = ++worker->report_sequence;
	return 0;
}

static int
load_attempt(struct worker *worker, const char *key, const char *text, size_t size,
	     struct cube_error *err)
{
	cleanup_json struct json_doc doc = {0};
	struct task_spec *spec = NULL;
	char id[ID_SIZE];
	uint32_t number;
	int rc;

	if (parse_key(key, id, &number) != 0)
		return damaged(err, key, "its key is not attempt/UUID/NUMBER");
	rc = json_parse(text, size, &doc, err);
	if (rc == 0)
		rc = task_spec_decode(&doc, doc.root, CODEC_LENIENT, id, &spec, err);
	if (rc == 0 && strcmp(spec->id, id) != 0)
		rc = cube_fail(err, CUBE_ERR_INVALID, 0, "it is of task %s", spec->id);
	if (rc == 0)
		rc = insert_attempt(worker, &doc, spec, number, err);
	task_spec_put(spec);
	if (rc == CUBE_ERR_INVALID) {
		char what[sizeof(err->message)];

		(void)snprintf(what, sizeof(what), "%.120s", err->message);
		return damaged(err, key, what);
	}
	return rc;
}

int
worker_load(struct worker *worker, const struct cube_record *record, struct cube_error *err)
{
	char *text;
	int rc = 0;

	/* Taking a manager's store for our journal would end in two that write one. */
	if (strncmp(record->key, "task/", 5) == 0 || strncmp(record->key, "node/", 5) == 0 ||
	    strcmp(record->key, "meta/generation") == 0)
		return cube_fail(
			err, CUBE_ERR_INVALID, 0,
			"this store is a cube-manager's (it has %s): give the worker one "
			"of its own",
			record->key);
	if (strncmp(record->key, "meta/", 5) != 0 &&
	    strncmp(record->key, ATTEMPT_PREFIX, strlen(ATTEMPT_PREFIX)) != 0)
		return 0; /* of a later version */
	text = malloc(record->value_size + 1);
	if (text == NULL)
		return no_memory(err);
	if (record->value_size > 0)
		memcpy(text, record->value, record->value_size);
	text[record->value_size] = '\0';
	if (record->key[0] == 'm')
		rc = load_meta(worker, record->key, text, err);
	else
		rc = load_attempt(worker, record->key, text, record->value_size, err);
	free(text);
	return rc;
}
