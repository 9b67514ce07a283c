/* plugin/scheduler.c - what a scheduler is to the core: select, score, pick in one call.
 *
 * Owns the plugin's self and two arrays, rows and costs, which grow with the cluster and are
 * used again for each task. Nothing that the plugin writes is believed: every row is checked
 * against the bitmap of eligible ones, every cost starts as NaN, and the word behind the
 * arrays tells whether it wrote past their end. The brain's thread alone.
 */
#include "plugin/scheduler.h"

#include "base/utf8.h"
#include "plugin/outcome.h"

#include <assert.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define GUARD_ROW  UINT32_C(0x5ca1ab1e)
#define GUARD_COST 1234567.875 /* exact in binary */

struct scheduler {
	struct cube_scheduler_ops ops;
	void *self;
	char *name;
	char *spread_label; /* NULL: none */
	uint32_t *rows;     /* capacity + 1, as cost: the last is the guard */
	double *cost;
	size_t capacity;
};

int
scheduler_ops_read(const struct cube_scheduler_ops *theirs, struct cube_scheduler_ops *ops,
		   struct cube_error *err)
{
	const size_t least = offsetof(struct cube_scheduler_ops, pick) + sizeof(ops->pick);
	const char *missing = NULL;

	if (outcome_copy("struct cube_scheduler_ops", theirs, ops, sizeof(*ops), least, err) !=
	    0)
		return err->code;
	/* A length that ends within a pointer would leave half of one. */
	if (!CUBE_HAS(struct cube_scheduler_ops, ops, spread_label))
		ops->spread_label = NULL;
	if (ops->open == NULL)
		missing = "open";
	else if (ops->close == NULL)
		missing = "close";
	else if (ops->score == NULL)
		missing = "score";
	if (missing != NULL)
		return cube_fail(err, CUBE_ERR_INVALID, 0,
				 "the required function %s of a scheduler is missing", missing);
	return 0;
}

/* Text that a person can read: UTF-8 without control characters (C0, DEL, C1). */
static bool
is_label(const char *text, size_t size)
{
	if (utf8_valid_prefix(text, size) != size)
		return false;
	for (size_t i = 0; i < size; i++) {
		unsigned char byte = (unsigned char)text[i];

		if (byte < 0x20 || byte == 0x7f ||
		    (byte == 0xc2 && (unsigned char)text[i + 1] < 0xa0))
			return false;
	}
	return size > 0;
}

/* Asks for the label and copies it: the text is the plugin's, and so may be anything. */
static int
read_spread_label(struct scheduler *scheduler, struct cube_error *err)
{
	const char *label = NULL;
	size_t size;

	if (scheduler->ops.spread_label != NULL)
		label = scheduler->ops.spread_label(scheduler->self);
	if (label == NULL)
		return 0;
	size = strnlen(label, SCHEDULER_LABEL_MAX + 1);
	if (size > SCHEDULER_LABEL_MAX)
		return outcome_broken(scheduler->name, err,
				      "spread_label gave more than the %d bytes of a label",
				      SCHEDULER_LABEL_MAX);
	if (!is_label(label, size))
		return outcome_broken(scheduler->name, err,
				      size == 0 ? "spread_label gave an empty label"
						: "spread_label gave a label with a control "
						  "character or a byte that is no UTF-8");
	scheduler->spread_label = strndup(label, size);
	if (scheduler->spread_label == NULL)
		return cube_fail(err, CUBE_ERR_NO_MEMORY, 0, "%s: out of memory",
				 scheduler->name);
	return 0;
}

int
scheduler_open(const char *name, const struct cube_scheduler_ops *ops,
	       const struct cube_host *host, const char *const *options, struct scheduler **out,
	       struct cube_error *err)
{
	struct scheduler *scheduler = calloc(1, sizeof(*scheduler));

	if (scheduler == NULL || (scheduler->name = strdup(name)) == NULL) {
		free(scheduler);
		return cube_fail(err, CUBE_ERR_NO_MEMORY, 0, "%s: out of memory", name);
	}
	if (scheduler_ops_read(ops, &scheduler->ops, err) == 0) {
		outcome_expect(err);
		if (outcome_of(name, "open",
			       scheduler->ops.open(host, options, &scheduler->self, err),
			       err) == 0) {
			if (read_spread_label(scheduler, err) == 0) {
				*out = scheduler;
				return 0;
			}
			scheduler->ops.close(scheduler->self);
		}
	}
	free(scheduler->name);
	free(scheduler);
	return err->code;
}

void
scheduler_close(struct scheduler *scheduler)
{
	if (scheduler == NULL)
		return;
	scheduler->ops.close(scheduler->self);
	free(scheduler->rows);
	free(scheduler->cost);
	free(scheduler->spread_label);
	free(scheduler->name);
	free(scheduler);
}

bool
scheduler_chooses(const struct scheduler *scheduler)
{
	return scheduler->ops.select != NULL || scheduler->ops.pick != NULL;
}

bool
scheduler_is_pure(const struct scheduler *scheduler)
{
	return (scheduler->ops.flags & CUBE_SCHEDULER_ROW_PURE) != 0 &&
	       scheduler->ops.select == NULL && scheduler->ops.pick == NULL;
}

const char *
scheduler_name(const struct scheduler *scheduler)
{
	return scheduler->name;
}

const char *
scheduler_spread_label(const struct scheduler *scheduler)
{
	return scheduler->spread_label;
}

static int
make_room(struct scheduler *scheduler, size_t count, struct cube_error *err)
{
	size_t capacity = count + count / 2 + 16;
	uint32_t *rows;
	double *cost;

	if (count <= scheduler->capacity)
		return 0;
	rows = malloc((capacity + 1) * sizeof(*rows));
	cost = malloc((capacity + 1) * sizeof(*cost));
	if (rows == NULL || cost == NULL) {
		free(rows);
		free(cost);
		return cube_fail(err, CUBE_ERR_NO_MEMORY, 0, "no memory to score %zu nodes",
				 count);
	}
	free(scheduler->rows);
	free(scheduler->cost);
	scheduler->rows = rows;
	scheduler->cost = cost;
	scheduler->capacity = capacity;
	return 0;
}

static uint32_t
eligible_rows(const struct cube_nodes *nodes, const struct cube_demand *demand, uint32_t *rows)
{
	uint32_t n = 0;

	for (uint32_t base = 0; base < nodes->count; base += 64) {
		uint64_t bits = demand->eligible[base / 64];

		while (bits != 0) {
			uint32_t row = base + (uint32_t)__builtin_ctzll(bits);

			assert(row < nodes->count);
			rows[n++] = row;
			bits &= bits - 1;
		}
		if (base > UINT32_MAX - 64)
			break;
	}
	return n;
}

int
scheduler_check_rows(const char *name, const struct cube_nodes *nodes,
		     const struct cube_demand *demand, const uint32_t *rows, uint32_t n,
		     struct cube_error *err)
{
	if (n > nodes->count)
		return outcome_broken(name, err, "select chose %u of %u rows", n, nodes->count);
	for (uint32_t i = 0; i < n; i++) {
		if (rows[i] >= nodes->count)
			return outcome_broken(name, err, "select chose row %u of %u", rows[i],
					      nodes->count);
		if (i > 0 && rows[i] <= rows[i - 1])
			return outcome_broken(name, err, "select gave row %u after row %u",
					      rows[i], rows[i - 1]);
		if (!scheduler_bit(demand->eligible, rows[i]))
			return outcome_broken(name, err,
					      "select chose row %u, which is not eligible",
					      rows[i]);
	}
	return 0;
}

int
scheduler_check_winner(const char *name, const uint32_t *rows, const double *cost, uint32_t n,
		       uint32_t picked, struct cube_error *err)
{
	if (picked >= n)
		return outcome_broken(name, err, "pick chose index %u of %u", picked, n);
	if (isnan(cost[picked]))
		return outcome_broken(name, err, "pick chose row %u, whose cost is NaN",
				      rows[picked]);
	return 0;
}

static int
select_rows(struct scheduler *scheduler, const struct cube_nodes *nodes,
	    const struct cube_demand *demand, uint32_t *n, struct cube_error *err)
{
	int result;

	/* Also where the plugin selects: it is not asked when there is nothing to choose. */
	*n = eligible_rows(nodes, demand, scheduler->rows);
	if (*n == 0 || scheduler->ops.select == NULL)
		return 0;
	*n = 0;
	scheduler->rows[nodes->count] = GUARD_ROW;
	outcome_expect(err);
	result = scheduler->ops.select(scheduler->self, nodes, demand, scheduler->rows, n, err);
	if (outcome_of(scheduler->name, "select", result, err) != 0)
		return err->code;
	if (scheduler->rows[nodes->count] != GUARD_ROW)
		return outcome_broken(scheduler->name, err,
				      "select wrote more rows than the %u there are",
				      nodes->count);
	return scheduler_check_rows(scheduler->name, nodes, demand, scheduler->rows, *n, err);
}

int
scheduler_score(struct scheduler *scheduler, const struct cube_nodes *nodes,
		const struct cube_demand *demand, const uint32_t *rows, uint32_t n,
		double *cost, struct cube_error *err)
{
	int result;

	for (uint32_t i = 0; i < n; i++)
		cost[i] = NAN;
	cost[n] = GUARD_COST;
	outcome_expect(err);
	result = scheduler->ops.score(scheduler->self, nodes, demand, rows, n, cost, err);
	if (outcome_of(scheduler->name, "score", result, err) != 0)
		return err->code;
	if (cost[n] != GUARD_COST)
		return outcome_broken(scheduler->name, err,
				      "score wrote more costs than the %u rows it was asked",
				      n);
	return 0;
}

/* The first of the lowest costs, or SCHEDULER_NOTHING if all are NaN. */
static uint32_t
lowest(const double *cost, uint32_t n)
{
	uint32_t best = SCHEDULER_NOTHING;

	for (uint32_t i = 0; i < n; i++) {
		if (!isnan(cost[i]) && (best == SCHEDULER_NOTHING || cost[i] < cost[best]))
			best = i;
	}
	return best;
}

static int
pick_row(struct scheduler *scheduler, const struct cube_nodes *nodes,
	 const struct cube_demand *demand, uint32_t n, uint32_t *winner, struct cube_error *err)
{
	uint32_t picked = SCHEDULER_NOTHING;
	int result;

	if (scheduler->ops.pick == NULL)
		return 0;
	outcome_expect(err);
	result = scheduler->ops.pick(scheduler->self, nodes, demand, scheduler->rows,
				     scheduler->cost, n, &picked, err);
	if (outcome_of(scheduler->name, "pick", result, err) != 0)
		return err->code;
	if (scheduler_check_winner(scheduler->name, scheduler->rows, scheduler->cost, n, picked,
				   err) != 0)
		return err->code;
	*winner = picked;
	return 0;
}

int
scheduler_place(struct scheduler *scheduler, const struct cube_nodes *nodes,
		const struct cube_demand *demand, uint32_t *row, struct cube_error *err)
{
	uint32_t winner = SCHEDULER_NOTHING;
	uint32_t n;

	assert(demand->eligible != NULL || nodes->count == 0);
	if (make_room(scheduler, nodes->count, err) != 0 ||
	    select_rows(scheduler, nodes, demand, &n, err) != 0)
		return err->code;
	if (n == 0) {
		*row = SCHEDULER_NOTHING;
		return 0;
	}
	if (scheduler_score(scheduler, nodes, demand, scheduler->rows, n, scheduler->cost,
			    err) != 0)
		return err->code;
	winner = lowest(scheduler->cost, n);
	if (winner == SCHEDULER_NOTHING) {
		*row = SCHEDULER_NOTHING;
		return 0;
	}
	if (pick_row(scheduler, nodes, demand, n, &winner, err) != 0)
		return err->code;
	*row = scheduler->rows[winner];
	return 0;
}
