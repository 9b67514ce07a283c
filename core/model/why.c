/* model/why.c - why a task waits as JSON, both ways. Pure. [any]
 *
 * The manager writes it, the command line reads it, leniently: what a later manager adds is
 * passed over, and what is too long is cut. Members that would say nothing are left out.
 */
#include "model/why.h"

#include "base/utf8.h"
#include "model/codec_read.h"
#include "model/codec_write.h"

#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define ITEMS_MAX 4096 /* reasons or changes in one answer, of whoever gives it */

void
why_text(char out[WHY_TEXT_SIZE], const char *text)
{
	size_t size = strlen(text);

	if (size >= WHY_TEXT_SIZE)
		size = utf8_valid_prefix(text, WHY_TEXT_SIZE - 1);
	memcpy(out, text, size);
	out[size] = '\0';
}

void
why_release(struct why *why)
{
	free(why->reasons);
	free(why->changes);
	free(why->unblock);
	memset(why, 0, sizeof(*why));
}

void
why_free(struct why *why)
{
	if (why != NULL)
		why_release(why);
	free(why);
}

/* ---- out ---- */

static void
reason_encode(struct json_writer *writer, const struct why_reason *reason)
{
	uint32_t i;

	json_begin_object(writer);
	json_put_text(writer, "Reason", reason->word);
	json_put_uint(writer, "Count", reason->count);
	json_key(writer, "Nodes");
	json_begin_array(writer);
	for (i = 0; i < reason->named; i++)
		json_text(writer, reason->nodes[i]);
	json_end_array(writer);
	json_put_text(writer, "Text", reason->text);
	json_end_object(writer);
}

static void
change_encode(struct json_writer *writer, const struct why_change *change)
{
	json_begin_object(writer);
	json_put_text(writer, "Change", change->word);
	json_put_int(writer, "Amount", change->amount);
	json_put_text(writer, "Node", change->node);
	json_put_uint(writer, "Count", change->count);
	json_put_text(writer, "Text", change->text);
	json_end_object(writer);
}

/* An infinite cost is null: JSON has no number for it. */
static void
cost_encode(struct json_writer *writer, const struct why_cost *cost)
{
	json_begin_object(writer);
	json_put_text(writer, "Node", cost->node);
	json_put_real(writer, "Cost", cost->cost);
	json_end_object(writer);
}

static void
encode_lists(struct json_writer *writer, const struct why *why)
{
	size_t i;

	json_key(writer, "Reasons");
	json_begin_array(writer);
	for (i = 0; i < why->reason_count; i++)
		reason_encode(writer, &why->reasons[i]);
	json_end_array(writer);
	if (why->change_count > 0) {
		json_key(writer, "Changes");
		json_begin_array(writer);
		for (i = 0; i < why->change_count; i++)
			change_encode(writer, &why->changes[i]);
		json_end_array(writer);
	}
	if (why->unblock != NULL)
		json_put_text(writer, "Unblock", why->unblock);
	if (why->scheduler[0] == '\0')
		return;
	json_put_text(writer, "Scheduler", why->scheduler);
	json_put_uint(writer, "Considered", why->considered);
	json_key(writer, "Costs");
	json_begin_array(writer);
	for (i = 0; i < why->cost_count; i++)
		cost_encode(writer, &why->costs[i]);
	json_end_array(writer);
}

void
why_encode(struct json_writer *writer, const struct why *why)
{
	json_begin_object(writer);
	if (why->task_id[0] != '\0')
		json_put_text(writer, "Task", why->task_id);
	json_put_text(writer, "Name", why->name);
	json_put_int(writer, "State", (int64_t)why->state);
	if (why->node[0] != '\0')
		json_put_text(writer, "Node", why->node);
	json_put_text(writer, "Summary", why->summary);
	json_put_uint(writer, "Nodes", why->nodes);
	json_put_uint(writer, "Fits", why->fits);
	encode_lists(writer, why);
	json_end_object(writer);
}

/* ---- in ---- */

struct why_draft {
	struct why why;
	const struct json_value *reasons;
	const struct json_value *changes;
	const struct json_value *costs;
	const char *unblock;
};

#define AT(member)     offsetof(struct why_draft, member)
#define IN_WHY(member) offsetof(struct why_draft, why.member)

static const struct field why_fields[] = {
	{"Task", read_id, IN_WHY(task_id), 0, 0, NULL},
	{"Name", read_cut, IN_WHY(name), 0, NAME_SIZE, NULL},
	{"State", read_state, IN_WHY(state), 0, 0, NULL},
	{"Node", read_cut, IN_WHY(node), 0, NAME_SIZE, NULL},
	{"Summary", read_cut, IN_WHY(summary), 0, WHY_TEXT_SIZE, NULL},
	{"Nodes", read_u32, IN_WHY(nodes), 0, UINT32_MAX, NULL},
	{"Fits", read_u32, IN_WHY(fits), 0, UINT32_MAX, NULL},
	{"Reasons", read_value, AT(reasons), 0, 0, NULL},
	{"Changes", read_value, AT(changes), 0, 0, NULL},
	{"Unblock", read_text, AT(unblock), 0, 0, NULL},
	{"Scheduler", read_cut, IN_WHY(scheduler), 0, NAME_SIZE, NULL},
	{"Considered", read_u32, IN_WHY(considered), 0, UINT32_MAX, NULL},
	{"Costs", read_value, AT(costs), 0, 0, NULL},
};

static const struct field_table why_table = FIELD_TABLE("an answer to why", why_fields);

struct reason_draft {
	struct why_reason reason;
	const struct json_value *nodes;
};

static const struct field reason_fields[] = {
	{"Reason", read_cut, offsetof(struct reason_draft, reason.word), 0, WHY_WORD_SIZE,
	 NULL},
	{"Count", read_u32, offsetof(struct reason_draft, reason.count), 0, UINT32_MAX, NULL},
	{"Nodes", read_value, offsetof(struct reason_draft, nodes), 0, 0, NULL},
	{"Text", read_cut, offsetof(struct reason_draft, reason.text), 0, WHY_TEXT_SIZE, NULL},
};

static const struct field_table reason_table = FIELD_TABLE("a reason", reason_fields);

static const struct field change_fields[] = {
	{"Change", read_cut, offsetof(struct why_change, word), 0, WHY_WORD_SIZE, NULL},
	{"Amount", read_int, offsetof(struct why_change, amount), 0, INT64_MAX, NULL},
	{"Node", read_cut, offsetof(struct why_change, node), 0, NAME_SIZE, NULL},
	{"Count", read_u32, offsetof(struct why_change, count), 0, UINT32_MAX, NULL},
	{"Text", read_cut, offsetof(struct why_change, text), 0, WHY_TEXT_SIZE, NULL},
};

static const struct field_table change_table = FIELD_TABLE("a change", change_fields);

struct cost_draft {
	char node[NAME_SIZE];
	const struct json_value *cost;
};

static const struct field cost_fields[] = {
	{"Node", read_cut, offsetof(struct cost_draft, node), 0, NAME_SIZE, NULL},
	{"Cost", read_value, offsetof(struct cost_draft, cost), 0, 0, NULL},
};

static const struct field_table cost_table = FIELD_TABLE("a cost", cost_fields);

/* The array value with room for its items in *items; *count is 0 as yet. None is none. */
static int
items_new(const struct json_doc *doc, const struct json_value *value, size_t item_size,
	  void **items, struct cube_error *err)
{
	*items = NULL;
	if (value == NULL)
		return 0;
	if (value->type != JSON_ARRAY)
		return fail_wanted(doc, value, err, "an array");
	if (value->count > ITEMS_MAX)
		return json_fail(doc, value, err, "must have at most %d items, not %u",
				 ITEMS_MAX, (unsigned)value->count);
	*items = calloc(value->count + 1, item_size);
	return *items != NULL ? 0 : cube_fail(err, CUBE_ERR_NO_MEMORY, 0, "out of memory");
}

static int
reason_read(const struct json_doc *doc, const struct json_value *value, struct why_reason *out,
	    struct cube_error *err)
{
	struct reason_draft draft = {0};
	const struct json_value *node;
	int rc = fields_read(doc, value, CODEC_LENIENT, &reason_table, &draft, err);

	if (rc < 0)
		return rc;
	if (draft.nodes != NULL && draft.nodes->type != JSON_ARRAY)
		return fail_wanted(doc, draft.nodes, err, "an array of names");
	node = draft.nodes != NULL ? draft.nodes->as.first : NULL;
	for (; node != NULL && draft.reason.named < WHY_NODES_MAX; node = node->next) {
		if (node->type != JSON_STRING || node->as.string.size >= NAME_SIZE)
			return fail_wanted(doc, node, err, "the name of a node");
		memcpy(draft.reason.nodes[draft.reason.named++], node->as.string.text,
		       node->as.string.size + 1);
	}
	*out = draft.reason;
	return 0;
}

static int
reasons_read(const struct json_doc *doc, const struct json_value *value, struct why *why,
	     struct cube_error *err)
{
	const struct json_value *item = value != NULL ? value->as.first : NULL;
	void *items;
	int rc = items_new(doc, value, sizeof(*why->reasons), &items, err);

	why->reasons = items;
	if (rc < 0 || items == NULL)
		return rc;
	for (; rc == 0 && item != NULL; item = item->next) {
		rc = reason_read(doc, item, &why->reasons[why->reason_count], err);
		why->reason_count += rc == 0;
	}
	return rc;
}

static int
changes_read(const struct json_doc *doc, const struct json_value *value, struct why *why,
	     struct cube_error *err)
{
	const struct json_value *item = value != NULL ? value->as.first : NULL;
	void *items;
	int rc = items_new(doc, value, sizeof(*why->changes), &items, err);

	why->changes = items;
	if (rc < 0 || items == NULL)
		return rc;
	for (; rc == 0 && item != NULL; item = item->next) {
		rc = fields_read(doc, item, CODEC_LENIENT, &change_table,
				 &why->changes[why->change_count], err);
		why->change_count += rc == 0;
	}
	return rc;
}

static int
costs_read(const struct json_doc *doc, const struct json_value *value, struct why *why,
	   struct cube_error *err)
{
	const struct json_value *item;

	if (value == NULL)
		return 0;
	if (value->type != JSON_ARRAY)
		return fail_wanted(doc, value, err, "an array");
	for (item = value->as.first; item != NULL && why->cost_count < WHY_COSTS_MAX;
	     item = item->next) {
		struct why_cost *cost = &why->costs[why->cost_count];
		struct cost_draft draft = {0};

		if (fields_read(doc, item, CODEC_LENIENT, &cost_table, &draft, err) < 0)
			return err->code;
		if (draft.cost != NULL && draft.cost->type != JSON_NUMBER)
			return fail_wanted(doc, draft.cost, err, "a number, or null");
		memcpy(cost->node, draft.node, sizeof(cost->node));
		cost->cost = draft.cost != NULL ? draft.cost->as.number.real : INFINITY;
		why->cost_count++;
	}
	return 0;
}

int
why_decode(const struct json_doc *doc, const struct json_value *value, struct why *out,
	   struct cube_error *err)
{
	struct why_draft draft = {0};
	int rc = fields_read(doc, value, CODEC_LENIENT, &why_table, &draft, err);

	if (rc == 0)
		rc = reasons_read(doc, draft.reasons, &draft.why, err);
	if (rc == 0)
		rc = changes_read(doc, draft.changes, &draft.why, err);
	if (rc == 0)
		rc = costs_read(doc, draft.costs, &draft.why, err);
	if (rc == 0 && draft.unblock != NULL) {
		draft.why.unblock = strdup(draft.unblock);
		if (draft.why.unblock == NULL)
			rc = cube_fail(err, CUBE_ERR_NO_MEMORY, 0, "out of memory");
	}
	if (rc < 0) {
		why_release(&draft.why);
		return rc;
	}
	*out = draft.why;
	return 0;
}
