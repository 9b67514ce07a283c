/* shell/manager_api.h - the manager's HTTP API (API.md): from requests to messages and back.
 *
 * Handlers run on the server's threads. Each reads, checks, posts one message to the brain,
 * waits for its reply and encodes it; none touches the brain's state. manager_api.c has the
 * table, submits and single tasks; manager_why.c reasons; manager_list.c lists;
 * manager_nodes_api.c nodes; manager_logs.c logs; manager_events.c the stream of events.
 */
#ifndef SHELL_MANAGER_API_H
#define SHELL_MANAGER_API_H

#include "http/reply.h"
#include "http/request.h"
#include "manager/message.h"
#include "shell/loop.h"

#define MANAGER_ASK_MS 10000

struct manager_api {
	struct loop *loop;
	struct log *log;
	uint32_t ask_ms; /* how long a handler waits for the brain; 0: MANAGER_ASK_MS */
};

/* The table for http_server_config; its ctx is the struct manager_api. */
extern const struct http_route manager_routes[];

/* Posts message and waits for its reply, which is the caller's. NULL: too late, too busy, or
 * (if message is NULL) out of memory; the request has been answered. unknown is added to
 * the message of one that is too late: what is not known; may be "". Takes message. */
struct manager_effect *manager_ask(struct manager_api *api, struct http_request *request,
				   struct manager_message *message, const char *unknown);
/* The same; a refusal of the brain has been answered too. */
struct manager_effect *manager_ask_ok(struct manager_api *api, struct http_request *request,
				      struct manager_message *message, const char *unknown);
/* The same as manager_ask, but answers nothing: for when an answer has begun already. NULL is
 * no message. */
struct manager_effect *
manager_ask_quietly(struct manager_api *api, struct manager_message *message);
/* A message about the task of the path; NULL: answered. */
struct manager_message *
manager_message_for_task(struct http_request *request, enum manager_message_kind kind);

/* What the body of a POST /tasks says, checked, as a message of kind; *many: it is an array.
 * NULL: the request has been answered. */
struct manager_message *
manager_requests_read(struct http_request *request, enum manager_message_kind kind, bool *many);

/* GET /tasks/{id}/why and POST /tasks/why (manager_why.c) */
void manager_why_handle(void *ctx, struct http_request *request);
void manager_why_new_handle(void *ctx, struct http_request *request);
/* GET /tasks (manager_list.c) */
void manager_list_handle(void *ctx, struct http_request *request);
/* GET /events (manager_events.c) */
void manager_events_handle(void *ctx, struct http_request *request);
/* GET /tasks/{id}/logs (manager_logs.c) */
void manager_logs_handle(void *ctx, struct http_request *request);
/* (manager_nodes_api.c) */
void manager_nodes_handle(void *ctx, struct http_request *request);
void manager_node_handle(void *ctx, struct http_request *request);
void manager_join_handle(void *ctx, struct http_request *request);
void manager_node_remove_handle(void *ctx, struct http_request *request);
void manager_node_cordon_handle(void *ctx, struct http_request *request);
void manager_node_uncordon_handle(void *ctx, struct http_request *request);
void manager_node_drain_handle(void *ctx, struct http_request *request);

#endif
