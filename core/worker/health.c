/* worker/health.c - is a running attempt well: when its next check is due, and what follows.
 *
 * Each attempt has its own phase within the interval, so that thousands that started together
 * are not checked together. One check of an attempt is under way at a time; an answer is
 * known by its number, and one that does not come is not waited for for ever. Only what the
 * task's own port answered counts: a runtime that is down, or a check that could not be
 * carried out, tells nothing. As many failures in a row as the threshold doom the attempt.
 * Counts are not journalled: after a start of the worker they begin anew. Pure; the brain's
 * thread.
 */
#include "worker/brain.h"

#include <stdio.h>
#include <string.h>

#define PROTOCOL_TCP 6     /* IPPROTO_TCP */
#define LOST_MS      60000 /* over its timeout: more than it may wait for its turn */
#define LOG_EVERY_MS 60000
#define PATH_SHOWN   80 /* so that there is room for what it answered */

static bool
is_checked(const struct attempt *attempt)
{
	return attempt->spec->health.kind != HEALTH_NONE && attempt->phase == PHASE_RUNNING &&
	       attempt->status.state == TASK_RUNNING && !worker_attempt_stops(attempt) &&
	       !attempt->cut_off && attempt->origin != ORIGIN_STRAY;
}

/* What is left of the start period, and a phase of its own. */
static uint64_t
first_check_ms(struct worker *worker, const struct attempt *attempt)
{
	const struct task_health *wanted = &attempt->spec->health;
	uint64_t left_ms = (uint64_t)wanted->start_period_s * 1000;
	int64_t ran_ms = worker->step->now.wall_ms - attempt->status.start_ms;

	if (attempt->status.start_ms != 0 && ran_ms > 0)
		left_ms = (uint64_t)ran_ms < left_ms ? left_ms - (uint64_t)ran_ms : 0;
	return worker->step->now.mono_ms + left_ms +
	       random_below(&worker->random, (uint64_t)wanted->interval_s * 1000) + 1;
}

/* The host port for the one that is checked; one for IPv4 if there is any. */
static const struct cube_port *
find_port(const struct attempt *attempt)
{
	const struct port_list *list = attempt->status.host_ports;
	const struct cube_port *found = NULL;
	uint32_t i;

	for (i = 0; list != NULL && i < list->count; i++) {
		const struct cube_port *port = &list->ports[i];

		if (port->container_port != attempt->spec->health.port ||
		    port->protocol != PROTOCOL_TCP || port->host_port == 0)
			continue;
		if (strchr(port->host_ip, ':') == NULL)
			return port;
		if (found == NULL)
			found = port;
	}
	return found;
}

/* A port that is bound to all addresses is asked on loopback. */
static const char *
host_of(const struct cube_port *port)
{
	if (port->host_ip[0] == '\0' || strcmp(port->host_ip, "0.0.0.0") == 0)
		return "127.0.0.1";
	return strcmp(port->host_ip, "::") == 0 ? "::1" : port->host_ip;
}

static void
say_check(const struct attempt *attempt, char out[TASK_REASON_SIZE])
{
	const struct task_health *wanted = &attempt->spec->health;

	if (wanted->kind == HEALTH_TCP)
		(void)snprintf(out, TASK_REASON_SIZE, "TCP port %u", wanted->port);
	else
		(void)snprintf(out, TASK_REASON_SIZE, "GET %.*s%s on port %u", PATH_SHOWN,
			       wanted->path, strlen(wanted->path) > PATH_SHOWN ? "..." : "",
			       wanted->port);
}

/* answer: as it goes on after the check's own words. */
static void
check_failed(struct worker *worker, struct attempt *attempt, const char *answer)
{
	struct attempt_health *health = &attempt->health;
	uint32_t threshold = attempt->spec->health.threshold;
	char check[TASK_REASON_SIZE];
	char times[48] = "";

	say_check(attempt, check);
	health->failures++;
	if (health->failures >= threshold) {
		if (threshold > 1)
			(void)snprintf(times, sizeof(times), " (%u times in a row)",
				       health->failures);
		worker_attempt_doom(worker, attempt, "unhealthy: %s%s%s", check, answer, times);
		return;
	}
	worker_attempt_note(worker, attempt, "health check failing (%u of %u): %s%s",
			    health->failures, threshold, check, answer);
	if (health->failures == 1)
		worker_attempt_log(worker, attempt, LOG_LEVEL_WARNING, "attempt.failing",
				   "reason", attempt->status.reason);
}

static void
check_went_well(struct worker *worker, struct attempt *attempt)
{
	/* Also one from before a restart of this worker, whose count is lost. */
	worker_attempt_note(worker, attempt, "%s", "");
	if (attempt->health.failures == 0)
		return;
	attempt->health.failures = 0;
	worker_attempt_log(worker, attempt, LOG_LEVEL_INFO, "attempt.well", NULL, NULL);
}

/* Nothing was learned. That is ours, not the attempt's: said once in a while, not each time. */
static void
not_checked(struct worker *worker, const struct attempt *attempt, const char *why)
{
	uint64_t now_ms = worker->step->now.mono_ms;

	if (now_ms < worker->unchecked_ms)
		return;
	worker->unchecked_ms = now_ms + LOG_EVERY_MS;
	worker_attempt_log(worker, attempt, LOG_LEVEL_WARNING, "attempt.not-checked", "reason",
			   why);
}

static void
begin_check(struct worker *worker, struct attempt *attempt)
{
	const struct task_health *wanted = &attempt->spec->health;
	struct attempt_health *health = &attempt->health;
	const struct cube_port *port = find_port(attempt);

	health->begun_ms = worker->step->now.mono_ms;
	if (port == NULL) {
		health->due_ms = health->begun_ms + (uint64_t)wanted->interval_s * 1000;
		check_failed(worker, attempt,
			     ": the runtime shows no port of this machine for it");
		return;
	}
	health->number = ++worker->check_number;
	health->due_ms = health->begun_ms + (uint64_t)wanted->timeout_s * 1000 + LOST_MS;
	worker_send_check(worker, attempt, host_of(port), port->host_port);
}

void
worker_health_advance(struct worker *worker, struct attempt *attempt)
{
	struct attempt_health *health = &attempt->health;

	if (!is_checked(attempt)) {
		*health = (struct attempt_health){.due_ms = WORKER_NEVER};
		return;
	}
	if (health->due_ms == WORKER_NEVER)
		health->due_ms = first_check_ms(worker, attempt);
	if (health->due_ms > worker->step->now.mono_ms)
		return;
	if (health->number != 0) {
		health->number = 0;
		not_checked(worker, attempt, "its answer never came");
	}
	begin_check(worker, attempt);
}

static void
take_answer(struct worker *worker, struct attempt *attempt,
	    const struct worker_message *message)
{
	const struct task_health *wanted = &attempt->spec->health;
	char answer[TASK_REASON_SIZE];

	if (message->error.code == CUBE_ERR_NO_MEMORY) {
		not_checked(worker, attempt, message->error.message);
		return;
	}
	if (message->error.code == 0 &&
	    (wanted->kind == HEALTH_TCP || message->status == 200)) {
		check_went_well(worker, attempt);
		return;
	}
	if (message->error.code == 0)
		(void)snprintf(answer, sizeof(answer), " answered %d", message->status);
	else if (message->error.code == CUBE_ERR_TIMEOUT)
		(void)snprintf(answer, sizeof(answer), ": timed out after %u s",
			       wanted->timeout_s);
	else
		(void)snprintf(answer, sizeof(answer), ": %.100s", message->error.message);
	check_failed(worker, attempt, answer);
}

void
worker_checked(struct worker *worker, const struct worker_message *message)
{
	struct worker_task *task = worker_task_find(worker, message->task_id);
	struct attempt *attempt =
		task != NULL ? worker_attempt_find(task, message->attempt) : NULL;
	struct attempt_health *health;

	/* Another number is a late answer to a check that was given up. */
	if (attempt == NULL || message->check == 0 || attempt->health.number != message->check)
		return;
	health = &attempt->health;
	health->number = 0;
	health->due_ms = health->begun_ms + (uint64_t)attempt->spec->health.interval_s * 1000;
	worker_touch(worker, task);
	if (is_checked(attempt))
		take_answer(worker, attempt, message);
}
