/* shell/loop.h - the one way through: inbox, brain, commit, release.
 *
 * Runs a brain on the calling thread and its store on a second one. While a commit is
 * under way the next batch gathers; batches commit in order; outbox items marked
 * after_commit are released when the batch they showed is durable, the others at once.
 * A commit that fails for want of room is kept and retried, and the brain is told through
 * step.store_fault; one whose outcome is unknown is looked up by the number in meta/batch.
 * A watchdog ends the process, naming the plugin, if a step does not return in time.
 */
#ifndef SHELL_LOOP_H
#define SHELL_LOOP_H

#include "base/log.h"
#include "base/queue.h"
#include "model/step.h"
#include "plugin/store.h"

#define LOOP_INBOX_MAX     4096 /* requests waiting for the brain; more are refused with 503 */
#define LOOP_STEP_LIMIT_MS 10000
#define LOOP_COMMIT_SLOW_MS \
	5000 /* a commit that takes longer is a store_fault until it is in */

/* A brain, as the loop sees it. */
struct loop_brain {
	void *brain;
	int (*start)(void *brain, struct step *step, struct cube_error *err);
	/* Takes message. */
	int (*step)(void *brain, struct message *message, struct step *step,
		    struct cube_error *err);
	struct message *(*wake)(void *brain); /* a new MESSAGE_WAKE; NULL: no memory */
	void (*free_message)(struct message *message);
	/* Of the watchdog: what a step that does not return is blamed on ("scheduler
	 * epvm"; NULL: the brain), after how long (0: LOOP_STEP_LIMIT_MS), and what is done
	 * then, on the watchdog's thread (NULL: the process ends with 70). */
	const char *suspect;
	uint32_t step_limit_ms;
	void (*overdue)(void *brain);
};

/* Where released outbox items go; takes item. On the loop's thread: must not block. */
typedef void loop_release(void *ctx, struct outbox_item *item);

struct loop;

/* store stays the caller's, and is used by the store thread alone until loop_free. */
int loop_new(const struct loop_brain *brain, struct store *store, loop_release *release,
	     void *ctx, struct log *log, struct loop **out, struct cube_error *err);
void loop_free(struct loop *loop);
/* After loop_run: the store's thread hangs in the store. Then neither loop nor store can
 * be freed, and the process ends with _exit. */
bool loop_stuck(const struct loop *loop);

/* [any] A request: 0, or CUBE_ERR_UNAVAILABLE when too many wait or it is ending; then the
 * message stays the caller's. */
int loop_post(struct loop *loop, struct message *message);
/* [any] An answer to an effect: always taken. */
void loop_post_answer(struct loop *loop, struct message *message);

/* Runs until loop_stop: then handles what is queued, commits, releases, and returns 0; or
 * returns what ended it (store conflict, damage, a brain's error). */
int loop_run(struct loop *loop, struct cube_error *err);
/* [any] Whether the store fails just now: no change is taken. */
bool loop_store_fails(const struct loop *loop);
/* [any] Idempotent. deadline_ms: mono; by then loop_run returns even if a commit hangs. */
void loop_stop(struct loop *loop, uint64_t deadline_ms);

#endif
