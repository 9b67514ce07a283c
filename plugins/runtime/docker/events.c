/* events.c - follows GET /events and tells the core which task to look at.
 *
 * One thread from start to stop, with a connection of its own that stop wakes. Events
 * are hints: whatever might have been missed is answered with resync, which is called
 * whenever the stream begins and when it breaks off. Between tries to connect it waits,
 * longer each time, up to five seconds. The engine filters by label; the action is
 * looked at here, since Podman names some differently (a container has `died`).
 */
#include "events.h"

#include "base/clock.h"
#include "base/thread.h"
#include "lines.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define LINE_BYTES    ((size_t)1024 * 1024) /* an event repeats all labels */
#define FIRST_WAIT_MS 100
#define LAST_WAIT_MS  5000
#define BEGIN_MS      10000   /* an engine that does not begin to answer is asked anew */
#define TICK_MS       1000    /* until then */
#define IDLE_MS       3600000 /* after that: stop wakes us */

struct events {
	const struct cube_host *host;
	struct engine *engine;
	const struct cube_runtime_events *listener;
	struct http_conn *conn;
	pthread_t thread;
	atomic_bool stopping;
	/* the thread's own */
	struct lines lines;
	struct http_stream stream;
	uint64_t asked_ms; /* when the stream was asked for */
	bool begun;        /* it has begun to answer */
	bool lost;         /* resync was called since it last broke off */
};

static uint64_t
now_of(const struct events *events)
{
	return events->host->now_ms(events->host->ctx);
}

/* Those after which a container is not as it was. */
static bool
is_change(const char *action)
{
	static const char *const actions[] = {"start", "die",     "died",
					      "oom",   "destroy", "remove"};

	for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++)
		if (strcmp(action, actions[i]) == 0)
			return true;
	return false;
}

/* One event. One that cannot be read is a reason to look at everything. */
static int
on_line(void *ctx, const char *text, size_t size)
{
	struct events *events = ctx;
	const struct cube_runtime_events *listener = events->listener;
	const struct json_value *actor;
	struct json_doc doc;
	struct cube_error ignored;
	const char *action;
	const char *task_id;

	if (json_parse(text, size, &doc, &ignored) != 0) {
		listener->resync(listener->ctx);
		return 0;
	}
	action = engine_text(doc.root, "Action");
	actor = json_get(doc.root, "Actor");
	task_id = engine_text(json_get(actor, "Attributes"), "cube.task");
	if (action != NULL && is_change(action)) {
		if (task_id != NULL && strlen(task_id) < CUBE_ID_SIZE)
			listener->changed(listener->ctx, task_id);
		else
			listener->resync(listener->ctx);
	}
	json_release(&doc);
	return 0;
}

static int
on_begin(void *ctx)
{
	struct events *events = ctx;

	events->begun = true;
	events->stream.tick_ms = IDLE_MS;
	events->lost = false;
	events->listener->resync(events->listener->ctx);
	return 0;
}

static int
on_data(void *ctx, const char *bytes, size_t size)
{
	struct events *events = ctx;

	return lines_feed(&events->lines, bytes, size);
}

static int
on_tick(void *ctx)
{
	struct events *events = ctx;

	if (atomic_load(&events->stopping))
		return 1;
	return !events->begun && now_of(events) - events->asked_ms > BEGIN_MS;
}

/* `since` makes the engine send again what fell between its answer's beginning and its
 * listening; it keeps the last few hundred events for that. */
static void
make_path(const struct events *events, struct buf *path)
{
	struct buf filters = BUF_INIT(1024);

	buf_printf(&filters, "{\"type\":[\"container\"],\"label\":[\"cube.worker=%s\"]}",
		   events->host->identity);
	buf_printf(path,
		   "/events?since=%lld&filters=", (long long)(clock_now().wall_ms / 1000 - 1));
	http_escape(path, buf_text(&filters), "");
	if (filters.failed)
		path->failed = true;
	buf_release(&filters);
}

/* Follows the stream until it breaks off. */
static void
follow(struct events *events)
{
	struct buf path = BUF_INIT(4096);
	struct http_request request = {
		.method = "GET", .deadline_ms = HTTP_NO_DEADLINE, .stream = &events->stream};
	struct http_reply reply = {0};
	struct cube_error ignored;

	make_path(events, &path);
	request.path = buf_text(&path);
	events->begun = false;
	events->stream.tick_ms = TICK_MS;
	events->asked_ms = now_of(events);
	/* Why it ended makes no difference: probe and list tell the core the reason. */
	if (!path.failed)
		(void)engine_call(events->engine, events->conn, &request, &reply, &ignored);
	buf_release(&reply.body);
	buf_release(&path);
	buf_reset(&events->lines.partial);
}

static void
wait_until(struct events *events, uint64_t until_ms)
{
	uint64_t now_ms = now_of(events);

	while (!atomic_load(&events->stopping) && now_ms < until_ms) {
		http_wait(events->conn, (uint32_t)(until_ms - now_ms));
		now_ms = now_of(events);
	}
}

static void *
listen_on(void *arg)
{
	struct events *events = arg;
	const struct cube_runtime_events *listener = events->listener;
	uint32_t wait_ms = FIRST_WAIT_MS;

	while (!atomic_load(&events->stopping)) {
		follow(events);
		if (atomic_load(&events->stopping))
			break;
		if (!events->lost) {
			events->lost = true;
			listener->resync(listener->ctx);
		}
		/* One that broke off at once is no better than none. */
		if (events->begun && now_of(events) - events->asked_ms > LAST_WAIT_MS)
			wait_ms = FIRST_WAIT_MS;
		wait_until(events, now_of(events) + wait_ms);
		wait_ms = wait_ms * 2 < LAST_WAIT_MS ? wait_ms * 2 : LAST_WAIT_MS;
	}
	return NULL;
}

static void
events_free(struct events *events)
{
	if (events->conn != NULL)
		engine_give(events->engine, events->conn);
	buf_release(&events->lines.partial);
	free(events);
}

int
events_start(const struct cube_host *host, struct engine *engine,
	     const struct cube_runtime_events *listener, struct events **out,
	     struct cube_error *err)
{
	struct events *events = calloc(1, sizeof(*events));

	if (events == NULL)
		return cube_fail(err, CUBE_ERR_NO_MEMORY, 0, "no memory for the events");
	events->host = host;
	events->engine = engine;
	events->listener = listener;
	atomic_init(&events->stopping, false);
	buf_init(&events->lines.partial, LINE_BYTES);
	events->lines.ctx = events;
	events->lines.line = on_line;
	events->stream = (struct http_stream){
		.ctx = events, .begin = on_begin, .data = on_data, .tick = on_tick};
	events->conn = engine_take(engine, err);
	if (events->conn == NULL ||
	    thread_start(&events->thread, "docker-events", listen_on, events, err) != 0) {
		events_free(events);
		return err->code;
	}
	*out = events;
	return 0;
}

void
events_stop(struct events *events)
{
	if (events == NULL)
		return;
	atomic_store(&events->stopping, true);
	http_wake(events->conn);
	(void)pthread_join(events->thread, NULL);
	events_free(events);
}
