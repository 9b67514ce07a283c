/* tests/unit/manager_page.h - asks the manager's brain for events, and shows them as a line of
 * text. On top of manager_cast.h. */
#ifndef MANAGER_PAGE_H
#define MANAGER_PAGE_H

#include "manager_cast.h"

#include "manager/events.h"

static inline struct manager_message *
watch_message(struct world *world, uint64_t since, uint32_t wait_ms)
{
	struct manager_message *message = world_message(world, MANAGER_EVENTS);

	message->watch = (struct watch_query){since, wait_ms, 1000};
	return message;
}

/* One entry: "3 user t1 Pending" or "4 worker n1 ready", with "/ATTEMPT" if there was one and
 * "(REASON)" if there is one. */
static inline size_t
event_text(const struct event *event, char *out, size_t size)
{
	struct history_entry entry;
	bool of_node;
	int n;

	event_read(event, &entry);
	of_node = entry.status[0] != '\0';
	n = snprintf(out, size, "%" PRIu64 " %s %s %s", entry.revision,
		     history_by_name(entry.by), of_node ? entry.node : entry.name,
		     of_node ? entry.status : task_state_name(entry.state));
	if (entry.attempt > 0)
		n += snprintf(out + n, size - (size_t)n, "/%u", entry.attempt);
	if (entry.reason[0] != '\0')
		n += snprintf(out + n, size - (size_t)n, " (%s)", entry.reason);
	return (size_t)n;
}

/* A reply's entries with ", " between them, and "..." if there are more; a refusal's status and
 * message; "-" for no reply. Frees it. */
static inline const char *
page_text(struct manager_effect *reply)
{
	static char texts[4][16384];
	static unsigned turn;
	char *text = texts[turn++ % 4];
	size_t room = sizeof(texts[0]);
	size_t used = 0;
	size_t i;

	text[0] = '\0';
	if (reply == NULL) {
		(void)snprintf(text, room, "-");
	} else if (reply->status != 200) {
		(void)snprintf(text, room, "%d %s", reply->status, reply->message);
	} else {
		for (i = 0; i < reply->event_count && used < room - 1024; i++) {
			used += (size_t)snprintf(text + used, room - used, "%s",
						 i > 0 ? ", " : "");
			used += event_text(reply->events[i], text + used, room - used);
		}
		if (reply->more)
			(void)snprintf(text + used, room - used, "...");
	}
	effect_free(reply);
	return text;
}

/* All that is shown behind since, without waiting. */
static inline const char *
events_after(struct world *world, uint64_t since)
{
	return page_text(world_ask(world, watch_message(world, since, 0)));
}

#endif
