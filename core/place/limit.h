/* place/limit.h - whose tasks a task's MaxPerNode counts.
 *
 * By job it is the group that schedulers spread by. By name or label it is a group of its
 * own, which counts the tasks that are limited so; its key begins with a slash, which no
 * job's name has.
 */
#ifndef PLACE_LIMIT_H
#define PLACE_LIMIT_H

#include "base/buf.h"

struct group;
struct placer;
struct task_spec;

/* The group that counts for MaxPerNode and is not the job's, one member more; NULL: there is
 * none, or memory is short. */
struct group *limit_get(struct placer *placer, const struct task_spec *spec);
/* "/name/web"; nothing where limit_get has no group. */
void limit_add_key(struct buf *out, const struct task_spec *spec);
/* "job shop", "name web", "label tier=web": what the tasks of a group have in common. */
void limit_add_kind(struct buf *out, const struct group *group);

#endif
