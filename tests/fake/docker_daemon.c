/* fake/docker_daemon.c - the scripted engine of fake/docker_daemon.h.
 *
 * One thread accepts; each connection has a thread that reads a request, finds its rule
 * and does what it says. Rules, requests and connections live under one lock. Tests that
 * use it are its only callers, so what should not happen aborts.
 */
#include "docker_daemon.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define CONNS_MAX    64
#define RULES_MAX    64
#define REQUESTS_MAX 512
#define HEAD_BYTES   (64 * 1024)
#define BODY_BYTES   (1024 * 1024)

#define MUST(expression)                                                            \
	do {                                                                        \
		if (!(expression)) {                                                \
			(void)fprintf(stderr, "fake docker: %s: %s\n", #expression, \
				      strerror(errno));                             \
			abort();                                                    \
		}                                                                   \
	} while (0)

struct rule {
	char *match;
	int times; /* left; 0: always, -1: used up */
	char *bytes;
	size_t size;
	enum daemon_then then;
};

struct request {
	char *line; /* "METHOD /path", without the version */
	char *text; /* all of it */
};

struct conn {
	struct daemon *daemon;
	pthread_t thread;
	bool used;
	int fd;
	char *hangs; /* the line of the request it hangs after */
};

struct daemon {
	char folder[64];
	char socket[96];
	pthread_mutex_t lock;
	pthread_cond_t changed;
	pthread_t thread;
	int listen_fd;
	int stop_pipe[2];
	char version[16];
	char floor[16];
	struct rule rules[RULES_MAX];
	int rule_count;
	struct request requests[REQUESTS_MAX];
	int request_count;
	struct conn conns[CONNS_MAX];
	int accepted;
};

static void
lock(struct daemon *daemon)
{
	MUST(pthread_mutex_lock(&daemon->lock) == 0);
}

static void
unlock(struct daemon *daemon)
{
	MUST(pthread_mutex_unlock(&daemon->lock) == 0);
}

/* The peer may be gone: that is its business. */
static void
send_all(int fd, const char *bytes, size_t size)
{
	while (size > 0) {
		ssize_t sent = send(fd, bytes, size, MSG_NOSIGNAL);

		if (sent <= 0)
			return;
		bytes += sent;
		size -= (size_t)sent;
	}
}

static char *
answer(int status, const char *version, const char *body)
{
	char *text = NULL;
	char field[64] = "";

	if (version[0] != '\0')
		(void)snprintf(field, sizeof(field), "Api-Version: %s\r\n", version);
	MUST(asprintf(&text,
		      "HTTP/1.1 %d Fake\r\n%sContent-Type: application/json\r\n"
		      "Content-Length: %zu\r\n\r\n%s",
		      status, field, strlen(body), body) > 0);
	return text;
}

/* ---- requests ---- */

/* Reads one request into text; false at the end of the connection. */
static bool
read_request(int fd, char *text, size_t room)
{
	size_t size = 0;
	size_t need = 0; /* the whole, once known */

	for (;;) {
		ssize_t got;
		const char *end;
		const char *field;

		got = recv(fd, text + size, 1, 0);
		if (got <= 0)
			return false;
		size++;
		text[size] = '\0';
		MUST(size < room - 1);
		if (need == 0 && (end = strstr(text, "\r\n\r\n")) != NULL) {
			need = size;
			field = strcasestr(text, "\r\nContent-Length:");
			if (field != NULL)
				need += strtoul(field + 17, NULL, 10);
		}
		if (need != 0 && size >= need)
			return true;
	}
}

/* "1.24" -> 1024, to compare. */
static unsigned
number_of(const char *version)
{
	unsigned major = 0;
	unsigned minor = 0;

	(void)sscanf(version, "%u.%u", &major, &minor);
	return major * 1000 + minor;
}

/* Cuts the version out of the request's line; it is left in version. */
static char *
line_of(const char *text, char version[16])
{
	char method[16];
	char path[8 * 1024];
	char *line = NULL;
	const char *rest = path;

	version[0] = '\0';
	MUST(sscanf(text, "%15s %8191s", method, path) == 2);
	if (sscanf(path, "/v%15[0-9.]", version) == 1 && strchr(path + 1, '/') != NULL)
		rest = strchr(path + 1, '/');
	MUST(asprintf(&line, "%s %s", method, rest) > 0);
	return line;
}

static bool
matches(const char *line, const char *match)
{
	return strncmp(line, match, strlen(match)) == 0;
}

/* Under the lock: what to send, malloced. */
static char *
decide(struct daemon *daemon, const char *line, const char *version, size_t *size,
       enum daemon_then *then)
{
	char message[256];
	char *text;

	*then = DAEMON_KEEP;
	for (int i = daemon->rule_count - 1; i >= 0; i--) {
		struct rule *rule = &daemon->rules[i];

		if (rule->times < 0 || !matches(line, rule->match))
			continue;
		if (rule->times == 1)
			rule->times = -1;
		else if (rule->times > 1)
			rule->times--;
		*then = rule->then;
		*size = rule->size;
		text = malloc(rule->size + 1);
		MUST(text != NULL);
		memcpy(text, rule->bytes, rule->size);
		return text;
	}
	if (version[0] != '\0' && daemon->version[0] != '\0' &&
	    number_of(version) > number_of(daemon->version)) {
		(void)snprintf(message, sizeof(message),
			       "{\"message\":\"client version %s is too new. Maximum supported "
			       "API version is %s\"}",
			       version, daemon->version);
		text = answer(400, daemon->version, message);
	} else if (version[0] != '\0' && number_of(version) < number_of(daemon->floor)) {
		/* Docker 20.10 says this one in plain text. */
		(void)snprintf(message, sizeof(message),
			       "client version %s is too old. Minimum supported API version is "
			       "%s, please upgrade your client to a newer version\n",
			       version, daemon->floor);
		text = answer(400, daemon->version, message);
	} else if (matches(line, "GET /_ping")) {
		text = answer(200, daemon->version, "OK");
	} else {
		text = answer(404, daemon->version, "{\"message\":\"page not found\"}");
	}
	*size = strlen(text);
	return text;
}

/* True: go on with the next request. */
static bool
serve_one(struct conn *conn, char *text, size_t room)
{
	struct daemon *daemon = conn->daemon;
	enum daemon_then then;
	char version[16];
	char *line;
	char *bytes;
	size_t size;

	if (!read_request(conn->fd, text, room))
		return false;
	line = line_of(text, version);
	lock(daemon);
	bytes = decide(daemon, line, version, &size, &then);
	MUST(daemon->request_count < REQUESTS_MAX);
	daemon->requests[daemon->request_count].line = line;
	daemon->requests[daemon->request_count].text = strdup(text);
	MUST(daemon->requests[daemon->request_count].text != NULL);
	daemon->request_count++;
	unlock(daemon);
	send_all(conn->fd, bytes, size);
	free(bytes);
	if (then == DAEMON_HANG) {
		lock(daemon);
		conn->hangs = line;
		MUST(pthread_cond_broadcast(&daemon->changed) == 0);
		unlock(daemon);
		while (recv(conn->fd, text, room, 0) > 0)
			; /* until one of the sides has enough */
	}
	return then == DAEMON_KEEP;
}

static void *
serve(void *arg)
{
	struct conn *conn = arg;
	char *text = malloc(HEAD_BYTES + BODY_BYTES);

	MUST(text != NULL);
	while (serve_one(conn, text, HEAD_BYTES + BODY_BYTES))
		;
	free(text);
	lock(conn->daemon);
	(void)close(conn->fd);
	conn->fd = -1;
	conn->hangs = NULL;
	unlock(conn->daemon);
	return NULL;
}

static void
start_conn(struct daemon *daemon, int fd)
{
	int i;

	lock(daemon);
	for (i = 0; i < CONNS_MAX; i++) {
		if (daemon->conns[i].used && daemon->conns[i].fd < 0) {
			MUST(pthread_join(daemon->conns[i].thread, NULL) == 0);
			daemon->conns[i].used = false;
		}
		if (!daemon->conns[i].used)
			break;
	}
	MUST(i < CONNS_MAX);
	daemon->conns[i] = (struct conn){.daemon = daemon, .used = true, .fd = fd};
	daemon->accepted++;
	MUST(pthread_create(&daemon->conns[i].thread, NULL, serve, &daemon->conns[i]) == 0);
	unlock(daemon);
}

static void *
accept_all(void *arg)
{
	struct daemon *daemon = arg;

	for (;;) {
		struct pollfd fds[] = {{.fd = daemon->listen_fd, .events = POLLIN},
				       {.fd = daemon->stop_pipe[0], .events = POLLIN}};
		int fd;

		if (poll(fds, 2, -1) < 0)
			continue;
		if (fds[1].revents != 0)
			return NULL;
		fd = accept4(daemon->listen_fd, NULL, NULL, SOCK_CLOEXEC);
		if (fd >= 0)
			start_conn(daemon, fd);
	}
}

/* ---- life ---- */

void
daemon_up(struct daemon *daemon, const char *api_version)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	(void)snprintf(daemon->version, sizeof(daemon->version), "%s", api_version);
	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", daemon->socket);
	(void)unlink(daemon->socket);
	daemon->listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	MUST(daemon->listen_fd >= 0);
	MUST(bind(daemon->listen_fd, (struct sockaddr *)&address, sizeof(address)) == 0);
	MUST(listen(daemon->listen_fd, 16) == 0);
	MUST(pipe(daemon->stop_pipe) == 0);
	MUST(pthread_create(&daemon->thread, NULL, accept_all, daemon) == 0);
}

void
daemon_down(struct daemon *daemon)
{
	(void)close(daemon->stop_pipe[1]);
	MUST(pthread_join(daemon->thread, NULL) == 0);
	(void)close(daemon->stop_pipe[0]);
	(void)close(daemon->listen_fd);
	(void)unlink(daemon->socket);
	for (int i = 0; i < CONNS_MAX; i++) {
		if (!daemon->conns[i].used)
			continue;
		lock(daemon);
		if (daemon->conns[i].fd >= 0)
			(void)shutdown(daemon->conns[i].fd, SHUT_RDWR);
		unlock(daemon);
		MUST(pthread_join(daemon->conns[i].thread, NULL) == 0);
		daemon->conns[i].used = false;
	}
}

struct daemon *
daemon_start(const char *api_version)
{
	struct daemon *daemon = calloc(1, sizeof(*daemon));

	MUST(daemon != NULL);
	(void)snprintf(daemon->folder, sizeof(daemon->folder), "/tmp/cube-docker.XXXXXX");
	MUST(mkdtemp(daemon->folder) != NULL);
	(void)snprintf(daemon->socket, sizeof(daemon->socket), "%s/s", daemon->folder);
	MUST(pthread_mutex_init(&daemon->lock, NULL) == 0);
	MUST(pthread_cond_init(&daemon->changed, NULL) == 0);
	daemon_up(daemon, api_version);
	return daemon;
}

void
daemon_stop(struct daemon *daemon)
{
	daemon_down(daemon);
	(void)rmdir(daemon->folder);
	for (int i = 0; i < daemon->rule_count; i++) {
		free(daemon->rules[i].match);
		free(daemon->rules[i].bytes);
	}
	for (int i = 0; i < daemon->request_count; i++) {
		free(daemon->requests[i].line);
		free(daemon->requests[i].text);
	}
	MUST(pthread_cond_destroy(&daemon->changed) == 0);
	MUST(pthread_mutex_destroy(&daemon->lock) == 0);
	free(daemon);
}

const char *
daemon_socket(const struct daemon *daemon)
{
	return daemon->socket;
}

void
daemon_floor(struct daemon *daemon, const char *api_version)
{
	lock(daemon);
	(void)snprintf(daemon->floor, sizeof(daemon->floor), "%s", api_version);
	unlock(daemon);
}

/* ---- rules ---- */

void
daemon_does(struct daemon *daemon, const char *match, int times, const char *bytes, size_t size,
	    enum daemon_then then)
{
	struct rule *rule;

	lock(daemon);
	MUST(daemon->rule_count < RULES_MAX);
	rule = &daemon->rules[daemon->rule_count++];
	rule->match = strdup(match);
	rule->bytes = malloc(size + 1);
	MUST(rule->match != NULL && rule->bytes != NULL);
	memcpy(rule->bytes, bytes, size);
	rule->size = size;
	rule->times = times;
	rule->then = then;
	unlock(daemon);
}

void
daemon_says(struct daemon *daemon, const char *match, int status, const char *body)
{
	char *text = answer(status, "", body);

	daemon_does(daemon, match, 0, text, strlen(text), DAEMON_KEEP);
	free(text);
}

void
daemon_sends(struct daemon *daemon, const char *match, const char *bytes, size_t size)
{
	int sent = 0;

	lock(daemon);
	for (;;) {
		for (int i = 0; i < CONNS_MAX; i++) {
			struct conn *conn = &daemon->conns[i];

			if (conn->used && conn->fd >= 0 && conn->hangs != NULL &&
			    matches(conn->hangs, match)) {
				send_all(conn->fd, bytes, size);
				sent++;
			}
		}
		if (sent > 0)
			break;
		MUST(pthread_cond_wait(&daemon->changed, &daemon->lock) == 0);
	}
	unlock(daemon);
}

void
daemon_drop(struct daemon *daemon)
{
	lock(daemon);
	for (int i = 0; i < CONNS_MAX; i++)
		if (daemon->conns[i].used && daemon->conns[i].fd >= 0 &&
		    daemon->conns[i].hangs != NULL)
			(void)shutdown(daemon->conns[i].fd, SHUT_RDWR);
	unlock(daemon);
}

/* ---- what came ---- */

int
daemon_count(struct daemon *daemon, const char *match)
{
	int count = 0;

	lock(daemon);
	for (int i = 0; i < daemon->request_count; i++)
		count += matches(daemon->requests[i].line, match);
	unlock(daemon);
	return count;
}

char *
daemon_request(struct daemon *daemon, const char *match)
{
	char *text = NULL;

	lock(daemon);
	for (int i = daemon->request_count - 1; i >= 0 && text == NULL; i--)
		if (matches(daemon->requests[i].line, match))
			text = strdup(daemon->requests[i].text);
	unlock(daemon);
	return text;
}

int
daemon_connections(struct daemon *daemon)
{
	int count;

	lock(daemon);
	count = daemon->accepted;
	unlock(daemon);
	return count;
}
