/* clock.c - the one virtual clock: what happens next, by time and, at one time, in the order
 * in which it was planned. A binary heap; owns the items of the events that it holds. */
#include "sim.h"

#include <stdlib.h>
#include <string.h>

void *
sim_alloc(size_t count, size_t size)
{
	void *memory = calloc(count, size);

	if (memory == NULL)
		abort();
	return memory;
}

static bool
is_before(const struct event_item *a, const struct event_item *b)
{
	return a->time_us != b->time_us ? a->time_us < b->time_us : a->serial < b->serial;
}

void
clock_put(struct sim *sim, uint64_t at_us, struct event_item item)
{
	struct clock *clock = &sim->clock;
	size_t at = clock->count;

	if (clock->count == clock->capacity) {
		clock->capacity = clock->capacity == 0 ? 256 : clock->capacity * 2;
		clock->items =
			reallocarray(clock->items, clock->capacity, sizeof(*clock->items));
		if (clock->items == NULL)
			abort();
	}
	item.time_us = at_us > clock->now_us ? at_us : clock->now_us;
	item.serial = ++clock->serial;
	clock->count++;
	while (at > 0 && is_before(&item, &clock->items[(at - 1) / 2])) {
		clock->items[at] = clock->items[(at - 1) / 2];
		at = (at - 1) / 2;
	}
	clock->items[at] = item;
}

bool
clock_take(struct sim *sim, struct event_item *out)
{
	struct clock *clock = &sim->clock;
	struct event_item last;
	size_t at = 0;

	if (clock->count == 0)
		return false;
	*out = clock->items[0];
	last = clock->items[--clock->count];
	for (;;) {
		size_t child = 2 * at + 1;

		if (child >= clock->count)
			break;
		if (child + 1 < clock->count &&
		    is_before(&clock->items[child + 1], &clock->items[child]))
			child++;
		if (!is_before(&clock->items[child], &last))
			break;
		clock->items[at] = clock->items[child];
		at = child;
	}
	clock->items[at] = last;
	clock->now_us = out->time_us;
	return true;
}

void
clock_release(struct sim *sim)
{
	struct event_item event;

	while (clock_take(sim, &event))
		network_event_free(&event);
	free(sim->clock.items);
	sim->clock.items = NULL;
}
