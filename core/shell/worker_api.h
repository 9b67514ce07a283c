/* shell/worker_api.h - the worker's HTTP API (API.md): from requests to messages and back.
 *
 * Handlers run on the server's threads. Each reads, checks, posts one message to the
 * brain, waits for its reply and encodes it; none touches the brain's state.
 */
#ifndef SHELL_WORKER_API_H
#define SHELL_WORKER_API_H

#include "http/request.h"
#include "plugin/runtime.h"
#include "shell/executor.h"
#include "shell/loop.h"
#include "shell/sampler.h"
#include "worker/message.h"

struct worker_api {
	struct loop *loop;
	struct runtime *runtime; /* for its name, and whether it has logs */
	struct executor *executor;
	struct sampler *sampler;
	struct log *log;
};

/* The table for http_server_config; its ctx is the struct worker_api. */
extern const struct http_route worker_routes[];

/* Posts message and waits for its reply until timeout_ms from now; the reply is the
 * caller's. NULL: too late or too busy; the request has been answered. Takes message. */
struct worker_effect *worker_ask(struct worker_api *api, struct http_request *request,
				 struct worker_message *message, uint32_t timeout_ms);

/* GET /tasks/{id}/logs (worker_logs.c) */
void worker_logs_handle(void *ctx, struct http_request *request);

#endif
