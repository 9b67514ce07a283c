/* cube/ports.c - see the header. */
#include "ports.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Reads digits; the number, or 0 if it is no port. */
static unsigned
port_number(const char **at)
{
	char *end;
	unsigned long number;

	if (**at < '0' || **at > '9')
		return 0;
	number = strtoul(*at, &end, 10);
	*at = end;
	return number > 0 && number <= 65535 ? (unsigned)number : 0;
}

int
port_parse(const char *text, char container[PORT_CONTAINER_SIZE], char host[PORT_HOST_SIZE],
	   struct cube_error *err)
{
	const char *at = text;
	unsigned first = port_number(&at);
	unsigned second = 0;
	const char *protocol = "tcp";

	if (first != 0 && *at == ':') {
		at++;
		second = port_number(&at);
		if (second == 0)
			first = 0;
	}
	if (*at == '/') {
		protocol = at + 1;
		at += strlen(at);
	}
	if (first == 0 || *at != '\0' ||
	    (strcmp(protocol, "tcp") != 0 && strcmp(protocol, "udp") != 0))
		return cube_fail(
			err, CUBE_ERR_INVALID, 0,
			"--publish wants [HOST:]CONTAINER[/tcp|/udp] with ports from 1 to "
			"65535, such as 8080:80, not '%.60s'",
			text);
	(void)snprintf(container, PORT_CONTAINER_SIZE, "%u/%s", second != 0 ? second : first,
		       protocol);
	if (second != 0)
		(void)snprintf(host, PORT_HOST_SIZE, "%u", first);
	else
		host[0] = '\0';
	return 0;
}
