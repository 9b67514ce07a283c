/* check/runtime_task.c - what a runtime does with a task: one that cannot be run, and, where
 * the command line names an image, one from its start to its removal, by the steps of the core:
 * it is run once however often run is called, found again by another instance, killed, reported
 * with its exit code, and gone when it is removed. Runs in the child of a check. */
#include "base/clock.h"
#include "checks.h"
#include "engine.h"

#include <signal.h>
#include <string.h>

#define CALL_MS    30000
#define PREPARE_MS 150000
#define LOOK_MS    200
#define NO_IMAGE   "cube-check.invalid/no/such-program:none"

static struct cube_task_spec
spec_of(const struct trial *trial, const char *image, struct cube_label labels[5])
{
	const char *const *args = trial->subject->args;

	labels[0] = (struct cube_label){"cube.cluster", trial->subject->identity};
	labels[1] = (struct cube_label){"cube.worker", trial->subject->identity};
	labels[2] = (struct cube_label){"cube.task", trial->subject->task};
	labels[3] = (struct cube_label){"cube.attempt", "1"};
	labels[4] = (struct cube_label){"cube.name", "cube-check"};
	return (struct cube_task_spec){
		.struct_size = sizeof(struct cube_task_spec),
		.attempt = 1,
		.label_count = 5,
		.task_id = trial->subject->task,
		.name = "cube-check",
		.image = image,
		.args = args != NULL && args[0] != NULL ? args : NULL,
		.labels = labels,
	};
}

void
check_refused(struct trial *trial)
{
	struct cube_label labels[5];
	struct cube_task_spec spec = spec_of(trial, NO_IMAGE, labels);
	struct cube_container container;
	struct engine engine;
	struct cube_error err;
	uint64_t deadline_ms;
	int result;

	engine_open(&engine, trial);
	engine_need(&engine);
	trial_scene(trial, "an image that there cannot be");
	deadline_ms = engine_calls(&engine, "run", CALL_MS);
	result = runtime_run(engine.runtime, &spec, deadline_ms, &container, &err);
	engine_returned(&engine, "run");
	if (result == 0)
		trial_fail(trial, "run says that %s runs", NO_IMAGE);
	if (result != CUBE_ERR_INVALID && result != CUBE_ERR_NOT_FOUND)
		trial_fail(trial, "run refuses it as %s, and not as invalid or not-found: %s",
			   error_code_name(result), trial_words(&err));
	if (engine_list(&engine, NULL) != 0)
		trial_fail(trial, "run failed and left a container");
	engine_close(&engine);
}

/* ---- a task of the image ---- */

static int
no_progress(void *ctx, uint64_t done_bytes, uint64_t total_bytes, const char *what)
{
	(void)ctx;
	(void)done_bytes;
	(void)total_bytes;
	(void)what;
	return 0;
}

static void
run(struct engine *engine, const struct cube_task_spec *spec, struct cube_container *out)
{
	uint64_t deadline_ms = engine_calls(engine, "run", CALL_MS);
	struct cube_error err;

	if (runtime_run(engine->runtime, spec, deadline_ms, out, &err) != 0)
		trial_fail(engine->trial, "run failed: %s", trial_words(&err));
	engine_returned(engine, "run");
}

static void
prepare(struct engine *engine, const struct cube_task_spec *spec)
{
	uint64_t deadline_ms = engine_calls(engine, "prepare", PREPARE_MS);
	struct cube_error err;

	if (runtime_prepare(engine->runtime, spec, deadline_ms, no_progress, NULL, &err) != 0)
		trial_fail(engine->trial, "prepare failed: %s", trial_words(&err));
	engine_returned(engine, "prepare");
}

static int
inspect(struct engine *engine, const char *handle, struct cube_container *out,
	struct cube_error *err)
{
	uint64_t deadline_ms = engine_calls(engine, "inspect", CALL_MS);
	int result = runtime_inspect(engine->runtime, handle, deadline_ms, out, err);

	engine_returned(engine, "inspect");
	return result;
}

static int
try_remove(struct engine *engine, const char *handle, struct cube_error *err)
{
	uint64_t deadline_ms = engine_calls(engine, "remove", CALL_MS);
	int result = runtime_remove(engine->runtime, handle, deadline_ms, err);

	engine_returned(engine, "remove");
	return result;
}

/* The worker's identity serves as that of its cluster. */
static bool
is_ours(const struct trial *trial, const struct cube_container *container)
{
	return strcmp(container->task_id, trial->subject->task) == 0 &&
	       strcmp(container->cluster, trial->subject->identity) == 0;
}

static void
expect_same(struct engine *engine, const struct cube_container *one,
	    const struct cube_container *other, const char *function)
{
	if (strcmp(one->handle, other->handle) != 0)
		trial_fail(engine->trial, "%s gives handle %.64s for the container %.64s",
			   function, other->handle, one->handle);
	if (!is_ours(engine->trial, other))
		trial_fail(engine->trial, "%s gives task \"%s\" of cluster \"%s\"", function,
			   other->task_id, other->cluster);
}

/* Found by inspect and list, here and by one that is opened anew. */
static void
expect_found(struct engine *engine, const struct cube_container *made)
{
	struct cube_container seen;
	struct cube_error err;
	unsigned count;

	if (inspect(engine, made->handle, &seen, &err) != 0)
		trial_fail(engine->trial, "inspect does not find what runs: %s",
			   trial_words(&err));
	expect_same(engine, made, &seen, "inspect");
	count = engine_list(engine, &seen);
	if (count != 1)
		trial_fail(engine->trial, "list shows %u containers, and there is one", count);
	expect_same(engine, made, &seen, "list");
}

static void
await_exit(struct engine *engine, const char *handle, struct cube_container *seen)
{
	uint64_t end_ms = clock_now().mono_ms + CALL_MS;
	struct cube_error err;

	for (;;) {
		if (inspect(engine, handle, seen, &err) != 0)
			trial_fail(engine->trial,
				   "inspect does not find an ended container: %s",
				   trial_words(&err));
		if (seen->state == CUBE_CONTAINER_EXITED)
			return;
		if (clock_now().mono_ms > end_ms)
			trial_fail(engine->trial, "does not end after SIGKILL");
		engine_await(engine, LOOK_MS);
	}
}

/* To its end, by the hard way if it has not come to it. */
static void
end_task(struct engine *engine, const struct cube_container *made)
{
	struct cube_container seen;
	struct cube_error err;
	uint64_t deadline_ms;
	bool running;

	if (inspect(engine, made->handle, &seen, &err) != 0)
		trial_fail(engine->trial, "inspect failed: %s", trial_words(&err));
	running = seen.state == CUBE_CONTAINER_RUNNING;
	if (running && try_remove(engine, made->handle, &err) != CUBE_ERR_CONFLICT) {
		/* It may have ended just now. */
		if (inspect(engine, made->handle, &seen, &err) != 0 ||
		    seen.state == CUBE_CONTAINER_RUNNING)
			trial_fail(engine->trial,
				   "remove takes away what runs, or does not call it conflict");
	}
	deadline_ms = engine_calls(engine, "signal", CALL_MS);
	if (runtime_signal(engine->runtime, made->handle, SIGKILL, deadline_ms, &err) != 0)
		trial_fail(engine->trial, "signal failed: %s", trial_words(&err));
	engine_returned(engine, "signal");
	await_exit(engine, made->handle, &seen);
	if (seen.finished_ms == 0)
		trial_fail(engine->trial, "inspect does not say when it has ended");
}

static void
remove_task(struct engine *engine, const struct cube_task_spec *spec,
	    const struct cube_container *made)
{
	struct cube_container seen;
	struct cube_error err;

	trial_scene(engine->trial, "a task that has ended");
	run(engine, spec, &seen);
	if (strcmp(seen.handle, made->handle) != 0 || seen.state != CUBE_CONTAINER_EXITED)
		trial_fail(engine->trial, "run starts an attempt again that has ended");
	expect_found(engine, made);
	trial_scene(engine->trial, "a task that is removed");
	for (int i = 0; i < 2; i++) {
		if (try_remove(engine, made->handle, &err) != 0)
			trial_fail(engine->trial, "remove failed: %s", trial_words(&err));
	}
	if (inspect(engine, made->handle, &seen, &err) != CUBE_ERR_NOT_FOUND)
		trial_fail(engine->trial, "inspect does not say not-found of what is removed");
	if (engine_list(engine, NULL) != 0)
		trial_fail(engine->trial, "list shows what is removed");
}

void
check_task(struct trial *trial)
{
	struct cube_label labels[5];
	struct cube_task_spec spec;
	struct cube_container made;
	struct cube_container again;
	struct engine engine;

	if (trial->subject->image == NULL)
		trial_skip(trial, "no --run IMAGE is given");
	spec = spec_of(trial, trial->subject->image, labels);
	engine_open(&engine, trial);
	engine_need(&engine);
	engine_start(&engine);
	trial_scene(trial, "a task of %.60s", trial->subject->image);
	prepare(&engine, &spec);
	run(&engine, &spec, &made);
	run(&engine, &spec, &again);
	if (strcmp(made.handle, again.handle) != 0)
		trial_fail(trial, "run makes a second container when it is repeated");
	expect_found(&engine, &made);
	engine_stop(&engine);
	engine_close(&engine);

	trial_scene(trial, "a runtime that is opened again");
	engine_open(&engine, trial);
	engine_start(&engine);
	expect_found(&engine, &made);
	end_task(&engine, &made);
	remove_task(&engine, &spec, &made);
	engine_stop(&engine);
	engine_close(&engine);
}

/* After a check that failed, or was ended, its task may still be there: it is ended. */
void
check_left(struct trial *trial)
{
	struct cube_container left;
	struct cube_error err = {0};
	struct engine engine;
	unsigned count;
	uint64_t deadline_ms;

	engine_open(&engine, trial);
	engine_need(&engine);
	count = engine_list(&engine, &left);
	for (unsigned i = 0; i < count && engine_list(&engine, &left) > 0; i++) {
		struct cube_container seen;

		if (!is_ours(trial, &left))
			trial_fail(trial,
				   "list shows container %.64s, which is not of this check",
				   left.handle);
		deadline_ms = engine_calls(&engine, "signal", CALL_MS);
		(void)runtime_signal(engine.runtime, left.handle, SIGKILL, deadline_ms, &err);
		engine_returned(&engine, "signal");
		await_exit(&engine, left.handle, &seen);
		(void)try_remove(&engine, left.handle, &err);
	}
	if (count > 0)
		trial_fail(trial, "%u containers of the checks were left; %s", count,
			   engine_list(&engine, NULL) == 0 ? "they are removed now"
							   : "remove them by hand");
	engine_close(&engine);
}
