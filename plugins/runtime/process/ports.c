/* ports.c - host ports for containers that ask for any free one.
 *
 * Binding a port shows that it is free at this moment; the container binds it a few
 * milliseconds later. TCP is bound with SO_REUSEADDR, as servers do, so connections
 * that linger from an earlier container do not count, while a listener does.
 */
#include "ports.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int
ports_init(struct ports *ports, uint16_t first, uint16_t last, uint64_t random,
	   struct cube_error *err)
{
	size_t count = (size_t)(last - first) + 1;

	ports->claimed = calloc(count, sizeof(*ports->claimed));
	if (ports->claimed == NULL)
		return cube_fail(err, CUBE_ERR_NO_MEMORY, 0,
				 "no memory for the table of ports");
	ports->first = first;
	ports->last = last;
	ports->next = (uint16_t)(first + random % count);
	return 0;
}

void
ports_release(struct ports *ports)
{
	free(ports->claimed);
	ports->claimed = NULL;
}

static uint16_t *
claim_of(struct ports *ports, uint16_t port)
{
	if (port < ports->first || port > ports->last)
		return NULL;
	return &ports->claimed[port - ports->first];
}

void
ports_claim(struct ports *ports, const struct cube_port *list, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		uint16_t *claim = claim_of(ports, list[i].host_port);

		if (claim != NULL && *claim < UINT16_MAX)
			(*claim)++;
	}
}

void
ports_give_back(struct ports *ports, const struct cube_port *list, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		uint16_t *claim = claim_of(ports, list[i].host_port);

		if (claim != NULL && *claim > 0)
			(*claim)--;
	}
}

/* 0, or the errno of the bind. ip "": every address, of IPv6 too where there is. */
static int
try_bind(uint16_t protocol, const char *ip, uint16_t port)
{
	struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
	struct sockaddr_in four = {.sin_family = AF_INET, .sin_port = htons(port)};
	bool is_six = ip[0] == '\0' || inet_pton(AF_INET6, ip, &six.sin6_addr) == 1;
	int type = (protocol == IPPROTO_UDP ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC;
	int on = 1;
	int off = 0;
	int result;
	int fd;

	if (ip[0] != '\0' && !is_six && inet_pton(AF_INET, ip, &four.sin_addr) != 1)
		return EINVAL;
	fd = socket(is_six ? AF_INET6 : AF_INET, type, 0);
	if (fd < 0 && ip[0] == '\0') { /* a machine without IPv6 */
		is_six = false;
		fd = socket(AF_INET, type, 0);
	}
	if (fd < 0)
		return errno;
	if (protocol == IPPROTO_TCP)
		(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (is_six)
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
	result = bind(fd, is_six ? (struct sockaddr *)&six : (struct sockaddr *)&four,
		      is_six ? sizeof(six) : sizeof(four));
	result = result == 0 ? 0 : errno;
	(void)close(fd);
	return result;
}

static int
check_fixed(const struct cube_port *port, struct cube_error *err)
{
	const char *protocol = port->protocol == IPPROTO_UDP ? "udp" : "tcp";
	int result = try_bind(port->protocol, port->host_ip, port->host_port);

	switch (result) {
	case 0:
	case EACCES: /* ours may not, the container's user perhaps may */
	case EMFILE:
	case ENFILE:
		return 0;
	case EINVAL:
		return cube_fail(err, CUBE_ERR_INVALID, 0, "\"%s\" is not an IP address",
				 port->host_ip);
	case EADDRNOTAVAIL:
		return cube_fail(err, CUBE_ERR_INVALID, result,
				 "%s is not an address of this machine", port->host_ip);
	case EADDRINUSE:
		return cube_fail(err, CUBE_ERR_CONFLICT, result, "host port %u/%s: %s",
				 (unsigned)port->host_port, protocol, strerror(result));
	default:
		return cube_fail(err, CUBE_ERR_UNAVAILABLE, result, "host port %u/%s: %s",
				 (unsigned)port->host_port, protocol, strerror(result));
	}
}

static int
pick_free(struct ports *ports, struct cube_port *port, struct cube_error *err)
{
	size_t count = (size_t)(ports->last - ports->first) + 1;

	for (size_t i = 0; i < count; i++) {
		uint16_t candidate = ports->next;
		int result;

		ports->next =
			candidate == ports->last ? ports->first : (uint16_t)(candidate + 1);
		if (*claim_of(ports, candidate) > 0)
			continue;
		result = try_bind(port->protocol, port->host_ip, candidate);
		if (result == 0) {
			port->host_port = candidate;
			return 0;
		}
		if (result != EADDRINUSE && result != EACCES)
			return cube_fail(err,
					 result == EINVAL || result == EADDRNOTAVAIL
						 ? CUBE_ERR_INVALID
						 : CUBE_ERR_UNAVAILABLE,
					 result, "bind a port on \"%s\": %s", port->host_ip,
					 strerror(result));
	}
	return cube_fail(err, CUBE_ERR_CONFLICT, 0,
			 "no host port from %u to %u is free: remove containers, or widen the "
			 "option ports",
			 (unsigned)ports->first, (unsigned)ports->last);
}

int
ports_pick(struct ports *ports, struct cube_port *list, uint32_t count, struct cube_error *err)
{
	struct cube_port picked[CUBE_PORTS_MAX];

	if (count > 0)
		memcpy(picked, list, count * sizeof(*picked));
	for (uint32_t i = 0; i < count; i++) {
		int rc = picked[i].host_port != 0 ? check_fixed(&picked[i], err)
						  : pick_free(ports, &picked[i], err);
		if (rc != 0) {
			ports_give_back(ports, picked, i);
			return rc;
		}
		ports_claim(ports, &picked[i], 1);
	}
	if (count > 0)
		memcpy(list, picked, count * sizeof(*list));
	return 0;
}
