/* cube/find.h - from what a person calls a task to its id.
 *
 * A uuid is itself; else the unique prefix of an id (two characters or more); else a name:
 * the one live task of that name, or the only one.
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

#endif
