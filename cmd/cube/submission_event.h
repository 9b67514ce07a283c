/* cube/submission_event.h - what both ways to a submission begin with. */
#ifndef CUBE_SUBMISSION_EVENT_H
#define CUBE_SUBMISSION_EVENT_H

#include "base/json.h"
#include "submission.h"

/* An empty submission with room for so many tasks. NO_MEMORY; release it also then. */
int submission_room(struct submission *out, size_t count, struct cube_error *err);
void event_new_id(char out[ID_SIZE]);
/* The front of a TaskEvent, up to its Task. */
void event_begin(struct json_writer *writer);

#endif
