/* check/score.c - what score promises alone: it changes nothing of itself, it keeps to its
 * time, and, where the plugin says ROW_PURE, the cost of a row is that of this row and the
 * task, whatever else is in the cluster, asked for or changed. Runs in the child of a check. */
#include "checks.h"
#include "policy.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define NODES       300
#define TIMED_NODES 10000
#define TIMED_MS    50
#define TIMED_TRIES 5
#define ROUNDS      20

/* The same to the bit; one NaN is as good as another. */
static bool
same_cost(double a, double b)
{
	uint64_t bits_of_a;
	uint64_t bits_of_b;

	memcpy(&bits_of_a, &a, sizeof(a));
	memcpy(&bits_of_b, &b, sizeof(b));
	return (isnan(a) && isnan(b)) || bits_of_a == bits_of_b;
}

/* Fails the check on an error. The costs are copied. */
static void
score(struct life *life, struct cluster *cluster, const uint32_t *rows, uint32_t n,
      double *cost)
{
	struct cube_error err;

	if (policy_score(life, cluster, rows, n, &err) != 0)
		trial_fail(life->trial, "score failed where nothing is wrong: %s", err.message);
	memcpy(cost, cluster->cost->start, n * sizeof(*cost));
}

void
check_score_twice(struct trial *trial)
{
	struct cluster cluster;
	struct random before;
	struct life life;
	uint32_t rows[NODES];
	double first[NODES];
	double again[NODES];
	uint32_t n;

	cluster_init(&cluster, trial, NODES, 4, AREA_TAIL);
	life_init(&life, trial, 1);
	life_open(&life);
	for (int round = 0; round < 5; round++) {
		if (policy_choice(&life, &cluster) == POLICY_NOTHING)
			break;
		n = policy_eligible(&cluster, rows);
		before = life.host.random;
		score(&life, &cluster, rows, n, first);
		life.host.random = before;
		score(&life, &cluster, rows, n, again);
		for (uint32_t i = 0; i < n; i++) {
			if (!same_cost(first[i], again[i]))
				trial_fail(trial,
					   "score changes self: row %u costs %.17g, and %.17g "
					   "when it is asked again at once",
					   rows[i], first[i], again[i]);
		}
	}
	life_drop(&life);
	life_release(&life);
	cluster_release(&cluster);
}

/* ---- ROW_PURE ---- */

struct purity {
	struct life life;
	struct cluster cluster;
	struct random random;
	double cost[NODES];  /* of each row, asked for all at once */
	double again[NODES]; /* of the rows of one call */
	uint32_t rows[NODES];
};

static void
expect(const struct purity *purity, uint32_t row, double cost, const char *when)
{
	if (!same_cost(purity->cost[row], cost))
		trial_fail(purity->life.trial,
			   "breaks ROW_PURE: row %u costs %.17g, and %.17g %s", row,
			   purity->cost[row], cost, when);
}

static void
score_all(struct purity *purity)
{
	for (uint32_t row = 0; row < NODES; row++)
		purity->rows[row] = row;
	score(&purity->life, &purity->cluster, purity->rows, NODES, purity->cost);
}

/* Any rows together, or one alone. */
static void
ask_in_parts(struct purity *purity)
{
	uint32_t share = 1 + (uint32_t)random_below(&purity->random, 10);
	uint32_t n = 0;

	for (uint32_t row = 0; row < NODES; row++) {
		if (random_below(&purity->random, 10) < share)
			purity->rows[n++] = row;
	}
	if (n == 0)
		purity->rows[n++] = 0;
	score(&purity->life, &purity->cluster, purity->rows, n, purity->again);
	for (uint32_t i = 0; i < n; i++)
		expect(purity, purity->rows[i], purity->again[i],
		       n == 1 ? "when it is asked for alone"
			      : "when it is asked for with other rows");
}

/* All rows but one become other nodes; what that one may look at stays as it was. */
static void
change_the_others(struct purity *purity, uint32_t kept)
{
	struct cluster *cluster = &purity->cluster;
	uint32_t of_domain = cluster->domain_peers[cluster->domain[kept]];

	areas_unlock(&cluster->areas);
	for (uint32_t row = 0; row < NODES; row++) {
		if (row == kept)
			continue;
		cluster_fill_row(cluster, row);
		cluster->key[row] ^= random_next(&purity->random) << 20;
	}
	cluster_settle(cluster);
	/* Peers elsewhere make up for it: the row's own domain has as many as before. */
	cluster->domain_peers[cluster->domain[kept]] = of_domain;
	cluster->eligible[kept / 64] |= UINT64_C(1) << (kept % 64);
	areas_lock(&cluster->areas);
	purity->rows[0] = kept;
	score(&purity->life, cluster, purity->rows, 1, purity->again);
	expect(purity, kept, purity->again[0], "when only other rows have changed");
	purity->life.host.now_ms += 3600000;
	(void)random_next(&purity->life.host.random);
	score(&purity->life, cluster, purity->rows, 1, purity->again);
	expect(purity, kept, purity->again[0], "when only the time and the generator went on");
}

static void
swap_bytes(void *a, void *b, size_t size)
{
	unsigned char kept[8];

	memcpy(kept, a, size);
	memcpy(a, b, size);
	memcpy(b, kept, size);
}

/* Two nodes change places. */
static void
swap_rows(struct cluster *cluster, uint32_t a, uint32_t b)
{
	swap_bytes(&cluster->key[a], &cluster->key[b], sizeof(uint64_t));
	swap_bytes(&cluster->tasks[a], &cluster->tasks[b], sizeof(uint32_t));
	for (size_t i = 0; i < 3; i++) {
		swap_bytes(&cluster->total[i][a], &cluster->total[i][b], sizeof(int64_t));
		swap_bytes(&cluster->free[i][a], &cluster->free[i][b], sizeof(int64_t));
	}
	swap_bytes(&cluster->busy[a], &cluster->busy[b], sizeof(float));
	swap_bytes(&cluster->domain[a], &cluster->domain[b], sizeof(uint32_t));
	swap_bytes(&cluster->peers[a], &cluster->peers[b], sizeof(uint32_t));
}

static void
move_rows(struct purity *purity)
{
	struct cluster *cluster = &purity->cluster;
	uint32_t was[NODES];

	areas_unlock(&cluster->areas);
	for (uint32_t row = 0; row < NODES; row++)
		was[row] = row;
	for (uint32_t row = NODES - 1; row > 0; row--) {
		uint32_t other = (uint32_t)random_below(&purity->random, row + 1);

		swap_rows(cluster, row, other);
		swap_bytes(&was[row], &was[other], sizeof(uint32_t));
	}
	cluster_settle(cluster);
	areas_lock(&cluster->areas);
	for (uint32_t row = 0; row < NODES; row++)
		purity->rows[row] = row;
	score(&purity->life, cluster, purity->rows, NODES, purity->again);
	for (uint32_t row = 0; row < NODES; row++)
		expect(purity, was[row], purity->again[row],
		       "when its node has moved to another row");
}

void
check_pure(struct trial *trial)
{
	static struct purity purity; /* of this child */
	struct cube_scheduler_ops ops;

	policy_ops(trial, &ops);
	if ((ops.flags & CUBE_SCHEDULER_ROW_PURE) == 0)
		trial_skip(trial, "it does not say ROW_PURE");
	if (!policy_is_pure(&ops))
		trial_skip(trial, "it has select or pick, and so ROW_PURE means nothing");
	random_seed(&purity.random, 5);
	cluster_init(&purity.cluster, trial, NODES, 6, AREA_TAIL);
	areas_unlock(&purity.cluster.areas);
	purity.cluster.demand->mcpu = 0; /* everything is eligible */
	purity.cluster.demand->memory_bytes = 0;
	purity.cluster.demand->disk_bytes = 0;
	cluster_settle(&purity.cluster);
	areas_lock(&purity.cluster.areas);
	life_init(&purity.life, trial, 1);
	life_open(&purity.life);
	if (!purity.life.spreads)
		cluster_forget_domains(&purity.cluster);
	score_all(&purity);
	for (int round = 0; round < ROUNDS; round++)
		ask_in_parts(&purity);
	for (int round = 0; round < ROUNDS; round++) {
		change_the_others(&purity, (uint32_t)random_below(&purity.random, NODES));
		areas_unlock(&purity.cluster.areas);
		cluster_settle(&purity.cluster);
		areas_lock(&purity.cluster.areas);
		score_all(&purity);
	}
	move_rows(&purity);
	life_drop(&purity.life);
	life_release(&purity.life);
	cluster_release(&purity.cluster);
}

/* ---- its time ---- */

static uint64_t
cpu_us(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

void
check_time(struct trial *trial)
{
	struct cluster cluster;
	uint32_t *rows = calloc(TIMED_NODES, sizeof(*rows));
	uint64_t best_us = UINT64_MAX;
	struct life life;
	uint32_t n;

	if (rows == NULL)
		trial_fail(trial, "no memory for the check");
	cluster_init(&cluster, trial, TIMED_NODES, 8, AREA_TAIL);
	life_init(&life, trial, 1);
	life_open(&life);
	if (!life.spreads)
		cluster_forget_domains(&cluster);
	n = policy_eligible(&cluster, rows);
	for (int i = 0; i < TIMED_TRIES; i++) {
		uint64_t begin_us = cpu_us();
		uint64_t took_us;
		struct cube_error err;

		if (policy_score(&life, &cluster, rows, n, &err) != 0)
			trial_fail(trial, "score failed where nothing is wrong: %s",
				   err.message);
		took_us = cpu_us() - begin_us;
		if (took_us < best_us)
			best_us = took_us;
	}
	if (best_us > UINT64_C(1000) * TIMED_MS)
		trial_fail(trial,
			   "score took %llu ms of processor time for %u rows, and may take %d",
			   (unsigned long long)(best_us / 1000), n, TIMED_MS);
	life_drop(&life);
	life_release(&life);
	cluster_release(&cluster);
	free(rows);
}
