/* handle.c - the name of a container: TASK.ATTEMPT.
 *
 * A handle names a file, and comes back to us from the core's journal and from
 * folders that others can write to; so only what handle_make could have made is one.
 */
#include "process.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool
id_is_sound(const char *id)
{
	size_t length =
		strspn(id, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-");

	return length > 0 && length < CUBE_ID_SIZE && id[length] == '\0';
}

int
handle_make(const char *task_id, uint32_t attempt, struct handle *out, struct cube_error *err)
{
	if (task_id == NULL || !id_is_sound(task_id) || attempt == 0)
		return cube_fail(
			err, CUBE_ERR_INVALID, 0,
			"task \"%s\", attempt %u: a uuid and a number from 1 are wanted",
			task_id == NULL ? "" : task_id, (unsigned)attempt);
	memset(out, 0, sizeof(*out));
	out->attempt = attempt;
	(void)snprintf(out->task_id, sizeof(out->task_id), "%s", task_id);
	(void)snprintf(out->text, sizeof(out->text), "%s.%u", task_id, (unsigned)attempt);
	return 0;
}

int
handle_parse(const char *text, struct handle *out, struct cube_error *err)
{
	const char *dot = strrchr(text, '.');
	char task_id[CUBE_ID_SIZE];
	unsigned long attempt = 0;
	char *end = NULL;

	if (dot != NULL && dot != text && (size_t)(dot - text) < sizeof(task_id) &&
	    dot[1] >= '1' && dot[1] <= '9') {
		memcpy(task_id, text, (size_t)(dot - text));
		task_id[dot - text] = '\0';
		errno = 0;
		attempt = strtoul(dot + 1, &end, 10);
	}
	if (end == NULL || *end != '\0' || errno != 0 || attempt > UINT32_MAX ||
	    !id_is_sound(task_id))
		return cube_fail(err, CUBE_ERR_INVALID, 0,
				 "\"%.100s\" is not a handle of this runtime (TASK.ATTEMPT)",
				 text);
	return handle_make(task_id, (uint32_t)attempt, out, err);
}
