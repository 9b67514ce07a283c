/* http/guard.h - the deadlines of a server's connections, and how many there are.
 *
 * civetweb bounds the wait for one read or one write, not for a whole body: a client
 * that drips keeps its thread for ever. So a handler arms the guard before it may block;
 * past the deadline the guard's thread shuts the socket down, and the blocked call
 * returns. The thread sleeps without a timeout while nothing is armed. Every function is
 * [any]; a struct connection is used by the thread that serves it.
 */
#ifndef HTTP_GUARD_H
#define HTTP_GUARD_H

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

struct guard;
struct connection;

enum guard_kind {
	GUARD_READ, /* no more is read, the answer can still be written; hurried when threads
		     * are scarce */
	GUARD_WRITE /* the connection is cut */
};

int guard_new(unsigned threads, struct guard **out, struct cube_error *err);
void guard_free(struct guard *guard); /* joins its thread; no connection is left */
/* The port that the server listens on, by which the guard knows its sockets. */
void guard_set_port(struct guard *guard, uint16_t port);

struct connection *guard_enter(struct guard *guard); /* NULL: no memory */
/* Who is at the other end; known with the first request. Before any guard_arm. */
void guard_name(struct connection *connection, const char *address, uint16_t port);
void guard_leave(struct connection *connection);
void guard_mark_answered(struct connection *connection);
bool guard_answered(const struct connection *connection);

void guard_arm(struct connection *connection, enum guard_kind kind, uint64_t timeout_ms);
bool guard_disarm(struct connection *connection); /* true: the deadline has passed */

/* Most threads hold a connection: give them back. */
bool guard_scarce(struct guard *guard);

/* Handlers at work. guard_begin returns false once guard_drain was called. */
bool guard_begin(struct guard *guard);
void guard_end(struct guard *guard);
bool guard_stopping(struct guard *guard);
/* No new handlers; waits until none is at work, or deadline_ms; true if so. */
bool guard_drain(struct guard *guard, uint64_t deadline_ms);
/* Shuts down every connection, also those that have not sent a request yet. */
void guard_cut(struct guard *guard);

/* The connection's socket, borrowed for as long as the handler runs; -1: not found. */
int guard_socket(struct connection *connection);

#endif
