/* common/address.c - see the header. Owns nothing. */
#include "common/address.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SCHEME "http://"

static bool
port_read(const char *text, size_t size, unsigned long *port)
{
	if (size == 0 || size > 5 || strspn(text, "0123456789") < size)
		return false;
	*port = strtoul(text, NULL, 10);
	return *port >= 1 && *port <= UINT16_MAX;
}

int
address_read(const char *option, const char *text, uint16_t default_port, char *out,
	     size_t size, struct cube_error *err)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789.-_";
	const char *host = text;
	unsigned long port = default_port;
	size_t host_size;
	size_t rest;

	if (strncmp(host, SCHEME, strlen(SCHEME)) == 0)
		host += strlen(SCHEME);
	host_size = strspn(host, letters);
	rest = strlen(host) - host_size;
	if (rest > 0 && host[host_size + rest - 1] == '/')
		rest--;
	if (host_size == 0 || (rest == 0 && port == 0) ||
	    (rest > 0 &&
	     (host[host_size] != ':' || !port_read(host + host_size + 1, rest - 1, &port))))
		return cube_fail(err, CUBE_ERR_INVALID, 0, "%s wants HOST:PORT, not '%.100s'",
				 option, text);
	if (host_size + sizeof(":65535") > size)
		return cube_fail(err, CUBE_ERR_INVALID, 0,
				 "%s: '%.60s...' has a host of more than %zu bytes", option,
				 text, size - sizeof(":65535"));
	(void)snprintf(out, size, "%.*s:%lu", (int)host_size, host, port);
	return 0;
}
