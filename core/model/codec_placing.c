/* model/codec_placing.c - see the header. Pure, owns nothing. [any]
 *
 * MaxPerNode is a number, or an object that names the label to count by. It has one spelling
 * here, so that equal specifications have equal text; a constraint keeps the owner's.
 */
#include "model/codec_placing.h"

#include <stddef.h>
#include <string.h>

#define MAX_PER_NODE_MAX 1000000

struct limit_draft {
	const char *label;
	uint32_t max;
};

static const struct field limit_fields[] = {
	{"Label", read_text, offsetof(struct limit_draft, label), 0, 0, NULL},
	{"Max", read_u32, offsetof(struct limit_draft, max), 0, MAX_PER_NODE_MAX, NULL},
};

static const struct field_table limit_table = FIELD_TABLE("MaxPerNode", limit_fields);

static int
constraints_read(const struct json_doc *doc, struct spec_draft *draft, struct cube_error *err)
{
	const struct json_value *list = draft->constraints;
	const struct json_value *item;

	if (list == NULL)
		return 0;
	if (list->type != JSON_ARRAY)
		return fail_wanted(doc, list, err, "an array of texts, such as [\"zone==eu\"]");
	if (list->count > CONSTRAINTS_MAX)
		return json_fail(doc, list, err, "must have at most %d entries, not %u",
				 CONSTRAINTS_MAX, (unsigned)list->count);
	for (item = list->as.first; item != NULL; item = item->next) {
		struct task_constraint constraint;
		char pieces[CONSTRAINT_SIZE];
		struct cube_error cause = {0};

		if (item->type != JSON_STRING)
			return fail_wanted(doc, item, err, "a text, such as \"zone==eu\"");
		if (constraint_parse(item->as.string.text, pieces, &constraint, &cause) != 0)
			return json_fail(doc, item, err, "%s", cause.message);
	}
	if (list->count == 0)
		draft->constraints = NULL;
	return 0;
}

static int
limit_read(const struct json_doc *doc, enum codec_mode mode, struct spec_draft *draft,
	   struct cube_error *err)
{
	const struct json_value *value = draft->max_per_node;
	struct limit_draft limit = {.label = ""};
	int64_t max = 0;
	int rc;

	if (value == NULL)
		return 0;
	if (value->type != JSON_OBJECT && value->type != JSON_NUMBER)
		return fail_wanted(doc, value, err,
				   "a number, or an object such as {\"Label\": \"tier\", "
				   "\"Max\": 1}");
	if (value->type == JSON_NUMBER) {
		rc = json_read_int(doc, value, 0, MAX_PER_NODE_MAX, &max, err);
		draft->spec.max_per_node = (uint32_t)max;
		return rc;
	}
	rc = fields_read(doc, value, mode, &limit_table, &limit, err);
	if (rc < 0)
		return rc;
	if (limit.label[0] != '\0' && json_get(draft->labels, limit.label) == NULL)
		return json_fail(doc, json_get(value, "Label"), err,
				 "must be one of the task's own labels: tasks are counted by "
				 "its value");
	draft->spec.max_per_node = limit.max;
	draft->spec.max_per_label = limit.max > 0 ? limit.label : "";
	return 0;
}

int
placing_read(const struct json_doc *doc, enum codec_mode mode, struct spec_draft *draft,
	     struct cube_error *err)
{
	int rc = constraints_read(doc, draft, err);

	return rc < 0 ? rc : limit_read(doc, mode, draft, err);
}

void
constraints_write(struct json_writer *writer, const struct spec_draft *draft)
{
	if (draft->constraints == NULL)
		return;
	json_key(writer, "Constraints");
	json_value_write(writer, draft->constraints);
}

void
max_per_node_write(struct json_writer *writer, const struct task_spec *spec)
{
	if (spec->max_per_node == 0)
		return;
	if (spec->max_per_label[0] == '\0') {
		json_put_uint(writer, "MaxPerNode", spec->max_per_node);
		return;
	}
	json_key(writer, "MaxPerNode");
	json_begin_object(writer);
	json_put_text(writer, "Label", spec->max_per_label);
	json_put_uint(writer, "Max", spec->max_per_node);
	json_end_object(writer);
}

size_t
constraints_bytes(const struct spec_draft *draft)
{
	const struct json_value *item;
	size_t size = 0;

	if (draft->constraints == NULL)
		return 0;
	for (item = draft->constraints->as.first; item != NULL; item = item->next)
		size += 2 * (item->as.string.size + 1);
	return size;
}

void
constraints_pack(const struct spec_draft *draft, struct task_constraint *out, char **at)
{
	const struct json_value *item;

	if (draft->constraints == NULL)
		return;
	for (item = draft->constraints->as.first; item != NULL; item = item->next, out++) {
		size_t size = item->as.string.size + 1;

		memcpy(*at, item->as.string.text, size);
		constraint_parse_again(*at, *at + size, out);
		*at += 2 * size;
	}
}
