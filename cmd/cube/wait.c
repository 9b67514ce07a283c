/* cube/wait.c - see the header. */
#include "wait.h"

#include "base/clock.h"
#include "find.h"

#include <poll.h>

#define PAUSE_FIRST_MS 10
#define PAUSE_MAX_MS   500
#define DEAF_MAX_MS    30000 /* how long a manager may not answer */
#define STATE_RUNNING  2
#define EXIT_NO_CODE   125

void
wait_ms(uint64_t ms)
{
	(void)poll(NULL, 0, ms > 1000000 ? 1000000 : (int)ms);
}

static bool
is_there(const struct json_value *task, enum wait_for what)
{
	if (member_bool(task, "Final"))
		return true;
	return what == WAIT_RUNNING && member_int(task, "State", -1) == STATE_RUNNING;
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
		} else if (rc != CUBE_ERR_UNAVAILABLE && rc != CUBE_ERR_TIMEOUT) {
			return rc;
		}
		if (now_ms >= deadline_ms)
			return cube_fail(err, CUBE_ERR_TIMEOUT, 0,
					 "timed out waiting for task %s", id);
		if (rc < 0 && now_ms - heard_ms > DEAF_MAX_MS)
			return rc;
		wait_ms(deadline_ms - now_ms < pause_ms ? deadline_ms - now_ms : pause_ms);
		pause_ms = pause_ms * 3 / 2 < PAUSE_MAX_MS ? pause_ms * 3 / 2 : PAUSE_MAX_MS;
	}
}

int
wait_exit_code(const struct json_value *task)
{
	int64_t code = member_int(task, "ExitCode", -1);

	if (code >= 0 && code <= 255)
		return (int)code;
	return member_int(task, "State", -1) == 3 ? 0 : EXIT_NO_CODE;
}
