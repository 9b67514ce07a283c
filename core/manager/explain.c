/* manager/explain.c - answers "why" of tasks that are there, and of tasks that might be.
 *
 * What concerns the nodes is place/why.c's; here is what a task's own state says, and what
 * the manager knows of its nodes beside. Tasks that are not submitted are checked as if they
 * were, all of the message first; then the first of them are answered, within a step's share
 * of work. Brain's thread.
 */
#include "manager/explain.h"

#include "manager/admit.h"
#include "manager/brain.h"
#include "manager/done.h"
#include "manager/effect.h"
#include "manager/read.h"
#include "place/why.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROWS_PER_STEP 200000
#define ROWS_PER_TASK 50  /* what an answer costs beside its rows, in rows */
#define LOOKS         3   /* at each row: counted, tried, scored */
#define ANSWERS_MAX   256 /* in one reply */

/* ---- what the manager knows of its nodes ---- */

struct knowledge {
	const struct manager *manager;
	char reason[TASK_REASON_SIZE];
};

static const char *
status_reason(void *ctx, const struct place_node *place)
{
	struct knowledge *knowledge = ctx;
	struct node_view view;

	if (place->status == NODE_CORDONED || place->status == NODE_DRAINING)
		return NULL;
	node_view_of(knowledge->manager, node_of((struct place_node *)place), &view);
	memcpy(knowledge->reason, view.reason, sizeof(knowledge->reason));
	node_info_release(&view.info);
	return knowledge->reason;
}

static const char *
port_holder(void *ctx, const struct place_node *place, uint32_t port)
{
	const struct node *node = node_of((struct place_node *)place);
	const struct entry *lists[] = {node->first, node->held};
	const struct entry *entry;
	uint32_t i;

	(void)ctx;
	for (size_t list = 0; list < 2; list++) {
		for (entry = lists[list]; entry != NULL; entry = entry->node_next) {
			const struct task_spec *spec = entry->task.spec;

			for (i = 0; i < spec->port_count; i++) {
				if (spec->ports[i].host_port != 0 &&
				    place_port(&spec->ports[i]) == port)
					return spec->name;
			}
		}
	}
	return NULL;
}

static const char *
also(void *ctx, const struct place_node *place)
{
	const struct node *node = node_of((struct place_node *)place);

	(void)ctx;
	return node->refused    ? "is refused"
	       : node->draining ? "is draining"
	       : node->cordoned ? "is cordoned"
				: NULL;
}

static void
explain_nodes(struct manager *manager, struct place_task *task, struct node *own,
	      struct why *out)
{
	struct knowledge knowledge = {.manager = manager};
	struct why_owner owner = {.ctx = &knowledge,
				  .status_reason = status_reason,
				  .port_holder = port_holder,
				  .also = also};

	if (why_explain(&manager->placer, task, own != NULL ? &own->place : NULL, &owner,
			out) != 0)
		brain_failed(manager);
}

/* ---- a task that is there ---- */

__attribute__((format(printf, 2, 3))) static void
summarize(struct why *out, const char *fmt, ...)
{
	struct buf text = BUF_INIT((size_t)4 * WHY_TEXT_SIZE);
	char line[2 * WHY_TEXT_SIZE];
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(line, sizeof(line), fmt, args);
	va_end(args);
	buf_append_text(&text, line);
	why_text(out->summary, buf_text(&text));
	buf_release(&text);
}

/* Why it ended: its own words, else its exit code. */
static void
explain_end(const struct task_status *status, struct why *out)
{
	const char *what = status->state == TASK_FAILED         ? "it has failed"
			   : status->wanted == TASK_WANTED_STOP ? "it was stopped"
								: "it has completed";

	if (strncmp(status->reason, "stopped ", strlen("stopped ")) == 0)
		summarize(out, "it was %s", status->reason);
	else if (status->reason[0] != '\0')
		summarize(out, "%s: %s", what, status->reason);
	else if (status->has_exit_code)
		summarize(out, "%s: exit code %d", what, status->exit_code);
	else
		summarize(out, "%s", what);
}

static void
explain_pause(const struct manager *manager, const struct entry *entry, struct why *out)
{
	const struct task_status *status = &entry->task.status;
	int64_t left_ms = status->restart_at_ms - manager->step->now.wall_ms;
	char kept[NAME_SIZE + 64] = "";

	if (entry->held != NULL)
		(void)snprintf(kept, sizeof(kept), " on %s, where its room is kept",
			       entry->held->info.name);
	else if (entry->avoid != NULL)
		(void)snprintf(kept, sizeof(kept), ", elsewhere than on %s if it can",
			       entry->avoid);
	summarize(out, "it starts again in %" PRId64 " s%s%s%s",
		  left_ms > 0 ? (left_ms + 999) / 1000 : 0, kept,
		  status->reason[0] != '\0' ? ": " : "", status->reason);
}

static void
explain_place(const struct manager *manager, const struct entry *entry, struct why *out)
{
	const struct task_status *status = &entry->task.status;
	const char *node = entry->node->info.name;
	char reason[TASK_REASON_SIZE];
	bool said = liveness_reason(manager, entry, reason, sizeof(reason));

	summarize(out,
		  status->wanted == TASK_WANTED_STOP ? "it is being stopped on %s%s%s"
		  : entry->displaced                 ? "it moves away from %s%s%s"
		  : status->state == TASK_RUNNING
			  ? "it runs on %s%s%s"
			  : "it is placed on %s and has not started yet%s%s",
		  node, said ? ": " : "", said ? reason : "");
}

static void
explain_entry(struct manager *manager, struct entry *entry, struct why *out)
{
	const struct task_status *status = &entry->task.status;
	const struct shape *shape = entry->place.shape;

	memcpy(out->task_id, entry->task.spec->id, sizeof(out->task_id));
	memcpy(out->name, entry->task.spec->name, sizeof(out->name));
	out->state = status->state;
	if (status->final) {
		explain_end(status, out);
		return;
	}
	if (entry_waits(entry))
		explain_pause(manager, entry, out);
	else if (entry->node != NULL)
		explain_place(manager, entry, out);
	else if (shape != NULL && shape->parked && shape->faulted)
		summarize(out, "%s", shape->reason);
	if (entry->node != NULL)
		memcpy(out->node, entry->node->info.name, sizeof(out->node));
	explain_nodes(manager, &entry->place, entry->node != NULL ? entry->node : entry->held,
		      out);
}

/* ---- one that is not ---- */

static void
explain_new(struct manager *manager, struct task_spec *spec, struct why *out)
{
	struct place_task task = {.spec = spec};

	if (spec->id_given)
		memcpy(out->task_id, spec->id, sizeof(out->task_id));
	memcpy(out->name, spec->name, sizeof(out->name));
	out->state = TASK_PENDING;
	explain_nodes(manager, &task, NULL, out);
	if (out->fits == 0 || out->scheduler[0] == '\0')
		return;
	if (out->considered == 0) {
		summarize(out, "the scheduler %s wants it on none of the nodes it fits on",
			  out->scheduler);
	} else if (scheduler_chooses(manager->placer.scheduler)) {
		summarize(out, "it would be placed; %s picks the node when it is",
			  out->scheduler);
	} else {
		memcpy(out->node, out->costs[0].node, sizeof(out->node));
		summarize(out, "it would go to %s", out->node);
	}
}

static void
explain_request(struct manager *manager, const struct task_request *request, struct why *out)
{
	struct entry *entry = ledger_find(manager, request->task_id);
	struct done done;

	if (entry != NULL) {
		explain_entry(manager, entry, out);
	} else if (done_find(manager, request->task_id, &done)) {
		memcpy(out->task_id, request->task_id, sizeof(out->task_id));
		memcpy(out->name, request->spec->name, sizeof(out->name));
		out->state = done.state;
		summarize(out,
			  "it has ended (%s) and was removed from the list of tasks: "
			  "under this ID it is not run again",
			  task_state_name(done.state));
	} else {
		explain_new(manager, request->spec, out);
	}
}

/* Nothing is said of a stop, nor of a task whose ID is that of one which might be lost yet.
 * False: that is answered. */
static bool
may_be_told(struct manager *manager, const struct manager_message *message)
{
	size_t i;

	for (i = 0; i < message->request_count; i++) {
		const struct task_request *request = &message->requests[i];
		const struct entry *entry = ledger_find(manager, request->task_id);

		if (request->wanted != TASK_WANTED_RUN) {
			reply_status(manager, message, 400,
				     "task %s: State 3 asks for a stop, and nothing is to be "
				     "said about one: State 2 asks for it to run",
				     request->task_id);
			return false;
		}
		if (entry != NULL && read_is_hidden(manager, entry)) {
			reply_status(manager, message, 503,
				     "whether there is a task %s is not known while the store "
				     "fails: %s",
				     request->task_id, manager->step->store_fault);
			return false;
		}
	}
	return admit_check(manager, message) == 0;
}

static void
explain_requests(struct manager *manager, const struct manager_message *message)
{
	size_t share = (size_t)LOOKS * manager->placer.rows.view.count + ROWS_PER_TASK;
	struct manager_effect *reply;
	size_t work = 0;

	if (!may_be_told(manager, message))
		return;
	reply = reply_new(manager, message, 200);
	if (reply == NULL)
		return;
	reply->whys = calloc(message->request_count + 1, sizeof(*reply->whys));
	if (reply->whys == NULL)
		brain_failed(manager);
	while (manager->failed == 0 && reply->why_count < message->request_count &&
	       reply->why_count < ANSWERS_MAX && work < ROWS_PER_STEP) {
		const struct task_request *request = &message->requests[reply->why_count];

		explain_request(manager, request, &reply->whys[reply->why_count++]);
		work += share;
	}
	reply_send(manager, reply);
}

void
explain_take(struct manager *manager, const struct manager_message *message)
{
	struct manager_effect *reply;
	struct entry *entry;

	if (message->request_count > 0) {
		explain_requests(manager, message);
		return;
	}
	entry = read_find(manager, message);
	if (entry == NULL || (reply = reply_new(manager, message, 200)) == NULL)
		return;
	reply->whys = calloc(1, sizeof(*reply->whys));
	if (reply->whys == NULL)
		brain_failed(manager);
	else
		explain_entry(manager, entry, &reply->whys[reply->why_count++]);
	reply_send(manager, reply);
}
