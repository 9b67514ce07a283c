/* container.h - what the engine says of a container, as the core wants it. */
#ifndef DOCKER_CONTAINER_H
#define DOCKER_CONTAINER_H

#include "engine.h"

#include <cube/runtime.h>

/* Of GET /containers/ID/json. Fills all of *out but struct_size. UNAVAILABLE if it has no
 * Id or no State: then it is no answer of Docker's. */
int container_read(const struct json_value *inspected, struct cube_container *out,
		   struct cube_error *err);

/* Of one entry of GET /containers/json: ids, handle, state, attempt. */
int container_read_listed(const struct json_value *entry, struct cube_container *out,
			  struct cube_error *err);

/* The value of one of its labels; NULL: none. */
const char *container_label(const struct json_value *inspected, const char *key);

/* Is it safe as part of a path: a container's id or name? */
bool container_handle_ok(const char *handle);

#endif
