/* place/why.c - the reasons of a task that waits: one line for a list, and all of them.
 *
 * Both are made from the same census (place/census.h), in which each node counts once, under
 * the first thing that it lacks. The line is kept with the shape until the rows change. One
 * thread.
 */
#include "place/why.h"

#include "base/amount.h"
#include "base/utf8.h"
#include "model/constraint.h"
#include "place/limit.h"
#include "place/placer.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PROTOCOL_UDP 17 /* IPPROTO_UDP */
#define ACTUAL_LIMIT ((size_t)64 * 1024)
#define ACTUALS_SAID 3 /* of nodes that have different things there */

static_assert(CENSUS_ROWS_MAX <= WHY_NODES_MAX, "all that a bucket has are named");

/* ---- words ---- */

void
why_add_amount(struct buf *out, enum misfit misfit, int64_t amount)
{
	if (misfit == FIT_CPU)
		amount_add_cores(out, amount);
	else
		amount_add_bytes(out, amount);
}

void
why_add_port(struct buf *out, uint32_t port)
{
	buf_printf(out, "host port %u/%s", port & UINT16_MAX,
		   port >> 16 == PROTOCOL_UDP ? "udp" : "tcp");
}

const char *
why_node(const struct asked *asked, uint32_t row)
{
	return asked->placer->rows.node[row]->info->name;
}

/* "arch is amd64, wants arm64" */
static void
explain_constraint(struct buf *out, const struct asked *asked, const struct bucket *bucket,
		   uint32_t row)
{
	constraint_explain(out, &asked->shape->constraints[bucket->detail],
			   asked->placer->rows.node[row]->info);
}

static const char *
of_what(enum misfit misfit)
{
	return misfit == FIT_MEMORY ? " of memory" : misfit == FIT_DISK ? " of disk" : "";
}

/* ---- one line ---- */

/* "2 unreachable, 1 joining" */
static void
add_statuses(struct buf *out, const struct asked *asked)
{
	const char *separator = "";
	size_t i;

	for (i = 0; i < asked->census.count; i++) {
		const struct bucket *bucket = &asked->census.buckets[i];

		if (bucket->count == 0 || bucket->misfit != FIT_NOT_READY)
			continue;
		buf_printf(out, "%s%u %s", separator, bucket->count,
			   census_word(asked->shape, bucket));
		separator = ", ";
	}
}

/* All ready nodes lack the same. */
static void
add_single(struct buf *out, const struct asked *asked, const struct bucket *bucket)
{
	const struct shape *shape = asked->shape;
	const char *reason;

	switch (bucket->misfit) {
	case FIT_RUNTIME:
		reason = asked->placer->rows.node[bucket->rows[0]]->info->runtime_reason;
		buf_printf(out, "no node's runtime is ready%s%s", reason[0] != '\0' ? ": " : "",
			   reason);
		break;
	case FIT_CPU:
	case FIT_MEMORY:
	case FIT_DISK:
		buf_append_text(out, "no ready node has ");
		why_add_amount(out, bucket->misfit, census_wanted(shape, bucket->misfit));
		buf_printf(out, "%s free", of_what(bucket->misfit));
		break;
	case FIT_PORT:
		why_add_port(out, shape->ports[bucket->detail]);
		buf_append_text(out, " is taken on every ready node");
		break;
	case FIT_CONSTRAINT:
		buf_printf(out, "its constraints hold on no ready node: on %s ",
			   why_node(asked, bucket->rows[0]));
		explain_constraint(out, asked, bucket, bucket->rows[0]);
		break;
	case FIT_MAX_PER_NODE:
		buf_printf(out, "every ready node has %u of ", shape->max_per_node);
		limit_add_kind(out, shape->limit);
		buf_append_text(out, " already, its MaxPerNode");
		break;
	case FIT_OK:
	case FIT_NOT_READY:
		break;
	}
}

/* "3 without 1.5 cores free" */
static void
add_one(struct buf *out, const struct asked *asked, const struct bucket *bucket)
{
	const struct shape *shape = asked->shape;

	buf_printf(out, "%u ", bucket->count);
	switch (bucket->misfit) {
	case FIT_RUNTIME:
		buf_append_text(out, "without a ready runtime");
		break;
	case FIT_CPU:
	case FIT_MEMORY:
	case FIT_DISK:
		buf_append_text(out, "without ");
		why_add_amount(out, bucket->misfit, census_wanted(shape, bucket->misfit));
		buf_printf(out, "%s free", of_what(bucket->misfit));
		break;
	case FIT_PORT:
		buf_append_text(out, "with ");
		why_add_port(out, shape->ports[bucket->detail]);
		buf_append_text(out, " taken");
		break;
	case FIT_CONSTRAINT:
		buf_append_text(out, "where a constraint does not hold (");
		explain_constraint(out, asked, bucket, bucket->rows[0]);
		buf_append_text(out, ")");
		break;
	case FIT_MAX_PER_NODE:
		buf_printf(out, "with %u of ", shape->max_per_node);
		limit_add_kind(out, shape->limit);
		buf_append_text(out, " already");
		break;
	case FIT_OK:
	case FIT_NOT_READY:
		break;
	}
}

/* How many nodes lack things of this word, if bucket is the first that has it; else 0. */
static uint32_t
count_word(const struct asked *asked, size_t bucket)
{
	const char *word = census_word(asked->shape, &asked->census.buckets[bucket]);
	uint32_t count = 0;
	size_t i;

	for (i = 0; i < asked->census.count; i++) {
		const struct bucket *other = &asked->census.buckets[i];

		if (other->count == 0 || strcmp(census_word(asked->shape, other), word) != 0)
			continue;
		if (i < bucket)
			return 0;
		count += other->count;
	}
	return count;
}

/* "no node fits: 2 runtime, 7 label, 3 cpu, 1 lost" */
static void
add_short_line(struct buf *out, const struct asked *asked)
{
	const char *separator = "no node fits: ";
	size_t i;

	for (i = 0; i < asked->census.count; i++) {
		const struct bucket *bucket = &asked->census.buckets[i];
		uint32_t count = bucket->count > 0 ? count_word(asked, i) : 0;

		if (count == 0)
			continue;
		buf_printf(out, "%s%u %s", separator, count, census_word(asked->shape, bucket));
		separator = ", ";
	}
}

/* "no node fits: 2 without 1.5 cores free, 1 without a ready runtime, 1 unreachable"; or, where
 * a task's status has no room for that, the words alone. */
static void
add_mixed(struct buf *out, const struct asked *asked, uint32_t not_ready)
{
	const char *separator = "no node fits: ";
	size_t i;

	for (i = 0; i < asked->census.count; i++) {
		const struct bucket *bucket = &asked->census.buckets[i];

		if (bucket->count == 0 || bucket->misfit == FIT_NOT_READY)
			continue;
		buf_append_text(out, separator);
		add_one(out, asked, bucket);
		separator = ", ";
	}
	if (not_ready > 0) {
		buf_append_text(out, separator);
		add_statuses(out, asked);
	}
	if (out->failed || out->size >= TASK_REASON_SIZE) {
		buf_reset(out);
		add_short_line(out, asked);
	}
}

static void
add_line(struct buf *out, const struct asked *asked)
{
	const struct bucket *only = NULL;
	uint32_t not_ready = 0;
	size_t kinds = 0;
	size_t i;

	if (asked->census.nodes == 0) {
		buf_append_text(out, "no node has joined yet");
		return;
	}
	if (asked->census.fits > 0) {
		buf_append_text(out, "it is about to be placed");
		return;
	}
	for (i = 0; i < asked->census.count; i++) {
		const struct bucket *bucket = &asked->census.buckets[i];

		if (bucket->misfit == FIT_NOT_READY) {
			not_ready += bucket->count;
		} else if (bucket->count > 0) {
			/* Constraints are one thing here, whichever does not hold. */
			kinds += only == NULL || only->misfit != FIT_CONSTRAINT ||
				 bucket->misfit != FIT_CONSTRAINT;
			only = only == NULL ? bucket : only;
		}
	}
	if (kinds == 0) {
		buf_append_text(out, "no node is ready: ");
		add_statuses(out, asked);
	} else if (kinds > 1) {
		add_mixed(out, asked, not_ready);
	} else {
		add_single(out, asked, only);
		if (not_ready > 0) {
			buf_append_text(out, " (not ready: ");
			add_statuses(out, asked);
			buf_append_text(out, ")");
		}
	}
}

const char *
why_waiting(struct placer *placer, struct shape *shape, size_t *work)
{
	struct asked asked = {.placer = placer, .shape = shape};
	struct buf out = BUF_INIT((size_t)64 * 1024);

	if (!shape->parked)
		return "";
	if (shape->faulted || shape->reason_version == placer->rows.version + 1)
		return shape->reason;
	if (census_make(placer, shape, false, &asked.census) != 0) {
		placer->failed = CUBE_ERR_NO_MEMORY;
		return "";
	}
	*work += asked.census.nodes;
	add_line(&out, &asked);
	(void)snprintf(shape->reason, sizeof(shape->reason), "%.*s",
		       (int)utf8_valid_prefix(buf_text(&out),
					      strnlen(buf_text(&out), TASK_REASON_SIZE - 1)),
		       buf_text(&out));
	buf_release(&out);
	census_release(&asked.census);
	/* One more, so that 0 is never up to date. */
	shape->reason_version = placer->rows.version + 1;
	return shape->reason;
}

/* ---- all reasons ---- */

/* "wants 512 MiB; most free n3 490 MiB (22 MiB short)" */
static void
add_shortage(struct buf *out, const struct asked *asked, const struct bucket *bucket)
{
	int64_t wanted = census_wanted(asked->shape, bucket->misfit);
	/* What is free may have wrapped around (place/reserve.c). */
	uint64_t missing = (uint64_t)wanted - (uint64_t)bucket->most_free;

	buf_append_text(out, "wants ");
	why_add_amount(out, bucket->misfit, wanted);
	buf_printf(out, "; most free %s ", why_node(asked, bucket->nearest));
	why_add_amount(out, bucket->misfit, bucket->most_free);
	if (missing <= INT64_MAX) {
		buf_append_text(out, " (");
		why_add_amount(out, bucket->misfit, (int64_t)missing);
		buf_append_text(out, " short)");
	}
	if (bucket->most_total < wanted)
		buf_append_text(out, bucket->count == 1 ? "; it has less in all"
							: "; none of them has as much in all");
}

/* Where all nodes have the same there: "arch is amd64, wants arm64"; else of each that is
 * named: "wants arm64; arch is amd64 on n1, not set on n2". */
static void
add_constraint(struct buf *out, const struct asked *asked, const struct bucket *bucket)
{
	const struct task_constraint *constraint = &asked->shape->constraints[bucket->detail];
	cleanup_buf struct buf first = BUF_INIT(ACTUAL_LIMIT);
	bool alike = bucket->count <= CENSUS_ROWS_MAX;
	uint32_t i;

	constraint_add_actual(&first, constraint,
			      asked->placer->rows.node[bucket->rows[0]]->info);
	for (i = 1; alike && i < bucket->count; i++) {
		cleanup_buf struct buf other = BUF_INIT(ACTUAL_LIMIT);

		constraint_add_actual(&other, constraint,
				      asked->placer->rows.node[bucket->rows[i]]->info);
		alike = strcmp(buf_text(&first), buf_text(&other)) == 0;
	}
	if (alike) {
		explain_constraint(out, asked, bucket, bucket->rows[0]);
		return;
	}
	buf_append_text(out, "wants ");
	constraint_add_wanted(out, constraint);
	buf_printf(out, "; %s is ", constraint->key);
	for (i = 0; i < bucket->count && i < ACTUALS_SAID; i++) {
		buf_append_text(out, i == 0 ? "" : ", ");
		constraint_add_actual(out, constraint,
				      asked->placer->rows.node[bucket->rows[i]]->info);
		buf_printf(out, " on %s", why_node(asked, bucket->rows[i]));
	}
	if (i < bucket->count)
		buf_append_text(out, ", ...");
}

static void
add_text(struct buf *out, const struct asked *asked, const struct bucket *bucket)
{
	const struct why_owner *owner = asked->owner;
	const struct place_node *node = asked->placer->rows.node[bucket->rows[0]];
	const char *more = NULL;

	switch (bucket->misfit) {
	case FIT_NOT_READY:
		if (owner != NULL && owner->status_reason != NULL)
			more = owner->status_reason(owner->ctx, node);
		break;
	case FIT_RUNTIME:
		more = node->info->runtime_reason;
		break;
	case FIT_CPU:
	case FIT_MEMORY:
	case FIT_DISK:
		add_shortage(out, asked, bucket);
		return;
	case FIT_PORT:
		why_add_port(out, asked->shape->ports[bucket->detail]);
		buf_append_text(out, " is taken");
		if (owner != NULL && owner->port_holder != NULL)
			more = owner->port_holder(owner->ctx, node,
						  asked->shape->ports[bucket->detail]);
		if (more != NULL && bucket->count > 1)
			buf_printf(out, ", on %s", node->info->name);
		if (more != NULL)
			buf_printf(out, " by %s", more);
		return;
	case FIT_CONSTRAINT:
		add_constraint(out, asked, bucket);
		return;
	case FIT_MAX_PER_NODE:
		buf_printf(out, "has %u of ", asked->shape->max_per_node);
		limit_add_kind(out, asked->shape->limit);
		buf_append_text(out, " already, its MaxPerNode");
		return;
	case FIT_OK:
		break;
	}
	if (more == NULL || more[0] == '\0')
		return;
	if (bucket->count > 1)
		buf_printf(out, "%s: ", node->info->name);
	buf_append_text(out, more);
}

static void
fill_reason(const struct asked *asked, const struct bucket *bucket, struct why_reason *reason)
{
	struct buf text = BUF_INIT((size_t)64 * 1024);
	uint32_t i;

	(void)snprintf(reason->word, sizeof(reason->word), "%s",
		       census_word(asked->shape, bucket));
	reason->count = bucket->count;
	for (i = 0; i < bucket->count && i < CENSUS_ROWS_MAX; i++)
		(void)snprintf(reason->nodes[reason->named++], NAME_SIZE, "%s",
			       why_node(asked, bucket->rows[i]));
	add_text(&text, asked, bucket);
	why_text(reason->text, buf_text(&text));
	buf_release(&text);
}

/* Those of the most nodes first; of equals in the order in which fit_check looks. */
static void
sort_reasons(struct why *out)
{
	size_t i;

	for (i = 1; i < out->reason_count; i++) {
		struct why_reason reason = out->reasons[i];
		size_t place = i;

		for (; place > 0 && out->reasons[place - 1].count < reason.count; place--)
			out->reasons[place] = out->reasons[place - 1];
		out->reasons[place] = reason;
	}
}

static int
fill_reasons(const struct asked *asked, struct why *out)
{
	size_t kinds = 0;
	size_t i;

	for (i = 0; i < asked->census.count; i++)
		kinds += asked->census.buckets[i].count > 0;
	out->reasons = calloc(kinds + 1, sizeof(*out->reasons));
	if (out->reasons == NULL)
		return CUBE_ERR_NO_MEMORY;
	for (i = 0; i < asked->census.count; i++) {
		if (asked->census.buckets[i].count > 0)
			fill_reason(asked, &asked->census.buckets[i],
				    &out->reasons[out->reason_count++]);
	}
	sort_reasons(out);
	return 0;
}

static int
explain(struct asked *asked, struct why *out)
{
	int result = census_make(asked->placer, asked->shape, true, &asked->census);

	if (result != 0)
		return result;
	out->nodes = asked->census.nodes;
	out->fits = asked->census.fits;
	result = fill_reasons(asked, out);
	if (result == 0 && out->fits == 0 && out->nodes > 0)
		result = why_unblock(asked, out);
	if (result == 0 && out->fits > 0)
		result = why_price(asked, out);
	if (result == 0 && out->summary[0] == '\0') {
		struct buf line = BUF_INIT((size_t)64 * 1024);

		add_line(&line, asked);
		why_text(out->summary, buf_text(&line));
		buf_release(&line);
	}
	census_release(&asked->census);
	return result;
}

/* What the task holds is not in its own way. Reserving it again needs no memory: there was
 * room for it before; and nobody is woken to look at what was never free. */
int
why_explain(struct placer *placer, struct place_task *task, struct place_node *own,
	    const struct why_owner *owner, struct why *out)
{
	struct shape *shape = waiting_shape(placer, task->spec);
	struct asked asked = {.placer = placer, .shape = shape, .owner = owner};
	bool any_grown = placer->rows.any_grown;
	bool grown = own != NULL && bit_get(placer->rows.grown, own->row);
	int result;

	if (shape == NULL)
		return CUBE_ERR_NO_MEMORY;
	if (own != NULL)
		placer_unreserve(placer, own, task);
	result = explain(&asked, out);
	if (own != NULL) {
		placer_reserve(placer, own, task);
		bit_put(placer->rows.grown, own->row, grown);
		placer->rows.any_grown = any_grown;
	}
	waiting_drop(placer, shape);
	return result;
}
