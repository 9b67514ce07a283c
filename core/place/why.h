/* place/why.h - why a task waits, in words and in numbers. Made from a census of the nodes as
 * they are when somebody asks: it can neither be stale nor cost a write. */
#ifndef PLACE_WHY_H
#define PLACE_WHY_H

#include "model/why.h"
#include "place/census.h"

struct placer;
struct place_node;
struct place_task;
struct shape;
struct task_spec;

/* What the owner of the nodes knows of them beside. Each may be NULL. */
struct why_owner {
	void *ctx;
	/* Why it is not ready; NULL or "": no more than its status says. */
	const char *(*status_reason)(void *ctx, const struct place_node *node);
	/* The name of the task that holds a host port there; NULL: not known. */
	const char *(*port_holder)(void *ctx, const struct place_node *node, uint32_t port);
	/* What else keeps it from taking tasks, once it is in contact: "is cordoned"; NULL:
	 * nothing. */
	const char *(*also)(void *ctx, const struct place_node *node);
};

/* "no ready node has 512 MiB of memory free"; "" while it is to be tried. Kept with the shape
 * until the rows change. Valid until the next change of the placer. Adds the rows looked at
 * to *work. */
const char *why_waiting(struct placer *placer, struct shape *shape, size_t *work);

/* Fills in what out says of nodes: counts, reasons, changes, costs. own: the node whose room
 * task holds, which is given back for as long as this takes; NULL: none. 0 or NO_MEMORY. */
int why_explain(struct placer *placer, struct place_task *task, struct place_node *own,
		const struct why_owner *owner, struct why *out);

/* ---- between the files of why ---- */

struct asked {
	struct placer *placer;
	const struct shape *shape;
	const struct why_owner *owner;
	struct census census;
};

void why_add_amount(struct buf *out, enum misfit misfit, int64_t amount); /* "2 cores" */
void why_add_port(struct buf *out, uint32_t port); /* "host port 8080/tcp" */
const char *why_node(const struct asked *asked, uint32_t row);

/* The changes that alone would do, each tried; or that none would (place/unblock.c). */
int why_unblock(const struct asked *asked, struct why *out);
/* What the scheduler thinks of those that fit (place/price.c). */
int why_price(const struct asked *asked, struct why *out);

#endif
