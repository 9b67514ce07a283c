/* fake/docker_daemon.h - something at a Unix socket that answers like a Docker Engine, as
 * badly as a test wants.
 *
 *     struct daemon *daemon = daemon_start("1.41");
 *     daemon_says(daemon, "POST /containers/create", 409, "{\"message\":\"...\"}");
 *
 * A rule matches the front of "METHOD /path?query", the version cut off; the rule set last
 * wins. Without one: /_ping is answered as Docker does, and the rest with 404. Each
 * connection has a thread. All functions are [any]; a failure of the fake aborts.
 */
#ifndef FAKE_DOCKER_DAEMON_H
#define FAKE_DOCKER_DAEMON_H

#include <stddef.h>

enum daemon_then {
	DAEMON_KEEP,  /* wait for the next request */
	DAEMON_CLOSE, /* close the connection */
	DAEMON_HANG   /* keep it open and silent, until daemon_drop */
};

struct daemon;

/* "" as version: /_ping says none. It listens when this returns. */
struct daemon *daemon_start(const char *api_version);
void daemon_stop(struct daemon *daemon); /* closes all, removes its socket */
const char *daemon_socket(const struct daemon *daemon);

/* Stops listening and drops all connections; then listens again, as another version. */
void daemon_down(struct daemon *daemon);
void daemon_up(struct daemon *daemon, const char *api_version);

/* The oldest version that it takes; default: any. */
void daemon_floor(struct daemon *daemon, const char *api_version);

/* Rules: a whole answer, or raw bytes. times 0: always. */
void daemon_says(struct daemon *daemon, const char *match, int status, const char *body);
void daemon_does(struct daemon *daemon, const char *match, int times, const char *bytes,
		 size_t size, enum daemon_then then);

/* More bytes for the connections that hang after match; waits until there is one. */
void daemon_sends(struct daemon *daemon, const char *match, const char *bytes, size_t size);
void daemon_drop(struct daemon *daemon); /* closes the connections that hang */

/* What came: how many requests that match; the newest one whole (malloced; NULL: none);
 * how many connections were accepted. */
int daemon_count(struct daemon *daemon, const char *match);
char *daemon_request(struct daemon *daemon, const char *match);
int daemon_connections(struct daemon *daemon);

#endif
