/* manager/report.h - what a worker tells becomes the state of tasks. */
#ifndef MANAGER_REPORT_H
#define MANAGER_REPORT_H

#include "model/orders.h"

struct manager;
struct node;

void report_take(struct manager *manager, struct node *node, const struct reports *reports);
/* Of a worker of the book's: the ends of tasks that it would not take. */
void
report_take_refused(struct manager *manager, struct node *node, const struct reports *reports);

#endif
