/* cube/await.c - see the header. */
#include "await.h"

#include "base/clock.h"
#include "common/clean.h"
#include "find.h"
#include "follow.h"

static void
tell_end(const char *id, const struct json_value *task, int code)
{
	const char *reason = member_text(task, "Reason", "");

	if (reason[0] != '\0')
		complain("cube run", "task %.8s: %s", id, reason);
	else
		complain("cube run", "task %.8s is %s, exit code %d", id, state_word(task),
			 code);
}

/* Waits for one task; its exit code. */
static int
wait_one(const struct api *api, const char *id, const struct await *await,
	 struct cube_error *err)
{
	const struct follow follow = {.follow = true, .deadline_ms = await->deadline_ms};
	struct answer answer;
	int code = 0;
	int rc = await->logs ? follow_task(api, id, &follow, err) : 0;

	/* A task that never started has no output: its end says why. */
	if (rc == CUBE_ERR_NOT_FOUND)
		rc = 0;
	if (rc == 0)
		rc = wait_task(api, id, await->what, await->deadline_ms, &answer, err);
	if (rc != 0)
		return rc;
	if (member_bool(answer.doc.root, "Final")) {
		code = wait_exit_code(answer.doc.root);
		if (code != 0)
			tell_end(id, answer.doc.root, code);
	}
	answer_release(&answer);
	return code;
}

int
await_tasks(const struct api *api, const struct submission *submission, struct await *await,
	    struct cube_error *err)
{
	int code = 0;

	if (await->timeout_ms != 0)
		await->deadline_ms = clock_now().mono_ms + await->timeout_ms;
	for (size_t i = 0; i < submission->count; i++) {
		int rc = submission->gone[i] >= 0
				 ? submission->gone[i]
				 : wait_one(api, submission->ids[i], await, err);

		if (rc < 0)
			return rc;
		if (code == 0)
			code = rc;
	}
	return code;
}
