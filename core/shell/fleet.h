/* shell/fleet.h - carries out the brain's effects on workers, and brings back their answers.
 *
 * Each HELLO, ORDERS and POLL becomes one exchange over the http client (for a peer of the
 * book's protocol: a few in a row) and is answered with exactly one message; FORGET gives
 * up what is under way for a contact. A worker that does not answer costs its own
 * exchange's deadline and nothing else.
 */
#ifndef SHELL_FLEET_H
#define SHELL_FLEET_H

#include "http/client.h"
#include "manager/message.h"
#include "shell/loop.h"

/* client and loop are borrowed; the answers go to loop. [loop's thread] Takes effect, which
 * is none of the replies. */
void fleet_send(struct http_client *client, struct loop *loop, struct manager_effect *effect);

/* What every exchange of fleet.c and fleet_book.c is: a call, the effect that it carries
 * out, and the answer to it, made beforehand so that answering cannot fail. */
struct fleet_call {
	struct http_call call; /* first */
	struct http_client *client;
	struct loop *loop;
	struct manager_effect *effect;
	struct manager_message *answer;
	size_t next; /* book: the order that is carried out */
};

/* For one exchange; takes effect, and answer, or makes one if that is NULL. Ends the process
 * when memory is short: the brain would wait for the answer for ever. */
struct fleet_call *
fleet_call_new(struct http_client *client, struct loop *loop, struct manager_effect *effect,
	       struct manager_message *answer);
/* Sends the answer as it is and frees the call. */
void fleet_call_answer(struct fleet_call *exchange);
/* The same, for an exchange without a usable HTTP answer. */
void fleet_call_fault(struct fleet_call *exchange, int fault, const char *reason);
/* The Message of an error body, or what the status is, as the answer's reason. */
void fleet_call_reason(struct fleet_call *exchange);
/* The effect and the answer move to a new call, for the next exchange of the row. The old one
 * is freed. */
struct fleet_call *fleet_call_next(struct fleet_call *exchange);

#endif
