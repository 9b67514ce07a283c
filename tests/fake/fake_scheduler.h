/* tests/fake/fake_scheduler.h - a scheduler whose functions must not be called: the fakes that
 * show one mistake each start from this table. */
#ifndef FAKE_SCHEDULER_H
#define FAKE_SCHEDULER_H

#include <cube/scheduler.h>
#include <stdlib.h>

static int
fake_open(const struct cube_host *host, const char *const *options, void **self,
	  struct cube_error *err)
{
	(void)host;
	(void)options;
	(void)self;
	(void)err;
	abort();
}

static void
fake_close(void *self)
{
	(void)self;
	abort();
}

static int
fake_score(void *self, const struct cube_nodes *nodes, const struct cube_demand *demand,
	   const uint32_t *rows, uint32_t n, double *cost, struct cube_error *err)
{
	(void)self;
	(void)nodes;
	(void)demand;
	(void)rows;
	(void)n;
	(void)cost;
	(void)err;
	abort();
}

static const struct cube_scheduler_ops fake_ops = {
	.struct_size = sizeof(fake_ops),
	.open = fake_open,
	.close = fake_close,
	.score = fake_score,
};

#define FAKE_PLUGIN(name_text)                                                          \
	CUBE_PLUGIN_HEADER(CUBE_PLUGIN_SCHEDULER), .name = (name_text), .version = "1", \
						   .summary = "a fake",                 \
						   .ops.scheduler = &fake_ops

#endif
