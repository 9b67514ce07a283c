/* tests/unit/plugin_runtime_test.c - what a runtime says of a container is checked before the
 * core believes it. The runtime is a table of functions in this file. */
#include "check_main.h"
#include "plugin/runtime.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>

#define TASK "0c1d7d4e-6a8e-4f9c-9a55-1f6a5e3b2c1d"

struct fake_runtime {
	struct cube_container container; /* what run, inspect and list give */
	bool deaf;
	size_t visits;
	int result;
};

static struct fake_runtime fake;

static int
fake_open(const struct cube_host *host, const char *const *options, void **self,
	  struct cube_error *err)
{
	(void)host;
	(void)options;
	(void)err;
	*self = &fake;
	return 0;
}

static void
fake_close(void *self)
{
	(void)self;
}

static int
fake_probe(void *self, uint64_t deadline_ms, uint32_t *enforces, struct cube_error *err)
{
	(void)self;
	(void)deadline_ms;
	(void)err;
	*enforces = CUBE_ENFORCES_CPU;
	return fake.result;
}

static int
fake_run(void *self, const struct cube_task_spec *spec, uint64_t deadline_ms,
	 struct cube_container *out, struct cube_error *err)
{
	(void)self;
	(void)spec;
	(void)deadline_ms;
	(void)err;
	ck_assert_uint_eq(out->struct_size, sizeof(*out));
	*out = fake.container;
	return fake.result;
}

static int
fake_signal(void *self, const char *handle, int signo, uint64_t deadline_ms,
	    struct cube_error *err)
{
	(void)self;
	(void)handle;
	(void)signo;
	(void)deadline_ms;
	(void)err;
	return fake.result;
}

static int
fake_remove(void *self, const char *handle, uint64_t deadline_ms, struct cube_error *err)
{
	(void)self;
	(void)handle;
	(void)deadline_ms;
	(void)err;
	return fake.result;
}

static int
fake_inspect(void *self, const char *handle, uint64_t deadline_ms, struct cube_container *out,
	     struct cube_error *err)
{
	(void)self;
	(void)handle;
	(void)deadline_ms;
	(void)err;
	*out = fake.container;
	return fake.result;
}

static int
fake_list(void *self, uint64_t deadline_ms,
	  int (*visit)(void *ctx, const struct cube_container *c), void *ctx,
	  struct cube_error *err)
{
	(void)self;
	(void)deadline_ms;
	(void)err;
	for (int i = 0; i < 3; i++) {
		fake.visits++;
		if (visit(ctx, &fake.container) != 0 && !fake.deaf)
			break;
	}
	return fake.result;
}

static const struct cube_runtime_ops sound_ops = {
	.struct_size = sizeof(sound_ops),
	.open = fake_open,
	.close = fake_close,
	.probe = fake_probe,
	.run = fake_run,
	.signal = fake_signal,
	.remove = fake_remove,
	.inspect = fake_inspect,
	.list = fake_list,
};

static const struct cube_task_spec spec = {
	.struct_size = sizeof(spec),
	.task_id = TASK,
	.attempt = 2,
	.name = "web",
	.image = "nginx",
};

static struct runtime *
open_fake(void)
{
	struct runtime *runtime = NULL;
	struct cube_error err;

	memset(&fake, 0, sizeof(fake));
	fake.container = (struct cube_container){
		.struct_size = sizeof(fake.container),
		.state = CUBE_CONTAINER_RUNNING,
		.attempt = 2,
		.port_count = 1,
		.task_id = TASK,
		.cluster = TASK,
		.handle = "abc",
		.reason = "fine",
		.ports = {{.container_port = 80, .host_port = 8080, .protocol = IPPROTO_TCP}},
	};
	ck_assert_int_eq(runtime_open("fake", &sound_ops, NULL, NULL, &runtime, &err), 0);
	return runtime;
}

START_TEST(a_sound_container_passes_as_it_is)
{
	struct runtime *runtime = open_fake();
	struct cube_container container;
	struct cube_error err;

	ck_assert_int_eq(runtime_run(runtime, &spec, 0, &container, &err), 0);
	ck_assert_int_eq(memcmp(&container, &fake.container, sizeof(container)), 0);
	ck_assert_int_eq(runtime_inspect(runtime, "abc", 0, &container, &err), 0);
	ck_assert_str_eq(container.handle, "abc");
	runtime_close(runtime);
}
END_TEST

static void
no_handle(struct cube_container *container)
{
	container->handle[0] = '\0';
}

static void
endless_handle(struct cube_container *container)
{
	memset(container->handle, 'h', sizeof(container->handle));
}

static void
endless_task(struct cube_container *container)
{
	memset(container->task_id, 't', sizeof(container->task_id));
}

static void
bad_utf8(struct cube_container *container)
{
	container->cluster[0] = '\xff';
}

static void
no_state(struct cube_container *container)
{
	container->state = 0;
}

static void
strange_state(struct cube_container *container)
{
	container->state = 4;
}

static void
strange_exit(struct cube_container *container)
{
	container->state = CUBE_CONTAINER_EXITED;
	container->exit_code = 256;
}

static void
too_many_ports(struct cube_container *container)
{
	container->port_count = CUBE_PORTS_MAX + 1;
}

static void
strange_protocol(struct cube_container *container)
{
	container->ports[0].protocol = 99;
}

static void
endless_ip(struct cube_container *container)
{
	memset(container->ports[0].host_ip, '1', sizeof(container->ports[0].host_ip));
}

static void (*const damages[])(struct cube_container *container) = {
	no_handle,     endless_handle, endless_task,   bad_utf8,         no_state,
	strange_state, strange_exit,   too_many_ports, strange_protocol, endless_ip,
};

static int
count_visit(void *ctx, const struct cube_container *container)
{
	(void)container;
	return ++*(int *)ctx == 1;
}

START_TEST(a_container_that_cannot_be_is_a_broken_promise_wherever_it_comes_from)
{
	struct runtime *runtime = open_fake();
	struct cube_container container = {.attempt = 77};
	struct cube_error err;
	int visits = 0;

	damages[_i](&fake.container);
	ck_assert_int_eq(runtime_run(runtime, &spec, 0, &container, &err), CUBE_ERR_INTERNAL);
	ck_assert_ptr_nonnull(strstr(err.message, "the plugin fake broke its contract: run"));
	ck_assert_int_eq(runtime_inspect(runtime, "abc", 0, &container, &err),
			 CUBE_ERR_INTERNAL);
	ck_assert_int_eq(runtime_list(runtime, 0, count_visit, &visits, &err),
			 CUBE_ERR_INTERNAL);
	ck_assert_ptr_nonnull(strstr(err.message, "the plugin fake broke its contract: list"));
	ck_assert_int_eq(visits, 0);
	ck_assert_uint_eq(container.attempt, 77);
	runtime_close(runtime);
}
END_TEST

START_TEST(run_gives_the_task_and_attempt_that_were_asked_for)
{
	struct runtime *runtime = open_fake();
	struct cube_container container;
	struct cube_error err;

	fake.container.attempt = 1;
	ck_assert_int_eq(runtime_run(runtime, &spec, 0, &container, &err), CUBE_ERR_INTERNAL);
	ck_assert_int_eq(runtime_inspect(runtime, "abc", 0, &container, &err), 0);
	fake.container.attempt = 2;
	fake.container.task_id[0] = 'f';
	ck_assert_int_eq(runtime_run(runtime, &spec, 0, &container, &err), CUBE_ERR_INTERNAL);
	runtime_close(runtime);
}
END_TEST

START_TEST(a_reason_is_cut_where_it_stops_being_text)
{
	struct runtime *runtime = open_fake();
	struct cube_container container;
	struct cube_error err;

	memset(fake.container.reason, 'r', sizeof(fake.container.reason));
	ck_assert_int_eq(runtime_run(runtime, &spec, 0, &container, &err), 0);
	ck_assert_uint_eq(strlen(container.reason), sizeof(container.reason) - 1);
	(void)snprintf(fake.container.reason, sizeof(fake.container.reason), "bad: \xc3(");
	ck_assert_int_eq(runtime_run(runtime, &spec, 0, &container, &err), 0);
	ck_assert_str_eq(container.reason, "bad: ");
	runtime_close(runtime);
}
END_TEST

START_TEST(a_list_that_goes_on_after_it_was_told_to_end_is_not_heard)
{
	struct runtime *runtime = open_fake();
	struct cube_error err;
	int visits = 0;

	fake.deaf = true;
	ck_assert_int_eq(runtime_list(runtime, 0, count_visit, &visits, &err), 0);
	ck_assert_uint_eq(fake.visits, 3);
	ck_assert_int_eq(visits, 1);
	fake.container.struct_size = 100; /* less than ABI 1.0's */
	ck_assert_int_eq(runtime_list(runtime, 0, count_visit, &visits, &err),
			 CUBE_ERR_INTERNAL);
	runtime_close(runtime);
}
END_TEST

START_TEST(what_a_runtime_leaves_out_is_answered_for)
{
	struct runtime *runtime = open_fake();
	const struct cube_log_request request = {.struct_size = sizeof(request)};
	struct cube_error err;
	uint32_t enforces = 0;

	ck_assert(!runtime_has_events(runtime));
	ck_assert(!runtime_has_logs(runtime));
	ck_assert_uint_eq(runtime_max_parallel(runtime), 1);
	ck_assert_int_eq(runtime_start(runtime, NULL, &err), 0);
	runtime_stop(runtime);
	ck_assert_int_eq(runtime_prepare(runtime, &spec, 0, NULL, NULL, &err), 0);
	ck_assert_int_eq(runtime_logs(runtime, "abc", &request, &err), CUBE_ERR_UNSUPPORTED);
	ck_assert_int_eq(runtime_probe(runtime, 0, &enforces, &err), 0);
	ck_assert_uint_eq(enforces, CUBE_ENFORCES_CPU);
	runtime_close(runtime);
}
END_TEST

START_TEST(an_error_leaves_every_output_alone)
{
	struct runtime *runtime = open_fake();
	struct cube_container container = {.attempt = 77};
	struct cube_error err;
	uint32_t enforces = 5;

	fake.result = CUBE_ERR_UNAVAILABLE;
	ck_assert_int_eq(runtime_run(runtime, &spec, 0, &container, &err),
			 CUBE_ERR_UNAVAILABLE);
	ck_assert_str_eq(err.message, "fake: run failed (unavailable) and did not say why");
	ck_assert_int_eq(runtime_inspect(runtime, "abc", 0, &container, &err),
			 CUBE_ERR_UNAVAILABLE);
	ck_assert_uint_eq(container.attempt, 77);
	ck_assert_int_eq(runtime_probe(runtime, 0, &enforces, &err), CUBE_ERR_UNAVAILABLE);
	ck_assert_uint_eq(enforces, 5);
	ck_assert_int_eq(runtime_signal(runtime, "abc", 15, 0, &err), CUBE_ERR_UNAVAILABLE);
	ck_assert_int_eq(runtime_remove(runtime, "abc", 0, &err), CUBE_ERR_UNAVAILABLE);
	runtime_close(runtime);
}
END_TEST

START_TEST(a_table_with_half_a_pair_or_a_hole_is_refused)
{
	struct cube_runtime_ops ops = sound_ops;
	struct runtime *runtime = NULL;
	struct cube_error err;

	ops.stop = fake_close;
	ck_assert_int_eq(runtime_open("fake", &ops, NULL, NULL, &runtime, &err),
			 CUBE_ERR_INVALID);
	ck_assert_str_eq(err.message,
			 "the required function start (beside stop) of a runtime is missing");
	ops = sound_ops;
	ops.inspect = NULL;
	ck_assert_int_eq(runtime_open("fake", &ops, NULL, NULL, &runtime, &err),
			 CUBE_ERR_INVALID);
	ck_assert_str_eq(err.message, "the required function inspect of a runtime is missing");
	ck_assert_ptr_null(runtime);
}
END_TEST

static Suite *
suite(void)
{
	Suite *made = suite_create("plugin runtime");
	TCase *tcase = tcase_create("plugin runtime");

	tcase_add_test(tcase, a_sound_container_passes_as_it_is);
	tcase_add_loop_test(
		tcase, a_container_that_cannot_be_is_a_broken_promise_wherever_it_comes_from, 0,
		(int)(sizeof(damages) / sizeof(damages[0])));
	tcase_add_test(tcase, run_gives_the_task_and_attempt_that_were_asked_for);
	tcase_add_test(tcase, a_reason_is_cut_where_it_stops_being_text);
	tcase_add_test(tcase, a_list_that_goes_on_after_it_was_told_to_end_is_not_heard);
	tcase_add_test(tcase, what_a_runtime_leaves_out_is_answered_for);
	tcase_add_test(tcase, an_error_leaves_every_output_alone);
	tcase_add_test(tcase, a_table_with_half_a_pair_or_a_hole_is_refused);
	suite_add_tcase(made, tcase);
	return made;
}

CHECK_MAIN(suite)
