/* shell/reply_slot.h - where a handler waits for the brain's answer.
 *
 * The handler makes a slot, sends it along as a message's token and waits with a
 * deadline. If the answer comes in time the handler has it; if not, the handler
 * abandons the slot, and whoever fills it later frees it and the late answer. Each slot has
 * a mutex of its own.
 */
#ifndef SHELL_REPLY_SLOT_H
#define SHELL_REPLY_SLOT_H

#include "model/step.h"

struct reply_slot;

struct reply_slot *reply_slot_new(void); /* NULL: no memory */
/* The slot was given to nobody: free it. NULL is fine. */
void reply_slot_free(struct reply_slot *slot);

/* Waits until mono deadline_ms. The answer, which is the caller's to free, or NULL when it
 * is too late. The slot is gone after, either way. */
struct outbox_item *reply_slot_wait(struct reply_slot *slot, uint64_t deadline_ms);

/* [any] Once for each slot that was sent along. Takes answer. */
void reply_slot_fill(struct reply_slot *slot, struct outbox_item *answer);

#endif
