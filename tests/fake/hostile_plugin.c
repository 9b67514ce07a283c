/* tests/fake/hostile_plugin.c - a scheduler that breaks its contract in the way that its
 * option mode= names; sound where it is not told otherwise. */
#include <cube/scheduler.h>
#include <math.h>
#include <string.h>

struct hostile {
	const char *mode;
};

static struct hostile the_one;

static int
is(const struct hostile *hostile, const char *mode)
{
	return strcmp(hostile->mode, mode) == 0;
}

static int
hostile_open(const struct cube_host *host, const char *const *options, void **self,
	     struct cube_error *err)
{
	(void)host;
	if (strcmp(options[0], "open-fails") == 0)
		return cube_fail(err, CUBE_ERR_UNAVAILABLE, 0, "not today");
	the_one.mode = options[0];
	*self = &the_one;
	return 0;
}

static void
hostile_close(void *self)
{
	(void)self;
}

static int
hostile_select(void *self, const struct cube_nodes *nodes, const struct cube_demand *demand,
	       uint32_t *rows, uint32_t *n, struct cube_error *err)
{
	const struct hostile *hostile = self;

	*n = 0;
	for (uint32_t row = 0; row < nodes->count; row++) {
		if ((demand->eligible[row / 64] >> (row % 64) & 1) != 0)
			rows[(*n)++] = row;
	}
	if (is(hostile, "row-out-of-range"))
		rows[*n - 1] = nodes->count;
	if (is(hostile, "too-many"))
		*n = nodes->count + 1000;
	if (is(hostile, "overrun"))
		rows[nodes->count] = 0;
	if (is(hostile, "unsorted") && *n > 1) {
		uint32_t first = rows[0];

		rows[0] = rows[1];
		rows[1] = first;
	}
	if (is(hostile, "doubled") && *n > 1)
		rows[1] = rows[0];
	if (is(hostile, "not-eligible")) {
		for (uint32_t row = 0; row < nodes->count; row++)
			rows[row] = row;
		*n = nodes->count;
	}
	if (is(hostile, "none"))
		*n = 0;
	if (is(hostile, "select-fails")) {
		memset(err->message, 'x', sizeof(err->message)); /* no NUL */
		return CUBE_ERR_UNAVAILABLE;
	}
	return 0;
}

static int
hostile_score(void *self, const struct cube_nodes *nodes, const struct cube_demand *demand,
	      const uint32_t *rows, uint32_t n, double *cost, struct cube_error *err)
{
	const struct hostile *hostile = self;

	(void)nodes;
	(void)demand;
	(void)err;
	if (is(hostile, "score-nothing"))
		return 0;
	for (uint32_t i = 0; i < n; i++)
		cost[i] = is(hostile, "nan") ? (double)NAN : (double)rows[i];
	if (is(hostile, "infinite")) {
		for (uint32_t i = 0; i < n; i++)
			cost[i] = (double)INFINITY;
	}
	if (is(hostile, "score-overrun"))
		cost[n] = 0;
	if (is(hostile, "silent"))
		return CUBE_ERR_INTERNAL;
	if (is(hostile, "strange-code"))
		return 77;
	return 0;
}

static int
hostile_pick(void *self, const struct cube_nodes *nodes, const struct cube_demand *demand,
	     const uint32_t *rows, const double *cost, uint32_t n, uint32_t *winner,
	     struct cube_error *err)
{
	const struct hostile *hostile = self;

	(void)nodes;
	(void)demand;
	(void)rows;
	(void)cost;
	(void)err;
	*winner = n - 1;
	if (is(hostile, "winner-out-of-range"))
		*winner = n;
	return 0;
}

static const struct cube_option hostile_options[] = {
	{"mode", "sound", "which promise to break"},
	{NULL, NULL, NULL},
};

static const struct cube_scheduler_ops hostile_ops = {
	.struct_size = sizeof(hostile_ops),
	.open = hostile_open,
	.close = hostile_close,
	.select = hostile_select,
	.score = hostile_score,
	.pick = hostile_pick,
};

const struct cube_plugin cube_plugin = {
	CUBE_PLUGIN_HEADER(CUBE_PLUGIN_SCHEDULER),
	.name = "hostile",
	.version = "1",
	.summary = "breaks one promise at a time",
	.options = hostile_options,
	.ops.scheduler = &hostile_ops,
};
