/* cube/check/checks.h - checks that stand in a file of their own, for the tables of the
 * kinds. */
#ifndef CHECK_CHECKS_H
#define CHECK_CHECKS_H

#include "trial.h"

/* choices.c: the same calls give the same choices. */
void check_remember(struct trial *trial);
void check_recall(struct trial *trial);
void check_same(struct trial *trial);
void check_score_between(struct trial *trial);

/* score.c: what score promises alone. */
void check_score_twice(struct trial *trial);
void check_pure(struct trial *trial);
void check_time(struct trial *trial);

/* runtime_task.c: tasks that cannot be run, and one that can. */
void check_refused(struct trial *trial);
void check_task(struct trial *trial);
void check_left(struct trial *trial);

/* store_safe.c: what a store has after it was closed, killed, and over a long time. */
void check_reopen(struct trial *trial);
void check_killed(struct trial *trial);
void check_model(struct trial *trial);

#endif
