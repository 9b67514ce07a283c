/* check/scheduler.c - clusters and tasks that a scheduler must take as they come: none, one,
 * very many, with numbers at their ends, with loads that are not known. Every array has nothing
 * around it (area.h), at one side or the other. Runs in the child of a check. */
#include "plugin/scheduler.h"
#include "checks.h"
#include "kind.h"
#include "policy.h"

#include <math.h>
#include <string.h>

#define STAGE_NODES 70 /* more than a word of the bitmap */
#define HUGE_NODES  100000

/* ---- what all kinds are checked with ---- */

static void
setup(struct trial *trial)
{
	static struct cluster stage; /* of this child */

	cluster_init(&stage, trial, STAGE_NODES, 1, AREA_TAIL);
	trial->stage = &stage;
}

static int
exercise(struct life *life, struct cube_error *err)
{
	uint32_t row;

	for (int i = 0; i < 3; i++) {
		if (policy_place(life, life->trial->stage, &row, err) != 0)
			return err->code;
	}
	return 0;
}

/* ---- scenes ---- */

/* A cluster of its own, placed on a few times with a fresh instance. Errors are allowed where
 * the numbers are such as no real cluster has. */
static void
play(struct trial *trial, struct cluster *cluster, bool may_fail)
{
	struct cube_error err;
	struct life life;
	uint32_t row;

	life_init(&life, trial, 1);
	life_open(&life);
	for (int i = 0; i < 3; i++) {
		if (policy_place(&life, cluster, &row, &err) != 0) {
			if (!may_fail)
				trial_fail(trial, "failed where nothing is wrong: %s",
					   err.message);
			break;
		}
		if (row != POLICY_NOTHING && !may_fail)
			cluster_take(cluster, row);
	}
	life_drop(&life);
	life_release(&life);
}

typedef void change_function(struct cluster *cluster);

/* Of this many nodes, changed; with either side of the arrays bare. */
static void
play_changed(struct trial *trial, uint32_t count, change_function *change, bool may_fail,
	     const char *scene)
{
	for (int side = AREA_TAIL; side <= AREA_HEAD; side++) {
		struct cluster cluster;

		trial_scene(trial, "%s", scene);
		cluster_init(&cluster, trial, count, count + 1, (enum area_side)side);
		if (change != NULL) {
			areas_unlock(&cluster.areas);
			change(&cluster);
			areas_lock(&cluster.areas);
		}
		play(trial, &cluster, may_fail);
		cluster_release(&cluster);
	}
}

static void
check_empty(struct trial *trial)
{
	play_changed(trial, 0, NULL, false, "an empty cluster");
}

static void
none_eligible(struct cluster *cluster)
{
	memset(cluster->eligible, 0, ((size_t)cluster->count + 63) / 64 * 8);
}

static void
last_eligible(struct cluster *cluster)
{
	uint32_t last = cluster->count - 1;

	none_eligible(cluster);
	cluster->eligible[last / 64] |= UINT64_C(1) << (last % 64);
}

static void
third_eligible(struct cluster *cluster)
{
	none_eligible(cluster);
	for (uint32_t row = 0; row < cluster->count; row += 3)
		cluster->eligible[row / 64] |= UINT64_C(1) << (row % 64);
}

static void
check_eligible(struct trial *trial)
{
	play_changed(trial, 200, none_eligible, false, "200 nodes, none eligible");
	play_changed(trial, 200, last_eligible, false, "200 nodes, the last one eligible");
	play_changed(trial, 200, third_eligible, false, "200 nodes, each third eligible");
}

static void
check_sizes(struct trial *trial)
{
	static const uint32_t counts[] = {1, 2, 63, 64, 65, 512, 1000, 1024};

	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		char scene[32];

		(void)snprintf(scene, sizeof(scene), "%u node%s", counts[i],
			       counts[i] == 1 ? "" : "s");
		play_changed(trial, counts[i], NULL, false, scene);
	}
}

static void
check_huge(struct trial *trial)
{
	play_changed(trial, HUGE_NODES, NULL, false, "100,000 nodes");
}

static void
busy_unknown(struct cluster *cluster)
{
	for (uint32_t row = 0; row < cluster->count; row++)
		cluster->busy[row] = (float)NAN;
}

static void
check_busy(struct trial *trial)
{
	play_changed(trial, 100, busy_unknown, false, "cpu_busy NaN everywhere");
}

static void
demand_nothing(struct cluster *cluster)
{
	cluster->demand->mcpu = 0;
	cluster->demand->memory_bytes = 0;
	cluster->demand->disk_bytes = 0;
	cluster_settle(cluster);
}

static void
total_nothing(struct cluster *cluster)
{
	for (uint32_t row = 0; row < cluster->count; row++) {
		for (size_t i = 0; i < 3; i++) {
			cluster->total[i][row] = 0;
			cluster->free[i][row] = 0;
		}
	}
	demand_nothing(cluster);
}

static void
free_negative(struct cluster *cluster)
{
	for (uint32_t row = 0; row < cluster->count; row++) {
		for (size_t i = 0; i < 3; i++)
			cluster->free[i][row] = -cluster->total[i][row] / (1 + row % 3);
	}
	demand_nothing(cluster);
}

static void
totals_largest(struct cluster *cluster)
{
	for (uint32_t row = 0; row < cluster->count; row++) {
		cluster->tasks[row] = UINT32_MAX;
		for (size_t i = 0; i < 3; i++) {
			cluster->total[i][row] = INT64_MAX;
			cluster->free[i][row] = row % 2 == 0 ? INT64_MAX : 0;
		}
	}
	cluster_settle(cluster);
}

static void
demand_largest(struct cluster *cluster)
{
	cluster->demand->mcpu = INT64_MAX;
	cluster->demand->memory_bytes = INT64_MAX;
	cluster->demand->disk_bytes = INT64_MAX;
	totals_largest(cluster);
}

static void
free_smallest(struct cluster *cluster)
{
	demand_nothing(cluster);
	for (uint32_t row = 0; row < cluster->count; row++) {
		for (size_t i = 0; i < 3; i++) {
			cluster->total[i][row] = row % 2 == 0 ? INT64_MAX : 0;
			cluster->free[i][row] = INT64_MIN;
		}
	}
}

static void
check_capacity(struct trial *trial)
{
	play_changed(trial, 100, total_nothing, false, "nodes that have nothing");
	play_changed(trial, 100, free_negative, false, "nodes with less than nothing free");
	play_changed(trial, 100, demand_nothing, false, "a task that asks for nothing");
}

static void
check_extremes(struct trial *trial)
{
	play_changed(trial, 100, totals_largest, true, "INT64_MAX of everything");
	play_changed(trial, 100, demand_largest, true, "a task that asks for INT64_MAX");
	play_changed(trial, 100, free_smallest, true, "INT64_MIN free");
}

static void
no_group(struct cluster *cluster)
{
	cluster_set_group(cluster, 0);
}

static void
one_domain(struct cluster *cluster)
{
	for (uint32_t row = 0; row < cluster->count; row++)
		cluster->domain[row] = 0;
	cluster_settle(cluster);
}

static void
peers_many(struct cluster *cluster)
{
	for (uint32_t row = 0; row < cluster->count; row++)
		cluster->peers[row] = 1000000;
	cluster_settle(cluster);
}

static void
check_groups(struct trial *trial)
{
	play_changed(trial, 100, no_group, false, "a task of no group");
	play_changed(trial, 100, one_domain, false, "no node with the label to spread over");
	play_changed(trial, 100, peers_many, false, "a million peers on each node");
}

/* As the core opens it and asks it: the label is one, and the choice is that of the steps. */
static void
check_core(struct trial *trial)
{
	const struct cube_plugin *info = &trial->subject->plugin->info;
	struct cluster *cluster = trial->stage;
	struct scheduler *scheduler;
	struct cube_error err;
	struct life lives[2];
	uint32_t row;

	for (int i = 0; i < 2; i++)
		life_init(&lives[i], trial, i + 1);
	life_open(&lives[0]);
	trial_calls(trial, "open");
	if (scheduler_open(info->name, info->ops.scheduler, &lives[1].host.plugin.host,
			   lives[1].options, &scheduler, &err) != 0)
		trial_fail(trial, "%s", err.message);
	for (int i = 0; i < 20; i++) {
		uint32_t ours = policy_choice(&lives[0], cluster);

		trial_calls(trial, "select, score or pick");
		if (scheduler_place(scheduler, cluster->nodes, cluster->demand, &row, &err) !=
		    0)
			trial_fail(trial, "%s", err.message);
		trial_returned(trial);
		if (row != ours)
			trial_fail(trial,
				   "chose row %d, and then row %d for the same task on "
				   "another instance",
				   (int)ours, (int)row);
		if (row != POLICY_NOTHING)
			cluster_take(cluster, row);
	}
	trial_calls(trial, "close");
	scheduler_close(scheduler);
	life_drop(&lives[0]);
	life_release(&lives[0]);
	life_release(&lives[1]);
}

static const struct check checks[] = {
	/* The first, for what comes much later. */
	{.name = "makes its choices", .run = check_remember},
	{.name = "is what the core takes it for", .run = check_core},
	{.name = "takes an empty cluster", .run = check_empty},
	{.name = "takes clusters of any size", .run = check_sizes},
	{.name = "takes 100,000 nodes", .run = check_huge, .least_ms = 2000},
	{.name = "keeps to the rows that are eligible", .run = check_eligible},
	{.name = "takes loads that are not known", .run = check_busy},
	{.name = "takes nodes without room and tasks without wishes", .run = check_capacity},
	{.name = "takes the largest and smallest numbers", .run = check_extremes},
	{.name = "takes tasks of a group and of none", .run = check_groups},
	{.name = "makes the same choices twice", .run = check_same},
	{.name = "changes nothing of itself in score", .run = check_score_twice},
	{.name = "chooses the same however often score was called", .run = check_score_between},
	{.name = "scores a row by that row alone (ROW_PURE)", .run = check_pure},
	{.name = "scores 10,000 nodes in 50 ms", .run = check_time},
	{.name = "makes the same choices at another time", .run = check_recall},
	{.name = NULL},
};

const struct kind kind_scheduler = {
	.kind = CUBE_PLUGIN_SCHEDULER,
	.setup = setup,
	.exercise = exercise,
	.calls = 300,
	.checks = checks,
};
