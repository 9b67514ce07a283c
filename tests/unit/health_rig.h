/* tests/unit/health_rig.h - a task with a health check on the bench of the worker's brain: its
 * checks are awaited, and answered. */
#ifndef HEALTH_RIG_H
#define HEALTH_RIG_H

#include "worker_help.h"

#include <netinet/in.h>

#define HTTP   "'Health':{'Http':'/health','Interval':10,'Timeout':2,'Threshold':3}"
#define UNWELL "unhealthy: GET /health on port 8080 answered 500 (3 times in a row)"

/* Orders attempt 1 of a task with these members, and lets it run. */
static inline void
order_checked(struct rig *rig, const char *task_id, const char *members)
{
	static uint64_t sequence;
	struct worker_message *message = orders_new(1, ++sequence, false, 1);
	struct order *order;
	char text[512];

	(void)snprintf(text, sizeof(text),
		       "{'ID':'%s','Name':'web','Image':'x','ExposedPorts':{'8080/tcp':{}},"
		       "'StopTimeout':5,%s}",
		       task_id, members);
	orders_add(message, task_id, 1, TASK_WANTED_RUN);
	order = &message->orders.items[0];
	task_spec_put(order->spec);
	order->spec = spec_of(text, CODEC_LENIENT);
	rig_send(rig, message);
	rig_work(rig);
	ck_assert_int_eq(rig_status(rig, task_id, 1).state, TASK_RUNNING);
	rig_clear(rig);
}

/* As the runtime shows it: port of the container, address and port of the host. */
static inline void
publish(struct rig *rig, const char *task_id, uint16_t inner, const char *ip, uint16_t outer)
{
	struct box *box = rig_box(rig, task_id, 1);
	struct cube_port *port = &box->ports[box->port_count++];

	port->container_port = inner;
	port->host_port = outer;
	port->protocol = IPPROTO_TCP;
	(void)snprintf(port->host_ip, sizeof(port->host_ip), "%s", ip);
}

/* One that runs, with 8080 published on 18080 of all addresses. */
static inline struct rig *
rig_checked(const char *members)
{
	struct rig *rig = rig_new();

	order_checked(rig, ID_1, members);
	publish(rig, ID_1, 8080, "0.0.0.0", 18080);
	rig_changed(rig, ID_1);
	rig_work(rig);
	rig_clear(rig);
	return rig;
}

static inline struct worker_effect *
check_under_way(struct rig *rig)
{
	return rig_find(rig, WORKER_EFFECT_CHECK, 0);
}

/* Time goes by until a check begins: its moment. */
static inline uint64_t
await_check(struct rig *rig, uint64_t most_ms)
{
	uint64_t end_ms = rig->now.mono_ms + most_ms;

	while (check_under_way(rig) == NULL) {
		uint64_t next_ms = rig->wake_ms < end_ms ? rig->wake_ms : end_ms;

		ck_assert_msg(rig->now.mono_ms < end_ms, "no check in %u ms",
			      (unsigned)most_ms);
		rig_sleep(rig, next_ms > rig->now.mono_ms ? next_ms - rig->now.mono_ms : 1);
		rig_work(rig);
	}
	return rig->now.mono_ms;
}

/* Of a check that is not under way any more: number tells which. */
static inline void
answer_number(struct rig *rig, uint64_t number, int code, int status, const char *words)
{
	struct worker_message *message = rig_message(WORKER_CHECKED, 0);

	(void)snprintf(message->task_id, sizeof(message->task_id), "%s", ID_1);
	message->attempt = 1;
	message->check = number;
	message->status = status;
	if (code != 0)
		(void)cube_fail(&message->error, code, 0, "%s", words);
	rig_send(rig, message);
}

static inline void
answer(struct rig *rig, int code, int status, const char *words)
{
	struct worker_effect *effect = check_under_way(rig);
	uint64_t number;

	ck_assert_ptr_nonnull(effect);
	number = effect->check;
	rig_drop(rig, effect);
	answer_number(rig, number, code, status, words);
}

/* count checks that are answered with status. */
static inline void
answer_each(struct rig *rig, unsigned count, int status)
{
	for (unsigned i = 0; i < count; i++) {
		(void)await_check(rig, 11000);
		answer(rig, 0, status, "");
	}
}

#endif
