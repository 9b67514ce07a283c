/* tests/unit/thread_test.c - how cube starts its threads. */
#include "base/thread.h"

#include "check_main.h"

#include <signal.h>
#include <stdbool.h>
#include <string.h>

struct seen {
	bool all_blocked;
	size_t stack_bytes;
};

static void *
look(void *arg)
{
	struct seen *seen = arg;
	pthread_attr_t attr;
	sigset_t blocked;

	(void)pthread_sigmask(SIG_BLOCK, NULL, &blocked);
	seen->all_blocked =
		sigismember(&blocked, SIGTERM) == 1 && sigismember(&blocked, SIGINT) == 1 &&
		sigismember(&blocked, SIGCHLD) == 1 && sigismember(&blocked, SIGPIPE) == 1;
	if (pthread_getattr_np(pthread_self(), &attr) == 0) {
		(void)pthread_attr_getstacksize(&attr, &seen->stack_bytes);
		(void)pthread_attr_destroy(&attr);
	}
	return arg;
}

START_TEST(a_thread_has_all_signals_blocked_and_its_creator_none_more)
{
	struct seen seen = {0};
	struct cube_error err;
	sigset_t before, after;
	pthread_t thread;
	void *result;

	(void)pthread_sigmask(SIG_BLOCK, NULL, &before);
	ck_assert_int_eq(thread_start(&thread, "looker", look, &seen, &err), 0);
	(void)pthread_sigmask(SIG_BLOCK, NULL, &after);
	ck_assert_int_eq(pthread_join(thread, &result), 0);
	ck_assert_ptr_eq(result, &seen);
	ck_assert(seen.all_blocked);
	ck_assert_int_eq(sigismember(&after, SIGTERM), sigismember(&before, SIGTERM));
	ck_assert_int_eq(sigismember(&after, SIGTERM), 0);
}
END_TEST

START_TEST(a_stack_is_small)
{
	struct seen seen = {0};
	struct cube_error err;
	pthread_t thread;

	ck_assert_int_eq(thread_start(&thread, "looker", look, &seen, &err), 0);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	ck_assert_uint_ge(seen.stack_bytes, 256 * 1024);
	ck_assert_uint_le(seen.stack_bytes, 2 * 1024 * 1024);
}
END_TEST

static void *
wait_for_go(void *arg)
{
	(void)pthread_mutex_lock(arg);
	(void)pthread_mutex_unlock(arg);
	return NULL;
}

START_TEST(a_name_is_cut_to_what_the_kernel_takes)
{
	pthread_mutex_t go = PTHREAD_MUTEX_INITIALIZER;
	struct cube_error err;
	pthread_t thread;
	char name[16] = {0};

	(void)pthread_mutex_lock(&go);
	ck_assert_int_eq(thread_start(&thread, "a-name-far-too-long", wait_for_go, &go, &err),
			 0);
	ck_assert_int_eq(pthread_getname_np(thread, name, sizeof(name)), 0);
	(void)pthread_mutex_unlock(&go);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	ck_assert_str_eq(name, "a-name-far-too-");
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("thread");
	TCase *tc = tcase_create("thread");

	tcase_add_test(tc, a_thread_has_all_signals_blocked_and_its_creator_none_more);
	tcase_add_test(tc, a_stack_is_small);
	tcase_add_test(tc, a_name_is_cut_to_what_the_kernel_takes);
	suite_add_tcase(s, tc);
	return s;
}

CHECK_MAIN(suite)
