/* cube/submission_file.c - a submission from a file: TaskEvents, bare Tasks, or an array.
 *
 * A file of whole TaskEvents goes out byte for byte, so that what the manager says of a line
 * is true of the file. Only where an id is missing, or new ones are asked for, or a Task has
 * no event around it, it is written anew. What a Task may hold is the manager's to judge.
 * Main thread.
 */
#include "submission.h"

#include "base/json.h"
#include "submission_event.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define TASKS_MAX  10000
#define STATE_RUN  2
#define PATH_SHOWN 100 /* characters of the file's name in a message */

static int
read_file(const char *path, struct buf *out, struct cube_error *err)
{
	FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
	char block[16384];
	size_t n;
	int rc = 0;

	if (file == NULL)
		return cube_fail(err, CUBE_ERR_INVALID, errno, "%s", strerror(errno));
	while ((n = fread(block, 1, sizeof(block), file)) > 0 && !out->failed)
		buf_append(out, block, n);
	if (ferror(file))
		rc = cube_fail(err, CUBE_ERR_INVALID, errno, "%s", strerror(errno));
	else if (out->failed)
		rc = cube_fail(err, CUBE_ERR_INVALID, 0, "larger than %u MiB",
			       SUBMISSION_LIMIT_BYTES >> 20);
	else if (out->size == 0)
		rc = cube_fail(err, CUBE_ERR_INVALID, 0, "empty: there is nothing to run");
	if (file != stdin)
		(void)fclose(file);
	return rc;
}

/* The Task of an element, which is a TaskEvent or the Task itself. */
static const struct json_value *
task_of(const struct json_value *element)
{
	const struct json_value *task = json_get(element, "Task");

	return task != NULL ? task : element;
}

/* Reads one element's id into the submission; *anew if it cannot go out as it stands. */
static int
look_at(const struct json_doc *doc, const struct json_value *element, bool fresh,
	struct submission *out, bool *anew, struct cube_error *err)
{
	const struct json_value *task = task_of(element);
	const struct json_value *state = json_get(element, "State");
	const char *text = "";
	char *id = out->ids[out->count];

	if (element->type != JSON_OBJECT)
		return json_fail(doc, element, err, "must be a TaskEvent or a Task object");
	if (task->type != JSON_OBJECT)
		return json_fail(doc, task, err, "must be a Task object");
	if (task != element && state != NULL && state->type == JSON_NUMBER &&
	    state->as.number.is_integer && state->as.number.integer == STATE_RUN + 1)
		return json_fail(doc, state, err,
				 "3 asks for a stop, which is `cube stop`'s work; %d runs it",
				 STATE_RUN);
	if (json_read_text(doc, json_get(task, "ID"), &text, err) < 0)
		return CUBE_ERR_INVALID;
	if (!id_is_nil(text) && id_parse(text, id) < 0)
		return json_fail(doc, json_get(task, "ID"), err, "'%.64s' is not a uuid", text);
	out->given[out->count] = !fresh && !id_is_nil(text);
	if (!out->given[out->count])
		event_new_id(id);
	*anew = *anew || task == element || !out->given[out->count];
	out->count++;
	return 0;
}

/* The members of a Task, with the id that it will have. */
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

static void
write_element(struct json_writer *writer, const struct json_value *element, const char *id)
{
	const struct json_value *task = task_of(element);

	if (task == element) {
		event_begin(writer);
		write_task(writer, task, id);
		json_end_object(writer);
		return;
	}
	json_begin_object(writer);
	for (const struct json_value *at = element->as.first; at != NULL; at = at->next) {
		json_key(writer, at->key);
		if (at == task)
			write_task(writer, task, id);
		else
			json_value_write(writer, at);
	}
	json_end_object(writer);
}

static int
write_all(const struct json_value *root, struct submission *out, struct cube_error *err)
{
	struct json_writer *writer = json_writer_new(&out->body, false);
	size_t i = 0;

	if (writer == NULL)
		return cube_fail(err, CUBE_ERR_NO_MEMORY, 0, "out of memory");
	if (root->type == JSON_ARRAY) {
		json_begin_array(writer);
		for (const struct json_value *at = root->as.first; at != NULL; at = at->next)
			write_element(writer, at, out->ids[i++]);
		json_end_array(writer);
	} else {
		write_element(writer, root, out->ids[0]);
	}
	json_writer_free(writer);
	return 0;
}

static int
look_at_all(const struct json_doc *doc, bool fresh, struct submission *out, bool *anew,
	    struct cube_error *err)
{
	const struct json_value *root = doc->root;
	bool is_array = root->type == JSON_ARRAY;
	int rc;

	if (is_array && root->count == 0)
		return cube_fail(err, CUBE_ERR_INVALID, 0,
				 "the array is empty: there is nothing to run");
	if (is_array && root->count > TASKS_MAX)
		return cube_fail(err, CUBE_ERR_INVALID, 0, "%u tasks; at most %d go at once",
				 root->count, TASKS_MAX);
	rc = submission_room(out, is_array ? root->count : 1, err);
	if (rc < 0 || !is_array)
		return rc < 0 ? rc : look_at(doc, root, fresh, out, anew, err);
	for (const struct json_value *at = root->as.first; rc == 0 && at != NULL; at = at->next)
		rc = look_at(doc, at, fresh, out, anew, err);
	return rc;
}

static int
read_submission(const char *path, bool fresh, struct submission *out, struct cube_error *err)
{
	cleanup_buf struct buf text = BUF_INIT(SUBMISSION_LIMIT_BYTES);
	cleanup_json struct json_doc doc = {0};
	bool anew = false;
	int rc = read_file(path, &text, err);

	if (rc == 0)
		rc = json_parse(buf_text(&text), text.size, &doc, err);
	if (rc == 0)
		rc = look_at_all(&doc, fresh, out, &anew, err);
	if (rc < 0)
		return rc;
	out->verbatim = !anew;
	if (anew)
		rc = write_all(doc.root, out, err);
	else
		buf_append(&out->body, text.data, text.size);
	if (rc == 0 && out->body.failed)
		rc = cube_fail(err, CUBE_ERR_INVALID, 0, "larger than %u MiB",
			       SUBMISSION_LIMIT_BYTES >> 20);
	return rc;
}

int
submission_from_file(const char *path, bool fresh, struct submission *out,
		     struct cube_error *err)
{
	memset(out, 0, sizeof(*out));
	return read_submission(path, fresh, out, err) == 0
		       ? 0
		       : error_wrap(err, "-f %.*s", PATH_SHOWN,
				    strcmp(path, "-") == 0 ? "- (standard input)" : path);
}
