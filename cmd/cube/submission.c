/* cube/submission.c - what both ways to a submission begin and end with. Main thread. */
#include "submission_event.h"

#include "base/clock.h"

#include <stdlib.h>
#include <string.h>

void
submission_release(struct submission *submission)
{
	buf_release(&submission->body);
	free(submission->ids);
	free(submission->given);
	free(submission->gone);
	memset(submission, 0, sizeof(*submission));
}

int
submission_room(struct submission *out, size_t count, struct cube_error *err)
{
	memset(out, 0, sizeof(*out));
	buf_init(&out->body, SUBMISSION_LIMIT_BYTES);
	out->ids = calloc(count + 1, sizeof(out->ids[0]));
	out->given = calloc(count + 1, sizeof(out->given[0]));
	out->gone = calloc(count + 1, sizeof(out->gone[0]));
	for (size_t i = 0; out->gone != NULL && i < count; i++)
		out->gone[i] = -1;
	return out->ids == NULL || out->given == NULL || out->gone == NULL
		       ? cube_fail(err, CUBE_ERR_NO_MEMORY, 0, "out of memory")
		       : 0;
}

void
event_new_id(char out[ID_SIZE])
{
	uint8_t bytes[16];

	clock_random(bytes, sizeof(bytes));
	id_from_random(bytes, out);
}

void
event_begin(struct json_writer *writer)
{
	char id[ID_SIZE];
	char time[TIMESTAMP_SIZE];

	event_new_id(id);
	timestamp_format(clock_now().wall_ms, time);
	json_begin_object(writer);
	json_put_text(writer, "ID", id);
	json_put_int(writer, "State", 2);
	json_put_text(writer, "Timestamp", time);
	json_key(writer, "Task");
}
