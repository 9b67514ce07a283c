/* plugin/scheduler.h - what a scheduler is to the core: select, score, pick in one call,
 * with the defaults for what a plugin leaves out and checks on what it returns.
 *
 * Used by the brain's thread alone.
 */
#ifndef PLUGIN_SCHEDULER_H
#define PLUGIN_SCHEDULER_H

#include "plugin/host.h"
#include "plugin/load.h"

#include <cube/scheduler.h>
#include <stdbool.h>

#define SCHEDULER_NOTHING   UINT32_MAX
#define SCHEDULER_LABEL_MAX 128 /* bytes of the label to spread over */

/* A copy of the plugin's table as large as this core knows, NULL where the plugin's is
 * shorter. INVALID: shorter than ABI 1.0's, or a required function is missing. */
int scheduler_ops_read(const struct cube_scheduler_ops *theirs, struct cube_scheduler_ops *ops,
		       struct cube_error *err);

struct scheduler; /* keeps the arrays of rows and costs between calls */

/* From a loaded plugin, or (the tests, the simulator) from an ops table linked in.
 * name is copied. The host and the plugin outlive it. */
int scheduler_open(const char *name, const struct cube_scheduler_ops *ops,
		   const struct cube_host *host, const char *const *options,
		   struct scheduler **out, struct cube_error *err);
void scheduler_close(struct scheduler *scheduler);
const char *scheduler_name(const struct scheduler *scheduler);
/* It selects or picks: the lowest cost need not be what it takes. */
bool scheduler_chooses(const struct scheduler *scheduler);
/* A cost depends on its row and the demand alone, and the lowest wins: costs may be kept. */
bool scheduler_is_pure(const struct scheduler *scheduler);

/* The label of nodes whose values the column domain tells apart, as the plugin said at open;
 * NULL: none. Valid until scheduler_close. One that cannot be a label fails the open. */
const char *scheduler_spread_label(const struct scheduler *scheduler);

/* The row that wins, or SCHEDULER_NOTHING if no row is eligible or the plugin wants none.
 * Rows out of range, unsorted or not eligible, a winner out of range or with a cost
 * of NaN: CUBE_ERR_INTERNAL naming the plugin and what it did; the caller leaves the
 * task pending. */
int scheduler_place(struct scheduler *scheduler, const struct cube_nodes *nodes,
		    const struct cube_demand *demand, uint32_t *row, struct cube_error *err);

/* What select and pick gave, held against the contract: n rows, ascending and eligible, and
 * an index in them whose cost is not NaN. INTERNAL says what the plugin did. */
int scheduler_check_rows(const char *name, const struct cube_nodes *nodes,
			 const struct cube_demand *demand, const uint32_t *rows, uint32_t n,
			 struct cube_error *err);
int scheduler_check_winner(const char *name, const uint32_t *rows, const double *cost,
			   uint32_t n, uint32_t picked, struct cube_error *err);

/* Step 2 alone, for rows that ascend and are eligible; n > 0. cost has room for n + 1. */
int scheduler_score(struct scheduler *scheduler, const struct cube_nodes *nodes,
		    const struct cube_demand *demand, const uint32_t *rows, uint32_t n,
		    double *cost, struct cube_error *err);

/* Bits of an eligible bitmap. */
static inline int
scheduler_bit(const uint64_t *bits, uint32_t row)
{
	return (int)(bits[row / 64] >> (row % 64) & 1);
}

#endif
