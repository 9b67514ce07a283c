/* cube/find.h - from what a person calls a task to its id.
 *
 * A whole uuid is itself; else a name: the one live task of that name, or the only one;
 * else the unique beginning of an id, two characters or more.
 */
#ifndef CUBE_FIND_H
#define CUBE_FIND_H

#include "api.h"
#include "base/id.h"

/* NOT_FOUND; CONFLICT lists the candidates. */
int
find_task(const struct api *api, const char *text, char id[ID_SIZE], struct cube_error *err);

/* GET /tasks/ID; the Task is answer->doc.root. */
int
get_task(const struct api *api, const char *id, struct answer *answer, struct cube_error *err);

/* "pending", ... "failed", or "in an unknown state". */
const char *state_word(const struct json_value *task);

#endif
