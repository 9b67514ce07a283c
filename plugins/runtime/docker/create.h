/* create.h - a task's spec as the engine wants it: name and body of a create call. */
#ifndef DOCKER_CREATE_H
#define DOCKER_CREATE_H

#include "docker.h"

#define CREATE_NAME_SIZE 96
/* Where a container without a network of its own keeps its ports: "80/tcp 53/udp". */
#define CREATE_PORTS_LABEL "cube.docker.ports"

/* NAME-ID8-ATTEMPT, with '-' for what the engine allows in no name. */
void create_name(const struct cube_task_spec *spec, char out[CREATE_NAME_SIZE]);

/* The JSON body. NO_MEMORY, or INVALID if it gets too large. */
int create_body(const struct docker *docker, const struct cube_task_spec *spec, struct buf *out,
		struct cube_error *err);

/* Do this plugin's containers share the machine's own network? */
bool create_on_host(const struct docker *docker);

#endif
