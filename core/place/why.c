/* place/why.c - the reasons of the tasks that wait.
 *
 * Worked out when somebody reads them, from the columns as they are, and kept with the
 * shape until the columns change: a reason can neither be stale nor cost a write. Each node
 * counts once, under the first thing that it lacks. One thread.
 */
#include "place/why.h"

#include "place/fit.h"
#include "place/limit.h"
#include "place/placer.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define PROTOCOL_UDP 17 /* IPPROTO_UDP */
#define WHY_MAX      4096

struct counts {
	uint32_t of[MISFITS];
	uint32_t status[NODE_LOST + 1];       /* of those that are not ready */
	const char *runtime_reason;           /* of the first */
	uint32_t port;                        /* wanted, and taken on the first that lacks it */
	const struct task_constraint *broken; /* on the first node that one does not hold on */
	const struct node_info *broken_on;
};

static void
count_rows(const struct placer *placer, const struct shape *shape, struct counts *counts)
{
	uint32_t row;
	uint32_t i;

	memset(counts, 0, sizeof(*counts));
	for (row = 0; row < placer->rows.view.count; row++) {
		const struct place_node *node = placer->rows.node[row];
		enum misfit misfit = fit_check(placer, row, shape);

		counts->of[misfit]++;
		if (misfit == FIT_NOT_READY)
			counts->status[node->status]++;
		if (misfit == FIT_RUNTIME && counts->runtime_reason == NULL)
			counts->runtime_reason = node->info->runtime_reason;
		if (misfit == FIT_CONSTRAINT && counts->broken == NULL) {
			counts->broken = constraints_broken(
				shape->constraints, shape->constraint_count, node->info);
			counts->broken_on = node->info;
		}
		for (i = 0; misfit == FIT_PORT && counts->port == 0 && i < shape->port_count;
		     i++) {
			if (place_node_has_port(node, shape->ports[i]))
				counts->port = shape->ports[i];
		}
	}
}

/* 512 MiB, 1.5 GiB: the largest unit of which there is at least one. */
static void
add_bytes(struct buf *out, int64_t bytes)
{
	static const char *const units[] = {"bytes", "KiB", "MiB", "GiB", "TiB"};
	double amount = (double)bytes;
	size_t unit = 0;

	while (amount >= 1024 && unit + 1 < sizeof(units) / sizeof(units[0])) {
		amount /= 1024;
		unit++;
	}
	buf_printf(out, "%.4g %s", amount, units[unit]);
}

static void
add_cores(struct buf *out, int64_t mcpu)
{
	buf_printf(out, "%.4g %s", (double)mcpu / 1000, mcpu == 1000 ? "core" : "cores");
}

static void
add_port(struct buf *out, uint32_t port)
{
	buf_printf(out, "host port %u/%s", port & UINT16_MAX,
		   port >> 16 == PROTOCOL_UDP ? "udp" : "tcp");
}

/* "3 nodes: 2 unreachable, 1 joining" */
static void
add_statuses(struct buf *out, const struct counts *counts)
{
	const char *separator = "";
	size_t i;

	for (i = 0; i < sizeof(counts->status) / sizeof(counts->status[0]); i++) {
		if (counts->status[i] == 0)
			continue;
		buf_printf(out, "%s%u %s", separator, counts->status[i],
			   node_status_name((enum node_status)i));
		separator = ", ";
	}
}

/* All ready nodes lack the same. */
static void
add_single(struct buf *out, const struct shape *shape, const struct counts *counts,
	   enum misfit misfit)
{
	switch (misfit) {
	case FIT_RUNTIME:
		buf_append_text(out, "no node's runtime is ready");
		if (counts->runtime_reason != NULL && counts->runtime_reason[0] != '\0')
			buf_printf(out, ": %s", counts->runtime_reason);
		break;
	case FIT_CONSTRAINT:
		buf_printf(out, "its constraints hold on no ready node: on %s ",
			   counts->broken_on->name);
		constraint_explain(out, counts->broken, counts->broken_on);
		break;
	case FIT_MAX_PER_NODE:
		buf_printf(out, "every ready node has %u of ", shape->max_per_node);
		limit_add_kind(out, shape->limit);
		buf_append_text(out, " already, its MaxPerNode");
		break;
	case FIT_CPU:
		buf_append_text(out, "no ready node has ");
		add_cores(out, shape->mcpu);
		buf_append_text(out, " free");
		break;
	case FIT_MEMORY:
		buf_append_text(out, "no ready node has ");
		add_bytes(out, shape->memory_bytes);
		buf_append_text(out, " of memory free");
		break;
	case FIT_DISK:
		buf_append_text(out, "no ready node has ");
		add_bytes(out, shape->disk_bytes);
		buf_append_text(out, " of disk free");
		break;
	case FIT_PORT:
		add_port(out, counts->port);
		buf_append_text(out, " is taken on every ready node");
		break;
	case FIT_OK:
	case FIT_NOT_READY:
		break;
	}
}

/* "no node fits: 2 lack 1.5 cores, 1 has no runtime ready, 1 unreachable" */
static void
add_mixed(struct buf *out, const struct shape *shape, const struct counts *counts)
{
	const char *separator = "no node fits: ";

	if (counts->of[FIT_RUNTIME] > 0) {
		buf_printf(out, "%s%u without a ready runtime", separator,
			   counts->of[FIT_RUNTIME]);
		separator = ", ";
	}
	if (counts->of[FIT_CONSTRAINT] > 0) {
		buf_printf(out, "%s%u where a constraint does not hold (", separator,
			   counts->of[FIT_CONSTRAINT]);
		constraint_explain(out, counts->broken, counts->broken_on);
		buf_append_text(out, ")");
		separator = ", ";
	}
	if (counts->of[FIT_CPU] > 0) {
		buf_printf(out, "%s%u without ", separator, counts->of[FIT_CPU]);
		add_cores(out, shape->mcpu);
		buf_append_text(out, " free");
		separator = ", ";
	}
	if (counts->of[FIT_MEMORY] > 0) {
		buf_printf(out, "%s%u without ", separator, counts->of[FIT_MEMORY]);
		add_bytes(out, shape->memory_bytes);
		buf_append_text(out, " of memory free");
		separator = ", ";
	}
	if (counts->of[FIT_DISK] > 0) {
		buf_printf(out, "%s%u without ", separator, counts->of[FIT_DISK]);
		add_bytes(out, shape->disk_bytes);
		buf_append_text(out, " of disk free");
		separator = ", ";
	}
	if (counts->of[FIT_PORT] > 0) {
		buf_printf(out, "%s%u with ", separator, counts->of[FIT_PORT]);
		add_port(out, counts->port);
		buf_append_text(out, " taken");
		separator = ", ";
	}
	if (counts->of[FIT_MAX_PER_NODE] > 0) {
		buf_printf(out, "%s%u with %u of ", separator, counts->of[FIT_MAX_PER_NODE],
			   shape->max_per_node);
		limit_add_kind(out, shape->limit);
		buf_append_text(out, " already");
		separator = ", ";
	}
	if (counts->of[FIT_NOT_READY] > 0) {
		buf_append_text(out, separator);
		add_statuses(out, counts);
	}
}

static void
explain(const struct placer *placer, const struct shape *shape, struct buf *out)
{
	uint32_t total = placer->rows.view.count;
	struct counts counts;
	size_t i;

	if (total == 0) {
		buf_append_text(out, "no node has joined yet");
		return;
	}
	count_rows(placer, shape, &counts);
	if (counts.of[FIT_OK] > 0) {
		buf_append_text(out, "it is about to be placed");
		return;
	}
	if (counts.of[FIT_NOT_READY] == total) {
		buf_printf(out, "no node is ready: ");
		add_statuses(out, &counts);
		return;
	}
	for (i = FIT_RUNTIME; i < MISFITS; i++) {
		if (counts.of[i] + counts.of[FIT_NOT_READY] != total)
			continue;
		add_single(out, shape, &counts, (enum misfit)i);
		if (counts.of[FIT_NOT_READY] > 0) {
			buf_append_text(out, " (not ready: ");
			add_statuses(out, &counts);
			buf_append_text(out, ")");
		}
		return;
	}
	add_mixed(out, shape, &counts);
}

const char *
why_waiting(struct placer *placer, struct shape *shape)
{
	struct buf out = BUF_INIT(WHY_MAX);

	if (!shape->parked)
		return "";
	if (shape->faulted || shape->reason_version == placer->rows.version + 1)
		return shape->reason;
	explain(placer, shape, &out);
	(void)snprintf(shape->reason, sizeof(shape->reason), "%s", buf_text(&out));
	buf_release(&out);
	/* One more, so that 0 is never up to date. */
	shape->reason_version = placer->rows.version + 1;
	return shape->reason;
}
