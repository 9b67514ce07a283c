/* cube/check/policy.h - the three steps of a scheduler, called with guarded arrays and held to
 * the contract at each. What the core's own wrapper checks is checked by the same functions
 * (core/plugin/scheduler.c). One thread. */
#ifndef CHECK_POLICY_H
#define CHECK_POLICY_H

#include "cluster.h"
#include "life.h"

#define POLICY_NOTHING UINT32_MAX

/* The plugin's table as large as this core knows. */
void policy_ops(struct trial *trial, struct cube_scheduler_ops *ops);

/* Do kept costs of this one stay right? */
bool policy_is_pure(const struct cube_scheduler_ops *ops);

/* Writes the eligible rows, ascending; returns how many. */
uint32_t policy_eligible(const struct cluster *cluster, uint32_t *rows);

/* The rows that may take the task, by select or else the eligible ones, in cluster->selected.
 * 0, or what select returned. */
int
policy_select(struct life *life, struct cluster *cluster, uint32_t *n, struct cube_error *err);
/* Costs of n > 0 rows, which ascend, in cluster->cost. rows may be cluster->selected's. */
int policy_score(struct life *life, struct cluster *cluster, const uint32_t *rows, uint32_t n,
		 struct cube_error *err);
/* All three: *row is the winner, or POLICY_NOTHING. */
int
policy_place(struct life *life, struct cluster *cluster, uint32_t *row, struct cube_error *err);
/* The same; an error fails the check. */
uint32_t policy_choice(struct life *life, struct cluster *cluster);

#endif
