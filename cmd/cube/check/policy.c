/* check/policy.c - see the header. Owns nothing: self and arrays are life's and cluster's. */
#include "policy.h"

#include "plugin/scheduler.h"

#include <math.h>
#include <string.h>

#define UNTOUCHED UINT32_C(0xfeedbeef) /* no count and no index that is right */

void
policy_ops(struct trial *trial, struct cube_scheduler_ops *ops)
{
	struct cube_error err;

	if (scheduler_ops_read(trial->subject->plugin->info.ops.scheduler, ops, &err) != 0)
		trial_fail(trial, "%s", err.message);
}

bool
policy_is_pure(const struct cube_scheduler_ops *ops)
{
	return (ops->flags & CUBE_SCHEDULER_ROW_PURE) != 0 && ops->select == NULL &&
	       ops->pick == NULL;
}

uint32_t
policy_eligible(const struct cluster *cluster, uint32_t *rows)
{
	uint32_t n = 0;

	for (uint32_t row = 0; row < cluster->count; row++) {
		if (scheduler_bit(cluster->eligible, row))
			rows[n++] = row;
	}
	return n;
}

int
policy_select(struct life *life, struct cluster *cluster, uint32_t *n, struct cube_error *err)
{
	struct trial *trial = life->trial;
	uint32_t *answer = area_fit(&cluster->areas, cluster->answer, 1);
	uint32_t *rows = area_fit(&cluster->areas, cluster->selected, cluster->count);
	struct cube_scheduler_ops ops;
	int result;

	if (cluster->spreads && !life->spreads)
		cluster_forget_domains(cluster);
	policy_ops(trial, &ops);
	if (ops.select == NULL) {
		*n = policy_eligible(cluster, rows);
		return 0;
	}
	*answer = UNTOUCHED;
	memset(err, 0, sizeof(*err));
	trial_calls(trial, "select");
	result = ops.select(life->self, cluster->nodes, cluster->demand, rows, answer, err);
	trial_returned(trial);
	areas_check(&cluster->areas, "select");
	if (trial_outcome(trial, "select", result, err) != 0)
		return err->code;
	if (*answer == UNTOUCHED)
		trial_fail(trial, "select did not say how many rows it chose");
	if (scheduler_check_rows(trial->subject->plugin->info.name, cluster->nodes,
				 cluster->demand, rows, *answer, err) != 0)
		trial_fail(trial, "%s", trial_words(err));
	*n = *answer;
	return 0;
}

int
policy_score(struct life *life, struct cluster *cluster, const uint32_t *rows, uint32_t n,
	     struct cube_error *err)
{
	struct trial *trial = life->trial;
	struct cube_scheduler_ops ops;
	uint32_t *asked;
	double *cost;
	int result;

	policy_ops(trial, &ops);
	areas_unlock(&cluster->areas);
	asked = area_fit(&cluster->areas, cluster->asked, n);
	memmove(asked, rows, n * sizeof(*asked));
	cost = area_fit(&cluster->areas, cluster->cost, n);
	for (uint32_t i = 0; i < n; i++)
		cost[i] = NAN;
	areas_lock(&cluster->areas);
	memset(err, 0, sizeof(*err));
	trial_calls(trial, "score");
	result = ops.score(life->self, cluster->nodes, cluster->demand, asked, n, cost, err);
	trial_returned(trial);
	areas_check(&cluster->areas, "score");
	return trial_outcome(trial, "score", result, err);
}

/* The first of the lowest costs; POLICY_NOTHING if all are NaN. */
static uint32_t
cheapest(const double *cost, uint32_t n)
{
	uint32_t best = POLICY_NOTHING;

	for (uint32_t i = 0; i < n; i++) {
		if (!isnan(cost[i]) && (best == POLICY_NOTHING || cost[i] < cost[best]))
			best = i;
	}
	return best;
}

static int
pick(struct life *life, struct cluster *cluster, uint32_t n, uint32_t *winner,
     struct cube_error *err)
{
	struct trial *trial = life->trial;
	const uint32_t *asked = (const uint32_t *)cluster->asked->start;
	uint32_t *answer = area_fit(&cluster->areas, cluster->answer, 1);
	struct cube_scheduler_ops ops;
	double *costs;
	int result;

	policy_ops(trial, &ops);
	if (ops.pick == NULL)
		return 0;
	areas_unlock(&cluster->areas);
	costs = area_fit(&cluster->areas, cluster->costs, n);
	memcpy(costs, cluster->cost->start, n * sizeof(*costs));
	areas_lock(&cluster->areas);
	*answer = UNTOUCHED;
	memset(err, 0, sizeof(*err));
	trial_calls(trial, "pick");
	result = ops.pick(life->self, cluster->nodes, cluster->demand, asked, costs, n, answer,
			  err);
	trial_returned(trial);
	areas_check(&cluster->areas, "pick");
	if (trial_outcome(trial, "pick", result, err) != 0)
		return err->code;
	if (*answer == UNTOUCHED)
		trial_fail(trial, "pick did not name a winner");
	if (scheduler_check_winner(trial->subject->plugin->info.name, asked, costs, n, *answer,
				   err) != 0)
		trial_fail(trial, "%s", trial_words(err));
	*winner = *answer;
	return 0;
}

int
policy_place(struct life *life, struct cluster *cluster, uint32_t *row, struct cube_error *err)
{
	uint32_t winner;
	uint32_t n = 0;

	*row = POLICY_NOTHING;
	if (policy_select(life, cluster, &n, err) != 0)
		return err->code;
	if (n == 0)
		return 0;
	if (policy_score(life, cluster, (const uint32_t *)cluster->selected->start, n, err) !=
	    0)
		return err->code;
	winner = cheapest((const double *)cluster->cost->start, n);
	if (winner == POLICY_NOTHING)
		return 0;
	if (pick(life, cluster, n, &winner, err) != 0)
		return err->code;
	*row = ((const uint32_t *)cluster->asked->start)[winner];
	return 0;
}

uint32_t
policy_choice(struct life *life, struct cluster *cluster)
{
	struct cube_error err;
	uint32_t row;

	if (policy_place(life, cluster, &row, &err) != 0)
		trial_fail(life->trial, "failed where nothing is wrong: %s", err.message);
	return row;
}
