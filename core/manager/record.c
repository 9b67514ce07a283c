/* manager/record.c - encodes and decodes the records of the store.
 *
 * Loading is lenient: keys and members of later versions within one format are passed
 * over. What cannot be understood is damage and is said with the key, because going on
 * without it could run a task twice. Brain's thread.
 */
#include "manager/record.h"

#include "base/hash.h"
#include "manager/brain.h"
#include "manager/done.h"
#include "model/codec_write.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RECORD_MAX     ((size_t)20 * 1024 * 1024) /* over every limit on a request's body */
#define RECORD_KEY_MAX 128
#define FORMAT_NEWEST  1

/* What it has been through, for the restart policy. */
static void
write_past(struct json_writer *writer, const struct entry *entry)
{
	if (entry->avoid != NULL)
		json_put_text(writer, "Avoid", entry->avoid);
	if (entry->failures != 0)
		json_put_uint(writer, "Failures", entry->failures);
	if (entry->clashes != 0)
		json_put_uint(writer, "Clashes", entry->clashes);
	if (entry->held != NULL)
		json_put_bool(writer, "Held", true);
	if (entry->again)
		json_put_bool(writer, "Again", true);
	if (entry->displaced)
		json_put_bool(writer, "Displaced", true);
}

int
task_record_write(struct manager *manager, const struct entry *entry)
{
	struct buf out = BUF_INIT(RECORD_MAX);
	struct json_writer *writer = json_writer_new(&out, false);
	char text[TIMESTAMP_SIZE];
	char key[RECORD_KEY_MAX];
	char *value;
	size_t size;

	if (writer == NULL)
		return CUBE_ERR_NO_MEMORY;
	json_begin_object(writer);
	task_encode_members(writer, &entry->task);
	json_key(writer, "Brain");
	json_begin_object(writer);
	timestamp_format(entry->submitted_ms, text);
	json_put_text(writer, "Submitted", text);
	(void)snprintf(text, sizeof(text), "%016" PRIx64, entry->spec_hash);
	json_put_text(writer, "SpecHash", text);
	write_past(writer, entry);
	if (entry->task.status.final)
		time_write(writer, "Ended", entry->ended_ms);
	json_end_object(writer);
	json_end_object(writer);
	json_writer_free(writer);
	value = buf_take(&out, &size);
	buf_release(&out);
	if (value == NULL)
		return CUBE_ERR_NO_MEMORY;
	(void)snprintf(key, sizeof(key), "task/%s", entry->task.spec->id);
	return step_write(manager->step, key, value, size);
}

/* What an operator wants of it, beside what its worker says. */
static void
wishes_write(struct json_writer *writer, const struct node *node)
{
	char until[TIMESTAMP_SIZE];

	if (node->cordoned)
		json_put_bool(writer, "Cordoned", true);
	if (node->drain_stopped > 0)
		json_put_uint(writer, "DrainStopped", node->drain_stopped);
	if (!node->draining)
		return;
	json_put_bool(writer, "Draining", true);
	json_put_uint(writer, "DrainDeadline", node->drain_deadline_s);
	timestamp_format(node->drain_until_ms, until);
	json_put_text(writer, "DrainUntil", until);
	json_put_text(writer, "DrainTask", node->drain_task);
}

int
task_record_delete(struct manager *manager, const struct entry *entry)
{
	char key[RECORD_KEY_MAX];

	(void)snprintf(key, sizeof(key), "task/%s", entry->task.spec->id);
	return step_write(manager->step, key, NULL, 0);
}

int
sequence_record_write(struct manager *manager, uint64_t next)
{
	char *value = NULL;
	int size = asprintf(&value, "%" PRIu64, next);

	if (size < 0)
		return CUBE_ERR_NO_MEMORY;
	return step_write(manager->step, "meta/sequence", value, (size_t)size);
}

int
node_record_write(struct manager *manager, struct node *node)
{
	struct buf out = BUF_INIT(RECORD_MAX);
	struct json_writer *writer = json_writer_new(&out, false);
	struct node_info info = node->info; /* borrows its texts */
	char key[RECORD_KEY_MAX];
	char *value;
	size_t size;
	uint64_t hash;

	if (writer == NULL)
		return CUBE_ERR_NO_MEMORY;
	info.cluster[0] = '\0'; /* ours, or it would not be here */
	info.runtime_ready = false;
	info.runtime_reason[0] = '\0';
	info.revision = 0;
	info.cpu_busy = NAN;
	info.stats = NULL;
	json_begin_object(writer);
	node_info_encode_members(writer, &info);
	wishes_write(writer, node);
	json_end_object(writer);
	json_writer_free(writer);
	value = buf_take(&out, &size);
	buf_release(&out);
	if (value == NULL)
		return CUBE_ERR_NO_MEMORY;
	hash = hash_bytes(value, size);
	if (node->recorded && node->record_hash == hash) {
		free(value);
		return 0;
	}
	node->recorded = true;
	node->record_hash = hash;
	(void)snprintf(key, sizeof(key), "node/%s", info.name);
	return step_write(manager->step, key, value, size);
}

int
node_record_delete(struct manager *manager, const char *name)
{
	char key[RECORD_KEY_MAX];

	(void)snprintf(key, sizeof(key), "node/%s", name);
	return step_write(manager->step, key, NULL, 0);
}

/* base 10 or 16, the whole text. */
static int
read_number(const char *text, size_t size, int base, uint64_t *out, struct cube_error *err)
{
	char copy[32];
	char *end;

	if (size > 0 && size < sizeof(copy) && text[0] >= '0') {
		memcpy(copy, text, size);
		copy[size] = '\0';
		errno = 0;
		*out = strtoull(copy, &end, base);
		if (errno == 0 && *end == '\0')
			return 0;
	}
	return cube_fail(err, CUBE_ERR_INVALID, 0, "\"%.*s\" is not a number",
			 (int)(size < 40 ? size : 40), text);
}

static int
load_meta(struct manager *manager, const char *name, const struct cube_record *record,
	  struct cube_error *err)
{
	char id[ID_SIZE] = "";
	uint64_t number = 0;

	if (strcmp(name, "format") == 0) {
		if (read_number(record->value, record->value_size, 10, &number, err) != 0)
			return err->code;
		if (number > FORMAT_NEWEST)
			return cube_fail(err, CUBE_ERR_UNSUPPORTED, 0,
					 "the store has format %" PRIu64
					 ", this program knows up to %d: use a newer "
					 "cube-manager, or another store",
					 number, FORMAT_NEWEST);
	} else if (strcmp(name, "generation") == 0) {
		return read_number(record->value, record->value_size, 10, &manager->generation,
				   err);
	} else if (strcmp(name, "sequence") == 0) {
		if (read_number(record->value, record->value_size, 10, &number, err) != 0)
			return err->code;
		if (number > INT64_MAX)
			return cube_fail(err, CUBE_ERR_INVALID, 0, "it is out of range");
		if (number > manager->ledger.next_sequence)
			manager->ledger.next_sequence = number;
	} else if (strcmp(name, "cluster") == 0) {
		if (record->value_size == ID_SIZE - 1)
			memcpy(id, record->value, ID_SIZE - 1);
		if (id_parse(id, manager->cluster) != 0)
			return cube_fail(err, CUBE_ERR_INVALID, 0, "it is not a uuid");
		manager->found_cluster = true;
	}
	return 0;
}

static int
wishes_read(const struct json_doc *doc, struct node *node, struct cube_error *err)
{
	const struct json_value *root = doc->root;
	const char *until = NULL;
	const char *task = NULL;
	int64_t deadline_s = 0;
	int64_t stopped = 0;

	if (json_read_bool(doc, json_get(root, "Cordoned"), &node->cordoned, err) != 0 ||
	    json_read_bool(doc, json_get(root, "Draining"), &node->draining, err) != 0 ||
	    json_read_int(doc, json_get(root, "DrainDeadline"), 0, INT32_MAX, &deadline_s,
			  err) != 0 ||
	    json_read_int(doc, json_get(root, "DrainStopped"), 0, UINT32_MAX, &stopped, err) !=
		    0 ||
	    json_read_text(doc, json_get(root, "DrainUntil"), &until, err) != 0 ||
	    json_read_text(doc, json_get(root, "DrainTask"), &task, err) != 0)
		return err->code;
	if (until != NULL && timestamp_parse(until, &node->drain_until_ms) != 0)
		return json_fail(doc, json_get(root, "DrainUntil"), err, "not a time");
	if (task != NULL && task[0] != '\0' && id_parse(task, node->drain_task) != 0)
		return json_fail(doc, json_get(root, "DrainTask"), err, "not a uuid");
	node->drain_deadline_s = (uint64_t)deadline_s;
	node->drain_stopped = (uint32_t)stopped;
	return 0;
}

static int
load_node(struct manager *manager, const char *name, const struct json_doc *doc,
	  struct cube_error *err)
{
	struct node_info info;
	struct node *node;

	memset(&info, 0, sizeof(info));
	if (node_info_decode(doc, doc->root, CODEC_LENIENT, &info, err) != 0)
		return err->code;
	if (strcmp(info.name, name) != 0) {
		node_info_release(&info);
		return cube_fail(err, CUBE_ERR_INVALID, 0, "it describes another node");
	}
	node = nodes_add(manager, &info);
	if (node == NULL)
		return cube_fail(err, CUBE_ERR_NO_MEMORY, 0, "out of memory");
	return wishes_read(doc, node, err);
}

static int
read_past(const struct json_doc *doc, const struct json_value *brain, struct entry *entry,
	  struct cube_error *err)
{
	const char *name = NULL;
	int64_t failures = 0;
	int64_t clashes = 0;

	if (json_read_text(doc, json_get(brain, "Avoid"), &name, err) != 0 ||
	    json_read_int(doc, json_get(brain, "Failures"), 0, UINT32_MAX, &failures, err) !=
		    0 ||
	    json_read_int(doc, json_get(brain, "Clashes"), 0, UINT32_MAX, &clashes, err) != 0 ||
	    json_read_bool(doc, json_get(brain, "Held"), &entry->keeps, err) != 0 ||
	    json_read_bool(doc, json_get(brain, "Again"), &entry->again, err) != 0 ||
	    json_read_bool(doc, json_get(brain, "Displaced"), &entry->displaced, err) != 0)
		return err->code;
	entry->failures = (uint32_t)failures;
	entry->clashes = (uint32_t)clashes;
	if (name == NULL || *name == '\0')
		return 0;
	entry->avoid = strdup(name);
	return entry->avoid != NULL ? 0
				    : cube_fail(err, CUBE_ERR_NO_MEMORY, 0, "out of memory");
}

static int
read_brain(struct manager *manager, const struct json_doc *doc, struct entry *entry,
	   struct cube_error *err)
{
	const struct json_value *brain = json_get(doc->root, "Brain");
	const char *submitted = NULL;
	const char *ended = NULL;
	const char *hash = NULL;

	entry->spec_hash = entry->task.spec->hash;
	if (json_read_text(doc, json_get(brain, "Submitted"), &submitted, err) != 0 ||
	    json_read_text(doc, json_get(brain, "Ended"), &ended, err) != 0 ||
	    json_read_text(doc, json_get(brain, "SpecHash"), &hash, err) != 0)
		return err->code;
	if (submitted != NULL && timestamp_parse(submitted, &entry->submitted_ms) != 0)
		return json_fail(doc, json_get(brain, "Submitted"), err, "not a time");
	/* Written before that was kept: what is known comes near. */
	entry->ended_ms = entry->task.status.finish_ms;
	if (ended != NULL && timestamp_parse(ended, &entry->ended_ms) != 0)
		return json_fail(doc, json_get(brain, "Ended"), err, "not a time");
	if (ended != NULL)
		trim_saw(manager, entry->ended_ms);
	if (hash != NULL && read_number(hash, strlen(hash), 16, &entry->spec_hash, err) != 0)
		return err->code;
	return read_past(doc, brain, entry, err);
}

static int
load_task(struct manager *manager, const char *id, const struct json_doc *doc,
	  struct cube_error *err)
{
	struct entry *entry;
	char fallback[ID_SIZE];
	int result;

	if (id_parse(id, fallback) != 0)
		return cube_fail(err, CUBE_ERR_INVALID, 0, "its key is not task/UUID");
	entry = calloc(1, sizeof(*entry));
	if (entry == NULL)
		return cube_fail(err, CUBE_ERR_NO_MEMORY, 0, "out of memory");
	if (task_spec_decode(doc, doc->root, CODEC_LENIENT, fallback, &entry->task.spec, err) !=
		    0 ||
	    task_status_decode(doc, doc->root, &entry->task.status, err) != 0 ||
	    read_brain(manager, doc, entry, err) != 0) {
		entry_free(entry);
		return err->code;
	}
	if (strcmp(entry->task.spec->id, id) != 0 || entry->task.status.sequence == 0) {
		entry_free(entry);
		return cube_fail(err, CUBE_ERR_INVALID, 0,
				 "its ID is another, or it has no Sequence");
	}
	/* What is not over is not final, and what is completed is, whatever stands there. */
	if (entry->task.status.state != TASK_FAILED)
		entry->task.status.final = entry->task.status.state == TASK_COMPLETED;
	result = ledger_adopt(manager, entry);
	if (result != 0)
		return cube_fail(err, result, 0, "%s",
				 result == CUBE_ERR_CONFLICT ? "the same task twice"
							     : "out of memory");
	return 0;
}

/* What follows prefix in key; NULL if key begins otherwise. */
static const char *
after(const char *key, const char *prefix)
{
	size_t size = strlen(prefix);

	return strncmp(key, prefix, size) == 0 ? key + size : NULL;
}

static int
load_json(struct manager *manager, const struct cube_record *record, struct cube_error *err)
{
	const char *task = after(record->key, "task/");
	const char *node = after(record->key, "node/");
	const char *done = after(record->key, "done/");
	const char *event = after(record->key, "event/");
	struct json_doc doc;
	uint64_t number = 0;
	int result;

	if (event != NULL && read_number(event, strlen(event), 16, &number, err) != 0)
		return err->code;
	if (json_parse(record->value, record->value_size, &doc, err) != 0)
		return err->code;
	if (task != NULL)
		result = load_task(manager, task, &doc, err);
	else if (node != NULL)
		result = load_node(manager, node, &doc, err);
	else if (done != NULL)
		result = done_load(manager, done, &doc, err);
	else
		result = events_load(manager, number, &doc, err);
	json_release(&doc);
	manager->found_records = true;
	return result;
}

int
record_load(struct manager *manager, const struct cube_record *record, struct cube_error *err)
{
	const char *meta = after(record->key, "meta/");
	int result = 0;

	/* Taking a worker's journal for our store would end in two that write one. */
	if (after(record->key, "attempt/") != NULL || strcmp(record->key, "meta/instance") == 0)
		return cube_fail(err, CUBE_ERR_INVALID, 0,
				 "this store is the journal of a cube-worker (it has %s): give "
				 "the manager one of its own",
				 record->key);
	if (meta != NULL)
		result = load_meta(manager, meta, record, err);
	else if (after(record->key, "task/") != NULL || after(record->key, "node/") != NULL ||
		 after(record->key, "event/") != NULL || after(record->key, "done/") != NULL)
		result = load_json(manager, record, err);
	if (result == 0 || result == CUBE_ERR_NO_MEMORY)
		return result;
	/* A newer format is the operator's mistake; the rest is damage. */
	if (result == CUBE_ERR_UNSUPPORTED) {
		err->code = CUBE_ERR_INVALID;
		return CUBE_ERR_INVALID;
	}
	err->code = CUBE_ERR_INTERNAL;
	return error_wrap(err, "the record %s is damaged", record->key);
}
