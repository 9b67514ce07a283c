/* manager/watch.c - pages of events, now or as soon as there are any.
 *
 * Owns the watchers. A page shares the entries, so copying one out costs a pointer each; it
 * leaves when what it shows is durable. While the store fails it shows what is durable and
 * leaves at once, as all reads do (manager/read.c). All watchers are gone through at most
 * once a step, and only if it has noted something or the time of one is over. Brain's
 * thread.
 */
#include "manager/watch.h"

#include "base/id.h"
#include "manager/brain.h"
#include "manager/effect.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define PAGE_MAX     1000
#define SCAN_MAX     20000 /* entries looked at for one page */
#define WATCHERS_MAX 1024

struct watcher {
	struct watcher *next;
	void *token;
	uint64_t since;
	uint64_t due_ms; /* mono */
	size_t limit;
	bool of_task;
	uint8_t task_id[ID_BYTES];
	char node[NAME_SIZE]; /* "": of any */
};

void
watch_init(struct watch *watch)
{
	watch->end = &watch->first;
	watch->due_ms = UINT64_MAX;
}

void
watch_release(struct watch *watch)
{
	while (watch->first != NULL) {
		struct watcher *watcher = watch->first;

		watch->first = watcher->next;
		free(watcher);
	}
	watch->end = &watch->first;
}

/* ---- one answer ---- */

static bool
matches(const struct watcher *watcher, const struct event *event)
{
	if (watcher->of_task && (event->of_node || memcmp(event->task_id, watcher->task_id,
							  sizeof(watcher->task_id)) != 0))
		return false;
	return watcher->node[0] == '\0' || strcmp(watcher->node, event->text) == 0;
}

/* Where to begin is not there any more, or never was; 0: it is. */
static int
check_since(struct manager *manager, const struct watcher *watcher,
	    const struct manager_message *to)
{
	const struct events *events = &manager->events;

	if (watcher->since + 1 < events->first)
		reply_status(manager, to, 410,
			     "events up to %" PRIu64
			     " are no longer kept: those behind %" PRIu64
			     " cannot be shown whole; begin again with since=0, and with "
			     "GET /tasks for how things stand",
			     events->first - 1, watcher->since);
	else if (watcher->since >= events->next)
		reply_status(manager, to, 410,
			     "the newest event is %" PRIu64 ", there is no %" PRIu64
			     ": the number is from another store, or from a newer state of "
			     "this one; begin again with since=0",
			     events->next - 1, watcher->since);
	else
		return 0;
	return CUBE_ERR_NOT_FOUND;
}

/* Moves the watcher behind what it need not see, and collects what it is to see. */
static void
collect(struct manager *manager, struct watcher *watcher, struct manager_effect *reply)
{
	const struct events *events = &manager->events;
	uint64_t visible = events_visible(manager);
	uint64_t end =
		watcher->since + SCAN_MAX < visible ? watcher->since + SCAN_MAX : visible;
	size_t room;

	while (watcher->since < end) {
		struct event *event = events_at(events, watcher->since + 1);

		if (matches(watcher, event)) {
			if (reply->event_count == watcher->limit)
				break;
			room = end - watcher->since < watcher->limit
				       ? (size_t)(end - watcher->since)
				       : watcher->limit;
			if (reply->events == NULL)
				reply->events = calloc(room, sizeof(struct event *));
			if (reply->events == NULL) {
				brain_failed(manager);
				return;
			}
			reply->events[reply->event_count++] = event_get(event);
		}
		watcher->since++;
	}
	reply->revision = watcher->since;
	reply->more = watcher->since < visible;
}

/* Answers if there is something to say or it is time to; else false. */
static bool
answer(struct manager *manager, struct watcher *watcher, bool now)
{
	const struct manager_message to = {.token = watcher->token};
	struct manager_effect *reply;

	if (!now && watcher->since >= events_visible(manager))
		return false;
	if (check_since(manager, watcher, &to) != 0)
		return true;
	reply = reply_new(manager, &to, 200);
	if (reply == NULL)
		return true;
	collect(manager, watcher, reply);
	if (reply->event_count == 0 && !reply->more && !now) {
		manager_effect_free(&reply->item);
		return false;
	}
	reply_send(manager, reply);
	return true;
}

/* ---- waiting ---- */

static void
park(struct manager *manager, const struct watcher *made)
{
	struct watch *watch = &manager->watch;
	const struct manager_message to = {.token = made->token};
	struct watcher *watcher;

	if (watch->count == WATCHERS_MAX) {
		reply_status(manager, &to, 503,
			     "%d wait for events already, which is the limit", WATCHERS_MAX);
		return;
	}
	watcher = malloc(sizeof(*watcher));
	if (watcher == NULL) {
		brain_failed(manager);
		return;
	}
	*watcher = *made;
	watcher->next = NULL;
	*watch->end = watcher;
	watch->end = &watcher->next;
	watch->count++;
	if (watcher->due_ms < watch->due_ms)
		watch->due_ms = watcher->due_ms;
}

void
watch_take(struct manager *manager, const struct manager_message *message)
{
	const struct watch_query *query = &message->watch;
	struct watcher watcher = {.token = message->token, .since = query->since};
	bool now = query->wait_ms == 0 || manager->watch.quitting;

	watcher.limit = query->limit == 0 || query->limit > PAGE_MAX ? PAGE_MAX : query->limit;
	watcher.due_ms = manager->step->now.mono_ms + query->wait_ms;
	watcher.of_task = message->task_id[0] != '\0';
	if (watcher.of_task)
		id_pack(message->task_id, watcher.task_id);
	memcpy(watcher.node, message->node, sizeof(watcher.node));
	if (query->since == WATCH_FROM_NOW)
		watcher.since = events_visible(manager);
	else if (query->since == 0)
		watcher.since = manager->events.first - 1;
	if (check_since(manager, &watcher, message) != 0)
		return;
	if (!answer(manager, &watcher, now))
		park(manager, &watcher);
}

static void
pass(struct manager *manager, bool all)
{
	struct watch *watch = &manager->watch;
	uint64_t now_ms = manager->step->now.mono_ms;
	struct watcher **at = &watch->first;
	struct watcher *watcher;

	watch->due_ms = UINT64_MAX;
	while ((watcher = *at) != NULL) {
		if (answer(manager, watcher, all || watcher->due_ms <= now_ms)) {
			*at = watcher->next;
			watch->count--;
			free(watcher);
			continue;
		}
		if (watcher->due_ms < watch->due_ms)
			watch->due_ms = watcher->due_ms;
		at = &watcher->next;
	}
	watch->end = at;
}

void
watch_run(struct manager *manager)
{
	struct watch *watch = &manager->watch;
	uint64_t visible = events_visible(manager);

	if (watch->first == NULL)
		return;
	if (visible != watch->seen || watch->due_ms <= manager->step->now.mono_ms)
		pass(manager, false);
	watch->seen = visible;
	step_wake(manager->step, watch->due_ms);
}

void
watch_quit(struct manager *manager)
{
	manager->watch.quitting = true;
	pass(manager, true);
}
