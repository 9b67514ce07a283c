/* tests/fake/reckless_plugin.c - a scheduler that breaks another promise with each call, at
 * random, for as long as it runs; about half of its choices are sound, so that the cluster
 * fills up meanwhile. It chooses rows that are not eligible, not there, doubled or out of
 * order, writes behind its arrays, fails, says NaN, puts other rows in the place of those that
 * were checked, and writes into the columns and the bitmap that it may only read. The simulator
 * runs with it: it may delay a task, and nothing else. Its chance is the host's, so a seed
 * repeats itself.
 */
#include <cube/scheduler.h>
#include <math.h>
#include <string.h>

enum whim {
	WHIM_ALL_ROWS,
	WHIM_ONLY_FORBIDDEN,
	WHIM_OUT_OF_RANGE,
	WHIM_TOO_MANY,
	WHIM_OVERRUN,
	WHIM_BACKWARDS,
	WHIM_DOUBLED,
	WHIM_NONE,
	WHIM_SELECT_FAILS,
	WHIM_SCORE_FAILS,
	WHIM_PICK_FAILS,
	WHIM_STRANGE_CODE,
	WHIM_NAN,
	WHIM_NAN_PICKED,
	WHIM_SCORE_OVERRUN,
	WHIM_ROWS_EXCHANGED,
	WHIM_ROWS_EXCHANGED_LATE,
	WHIM_PICK_OUT_OF_RANGE,
	WHIM_COLUMNS_WRITTEN,
	WHIM_ELIGIBLE_WRITTEN,
	WHIM_COUNT,
	WHIM_SOUND
};

struct reckless {
	const struct cube_host *host;
	enum whim whim; /* of this task */
};

static int
reckless_open(const struct cube_host *host, const char *const *options, void **self,
	      struct cube_error *err)
{
	struct reckless *made = host->realloc(host->ctx, NULL, sizeof(*made));

	(void)options;
	if (made == NULL)
		return cube_fail(err, CUBE_ERR_NO_MEMORY, 0, "out of memory");
	made->host = host;
	made->whim = WHIM_SOUND;
	*self = made;
	return 0;
}

static void
reckless_close(void *self)
{
	struct reckless *reckless = self;

	(void)reckless->host->realloc(reckless->host->ctx, reckless, 0);
}

static uint64_t
below(const struct reckless *reckless, uint64_t bound)
{
	return reckless->host->random(reckless->host->ctx) % bound;
}

static int
is_eligible(const struct cube_demand *demand, uint32_t row)
{
	return (demand->eligible[row / 64] >> (row % 64) & 1) != 0;
}

/* A row that may not be chosen, if there is one; else any. */
static uint32_t
forbidden_row(const struct reckless *reckless, const struct cube_nodes *nodes,
	      const struct cube_demand *demand)
{
	uint32_t first = (uint32_t)below(reckless, nodes->count);

	for (uint32_t i = 0; i < nodes->count; i++) {
		uint32_t row = (first + i) % nodes->count;

		if (!is_eligible(demand, row))
			return row;
	}
	return first;
}

static uint32_t
take_rows(const struct cube_nodes *nodes, const struct cube_demand *demand, uint32_t *rows,
	  int eligible)
{
	uint32_t n = 0;

	for (uint32_t row = 0; row < nodes->count; row++)
		if (is_eligible(demand, row) == eligible)
			rows[n++] = row;
	return n;
}

static int
reckless_select(void *self, const struct cube_nodes *nodes, const struct cube_demand *demand,
		uint32_t *rows, uint32_t *n, struct cube_error *err)
{
	struct reckless *reckless = self;
	uint32_t first;

	reckless->whim = (enum whim)below(reckless, 2 * (uint64_t)WHIM_COUNT);
	*n = take_rows(nodes, demand, rows, 1);
	first = rows[0];
	switch (reckless->whim) {
	case WHIM_ALL_ROWS:
		for (uint32_t row = 0; row < nodes->count; row++)
			rows[row] = row;
		*n = nodes->count;
		break;
	case WHIM_ONLY_FORBIDDEN:
		*n = take_rows(nodes, demand, rows, 0);
		break;
	case WHIM_OUT_OF_RANGE:
		rows[*n - 1] = nodes->count + (uint32_t)below(reckless, 1u << 31);
		break;
	case WHIM_TOO_MANY:
		*n = nodes->count + 1 + (uint32_t)below(reckless, 1u << 30);
		break;
	case WHIM_OVERRUN:
		rows[nodes->count] = 0;
		break;
	case WHIM_BACKWARDS:
		rows[0] = rows[*n - 1];
		rows[*n - 1] = first;
		break;
	case WHIM_DOUBLED:
		rows[*n - 1] = first;
		break;
	case WHIM_NONE:
		*n = 0;
		break;
	case WHIM_SELECT_FAILS:
		memset(err->message, 'x', sizeof(err->message)); /* no NUL */
		return CUBE_ERR_UNAVAILABLE;
	default:
		break;
	}
	return 0;
}

/* The array is the core's own, and const only by promise. */
static void
exchange(const struct reckless *reckless, const struct cube_nodes *nodes,
	 const struct cube_demand *demand, const uint32_t *rows, uint32_t n)
{
	uint32_t *writable = (uint32_t *)(uintptr_t)rows;

	for (uint32_t i = 0; i < n; i++)
		writable[i] = below(reckless, 4) == 0 ? nodes->count + i
						      : forbidden_row(reckless, nodes, demand);
}

/* All that there is looks free, or nothing does. */
static void
write_columns(const struct reckless *reckless, const struct cube_nodes *nodes)
{
	int64_t *mcpu = (int64_t *)(uintptr_t)nodes->free_mcpu;
	int64_t *memory_bytes = (int64_t *)(uintptr_t)nodes->free_memory_bytes;
	int64_t free_amount = below(reckless, 4) == 0 ? -1 : INT64_MAX / 2;

	for (uint32_t row = 0; row < nodes->count; row++) {
		mcpu[row] = free_amount;
		memory_bytes[row] = free_amount;
	}
}

static void
write_eligible(const struct reckless *reckless, const struct cube_nodes *nodes,
	       const struct cube_demand *demand)
{
	uint64_t *eligible = (uint64_t *)(uintptr_t)demand->eligible;

	for (uint32_t row = 0; row < nodes->count; row++) {
		if (below(reckless, 2) == 0)
			eligible[row / 64] ^= UINT64_C(1) << (row % 64);
	}
}

static int
reckless_score(void *self, const struct cube_nodes *nodes, const struct cube_demand *demand,
	       const uint32_t *rows, uint32_t n, double *cost, struct cube_error *err)
{
	struct reckless *reckless = self;

	for (uint32_t i = 0; i < n; i++)
		cost[i] = reckless->whim == WHIM_NAN ? (double)NAN
						     : (double)below(reckless, 1000) - 500;
	if (reckless->whim == WHIM_NAN_PICKED)
		cost[n - 1] = (double)NAN;
	if (reckless->whim == WHIM_SCORE_OVERRUN)
		cost[n] = 0;
	if (reckless->whim == WHIM_ROWS_EXCHANGED)
		exchange(reckless, nodes, demand, rows, n);
	if (reckless->whim == WHIM_COLUMNS_WRITTEN)
		write_columns(reckless, nodes);
	if (reckless->whim == WHIM_ELIGIBLE_WRITTEN)
		write_eligible(reckless, nodes, demand);
	if (reckless->whim == WHIM_SCORE_FAILS)
		return cube_fail(err, CUBE_ERR_INTERNAL, 0, "a whim");
	return reckless->whim == WHIM_STRANGE_CODE ? 77 : 0;
}

static int
reckless_pick(void *self, const struct cube_nodes *nodes, const struct cube_demand *demand,
	      const uint32_t *rows, const double *cost, uint32_t n, uint32_t *winner,
	      struct cube_error *err)
{
	struct reckless *reckless = self;

	(void)cost;
	(void)err;
	*winner = (uint32_t)below(reckless, n);
	if (reckless->whim == WHIM_NAN_PICKED)
		*winner = n - 1;
	if (reckless->whim == WHIM_PICK_OUT_OF_RANGE)
		*winner = n + (uint32_t)below(reckless, 1u << 31);
	if (reckless->whim == WHIM_ROWS_EXCHANGED_LATE)
		exchange(reckless, nodes, demand, rows, n);
	return reckless->whim == WHIM_PICK_FAILS ? CUBE_ERR_TIMEOUT : 0;
}

static const struct cube_option reckless_options[] = {{NULL, NULL, NULL}};

static const struct cube_scheduler_ops reckless_ops = {
	.struct_size = sizeof(reckless_ops),
	.open = reckless_open,
	.close = reckless_close,
	.select = reckless_select,
	.score = reckless_score,
	.pick = reckless_pick,
};

const struct cube_plugin cube_plugin = {
	CUBE_PLUGIN_HEADER(CUBE_PLUGIN_SCHEDULER),
	.name = "reckless",
	.version = "1",
	.summary = "breaks another promise with each call",
	.options = reckless_options,
	.ops.scheduler = &reckless_ops,
};
