/* cube/wait.c - see the header. */
#include "wait.h"

#include "base/clock.h"
#include "find.h"

#include <poll.h>
#include <string.h>

#define PAUSE_FIRST_MS  10
#define PAUSE_MAX_MS    500
#define STATE_RUNNING   2
#define STATE_COMPLETED 3
#define EXIT_NO_CODE    125
#define ZERO_TIME       "0001-01-01T00:00:00Z" /* not yet */

/* Asked again and again: a stream of events for each that waits would soon be one of the
 * few that a manager gives. */
void
wait_ms(uint64_t ms)
{
	(void)poll(NULL, 0, ms > PAUSE_MAX_MS ? PAUSE_MAX_MS : (int)ms);
}

/* One that ran and waits to start again did run: it may run for a moment only, each time. */
static bool
has_run(const struct json_value *task)
{
	return member_int(task, "State", -1) == STATE_RUNNING ||
	       (json_get(task, "RestartAt") != NULL &&
		strcmp(member_text(task, "StartTime", ZERO_TIME), ZERO_TIME) != 0);
}

static bool
is_there(const struct json_value *task, enum wait_for what)
{
	return member_bool(task, "Final") || (what == WAIT_RUNNING && has_run(task));
}

int
wait_task(const struct api *api, const char *id, enum wait_for what, uint64_t deadline_ms,
	  struct answer *answer, struct cube_error *err)
{
	uint64_t pause_ms = PAUSE_FIRST_MS;
	uint64_t heard_ms = clock_now().mono_ms;

	for (;;) {
		int rc = get_task(api, id, answer, err);
		uint64_t now_ms = clock_now().mono_ms;

		if (rc == 0 && is_there(answer->doc.root, what))
			return 0;
		if (rc == 0) {
			answer_release(answer);
			heard_ms = now_ms;
		} else if (rc != CUBE_ERR_UNAVAILABLE) {
			return rc;
		}
		if (now_ms >= deadline_ms)
			return cube_fail(err, CUBE_ERR_TIMEOUT, 0,
					 "timed out waiting for task %s", id);
		if (rc < 0 && now_ms - heard_ms > WAIT_DEAF_MS)
			return rc;
		wait_ms(deadline_ms - now_ms < pause_ms ? deadline_ms - now_ms : pause_ms);
		pause_ms = pause_ms * 3 / 2 < PAUSE_MAX_MS ? pause_ms * 3 / 2 : PAUSE_MAX_MS;
	}
}

int
wait_exit_code(const struct json_value *task)
{
	int64_t code = member_int(task, "ExitCode", -1);
	bool failed = member_int(task, "State", -1) != STATE_COMPLETED;

	if (code > 0 && code <= 255)
		return (int)code;
	return failed ? EXIT_NO_CODE : 0;
}
