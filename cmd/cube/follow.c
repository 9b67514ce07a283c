/* cube/follow.c - see the header. */
#include "follow.h"

#include "base/clock.h"
#include "find.h"
#include "wait.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define RETRY_MS 300

struct piece_sink {
	uint64_t deadline_ms;
	int64_t last_ms; /* Unix time of the last byte, to go on from */
};

static int
piece_print(void *ctx, const void *bytes, size_t size)
{
	struct piece_sink *sink = ctx;

	sink->last_ms = clock_now().wall_ms;
	return fwrite(bytes, 1, size, stdout) == size && fflush(stdout) == 0 ? 0 : 1;
}

static int
is_late(void *ctx)
{
	const struct piece_sink *sink = ctx;

	return clock_now().mono_ms >= sink->deadline_ms;
}

static void
path_add(char *path, size_t size, const char *key, const char *value)
{
	size_t used = strlen(path);

	if (value != NULL)
		(void)snprintf(path + used, size - used, "%c%s=%.40s",
			       strchr(path, '?') == NULL ? '?' : '&', key, value);
}

/* One GET. */
static int
fetch_logs(const struct api *api, const char *id, const struct follow *what, const char *since,
	   struct piece_sink *sink, struct cube_error *err)
{
	char path[API_PATH_SIZE];
	char url[API_URL_SIZE + API_PATH_SIZE];
	struct fetch fetch;
	int rc;

	(void)snprintf(path, sizeof(path), "/tasks/%s/logs", id);
	path_add(path, sizeof(path), "follow", what->follow ? "1" : NULL);
	path_add(path, sizeof(path), "tail", since == what->since ? what->tail : NULL);
	path_add(path, sizeof(path), "since", since);
	path_add(path, sizeof(path), "stream", what->stream);
	path_add(path, sizeof(path), "attempt", what->attempt);
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

/* Has the task ended for good? Negative: it cannot be told. */
static int
has_ended(const struct api *api, const char *id, struct cube_error *err)
{
	struct answer answer;
	int rc = get_task(api, id, &answer, err);

	if (rc < 0)
		return rc;
	rc = member_bool(answer.doc.root, "Final");
	answer_release(&answer);
	return rc;
}

int
follow_task(const struct api *api, const char *id, const struct follow *what,
	    struct cube_error *err)
{
	struct piece_sink sink = {.deadline_ms = what->deadline_ms};
	char since[32];
	const char *from = what->since;

	for (;;) {
		struct answer answer;
		int ended;
		int rc;

		if (what->follow) {
			rc = wait_task(api, id, WAIT_RUNNING, what->deadline_ms, &answer, err);
			if (rc < 0)
				return rc;
			answer_release(&answer);
		}
		ended = what->follow ? has_ended(api, id, err) : 1;
		rc = fetch_logs(api, id, what, from, &sink, err);
		if (!what->follow || rc == CUBE_ERR_TIMEOUT || rc == CUBE_ERR_INTERNAL)
			return rc;
		if (rc == CUBE_ERR_NOT_FOUND && ended == 1)
			return rc;
		if (ended == 1)
			return rc;
		/* The stream has ended; the task, perhaps, has not. */
		if (has_ended(api, id, err) == 1)
			return rc;
		if (sink.last_ms > 0) {
			(void)snprintf(since, sizeof(since), "%" PRId64,
				       sink.last_ms / 1000 + 1);
			from = since;
		}
		wait_ms(RETRY_MS);
	}
}
