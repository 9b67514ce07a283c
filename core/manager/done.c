/* manager/done.c - tombstones: in memory as 32 bytes each, in the store as done/ID.
 *
 * Owns the queue of them, which stands in the order of their age. The trim clock never goes
 * back (manager/trim.c), so that is also the order in which they came, and the oldest is
 * always the first. A record is {"SpecHash", "State", "At"} and the exit code if there was
 * one: what a repeated submit is answered with. Brain's thread.
 */
#include "manager/done.h"

#include "manager/brain.h"
#include "manager/effect.h"
#include "model/codec_write.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DONE_KEY_SIZE  48
#define DONE_BYTES_MAX ((size_t)512)
#define HAS_EXIT_CODE  1

#define REMOVED "it ended and was removed from the list of tasks"

/* What the queue keeps beside the id. Seconds are exact enough for a day. */
struct packed {
	uint64_t spec_hash;
	uint32_t at_s;
	uint16_t exit_code;
	uint8_t state;
	uint8_t flags;
};
static_assert(sizeof(struct packed) == IDQUEUE_VALUE_SIZE, "a tombstone fills its item");

static struct packed
packed_of(const struct idqueue_item *item)
{
	struct packed packed;

	memcpy(&packed, item->value, sizeof(packed));
	return packed;
}

static uint32_t
seconds_of(int64_t ms)
{
	if (ms < 0)
		return 0;
	return ms / 1000 < UINT32_MAX ? (uint32_t)(ms / 1000) : UINT32_MAX;
}

static void
make_item(const char *id, const struct done *done, int64_t at_ms, struct idqueue_item *out)
{
	struct packed packed = {.spec_hash = done->spec_hash,
				.at_s = seconds_of(at_ms),
				.state = (uint8_t)done->state};

	/* Others than a program can end with are not worth the room. */
	if (done->has_exit_code && done->exit_code >= 0 && done->exit_code <= UINT16_MAX) {
		packed.exit_code = (uint16_t)done->exit_code;
		packed.flags = HAS_EXIT_CODE;
	}
	id_pack(id, out->id);
	memcpy(out->value, &packed, sizeof(packed));
}

static int
record_write(struct manager *manager, const char *id, const struct done *done, int64_t at_ms)
{
	struct buf out = BUF_INIT(DONE_BYTES_MAX);
	struct json_writer *writer = json_writer_new(&out, false);
	char key[DONE_KEY_SIZE];
	char text[24];
	char *value;
	size_t size = 0;

	if (writer == NULL)
		return CUBE_ERR_NO_MEMORY;
	(void)snprintf(text, sizeof(text), "%016" PRIx64, done->spec_hash);
	json_begin_object(writer);
	json_put_text(writer, "SpecHash", text);
	json_put_int(writer, "State", (int64_t)done->state);
	time_write(writer, "At", at_ms);
	if (done->has_exit_code)
		json_put_int(writer, "ExitCode", done->exit_code);
	json_end_object(writer);
	json_writer_free(writer);
	value = buf_take(&out, &size);
	buf_release(&out);
	if (value == NULL)
		return CUBE_ERR_NO_MEMORY;
	(void)snprintf(key, sizeof(key), "done/%s", id);
	return step_write(manager->step, key, value, size);
}

void
done_add(struct manager *manager, const struct entry *entry)
{
	const struct task_status *status = &entry->task.status;
	const char *id = entry->task.spec->id;
	int64_t now_ms = trim_clock_ms(manager);
	struct done done = {.spec_hash = entry->spec_hash,
			    .state = status->state,
			    .has_exit_code = status->has_exit_code,
			    .exit_code = status->exit_code};
	struct idqueue_item item;
	int result;

	make_item(id, &done, now_ms, &item);
	result = idqueue_push(manager->trim.done, &item);
	/* One of that id was stored beside the task, which never happens by itself: it says
	 * the same, and goes when its own time has come. */
	if (result == CUBE_ERR_CONFLICT)
		return;
	if (result != 0 || record_write(manager, id, &done, now_ms) != 0)
		brain_failed(manager);
}

bool
done_find(const struct manager *manager, const char *id, struct done *out)
{
	const struct idqueue_item *item;
	struct packed packed;
	uint8_t bytes[ID_BYTES];

	if (idqueue_count(manager->trim.done) == 0)
		return false;
	id_pack(id, bytes);
	item = idqueue_find(manager->trim.done, bytes);
	if (item == NULL)
		return false;
	packed = packed_of(item);
	*out = (struct done){.spec_hash = packed.spec_hash,
			     .state = (enum task_state)packed.state,
			     .has_exit_code = (packed.flags & HAS_EXIT_CODE) != 0,
			     .exit_code = packed.exit_code};
	return true;
}

/* ---- loading ---- */

static int
read_done(const struct json_doc *doc, struct done *done, int64_t *at_ms, struct cube_error *err)
{
	const struct json_value *code = json_get(doc->root, "ExitCode");
	const char *hash = NULL;
	const char *at = NULL;
	char *end;
	int64_t state = 0;
	int64_t number = 0;

	if (json_read_text(doc, json_get(doc->root, "SpecHash"), &hash, err) != 0 ||
	    json_read_text(doc, json_get(doc->root, "At"), &at, err) != 0 ||
	    json_read_int(doc, json_get(doc->root, "State"), TASK_COMPLETED, TASK_FAILED,
			  &state, err) != 0 ||
	    json_read_int(doc, code, INT32_MIN, INT32_MAX, &number, err) != 0)
		return err->code;
	if (hash == NULL || strlen(hash) != 16 || strspn(hash, "0123456789abcdef") != 16)
		return cube_fail(err, CUBE_ERR_INVALID, 0, "SpecHash is not 16 hex digits");
	if (at == NULL || timestamp_parse(at, at_ms) != 0)
		return cube_fail(err, CUBE_ERR_INVALID, 0, "At is not a time");
	done->spec_hash = strtoull(hash, &end, 16);
	done->state = state != 0 ? (enum task_state)state : TASK_FAILED;
	done->has_exit_code = code != NULL;
	done->exit_code = (int32_t)number;
	return 0;
}

int
done_load(struct manager *manager, const char *id, const struct json_doc *doc,
	  struct cube_error *err)
{
	struct idqueue_item item;
	struct done done = {0};
	char read[ID_SIZE];
	int64_t at_ms = 0;
	int result;

	if (id_parse(id, read) != 0 || strcmp(read, id) != 0)
		return cube_fail(err, CUBE_ERR_INVALID, 0, "its key is not done/UUID");
	if (read_done(doc, &done, &at_ms, err) != 0)
		return err->code;
	make_item(id, &done, at_ms, &item);
	result = idqueue_push(manager->trim.done, &item);
	if (result != 0)
		return cube_fail(err, result, 0, "%s",
				 result == CUBE_ERR_CONFLICT ? "the same task twice"
							     : "out of memory");
	trim_saw(manager, at_ms);
	return 0;
}

/* By age; of one second, by id. */
static int
compare_age(const void *a, const void *b)
{
	const struct idqueue_item *left = a;
	const struct idqueue_item *right = b;
	uint32_t left_s = packed_of(left).at_s;
	uint32_t right_s = packed_of(right).at_s;

	if (left_s != right_s)
		return left_s < right_s ? -1 : 1;
	return memcmp(left->id, right->id, ID_BYTES);
}

int
done_sort(struct manager *manager)
{
	return idqueue_sort(manager->trim.done, compare_age);
}

/* ---- their end ---- */

int64_t
done_due_ms(const struct manager *manager)
{
	const struct idqueue_item *first = idqueue_first(manager->trim.done);

	if (first == NULL)
		return INT64_MAX;
	/* The second has to be over: never a moment early. */
	return ((int64_t)packed_of(first).at_s + 1) * 1000 + DONE_KEEP_MS;
}

void
done_forget(struct manager *manager)
{
	char id[ID_SIZE];
	char key[DONE_KEY_SIZE];

	id_unpack(idqueue_first(manager->trim.done)->id, id);
	(void)snprintf(key, sizeof(key), "done/%s", id);
	idqueue_drop(manager->trim.done);
	if (step_write(manager->step, key, NULL, 0) != 0)
		brain_failed(manager);
}

/* ---- what is said of them ---- */

void
done_task(const struct done *done, struct task_spec *spec, struct task *out)
{
	memset(out, 0, sizeof(*out));
	out->spec = task_spec_get(spec);
	out->status.state = done->state;
	out->status.wanted = TASK_WANTED_RUN;
	out->status.final = true;
	out->status.has_exit_code = done->has_exit_code;
	out->status.exit_code = done->exit_code;
	task_reason(&out->status, REMOVED "; to run it again, submit it under a new ID");
}

void
done_reply_unknown(struct manager *manager, const struct manager_message *message,
		   const char *id)
{
	struct done done;

	if (done_find(manager, id, &done))
		reply_status(manager, message, 404,
			     "there is no task %s any more: " REMOVED " (%s)", id,
			     task_state_name(done.state));
	else
		reply_status(manager, message, 404, "there is no task %s", id);
}
