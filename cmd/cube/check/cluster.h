/* cube/check/cluster.h - a cluster as columns that a scheduler under check is handed.
 *
 * Every column, the bitmap, the counts of peers, the two structs and the arrays it writes to
 * are areas (area.h). The makers fill rows from a seeded generator and work out who is
 * eligible as the core does: each resource that is asked for fits into what is free. One
 * thread.
 */
#ifndef CHECK_CLUSTER_H
#define CHECK_CLUSTER_H

#include "area.h"
#include "base/random.h"

#include <cube/scheduler.h>

struct cluster {
	struct areas areas;
	struct random random;
	uint32_t count;
	uint32_t domains; /* ids below it are in use */
	bool spreads;     /* there is a label to spread over */

	/* Ours to write while unlocked. */
	struct cube_nodes *nodes;
	struct cube_demand *demand;
	uint64_t *key;
	uint32_t *tasks;
	int64_t *total[3]; /* mcpu, memory, disk */
	int64_t *free[3];
	float *busy;
	uint32_t *domain;
	uint64_t *eligible;
	uint32_t *peers;
	uint32_t *domain_peers;

	struct area *selected; /* what select writes */
	struct area *asked;    /* the rows that score and pick are asked for */
	struct area *cost;     /* what score writes */
	struct area *costs;    /* the same, as pick reads it */
	struct area *answer;   /* a uint32_t: how many rows, or the winner */
};

/* Ordinary nodes, three in four of them able to take an ordinary task of a group, in some
 * domains; the first is able to. Locked. */
void cluster_init(struct cluster *cluster, struct trial *trial, uint32_t count, uint64_t seed,
		  enum area_side side);
void cluster_release(struct cluster *cluster);

/* All of these while unlocked. */
void cluster_fill_row(struct cluster *cluster, uint32_t row);
/* Eligible is whoever has room; and the counts per domain. After rows were changed. */
void cluster_settle(struct cluster *cluster);
/* group 0: no peers are told. */
void cluster_set_group(struct cluster *cluster, uint32_t group);

/* The plugin has no label to spread over: no domains are told. Locked before and after. */
void cluster_forget_domains(struct cluster *cluster);

/* A task goes there: what is free, the tasks and the peers change. Locked before and after. */
void cluster_take(struct cluster *cluster, uint32_t row);

#endif
