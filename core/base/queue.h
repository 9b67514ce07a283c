/* base/queue.h - many threads hand items to one, which sleeps until there are any.
 *
 * The items are the caller's structs with a struct queue_item inside, so pushing
 * allocates nothing. Bounded: a full queue refuses, and the pusher tells its
 * client to come back later.
 */
#ifndef BASE_QUEUE_H
#define BASE_QUEUE_H

#include <stddef.h>
#include <stdint.h>

struct queue_item {
	struct queue_item *next;
};

struct queue;

struct queue *queue_new(size_t limit); /* NULL when memory is short */
void queue_free(struct queue *queue);  /* its items are the caller's: pop them first */

/* [any] 0; CUBE_ERR_UNAVAILABLE if full or closed: the item stays the caller's. */
int queue_push(struct queue *queue, struct queue_item *item);

/* [any] The same without the limit, for answers to what the owner itself asked
 * for: their number is bounded by what is under way. Also taken when closed. */
void queue_push_answer(struct queue *queue, struct queue_item *item);

/* Owner: all that is there, oldest first, as a chain; waits until there is
 * something, until deadline_ms on clock_now's mono_ms (0: does not wait,
 * UINT64_MAX: for ever), or until the queue is woken or closed. NULL: nothing. */
struct queue_item *queue_pop_all(struct queue *queue, uint64_t deadline_ms);

void queue_wake(struct queue *queue); /* [any] the owner's present or next wait returns */
/* [any] Refuses pushes from now on, and wakes. After it a wait for ever returns at
 * once; a wait with a deadline still waits, for the answers under way. */
void queue_close(struct queue *queue);

#endif
