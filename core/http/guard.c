/* http/guard.c - cuts the connections whose deadline has passed.
 *
 * civetweb hands out no socket, so the guard finds it among the process's own by its two
 * addresses; that is done only when a deadline has passed, a stream begins or the server
 * ends. Whoever is in the list has not closed its socket yet: both leaving the list
 * and disarming take the lock, so a descriptor found under it cannot be another's.
 */
#include "http/guard.h"

#include "base/clock.h"
#include "base/thread.h"
#include "http/server.h"

#include <arpa/inet.h>
#include <assert.h>
#include <dirent.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#define TICK_MS 250 /* while something is armed: how late a cut may be */

struct connection {
	struct connection *next;
	struct connection *previous;
	struct guard *guard;
	struct in_addr address;
	in_port_t port; /* network order; 0: not known yet */
	bool answered;  /* the serving thread's */
	/* under the lock */
	uint64_t deadline_ms; /* 0: not armed */
	uint64_t armed_ms;
	enum guard_kind kind;
	bool fired;
};

struct guard {
	pthread_mutex_t lock;
	pthread_cond_t armed;   /* something is, or it ends */
	pthread_cond_t drained; /* no handler is at work */
	pthread_t thread;
	unsigned threads;
	in_port_t port; /* network order */
	struct connection *first;
	unsigned live;
	unsigned armed_count;
	unsigned handlers;
	bool sleeping;
	bool ending;
	bool stopping;
};

static void
lock(struct guard *guard)
{
	int failed = pthread_mutex_lock(&guard->lock);

	assert(failed == 0);
	(void)failed;
}

static void
unlock(struct guard *guard)
{
	int failed = pthread_mutex_unlock(&guard->lock);

	assert(failed == 0);
	(void)failed;
}

/* Under the lock. Walks our own descriptors for those that the server accepted. */
static void
sockets_each(struct guard *guard,
	     void (*visit)(void *ctx, int fd, const struct sockaddr_in *peer), void *ctx)
{
	DIR *dir = opendir("/proc/self/fd");
	const struct dirent *entry;

	if (dir == NULL)
		return;
	while ((entry = readdir(dir)) != NULL) {
		struct sockaddr_in self = {0};
		struct sockaddr_in peer = {0};
		socklen_t self_size = sizeof(self);
		socklen_t peer_size = sizeof(peer);
		char *end;
		long fd = strtol(entry->d_name, &end, 10);

		if (end == entry->d_name || *end != '\0')
			continue;
		if (getsockname((int)fd, (struct sockaddr *)&self, &self_size) != 0 ||
		    self.sin_family != AF_INET || self.sin_port != guard->port)
			continue;
		if (getpeername((int)fd, (struct sockaddr *)&peer, &peer_size) != 0 ||
		    peer.sin_family != AF_INET)
			continue;
		visit(ctx, (int)fd, &peer);
	}
	(void)closedir(dir);
}

static bool
is_peer(const struct connection *connection, const struct sockaddr_in *peer)
{
	return connection->port == peer->sin_port &&
	       connection->address.s_addr == peer->sin_addr.s_addr;
}

static void
cut_if_due(void *ctx, int fd, const struct sockaddr_in *peer)
{
	struct guard *guard = ctx;

	for (struct connection *at = guard->first; at != NULL; at = at->next) {
		if (at->fired && at->deadline_ms != 0 && is_peer(at, peer)) {
			(void)shutdown(fd, at->kind == GUARD_READ ? SHUT_RD : SHUT_RDWR);
			return;
		}
	}
}

/* Under the lock. */
static bool
is_scarce(const struct guard *guard)
{
	return guard->live * 4 > guard->threads * 3;
}

/* Under the lock. */
static void
cut_due(struct guard *guard)
{
	uint64_t now_ms = clock_now().mono_ms;
	bool scarce = is_scarce(guard);
	bool any = false;

	for (struct connection *at = guard->first; at != NULL; at = at->next) {
		if (at->deadline_ms == 0)
			continue;
		if (at->deadline_ms <= now_ms ||
		    (scarce && at->kind == GUARD_READ &&
		     at->armed_ms + HTTP_SCARCE_TIMEOUT_MS <= now_ms)) {
			/* Said again each tick: data that came after it wakes the reader. */
			at->fired = true;
			any = true;
		}
	}
	if (any)
		sockets_each(guard, cut_if_due, guard);
}

static struct timespec
in_ms(uint64_t ms)
{
	struct timespec at = {0};

	(void)clock_gettime(CLOCK_MONOTONIC, &at);
	at.tv_sec += (time_t)(ms / 1000);
	at.tv_nsec += (long)(ms % 1000) * 1000000;
	if (at.tv_nsec >= 1000000000) {
		at.tv_sec++;
		at.tv_nsec -= 1000000000;
	}
	return at;
}

static void *
guard_run(void *arg)
{
	struct guard *guard = arg;

	lock(guard);
	while (!guard->ending) {
		if (guard->armed_count == 0) {
			guard->sleeping = true;
			(void)pthread_cond_wait(&guard->armed, &guard->lock);
			guard->sleeping = false;
		} else {
			struct timespec until = in_ms(TICK_MS);

			(void)pthread_cond_timedwait(&guard->armed, &guard->lock, &until);
			cut_due(guard);
		}
	}
	unlock(guard);
	return NULL;
}

static int
conditions_init(struct guard *guard)
{
	pthread_condattr_t attr;
	int failed = pthread_condattr_init(&attr);

	if (failed != 0)
		return failed;
	failed = pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	if (failed == 0)
		failed = pthread_cond_init(&guard->armed, &attr);
	if (failed == 0) {
		failed = pthread_cond_init(&guard->drained, &attr);
		if (failed != 0)
			(void)pthread_cond_destroy(&guard->armed);
	}
	(void)pthread_condattr_destroy(&attr);
	return failed;
}

int
guard_new(unsigned threads, struct guard **out, struct cube_error *err)
{
	struct guard *guard = calloc(1, sizeof(*guard));
	int failed;

	if (guard == NULL)
		return cube_fail(err, CUBE_ERR_NO_MEMORY, 0, "out of memory");
	guard->threads = threads;
	failed = pthread_mutex_init(&guard->lock, NULL);
	if (failed != 0)
		goto no_lock;
	failed = conditions_init(guard);
	if (failed != 0)
		goto no_conditions;
	failed = thread_start(&guard->thread, "http-guard", guard_run, guard, err);
	if (failed != 0) {
		(void)pthread_cond_destroy(&guard->drained);
		(void)pthread_cond_destroy(&guard->armed);
		(void)pthread_mutex_destroy(&guard->lock);
		free(guard);
		return failed;
	}
	*out = guard;
	return 0;
no_conditions:
	(void)pthread_mutex_destroy(&guard->lock);
no_lock:
	free(guard);
	return cube_fail(err, CUBE_ERR_NO_MEMORY, failed, "start the http guard: %s",
			 strerror(failed));
}

void
guard_free(struct guard *guard)
{
	if (guard == NULL)
		return;
	lock(guard);
	guard->ending = true;
	(void)pthread_cond_signal(&guard->armed);
	unlock(guard);
	(void)pthread_join(guard->thread, NULL);
	assert(guard->first == NULL);
	(void)pthread_cond_destroy(&guard->drained);
	(void)pthread_cond_destroy(&guard->armed);
	(void)pthread_mutex_destroy(&guard->lock);
	free(guard);
}

void
guard_set_port(struct guard *guard, uint16_t port)
{
	lock(guard);
	guard->port = htons(port);
	unlock(guard);
}

struct connection *
guard_enter(struct guard *guard)
{
	struct connection *connection = calloc(1, sizeof(*connection));

	if (connection == NULL)
		return NULL;
	connection->guard = guard;
	lock(guard);
	connection->next = guard->first;
	if (guard->first != NULL)
		guard->first->previous = connection;
	guard->first = connection;
	guard->live++;
	unlock(guard);
	return connection;
}

void
guard_name(struct connection *connection, const char *address, uint16_t port)
{
	struct guard *guard = connection->guard;

	if (connection->port != 0)
		return;
	lock(guard);
	connection->port = htons(port);
	if (inet_pton(AF_INET, address, &connection->address) != 1)
		connection->address.s_addr = INADDR_NONE;
	unlock(guard);
}

void
guard_leave(struct connection *connection)
{
	struct guard *guard = connection->guard;

	lock(guard);
	assert(connection->deadline_ms == 0);
	if (connection->next != NULL)
		connection->next->previous = connection->previous;
	if (connection->previous != NULL)
		connection->previous->next = connection->next;
	else
		guard->first = connection->next;
	guard->live--;
	unlock(guard);
	free(connection);
}

void
guard_mark_answered(struct connection *connection)
{
	connection->answered = true;
}

bool
guard_answered(const struct connection *connection)
{
	return connection->answered;
}

void
guard_arm(struct connection *connection, enum guard_kind kind, uint64_t timeout_ms)
{
	struct guard *guard = connection->guard;
	uint64_t now_ms = clock_now().mono_ms;

	lock(guard);
	assert(connection->deadline_ms == 0);
	connection->kind = kind;
	connection->armed_ms = now_ms;
	connection->deadline_ms = now_ms + timeout_ms;
	connection->fired = false;
	guard->armed_count++;
	if (guard->sleeping)
		(void)pthread_cond_signal(&guard->armed);
	unlock(guard);
}

bool
guard_disarm(struct connection *connection)
{
	struct guard *guard = connection->guard;
	bool fired;

	lock(guard);
	assert(connection->deadline_ms != 0);
	connection->deadline_ms = 0;
	guard->armed_count--;
	fired = connection->fired;
	unlock(guard);
	return fired;
}

bool
guard_scarce(struct guard *guard)
{
	bool scarce;

	lock(guard);
	scarce = is_scarce(guard);
	unlock(guard);
	return scarce;
}

bool
guard_begin(struct guard *guard)
{
	bool may;

	lock(guard);
	may = !guard->stopping;
	if (may)
		guard->handlers++;
	unlock(guard);
	return may;
}

void
guard_end(struct guard *guard)
{
	lock(guard);
	assert(guard->handlers > 0);
	guard->handlers--;
	if (guard->stopping && guard->handlers == 0)
		(void)pthread_cond_signal(&guard->drained);
	unlock(guard);
}

bool
guard_stopping(struct guard *guard)
{
	bool stopping;

	lock(guard);
	stopping = guard->stopping;
	unlock(guard);
	return stopping;
}

bool
guard_drain(struct guard *guard, uint64_t deadline_ms)
{
	uint64_t now_ms = clock_now().mono_ms;
	struct timespec until = in_ms(deadline_ms > now_ms ? deadline_ms - now_ms : 0);
	bool drained;
	int failed = 0;

	lock(guard);
	guard->stopping = true;
	while (guard->handlers > 0 && failed == 0)
		failed = pthread_cond_timedwait(&guard->drained, &guard->lock, &until);
	drained = guard->handlers == 0;
	unlock(guard);
	return drained;
}

static void
cut_each(void *ctx, int fd, const struct sockaddr_in *peer)
{
	(void)ctx;
	(void)peer;
	(void)shutdown(fd, SHUT_RDWR);
}

void
guard_cut(struct guard *guard)
{
	lock(guard);
	sockets_each(guard, cut_each, NULL);
	unlock(guard);
}

struct socket_search {
	const struct connection *connection;
	int fd;
};

static void
search_each(void *ctx, int fd, const struct sockaddr_in *peer)
{
	struct socket_search *search = ctx;

	if (is_peer(search->connection, peer))
		search->fd = fd;
}

int
guard_socket(struct connection *connection)
{
	struct socket_search search = {.connection = connection, .fd = -1};

	lock(connection->guard);
	sockets_each(connection->guard, search_each, &search);
	unlock(connection->guard);
	return search.fd;
}
