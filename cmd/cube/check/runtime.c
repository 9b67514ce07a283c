/* check/runtime.c - what a runtime can be checked for without running anything: an engine that
 * may not be there, containers that are not, deadlines, events, what cannot be run. Runs in the
 * child of a check. */
#include "checks.h"
#include "engine.h"
#include "kind.h"

#include "base/clock.h"

#include <signal.h>
#include <string.h>

#define WAIT_MS 10000
#define SOON_MS 100
#define STARTS  3
#define NO_TASK "00000000-0000-4000-8000-00000000c4ec"

/* ---- what all kinds are checked with ---- */

static void
setup(struct trial *trial)
{
	(void)trial; /* a runtime brings all with it */
}

static void
ignore_task(void *ctx, const char *task_id)
{
	(void)ctx;
	(void)task_id;
}

static void
ignore(void *ctx)
{
	(void)ctx;
}

static int
visit_none(void *ctx, const struct cube_container *container)
{
	trial_fail(ctx, "list shows container %.64s, which is not this worker's",
		   container->handle);
}

static int
ask(struct life *life, const struct cube_runtime_ops *ops, struct cube_error *err)
{
	uint64_t deadline_ms = clock_now().mono_ms + WAIT_MS;
	uint32_t enforces = 0;
	int result;

	trial_calls(life->trial, "probe");
	result = ops->probe(life->self, deadline_ms, &enforces, err);
	trial_returned(life->trial);
	if (trial_outcome(life->trial, "probe", result, err) != 0)
		return err->code;
	trial_calls(life->trial, "list");
	result = ops->list(life->self, deadline_ms, visit_none, life->trial, err);
	trial_returned(life->trial);
	return trial_outcome(life->trial, "list", result, err);
}

static int
exercise(struct life *life, struct cube_error *err)
{
	const struct cube_runtime_events events = {
		.struct_size = sizeof(events),
		.changed = ignore_task,
		.resync = ignore,
	};
	struct cube_runtime_ops ops;
	int result;

	if (runtime_ops_read(life->trial->subject->plugin->info.ops.runtime, &ops, err) != 0)
		trial_fail(life->trial, "%s", err->message);
	memset(err, 0, sizeof(*err));
	if (ops.start != NULL) {
		trial_calls(life->trial, "start");
		result = ops.start(life->self, &events, err);
		trial_returned(life->trial);
		if (trial_outcome(life->trial, "start", result, err) != 0)
			return err->code;
	}
	result = ask(life, &ops, err);
	if (ops.start != NULL) {
		trial_calls(life->trial, "stop");
		ops.stop(life->self);
		trial_returned(life->trial);
	}
	return result;
}

/* ---- checks ---- */

static void
check_probe(struct trial *trial)
{
	struct engine engine;

	engine_open(&engine, trial);
	engine_need(&engine);
	engine_close(&engine);
}

static void
check_list(struct trial *trial)
{
	struct cube_container last;
	struct engine engine;

	engine_open(&engine, trial);
	engine_need(&engine);
	for (int i = 0; i < 2; i++) {
		if (engine_list(&engine, &last) != 0)
			trial_fail(trial,
				   "list shows container %.64s to a worker that has none",
				   last.handle);
	}
	engine_close(&engine);
}

static int
write_none(void *ctx, int stream, const void *bytes, size_t size)
{
	(void)stream;
	(void)bytes;
	if (size > 0)
		trial_fail(ctx, "logs gives output of a container that is not there");
	return 1;
}

static void
expect_absent(struct engine *engine, const char *function, int result, bool plain,
	      const struct cube_error *err)
{
	engine_returned(engine, function);
	if (result == CUBE_ERR_NOT_FOUND || (!plain && result == CUBE_ERR_INVALID))
		return;
	if (result == 0)
		trial_fail(engine->trial, "%s knows a container that is not there", function);
	trial_fail(engine->trial, "%s says %s of a container that is not there, and not %s: %s",
		   function, error_code_name(result), error_code_name(CUBE_ERR_NOT_FOUND),
		   trial_words(err));
}

/* plain: it could be one of this runtime's. */
static void
try_absent(struct engine *engine, const char *handle, bool plain)
{
	struct runtime *runtime = engine->runtime;
	struct cube_log_request request = {
		.struct_size = sizeof(request),
		.streams = 3,
		.ctx = engine->trial,
		.write = write_none,
	};
	struct cube_container container;
	struct cube_error err = {0};
	uint64_t deadline_ms;
	int result;

	trial_scene(engine->trial, "the handle \"%.60s\"", handle);
	deadline_ms = engine_calls(engine, "inspect", WAIT_MS);
	result = runtime_inspect(runtime, handle, deadline_ms, &container, &err);
	expect_absent(engine, "inspect", result, plain, &err);
	deadline_ms = engine_calls(engine, "signal", WAIT_MS);
	result = runtime_signal(runtime, handle, SIGTERM, deadline_ms, &err);
	expect_absent(engine, "signal", result, plain, &err);
	if (runtime_has_logs(runtime)) {
		(void)engine_calls(engine, "logs", WAIT_MS);
		result = runtime_logs(runtime, handle, &request, &err);
		expect_absent(engine, "logs", result, plain, &err);
	}
	deadline_ms = engine_calls(engine, "remove", WAIT_MS);
	result = runtime_remove(runtime, handle, deadline_ms, &err);
	engine_returned(engine, "remove");
	if (result != 0 && (plain || result != CUBE_ERR_INVALID))
		trial_fail(engine->trial, "remove fails for a container that is gone: %s",
			   trial_words(&err));
}

static void
check_absent(struct trial *trial)
{
	char longest[CUBE_HANDLE_SIZE];
	struct engine engine;

	engine_open(&engine, trial);
	engine_need(&engine);
	memset(longest, 'a', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	try_absent(&engine, "cube-check-no-such-container", false);
	try_absent(&engine, "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
		   false);
	try_absent(&engine, NO_TASK ".1", false);
	try_absent(&engine, longest, false);
	try_absent(&engine, "../../etc", false);
	try_absent(&engine, "a b?c=d&e%2f#\n", false);
	engine_close(&engine);
}

/* Whatever comes back, it comes soon; that is looked at where each call returns. */
static void
check_deadlines(struct trial *trial)
{
	static const uint64_t waits_ms[] = {0, 1, SOON_MS};
	struct engine engine;

	engine_open(&engine, trial);
	for (size_t i = 0; i < sizeof(waits_ms) / sizeof(waits_ms[0]); i++) {
		struct cube_container container;
		struct cube_error err;
		uint32_t enforces;
		uint64_t deadline_ms;

		trial_scene(trial, "%llu ms to the deadline", (unsigned long long)waits_ms[i]);
		deadline_ms = engine_calls(&engine, "probe", waits_ms[i]);
		(void)runtime_probe(engine.runtime, deadline_ms, &enforces, &err);
		engine_returned(&engine, "probe");
		deadline_ms = engine_calls(&engine, "list", waits_ms[i]);
		(void)runtime_list(engine.runtime, deadline_ms, visit_none, trial, &err);
		engine_returned(&engine, "list");
		deadline_ms = engine_calls(&engine, "inspect", waits_ms[i]);
		(void)runtime_inspect(engine.runtime, NO_TASK, deadline_ms, &container, &err);
		engine_returned(&engine, "inspect");
	}
	engine_close(&engine);
}

static void
check_events(struct trial *trial)
{
	struct engine engine;

	engine_open(&engine, trial);
	if (!runtime_has_events(engine.runtime))
		trial_skip(trial, "it has no events");
	for (int i = 0; i < STARTS; i++) {
		trial_scene(trial, "start number %d", i + 1);
		engine_start(&engine);
		engine_await(&engine, i % 2 == 0 ? 0 : SOON_MS);
		engine_stop(&engine);
		engine_await(&engine, SOON_MS); /* for one that comes too late */
	}
	engine_close(&engine);
}

static const struct check checks[] = {
	{.name = "says whether its engine is there", .run = check_probe},
	{.name = "shows a worker its own containers alone", .run = check_list},
	{.name = "says of a container that is not there that it is not", .run = check_absent},
	{.name = "comes back at its deadlines", .run = check_deadlines},
	{.name = "starts and stops its events again and again", .run = check_events},
	{.name = "refuses what cannot be run, and leaves nothing", .run = check_refused},
	{.name = "runs a task, stops and removes it", .run = check_task, .least_ms = 60000},
	{.name = "leaves nothing behind", .run = check_left, .always = true, .least_ms = 20000},
	{.name = NULL},
};

const struct kind kind_runtime = {
	.kind = CUBE_PLUGIN_RUNTIME,
	.setup = setup,
	.exercise = exercise,
	.calls = 10,
	.checks = checks,
};
