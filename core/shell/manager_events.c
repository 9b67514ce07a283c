/* shell/manager_events.c - GET /events: what happens, a line of JSON each, as it happens.
 *
 * The handler asks the brain for page after page, each for what is behind the last, and waits
 * there when it has seen all. So a reader that is slow holds up its own thread and nothing
 * else; one that does not read at all is cut off by the stream. A stream that breaks is
 * taken up again with the last Revision that was seen. The server's threads.
 */
#include "shell/manager_api.h"

#include "base/clock.h"
#include "http/stream.h"
#include "manager/events.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define PAGE_EVENTS  500
#define PAGE_BYTES   ((size_t)4 << 20) /* 500 of the longest, all escaped */
#define WAIT_MS      2000              /* then it is looked whether the reader is there */
#define HEARTBEAT_MS 5000              /* of silence, then an empty line */

struct following {
	struct manager_api *api;
	struct http_request *request;
	bool follow;
	uint64_t since;
	char task_id[ID_SIZE];
	char node[NAME_SIZE];
	struct http_stream *stream;
	uint64_t sent_ms; /* mono, of the last byte */
	struct buf body;
};

static int
query_read(const struct http_request *request, struct following *following,
	   struct cube_error *err)
{
	char text[ID_SIZE];
	int found;

	following->follow = true;
	following->since = WATCH_FROM_NOW;
	if (http_query_number(request, "since", 0, INT64_MAX, &following->since, err) < 0 ||
	    http_query_bool(request, "follow", &following->follow, err) < 0 ||
	    http_query(request, "node", following->node, sizeof(following->node), err) < 0)
		return err->code;
	found = http_query(request, "task", text, sizeof(text), err);
	if (found > 0 && id_parse(text, following->task_id) != 0)
		return cube_fail(err, CUBE_ERR_INVALID, 0, "?task=%s: must be a uuid", text);
	return found < 0 ? found : 0;
}

static struct manager_message *
page_message(const struct following *following, uint32_t wait_ms)
{
	struct manager_message *page = manager_message_new(MANAGER_EVENTS);
	uint32_t ask_ms = following->api->ask_ms != 0 ? following->api->ask_ms : MANAGER_ASK_MS;

	if (page == NULL)
		return NULL;
	page->watch.since = following->since;
	page->watch.wait_ms = wait_ms < ask_ms / 2 ? wait_ms : ask_ms / 2;
	page->watch.limit = PAGE_EVENTS;
	memcpy(page->task_id, following->task_id, sizeof(page->task_id));
	memcpy(page->node, following->node, sizeof(page->node));
	return page;
}

static void
page_encode(struct following *following, const struct manager_effect *page)
{
	buf_reset(&following->body);
	for (size_t i = 0; i < page->event_count; i++) {
		struct json_writer *writer = json_writer_new(&following->body, false);
		struct history_entry entry;

		if (writer == NULL) {
			following->body.failed = true;
			return;
		}
		event_read(page->events[i], &entry);
		history_encode_event(writer, &entry);
		json_writer_free(writer);
		buf_append_text(&following->body, "\n");
	}
}

/* Sends the page, or a sign of life when it was silent for long. False: the reader is gone. */
static bool
page_send(struct following *following, const struct manager_effect *page)
{
	uint64_t now_ms = clock_now().mono_ms;

	following->since = page->revision;
	page_encode(following, page);
	if (page->event_count == 0 && now_ms - following->sent_ms < HEARTBEAT_MS)
		return http_stream_write(following->stream, NULL, 0);
	if (page->event_count == 0)
		buf_append_text(&following->body, "\n");
	following->sent_ms = now_ms;
	return !following->body.failed &&
	       http_stream_write(following->stream, following->body.data, following->body.size);
}

/* Takes the first page. True if all was sent to its end. */
static bool
pages_send(struct following *following, struct manager_effect *page)
{
	for (;;) {
		bool more = page->more;
		bool sent = page_send(following, page);

		manager_effect_free(&page->item);
		if (!sent)
			return false;
		if (!more && !following->follow)
			return true;
		/* One that gets no page, or a refusal, is cut off: it goes on from the last
		 * that it saw, and is told then what is wrong. */
		page = manager_ask_quietly(following->api,
					   page_message(following, more ? 0 : WAIT_MS));
		if (page == NULL)
			return false;
		if (page->status != 200) {
			manager_effect_free(&page->item);
			return false;
		}
	}
}

void
manager_events_handle(void *ctx, struct http_request *request)
{
	struct following following = {.api = ctx, .request = request};
	struct http_field fields[2] = {{NULL, NULL}};
	struct manager_effect *page;
	char revision[24];
	struct cube_error err;

	if (query_read(request, &following, &err) != 0) {
		http_reply_error(request, http_status_of(err.code), "%s", err.message);
		return;
	}
	page = manager_ask_ok(ctx, request, page_message(&following, 0), "");
	if (page == NULL)
		return;
	/* Whoever goes on from here misses nothing, even if it sees no line of this one. */
	(void)snprintf(revision, sizeof(revision), "%" PRIu64,
		       page->event_count > 0 ? page->events[0]->revision - 1 : page->revision);
	fields[0] = (struct http_field){"Cube-Revision", revision};
	if (http_stream_begin(request, HTTP_STREAM_SHARED, 200, HTTP_JSON_LINES, fields,
			      &following.stream, &err) != 0) {
		manager_effect_free(&page->item);
		http_reply_error(request, http_status_of(err.code), "%s", err.message);
		return;
	}
	buf_init(&following.body, PAGE_BYTES);
	following.sent_ms = clock_now().mono_ms;
	http_stream_end(following.stream, pages_send(&following, page));
	buf_release(&following.body);
}
