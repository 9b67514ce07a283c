/* shell/manager_list.c - GET /tasks: pages from the brain, encoded here.
 *
 * The brain copies out at most a page at a time, so a list of any length holds it up for
 * moments only; each page is consistent in itself. A short list is answered in one piece;
 * once it is over FLUSH_BYTES it becomes a stream. The server's threads.
 */
#include "shell/manager_api.h"

#include "http/stream.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define PAGE_TASKS  1000
#define FLUSH_BYTES ((size_t)256 << 10)
#define LIMIT_BYTES ((size_t)64 << 20)

struct listing {
	struct manager_api *api;
	struct http_request *request;
	struct manager_message *query; /* the filter of every page */
	uint64_t left;                 /* tasks that may still be shown */
	struct buf body;
	struct json_writer *writer;
	struct http_stream *stream; /* NULL: nothing was sent yet */
	bool gone;                  /* the reader, or it was answered */
	/* Cube-Revision: of the first page, so that whoever goes on from it misses nothing. */
	char revision[24];
	struct http_field fields[2];
};

/* ---- the query ---- */

static int
state_parse(const char *text, size_t size, uint32_t *states, struct cube_error *err)
{
	for (int state = 0; state < TASK_STATES; state++) {
		const char *name = task_state_name((enum task_state)state);
		bool number = size == 1 && text[0] == '0' + state;

		if (number || (strlen(name) == size && strncasecmp(name, text, size) == 0)) {
			*states |= UINT32_C(1) << state;
			return 0;
		}
	}
	return cube_fail(err, CUBE_ERR_INVALID, 0,
			 "?state=%.*s: must be Pending, Scheduled, Running, Completed, Failed, "
			 "or 0 to 4; several with commas",
			 (int)size, text);
}

static int
states_read(const struct http_request *request, uint32_t *states, struct cube_error *err)
{
	char text[128];
	const char *at = text;
	int found = http_query(request, "state", text, sizeof(text), err);

	while (found > 0 && *at != '\0') {
		size_t size = strcspn(at, ",");

		found = state_parse(at, size, states, err) == 0 ? 1 : err->code;
		at += size;
		at += strspn(at, ",");
	}
	return found < 0 ? found : 0;
}

static int
name_read(const struct http_request *request, const char *name, char out[NAME_SIZE],
	  struct cube_error *err)
{
	int found = http_query(request, name, out, NAME_SIZE, err);

	return found < 0 ? found : 0;
}

static int
prefix_read(const struct http_request *request, char out[ID_SIZE], struct cube_error *err)
{
	int found = http_query(request, "prefix", out, ID_SIZE, err);

	if (found < 0)
		return found;
	for (char *at = out; *at != '\0'; at++) {
		if (*at >= 'A' && *at <= 'F')
			*at = (char)(*at - 'A' + 'a');
		if (strchr("0123456789abcdef-", *at) == NULL)
			return cube_fail(err, CUBE_ERR_INVALID, 0,
					 "?prefix=%s: must be the beginning of a uuid", out);
	}
	return 0;
}

static int
label_read(const struct http_request *request, struct task_filter *filter,
	   struct cube_error *err)
{
	char text[1024];
	char *equals;
	int found = http_query(request, "label", text, sizeof(text), err);

	if (found <= 0)
		return found;
	equals = strchr(text, '=');
	if (equals != NULL) {
		*equals = '\0';
		filter->label_value = strdup(equals + 1);
	}
	filter->label_key = strdup(text);
	if (filter->label_key == NULL || (equals != NULL && filter->label_value == NULL))
		return cube_fail(err, CUBE_ERR_NO_MEMORY, 0, "out of memory");
	return 0;
}

static int
query_read(const struct http_request *request, struct listing *listing, struct cube_error *err)
{
	struct task_filter *filter = &listing->query->filter;
	int failed = states_read(request, &filter->states, err);

	listing->left = UINT64_MAX;
	if (failed == 0)
		failed = name_read(request, "name", filter->name, err);
	if (failed == 0)
		failed = name_read(request, "node", filter->node, err);
	if (failed == 0)
		failed = name_read(request, "job", filter->job, err);
	if (failed == 0)
		failed = prefix_read(request, filter->prefix, err);
	if (failed == 0)
		failed = label_read(request, filter, err);
	if (failed == 0 &&
	    http_query_number(request, "limit", 1, UINT32_MAX, &listing->left, err) < 0)
		failed = err->code;
	if (failed == 0 &&
	    http_query_number(request, "after", 0, INT64_MAX, &filter->after, err) < 0)
		failed = err->code;
	return failed;
}

/* ---- pages ---- */

static struct manager_message *
page_message(const struct listing *listing)
{
	struct manager_message *page = manager_message_new(MANAGER_LIST);
	const struct task_filter *filter = &listing->query->filter;

	if (page == NULL)
		return NULL;
	page->filter = *filter;
	page->filter.label_key = NULL;
	page->filter.label_value = NULL;
	page->filter.limit = listing->left < PAGE_TASKS ? (size_t)listing->left : PAGE_TASKS;
	if (filter->label_key != NULL)
		page->filter.label_key = strdup(filter->label_key);
	if (filter->label_value != NULL)
		page->filter.label_value = strdup(filter->label_value);
	if ((page->filter.label_key == NULL) != (filter->label_key == NULL) ||
	    (page->filter.label_value == NULL) != (filter->label_value == NULL)) {
		manager_message_free(page);
		return NULL;
	}
	return page;
}

/* Sends what was gathered. */
static void
flush(struct listing *listing)
{
	struct cube_error err;

	if (listing->gone || listing->body.failed)
		return;
	if (listing->stream == NULL &&
	    http_stream_begin(listing->request, NULL, 200, HTTP_JSON, listing->fields,
			      &listing->stream, &err) != 0) {
		http_reply_error(listing->request, http_status_of(err.code), "%s", err.message);
		listing->gone = true;
		return;
	}
	if (!http_stream_write(listing->stream, listing->body.data, listing->body.size))
		listing->gone = true;
	buf_reset(&listing->body);
}

static void
page_encode(struct listing *listing, const struct manager_effect *page)
{
	for (size_t i = 0; i < page->task_count && !listing->gone; i++) {
		task_encode(listing->writer, &page->tasks[i]);
		listing->query->filter.after = page->tasks[i].status.sequence;
		if (listing->body.size >= FLUSH_BYTES)
			flush(listing);
	}
	listing->left -= page->task_count < listing->left ? page->task_count : listing->left;
}

/* True if there are more pages. On failure after the first byte the stream is cut. */
static bool
page_take(struct listing *listing)
{
	struct manager_message *message = page_message(listing);
	struct manager_effect *page;
	bool more;

	/* Once the stream has begun an error cannot be answered any more: it is cut off. */
	if (listing->stream != NULL) {
		page = manager_ask_quietly(listing->api, message);
		if (page == NULL || page->status >= 400) {
			if (page != NULL)
				manager_effect_free(&page->item);
			listing->gone = true;
			return false;
		}
	} else {
		page = manager_ask_ok(listing->api, listing->request, message, "");
		if (page == NULL) {
			listing->gone = true;
			return false;
		}
	}
	if (listing->revision[0] == '\0') {
		(void)snprintf(listing->revision, sizeof(listing->revision), "%" PRIu64,
			       page->revision);
		listing->fields[0] = (struct http_field){"Cube-Revision", listing->revision};
	}
	page_encode(listing, page);
	more = page->more && listing->left > 0 && !listing->gone && !listing->body.failed;
	manager_effect_free(&page->item);
	return more;
}

static void
listing_end(struct listing *listing)
{
	if (listing->gone) {
		http_stream_end(listing->stream, false);
		return;
	}
	json_end_array(listing->writer);
	if (listing->stream == NULL) {
		http_reply_json(listing->request, 200, listing->fields, &listing->body);
		return;
	}
	flush(listing);
	http_stream_end(listing->stream, !listing->gone && !listing->body.failed);
}

void
manager_list_handle(void *ctx, struct http_request *request)
{
	struct listing listing = {
		.api = ctx, .request = request, .body = BUF_INIT(LIMIT_BYTES)};
	struct cube_error err;

	listing.query = manager_message_new(MANAGER_LIST);
	listing.writer = json_writer_new(&listing.body, false);
	if (listing.query == NULL || listing.writer == NULL) {
		http_reply_error(request, 503, "out of memory");
	} else if (query_read(request, &listing, &err) != 0) {
		http_reply_error(request, http_status_of(err.code), "%s", err.message);
	} else {
		json_begin_array(listing.writer);
		while (page_take(&listing))
			continue;
		listing_end(&listing);
	}
	if (listing.writer != NULL)
		json_writer_free(listing.writer);
	buf_release(&listing.body);
	manager_message_free(listing.query);
}
