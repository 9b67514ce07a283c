/* cube/follow.c - see the header. */
#include "follow.h"

#include "base/clock.h"
#include "common/clean.h"
#include "find.h"
#include "wait.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define RETRY_MS 100
#define LATE_MS  2000 /* between the end of the output and the end of the task */

struct sink {
	struct cleaner cleaner;
	bool to_terminal;
	uint64_t deadline_ms;
	int64_t last_ms; /* Unix time of the last byte, to go on from; 0: none yet */
};

static int
piece_print(void *ctx, const void *bytes, size_t size)
{
	struct sink *sink = ctx;
	bool ok;

	sink->last_ms = clock_now().wall_ms;
	if (sink->to_terminal)
		ok = cleaner_print(&sink->cleaner, bytes, size, stdout);
	else
		ok = fwrite(bytes, 1, size, stdout) == size && fflush(stdout) == 0;
	return ok ? 0 : 1;
}

static int
is_late(void *ctx)
{
	const struct sink *sink = ctx;

	return clock_now().mono_ms >= sink->deadline_ms;
}

/* "/tasks/ID/logs?..." */
static int
logs_path(const char *id, const struct follow *what, const char *attempt, const char *since,
	  char path[API_PATH_SIZE], struct cube_error *err)
{
	char query[API_PATH_SIZE / 2] = "";
	const char *const pairs[][2] = {
		{"follow", what->follow ? "1" : NULL},
		/* The last lines are those before what was seen already. */
		{"tail", since == what->since ? what->tail : NULL},
		{"since", since},
		{"stream", what->stream},
		{"attempt", attempt},
	};

	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		int rc = api_query_add(query, sizeof(query), pairs[i][0], pairs[i][1], err);

		if (rc < 0)
			return rc;
	}
	(void)snprintf(path, API_PATH_SIZE, "/tasks/%s/logs%s%s", id,
		       query[0] == '\0' ? "" : "?", query);
	return 0;
}

/* One GET. TIMEOUT: the deadline; INTERNAL: our own output cannot be written; else as
 * api_fail. */
static int
fetch_logs(const struct api *api, const char *id, const struct follow *what,
	   const char *attempt, const char *since, struct sink *sink, struct cube_error *err)
{
	char path[API_PATH_SIZE];
	char url[API_URL_SIZE + API_PATH_SIZE];
	struct fetch fetch;
	int rc = logs_path(id, what, attempt, since, path, err);

	if (rc < 0)
		return rc;
	api_fetch_init(api, &fetch, url, sizeof(url), path);
	fetch.piece = piece_print;
	fetch.stop = is_late;
	fetch.ctx = sink;
	rc = fetch_run(&fetch, err);
	if (rc == CUBE_ERR_CONFLICT)
		rc = is_late(sink) ? cube_fail(err, CUBE_ERR_TIMEOUT, 0,
					       "timed out following task %s", id)
				   : cube_fail(err, CUBE_ERR_INTERNAL, 0,
					       "standard output cannot be written");
	else if (rc < 0 || fetch.status < 200 || fetch.status > 299)
		rc = api_fail(api, &fetch, rc, err);
	fetch_release(&fetch);
	return rc;
}

/* What of a task tells how to go on. */
struct progress {
	int64_t attempt;
	bool waits; /* this attempt is over, and the next is to come */
	bool final;
};

static int
look(const struct api *api, const char *id, uint64_t deadline_ms, struct progress *out,
     struct cube_error *err)
{
	struct answer answer;
	int rc = wait_task(api, id, WAIT_RUNNING, deadline_ms, &answer, err);

	if (rc < 0)
		return rc;
	out->attempt = member_int(answer.doc.root, "Attempt", 0);
	out->waits = json_get(answer.doc.root, "RestartAt") != NULL;
	out->final = member_bool(answer.doc.root, "Final");
	answer_release(&answer);
	return 0;
}

/* What has been printed so far. */
struct shown {
	int64_t attempt;   /* asked for; -1: none yet */
	bool whole;        /* its output has ended */
	uint64_t whole_ms; /* since when */
	uint64_t heard_ms; /* the last time that a fetch went well */
};

/* One fetch of this attempt, from where the last one of it broke off. */
static int
follow_attempt(const struct api *api, const char *id, const struct follow *what,
	       int64_t attempt, struct shown *shown, struct sink *sink, struct cube_error *err)
{
	char since[TIMESTAMP_SIZE];
	char number[24];
	bool again = shown->attempt == attempt && sink->last_ms > 0;
	int rc;

	timestamp_format(sink->last_ms + 1, since);
	(void)snprintf(number, sizeof(number), "%" PRId64, attempt);
	rc = fetch_logs(api, id, what, attempt > 0 ? number : NULL, again ? since : what->since,
			sink, err);
	shown->whole = rc == 0;
	if (rc == 0)
		shown->whole_ms = shown->heard_ms = clock_now().mono_ms;
	return rc;
}

/* The attempt whose output is next. One that was over before it was seen to run is not
 * passed over. */
static int64_t
next_attempt(const struct shown *shown, const struct progress *now)
{
	if (shown->attempt < 1 || shown->attempt >= now->attempt)
		return now->attempt;
	return shown->whole ? shown->attempt + 1 : shown->attempt;
}

/* Follows attempt after attempt until the task has ended for good. */
static int
follow_on(const struct api *api, const char *id, const struct follow *what, struct sink *sink,
	  struct cube_error *err)
{
	struct shown shown = {.attempt = -1, .heard_ms = clock_now().mono_ms};
	struct progress now = {0};

	for (;;) {
		int rc = look(api, id, what->deadline_ms, &now, err);
		int64_t next;
		bool whole;

		if (rc < 0)
			return rc;
		next = next_attempt(&shown, &now);
		if (next < now.attempt) {
			rc = follow_attempt(api, id, what, next, &shown, sink, err);
			if (rc == CUBE_ERR_TIMEOUT || rc == CUBE_ERR_INTERNAL)
				return rc;
			/* It is over: what cannot be had now never will be. */
			shown.attempt = next;
			shown.whole = true;
			continue;
		}
		/* The manager hears of an end a little after the output has ended. */
		whole = shown.whole && shown.attempt == now.attempt;
		if (whole && now.final)
			return 0;
		if (!whole || (!now.waits && clock_now().mono_ms - shown.whole_ms > LATE_MS)) {
			bool again = shown.attempt == now.attempt;

			rc = follow_attempt(api, id, what, now.attempt, &shown, sink, err);
			if (rc == CUBE_ERR_TIMEOUT || rc == CUBE_ERR_INTERNAL)
				return rc;
			/* A container that was removed has no more to say. */
			if (now.final)
				return rc == CUBE_ERR_NOT_FOUND && again ? 0 : rc;
			if (rc < 0 && clock_now().mono_ms - shown.heard_ms > WAIT_DEAF_MS)
				return rc;
			shown.attempt = now.attempt;
		}
		wait_ms(RETRY_MS);
	}
}

int
follow_task(const struct api *api, const char *id, const struct follow *what,
	    struct cube_error *err)
{
	struct sink sink = {.deadline_ms = what->deadline_ms,
			    .to_terminal = isatty(STDOUT_FILENO) == 1};

	if (what->follow && what->attempt == NULL)
		return follow_on(api, id, what, &sink, err);
	return fetch_logs(api, id, what, what->attempt, what->since, &sink, err);
}
