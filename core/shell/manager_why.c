/* shell/manager_why.c - GET /tasks/{id}/why, and POST /tasks/why of tasks not submitted.
 *
 * The body of the latter is read and checked as that of POST /tasks, once. The brain is asked
 * for all of them first, so that what a submit would refuse is refused alike; it answers as
 * many as it looks at in one step, and is asked again for the rest, so that a long array
 * holds nobody up. The server's threads.
 */
#include "shell/manager_api.h"

#include <stdlib.h>

#define REPLY_LIMIT_BYTES ((size_t)256 << 20)
#define AGAIN_MAX         256 /* tasks in a message after the first */

void
manager_why_handle(void *ctx, struct http_request *request)
{
	struct manager_message *message = manager_message_for_task(request, MANAGER_WHY);
	struct manager_effect *reply =
		message != NULL ? manager_ask_ok(ctx, request, message, "") : NULL;
	cleanup_buf struct buf body = BUF_INIT(REPLY_LIMIT_BYTES);
	struct json_writer *writer;

	if (reply == NULL)
		return;
	writer = json_writer_new(&body, false);
	if (writer == NULL || reply->why_count == 0)
		body.failed = true;
	else
		why_encode(writer, &reply->whys[0]);
	if (writer != NULL)
		json_writer_free(writer);
	http_reply_json(request, 200, NULL, &body);
	manager_effect_free(&reply->item);
}

/* A question about count of all's tasks, from the one at first on; NULL: no memory. */
static struct manager_message *
question(const struct manager_message *all, size_t first, size_t count)
{
	struct manager_message *message = manager_message_new(MANAGER_WHY);
	size_t i;

	if (message == NULL)
		return NULL;
	message->requests = calloc(count + 1, sizeof(*message->requests));
	if (message->requests == NULL) {
		manager_message_free(message);
		return NULL;
	}
	for (i = 0; i < count; i++) {
		struct task_request *to = &message->requests[message->request_count++];

		*to = all->requests[first + i];
		if (to->spec != NULL)
			(void)task_spec_get(to->spec);
	}
	return message;
}

/* False: the request has been answered. */
static bool
ask_all(struct manager_api *api, struct http_request *request,
	const struct manager_message *all, struct json_writer *writer)
{
	size_t done = 0;

	while (done < all->request_count) {
		size_t count = all->request_count - done;
		struct manager_effect *reply;
		size_t i;

		if (done > 0 && count > AGAIN_MAX)
			count = AGAIN_MAX;
		reply = manager_ask_ok(api, request, question(all, done, count), "");
		if (reply == NULL)
			return false;
		for (i = 0; i < reply->why_count; i++)
			why_encode(writer, &reply->whys[i]);
		done += reply->why_count;
		if (reply->why_count == 0) {
			manager_effect_free(&reply->item);
			http_reply_error(request, 503, "out of memory");
			return false;
		}
		manager_effect_free(&reply->item);
	}
	return true;
}

void
manager_why_new_handle(void *ctx, struct http_request *request)
{
	cleanup_buf struct buf body = BUF_INIT(REPLY_LIMIT_BYTES);
	bool many = false;
	struct manager_message *all = manager_requests_read(request, MANAGER_WHY, &many);
	struct json_writer *writer;

	if (all == NULL)
		return;
	writer = json_writer_new(&body, false);
	if (writer == NULL) {
		manager_message_free(all);
		http_reply_error(request, 503, "out of memory");
		return;
	}
	if (many)
		json_begin_array(writer);
	if (ask_all(ctx, request, all, writer)) {
		if (many)
			json_end_array(writer);
		http_reply_json(request, 200, NULL, &body);
	}
	json_writer_free(writer);
	manager_message_free(all);
}
