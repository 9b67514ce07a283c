/* manager/record.h - what the store keeps of a task and of a node, there and back.
 *
 * task/ID is the Task of the wire and beside its members "Brain", what the manager alone
 * has to remember; done/ID is manager/done.c's; node/NAME is the worker's description without
 * what changes by the hour.
 */
#ifndef MANAGER_RECORD_H
#define MANAGER_RECORD_H

#include "base/error.h"
#include "manager/ledger.h"

#include <cube/store.h>

struct manager;
struct node;

int task_record_write(struct manager *manager, const struct entry *entry);
int task_record_delete(struct manager *manager, const struct entry *entry);
/* The next number in the order of submission: for when no task shows it. */
int sequence_record_write(struct manager *manager, uint64_t next);
/* Writes nothing if the record would be as it is. */
int node_record_write(struct manager *manager, struct node *node);
int node_record_delete(struct manager *manager, const char *name);

/* One record of the store. INTERNAL if it is damaged, INVALID if the format is newer. */
int
record_load(struct manager *manager, const struct cube_record *record, struct cube_error *err);

#endif
