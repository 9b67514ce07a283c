/* tests/unit/manager_cast.h - who acts on the manager in its tests: clients with their tasks,
 * and workers that answer. On top of manager_world.h. */
#ifndef MANAGER_CAST_H
#define MANAGER_CAST_H

#include "manager_world.h"

#define GIB INT64_C(1073741824)
#define MIB INT64_C(1048576)

/* ---- clients ---- */

/* The id of the n-th task of a test. */
static inline const char *
task_id(unsigned n)
{
	static char ids[8][ID_SIZE];
	static unsigned next;
	char *id = ids[next++ % 8];

	(void)snprintf(id, ID_SIZE, "%08x-0000-4000-8000-%012x", n * 2654435761u, n);
	return id;
}

/* A TaskEvent's request from the members of a Task ("\"Memory\":1"), "" for none; named for n
 * unless they have a Name. */
static inline struct task_request
run_request(unsigned n, const char *members)
{
	struct task_request request = {.wanted = TASK_WANTED_RUN};
	struct cube_error err = {.code = 0};
	struct json_doc doc;
	size_t size = strlen(members) + 256;
	char *text = malloc(size);
	char name[32] = "";

	world_must(text != NULL);
	if (strstr(members, "\"Name\":") == NULL)
		(void)snprintf(name, sizeof(name), "\"Name\":\"t%u\",", n);
	(void)snprintf(text, size, "{\"ID\":\"%s\",%s\"Image\":\"i\"%s%s}", task_id(n), name,
		       members[0] != '\0' ? "," : "", members);
	world_must(json_parse(text, strlen(text), &doc, &err) == 0);
	if (task_spec_decode(&doc, doc.root, CODEC_STRICT, NULL, &request.spec, &err) != 0) {
		fprintf(stderr, "%s: %s\n", text, err.message);
		abort();
	}
	json_release(&doc);
	free(text);
	memcpy(request.task_id, task_id(n), ID_SIZE);
	return request;
}

static inline struct task_request
stop_request(unsigned n)
{
	struct task_request request = {.wanted = TASK_WANTED_STOP};

	memcpy(request.task_id, task_id(n), ID_SIZE);
	return request;
}

static inline struct manager_message *
submit_message(struct world *world, const struct task_request *requests, size_t count)
{
	struct manager_message *message = world_message(world, MANAGER_SUBMIT);

	message->requests = calloc(count + 1, sizeof(*requests));
	world_must(message->requests != NULL);
	memcpy(message->requests, requests, count * sizeof(*requests));
	message->request_count = count;
	return message;
}

/* The reply's status; 0: it is held back. */
static inline int
submit(struct world *world, unsigned n, const char *members)
{
	struct task_request request = run_request(n, members);
	struct manager_effect *reply = world_ask(world, submit_message(world, &request, 1));
	int status = reply != NULL ? reply->status : 0;

	effect_free(reply);
	return status;
}

/* Tasks first..first+count-1 in one array. */
static inline int
submit_many(struct world *world, unsigned first, unsigned count, const char *members)
{
	struct task_request *requests = calloc(count, sizeof(*requests));
	struct manager_effect *reply;
	unsigned i;
	int status;

	world_must(requests != NULL);
	for (i = 0; i < count; i++)
		requests[i] = run_request(first + i, members);
	reply = world_ask(world, submit_message(world, requests, count));
	status = reply != NULL ? reply->status : 0;
	effect_free(reply);
	free(requests);
	return status;
}

static inline struct manager_message *
about_task(struct world *world, enum manager_message_kind kind, unsigned n)
{
	struct manager_message *message = world_message(world, kind);

	memcpy(message->task_id, task_id(n), ID_SIZE);
	return message;
}

static inline int
stop(struct world *world, unsigned n)
{
	struct manager_effect *reply = world_ask(world, about_task(world, MANAGER_STOP, n));
	int status = reply != NULL ? reply->status : 0;

	effect_free(reply);
	return status;
}

/* The task as a GET shows it. Its texts are valid until the next call. */
static inline struct task_status
get(struct world *world, unsigned n)
{
	struct manager_effect *reply = world_ask(world, about_task(world, MANAGER_GET, n));
	struct task_status status;

	world_must(reply != NULL && reply->status == 200 && reply->task_count == 1);
	status = reply->tasks[0].status;
	status.host_ports = NULL;
	effect_free(reply);
	return status;
}

static inline size_t
count_state(struct world *world, enum task_state state)
{
	size_t count = 0;
	uint64_t after = 0;
	bool more = true;

	while (more) {
		struct manager_message *message = world_message(world, MANAGER_LIST);
		struct manager_effect *reply;

		message->filter.states = 1u << state;
		message->filter.limit = 1000;
		message->filter.after = after;
		reply = world_ask(world, message);
		world_must(reply != NULL && reply->status == 200);
		count += reply->task_count;
		more = reply->more;
		if (reply->task_count > 0)
			after = reply->tasks[reply->task_count - 1].status.sequence;
		effect_free(reply);
	}
	return count;
}

/* ---- workers ---- */

struct actor {
	struct node_info info;
	uint64_t contact;
	bool book;
	struct revision revision; /* of its reports */
	uint64_t generation;      /* of the newest orders it took */
	uint64_t sequence;
	uint64_t stamp; /* of its clock, in its answers to polls */
};

static inline struct actor
actor_new(const char *name, unsigned number, int64_t mcpu, int64_t memory_bytes)
{
	struct actor actor = {.revision = {.epoch = 100 + number, .sequence = 1}};

	(void)snprintf(actor.info.name, sizeof(actor.info.name), "%s", name);
	(void)snprintf(actor.info.instance, sizeof(actor.info.instance),
		       "aaaaaaaa-0000-4000-8000-%012x", number);
	(void)snprintf(actor.info.api, sizeof(actor.info.api), "http://10.0.0.%u:5556", number);
	actor.info.mcpu = mcpu;
	actor.info.memory_bytes = memory_bytes;
	actor.info.disk_bytes = 100 * GIB;
	actor.info.runtime_ready = true;
	actor.info.revision = 1;
	actor.info.cpu_busy = NAN;
	return actor;
}

static inline int
actor_join(struct world *world, struct actor *actor)
{
	struct manager_message *message = world_message(world, MANAGER_JOIN);
	struct manager_effect *reply;
	int status;

	node_info_copy(&message->info, &actor->info);
	reply = world_ask(world, message);
	status = reply != NULL ? reply->status : 0;
	effect_free(reply);
	return status;
}

/* The answer to an effect, without content. */
static inline struct manager_message *
answer(struct world *world, enum manager_message_kind kind, uint64_t contact, int status)
{
	struct manager_message *message = world_message(world, kind);

	message->contact = contact;
	message->status = status;
	return message;
}

/* Answers the next effect of kind for the actor with a failure. False: there is none. */
static inline bool
actor_fails(struct world *world, struct actor *actor, enum manager_effect_kind kind)
{
	struct manager_effect *effect = world_take(world, kind, actor->contact);
	struct manager_message *message;

	if (effect == NULL)
		return false;
	message = answer(world,
			 kind == MANAGER_EFFECT_HELLO    ? MANAGER_HELLO_DONE
			 : kind == MANAGER_EFFECT_ORDERS ? MANAGER_ORDERS_DONE
							 : MANAGER_POLL_DONE,
			 effect->contact, 0);
	message->fault = CUBE_ERR_UNAVAILABLE;
	(void)snprintf(message->reason, sizeof(message->reason), "connection refused");
	effect_free(effect);
	world_step(world, message);
	return true;
}

/* Takes the hello that waits for the actor's address, and answers it. */
static inline bool
actor_hello(struct world *world, struct actor *actor)
{
	struct manager_effect *effect = NULL;
	struct manager_message *message;
	size_t i;

	for (i = 0; i < world->out_count && effect == NULL; i++) {
		if (world->out[i]->kind == MANAGER_EFFECT_HELLO &&
		    strcmp(world->out[i]->api, actor->info.api) == 0)
			effect =
				world_take(world, MANAGER_EFFECT_HELLO, world->out[i]->contact);
	}
	if (effect == NULL)
		return false;
	actor->contact = effect->contact;
	effect_free(effect);
	message = answer(world, MANAGER_HELLO_DONE, actor->contact, 200);
	node_info_copy(&message->info, &actor->info);
	message->book = actor->book;
	world_step(world, message);
	return true;
}

/* The next orders for the actor; the caller frees them. NULL: none. */
static inline struct manager_effect *
actor_orders(struct world *world, const struct actor *actor)
{
	return world_take(world, MANAGER_EFFECT_ORDERS, actor->contact);
}

/* 200, as if journalled. Frees effect. */
static inline void
actor_accept(struct world *world, struct actor *actor, struct manager_effect *effect)
{
	struct manager_message *message =
		answer(world, MANAGER_ORDERS_DONE, actor->contact, 200);

	message->orders_sequence = effect->orders.sequence;
	actor->generation = effect->orders.generation;
	actor->sequence = effect->orders.sequence;
	memcpy(actor->info.cluster, effect->orders.cluster, ID_SIZE);
	effect_free(effect);
	world_step(world, message);
}

/* Takes and accepts all orders that there are; how many items they had. */
static inline size_t
actor_obey(struct world *world, struct actor *actor)
{
	struct manager_effect *effect;
	size_t items = 0;

	while ((effect = actor_orders(world, actor)) != NULL) {
		items += effect->orders.count;
		actor_accept(world, actor, effect);
	}
	return items;
}

/* Joins, says who it is and is claimed. Its poll is under way after. */
static inline void
actor_up(struct world *world, struct actor *actor)
{
	world_must(actor_join(world, actor) < 300);
	world_must(actor_hello(world, actor));
	(void)actor_obey(world, actor);
}

/* Answers the poll that is under way with items, which are the caller's. */
static inline bool
actor_tell(struct world *world, struct actor *actor, bool full, const struct report *items,
	   size_t count)
{
	struct manager_effect *poll = world_take(world, MANAGER_EFFECT_POLL, actor->contact);
	struct manager_message *message;
	size_t i;

	if (poll == NULL)
		return false;
	effect_free(poll);
	message = answer(world, MANAGER_POLL_DONE, actor->contact, 200);
	message->reports.revision = actor->revision;
	message->reports.full = full;
	message->reports.generation = actor->generation;
	message->reports.sequence = actor->sequence;
	message->reports.node_revision = actor->info.revision;
	message->reports.stamp = actor->stamp;
	message->reports.items = calloc(count + 1, sizeof(*items));
	world_must(message->reports.items != NULL);
	for (i = 0; i < count; i++) {
		message->reports.items[i] = items[i];
		(void)port_list_get(items[i].status.host_ports);
	}
	message->reports.count = count;
	world_step(world, message);
	return true;
}

static inline struct report
report_of(unsigned n, enum task_state state, uint32_t attempt)
{
	struct report report = {.status = {.state = state,
					   .wanted = TASK_WANTED_RUN,
					   .attempt = attempt,
					   .start_ms = 1700000000500}};

	memcpy(report.task_id, task_id(n), ID_SIZE);
	return report;
}

/* One report, as something new: the worker's revision grows. */
static inline void
actor_tells(struct world *world, struct actor *actor, struct report report)
{
	actor->revision.sequence++;
	world_must(actor_tell(world, actor, false, &report, 1));
}

static inline void
actor_runs(struct world *world, struct actor *actor, unsigned n, uint32_t attempt)
{
	actor_tells(world, actor, report_of(n, TASK_RUNNING, attempt));
}

static inline void
actor_ends(struct world *world, struct actor *actor, unsigned n, uint32_t attempt, int code)
{
	struct report report = report_of(n, code == 0 ? TASK_COMPLETED : TASK_FAILED, attempt);

	report.status.has_exit_code = true;
	report.status.exit_code = code;
	report.status.finish_ms = 1700000001000;
	actor_tells(world, actor, report);
}

/* Time goes by, and these answer whatever they are asked, with nothing new. */
static inline void
actors_live(struct world *world, struct actor *const *actors, size_t count, uint64_t ms)
{
	while (ms > 0) {
		uint64_t some = ms < 500 ? ms : 500;
		size_t i;

		world_sleep(world, some);
		ms -= some;
		for (i = 0; i < count; i++) {
			(void)actor_hello(world, actors[i]);
			(void)actor_obey(world, actors[i]);
			(void)actor_tell(world, actors[i], false, NULL, 0);
		}
	}
}

static inline struct node_view
view_of(struct world *world, const char *name)
{
	struct manager_message *message = world_message(world, MANAGER_NODE);
	struct manager_effect *reply;
	struct node_view view;

	(void)snprintf(message->node, sizeof(message->node), "%s", name);
	reply = world_ask(world, message);
	world_must(reply != NULL && reply->status == 200 && reply->node_count == 1);
	view = reply->nodes[0];
	view.info.labels = NULL;
	view.info.stats = NULL;
	effect_free(reply);
	return view;
}

#endif
