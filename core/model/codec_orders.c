/* model/codec_orders.c - the body of PUT /desired, both ways. Pure. [any]
 *
 * Only our own programs send it, so unknown members are ignored; what it holds is checked
 * all the same, since a worker acts on it.
 */
#include "model/codec_read.h"
#include "model/codec_write.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

struct orders_draft {
	struct orders orders;
	const char *acked;
	const struct json_value *tasks;
};

#define AT(member) offsetof(struct orders_draft, member)

static const struct field orders_fields[] = {
	{"Cluster", read_id, AT(orders.cluster), 0, 0, NULL},
	{"Worker", read_id, AT(orders.worker), 0, 0, NULL},
	{"Generation", read_u64, AT(orders.generation), 0, INT64_MAX, NULL},
	{"Sequence", read_u64, AT(orders.sequence), 0, INT64_MAX, NULL},
	{"Full", read_bool, AT(orders.full), 0, 0, NULL},
	{"Acked", read_text, AT(acked), 0, 0, NULL},
	{"Tasks", read_value, AT(tasks), 0, 0, NULL},
};

static const struct field_table orders_table = FIELD_TABLE("orders", orders_fields);

struct order_draft {
	struct order order;
	const struct json_value *task;
};

static const struct field order_fields[] = {
	{"ID", read_id, offsetof(struct order_draft, order.task_id), 0, 0, NULL},
	{"Attempt", read_u32, offsetof(struct order_draft, order.attempt), 1, UINT32_MAX, NULL},
	{"Wanted", read_wanted, offsetof(struct order_draft, order.wanted), 0, 0, NULL},
	{"Task", read_value, offsetof(struct order_draft, task), 0, 0, NULL},
};

static const struct field_table order_table = FIELD_TABLE("an order", order_fields);

static int
order_read(const struct json_doc *doc, const struct json_value *value, struct order *out,
	   struct cube_error *err)
{
	struct order_draft draft = {0};
	struct order *order = &draft.order;
	int rc = fields_read(doc, value, CODEC_LENIENT, &order_table, &draft, err);

	if (rc < 0)
		return rc;
	if (order->task_id[0] == '\0' || order->attempt == 0 || order->wanted == 0)
		return json_fail(doc, value, err, "an order needs ID, Attempt and Wanted");
	if (draft.task != NULL) {
		rc = task_spec_decode(doc, draft.task, CODEC_LENIENT, order->task_id,
				      &order->spec, err);
		if (rc < 0)
			return rc;
		if (strcmp(order->spec->id, order->task_id) != 0) {
			task_spec_put(order->spec);
			return json_fail(doc, value, err,
					 "the Task has another ID than the order");
		}
	}
	*out = *order;
	return 0;
}

static int
items_read(const struct json_doc *doc, const struct json_value *tasks, struct orders *orders,
	   struct cube_error *err)
{
	const struct json_value *value;

	if (tasks == NULL)
		return 0;
	if (tasks->type != JSON_ARRAY)
		return fail_wanted(doc, tasks, err, "an array of orders");
	if (tasks->count == 0)
		return 0;
	orders->items = calloc(tasks->count, sizeof(*orders->items));
	if (orders->items == NULL)
		return cube_fail(err, CUBE_ERR_NO_MEMORY, 0, "out of memory");
	for (value = tasks->as.first; value != NULL; value = value->next) {
		int rc = order_read(doc, value, &orders->items[orders->count], err);

		if (rc < 0)
			return rc;
		orders->count++;
	}
	return 0;
}

int
orders_decode(const struct json_doc *doc, struct orders *out, struct cube_error *err)
{
	struct orders_draft draft = {.acked = ""};
	int rc = fields_read(doc, doc->root, CODEC_LENIENT, &orders_table, &draft, err);

	if (rc < 0)
		return rc;
	if (draft.orders.cluster[0] == '\0')
		return json_fail(doc, doc->root, err, "orders need the Cluster they come from");
	if (draft.acked[0] != '\0' && revision_parse(draft.acked, &draft.orders.acked) != 0)
		return fail_wanted(doc, json_get(doc->root, "Acked"), err,
				   "a revision, EPOCH-SEQUENCE");
	rc = items_read(doc, draft.tasks, &draft.orders, err);
	if (rc == 0 && draft.orders.generation == 0)
		rc = json_fail(doc, doc->root, err,
			       "orders need the Generation of their manager, from 1");
	if (rc < 0) {
		orders_release(&draft.orders);
		return rc;
	}
	*out = draft.orders;
	return 0;
}

static void
order_write(struct json_writer *writer, const struct order *order)
{
	json_begin_object(writer);
	json_put_text(writer, "ID", order->task_id);
	json_put_uint(writer, "Attempt", order->attempt);
	json_put_int(writer, "Wanted", (int64_t)order->wanted);
	if (order->spec != NULL) {
		json_key(writer, "Task");
		json_begin_object(writer);
		members_write(writer, order->spec->json, order->spec->json_size);
		json_end_object(writer);
	}
	json_end_object(writer);
}

void
orders_encode(struct json_writer *writer, const struct orders *orders)
{
	char acked[REVISION_SIZE];
	size_t i;

	revision_format(orders->acked, acked);
	json_begin_object(writer);
	json_put_text(writer, "Cluster", orders->cluster);
	if (orders->worker[0] != '\0')
		json_put_text(writer, "Worker", orders->worker);
	json_put_uint(writer, "Generation", orders->generation);
	json_put_uint(writer, "Sequence", orders->sequence);
	json_put_bool(writer, "Full", orders->full);
	json_put_text(writer, "Acked", acked);
	json_key(writer, "Tasks");
	json_begin_array(writer);
	for (i = 0; i < orders->count; i++)
		order_write(writer, &orders->items[i]);
	json_end_array(writer);
	json_end_object(writer);
}
