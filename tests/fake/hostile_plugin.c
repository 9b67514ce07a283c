/* tests/fake/hostile_plugin.c - a scheduler that breaks its contract in the way that its
 * option mode= names; sound where it is not told otherwise. */
#include <cube/scheduler.h>
#include <fcntl.h>
#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct hostile {
	const struct cube_host *host;
	const char *mode;
	unsigned scores; /* calls of score so far */
	void *kept;      /* memory of the host */
};

static unsigned opened; /* in this process, as no plugin may count */

static int
is(const struct hostile *hostile, const char *mode)
{
	return strcmp(hostile->mode, mode) == 0;
}

static void *
wait_for_ever(void *nothing)
{
	for (;;)
		(void)pause();
	return nothing;
}

/* What a plugin may not do to its process. */
static void
disturb_process(const struct hostile *hostile)
{
	pthread_t thread;

	if (is(hostile, "handler"))
		(void)signal(SIGUSR1, SIG_IGN);
	if (is(hostile, "environment"))
		(void)setenv("HOSTILE", "1", 1);
	if (is(hostile, "folder") && chdir("/") != 0)
		abort();
	if (is(hostile, "file") && open("/dev/null", O_RDONLY) < 0)
		abort();
	if (is(hostile, "thread") && pthread_create(&thread, NULL, wait_for_ever, NULL) != 0)
		abort();
}

/* What a plugin may do wrong with the host's memory. */
static int
take_memory(struct hostile *hostile, struct cube_error *err)
{
	const struct cube_host *host = hostile->host;

	hostile->kept = host->realloc(host->ctx, NULL, 24);
	if (is(hostile, "no-memory-crash"))
		memset(hostile->kept, 0, 24);
	if (hostile->kept == NULL) {
		int code =
			is(hostile, "no-memory-bug") ? CUBE_ERR_INTERNAL : CUBE_ERR_NO_MEMORY;

		if (!is(hostile, "no-memory-leak"))
			(void)host->realloc(host->ctx, hostile, 0);
		return cube_fail(err, code, 0, "out of memory");
	}
	if (is(hostile, "block-overrun"))
		memset(hostile->kept, 0, 25);
	return 0;
}

static int
hostile_open(const struct cube_host *host, const char *const *options, void **self,
	     struct cube_error *err)
{
	struct hostile *made;

	if (strcmp(options[0], "open-fails") == 0)
		return cube_fail(err, CUBE_ERR_UNAVAILABLE, 0, "not today");
	if (strcmp(options[0], "full-stop") == 0)
		return cube_fail(err, CUBE_ERR_UNAVAILABLE, 0, "not today.");
	if (strcmp(options[0], "opens-once") == 0 && opened++ > 0)
		return cube_fail(err, CUBE_ERR_UNAVAILABLE, 0, "already open");
	made = host->realloc(host->ctx, NULL, sizeof(*made));
	if (made == NULL)
		return cube_fail(err, CUBE_ERR_NO_MEMORY, 0, "out of memory");
	memset(made, 0, sizeof(*made));
	made->host = host;
	made->mode = options[0];
	if (is(made, "self-on-failure"))
		*self = made;
	if (take_memory(made, err) != 0)
		return err->code;
	disturb_process(made);
	*self = made;
	return 0;
}

static void
hostile_close(void *self)
{
	struct hostile *hostile = self;
	const struct cube_host *host = hostile->host;

	if (is(hostile, "closes-not"))
		return;
	(void)host->realloc(host->ctx, hostile->kept, 0);
	if (is(hostile, "frees-twice"))
		(void)host->realloc(host->ctx, hostile->kept, 0);
	(void)host->realloc(host->ctx, hostile, 0);
}

static int
hostile_select(void *self, const struct cube_nodes *nodes, const struct cube_demand *demand,
	       uint32_t *rows, uint32_t *n, struct cube_error *err)
{
	const struct hostile *hostile = self;

	uint32_t chosen = 0;

	for (uint32_t row = 0; row < nodes->count; row++) {
		if ((demand->eligible[row / 64] >> (row % 64) & 1) != 0)
			rows[chosen++] = row;
	}
	if (!is(hostile, "forgets-count"))
		*n = chosen;
	if (is(hostile, "crash-on-empty") && nodes->count == 0)
		rows[0] = nodes->tasks[0];
	if (is(hostile, "row-out-of-range") && *n > 0)
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

/* What a score may not do, and what it may not cost. */
static void
misbehave(struct hostile *hostile, const struct cube_nodes *nodes, uint32_t n, double *cost)
{
	if (is(hostile, "score-underrun"))
		*(volatile double *)(cost - 1) = 0;
	if (is(hostile, "column"))
		*(volatile uint32_t *)(uintptr_t)&nodes->tasks[0] = 7;
	if (is(hostile, "column-behind"))
		cost[0] = nodes->tasks[nodes->count];
	if (is(hostile, "crash"))
		raise(SIGSEGV);
	if (is(hostile, "abort")) {
		(void)fputs("a promise is broken\n", stderr);
		abort();
	}
	if (is(hostile, "exit"))
		exit(3);
	if (is(hostile, "hang"))
		for (volatile int i = 0; i >= 0;)
			;
	if (is(hostile, "sleep"))
		(void)wait_for_ever(NULL);
	if (is(hostile, "leak"))
		(void)hostile->host->realloc(hostile->host->ctx, NULL, 40);
	for (uint32_t i = 0; i < n; i++) {
		if (is(hostile, "state"))
			cost[i] = (i + hostile->scores) % n;
		if (is(hostile, "rand"))
			cost[i] = rand();
		if (is(hostile, "clock"))
			cost[i] = (double)((uint64_t)time(NULL) * (i + 1) % 101);
	}
	hostile->scores++;
}

static int
hostile_score(void *self, const struct cube_nodes *nodes, const struct cube_demand *demand,
	      const uint32_t *rows, uint32_t n, double *cost, struct cube_error *err)
{
	struct hostile *hostile = self;

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
	misbehave(hostile, nodes, n, cost);
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
	uint32_t best = 0;

	(void)nodes;
	(void)demand;
	(void)rows;
	(void)err;
	for (uint32_t i = 0; i < n; i++) {
		if (cost[i] >= cost[best])
			best = i;
	}
	*winner = best;
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
