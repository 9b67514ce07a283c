/* cube/ports.h - what --publish takes. Pure. */
#ifndef CUBE_PORTS_H
#define CUBE_PORTS_H

#include "base/error.h"

#define PORTS_MAX           64 /* of one task, as the manager has it */
#define PORT_CONTAINER_SIZE 16 /* "65535/udp" and its NUL, rounded up */
#define PORT_HOST_SIZE      12

/* "8080:80", "53:53/udp", "80": the key and the value of PortBindings; host "" is any free
 * port. INVALID names the text. */
int port_parse(const char *text, char container[PORT_CONTAINER_SIZE], char host[PORT_HOST_SIZE],
	       struct cube_error *err);

#endif
