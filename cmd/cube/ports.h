/* cube/ports.h - --publish as Docker writes it. */
#ifndef CUBE_PORTS_H
#define CUBE_PORTS_H

#include "base/error.h"

/* "8080:80", "8080:80/udp", "80" (any free host port). container is "80/tcp", host
 * "8080" or "" for any. */
int port_parse(const char *text, char container[16], char host[8], struct cube_error *err);

#endif
