/* tests/unit/queue_test.c - many threads push, one pops. Also run under TSan. */
#include "base/queue.h"

#include "base/clock.h"
#include "base/thread.h"
#include "check_main.h"

#include <stdatomic.h>
#include <stdbool.h>

#define PUSHERS    4
#define PER_PUSHER 20000

struct message {
	struct queue_item item; /* first: an item is its message */
	int from;
	int number;
};

static uint64_t
after_ms(uint64_t ms)
{
	return clock_now().mono_ms + ms;
}

START_TEST(items_come_out_in_the_order_of_pushing)
{
	struct queue *queue = queue_new(10);
	struct queue_item a, b, c, *chain;

	ck_assert_int_eq(queue_push(queue, &a), 0);
	ck_assert_int_eq(queue_push(queue, &b), 0);
	queue_push_answer(queue, &c);
	chain = queue_pop_all(queue, 0);
	ck_assert_ptr_eq(chain, &a);
	ck_assert_ptr_eq(a.next, &b);
	ck_assert_ptr_eq(b.next, &c);
	ck_assert_ptr_null(c.next);
	ck_assert_ptr_null(queue_pop_all(queue, 0));
	ck_assert_int_eq(queue_push(queue, &b), 0);
	chain = queue_pop_all(queue, UINT64_MAX);
	ck_assert_ptr_eq(chain, &b);
	ck_assert_ptr_null(b.next);
	queue_free(queue);
	queue_free(NULL);
}
END_TEST

START_TEST(a_full_queue_refuses_pushes_but_takes_answers)
{
	struct queue *queue = queue_new(2);
	struct queue_item items[5];

	queue_push_answer(queue, &items[0]);
	ck_assert_int_eq(queue_push(queue, &items[1]), 0);
	ck_assert_int_eq(queue_push(queue, &items[2]), 0);
	ck_assert_int_eq(queue_push(queue, &items[3]), CUBE_ERR_UNAVAILABLE);
	queue_push_answer(queue, &items[4]);
	ck_assert_ptr_eq(queue_pop_all(queue, 0), &items[0]);
	ck_assert_ptr_eq(items[2].next, &items[4]);
	ck_assert_int_eq(queue_push(queue, &items[3]), 0);
	ck_assert_ptr_eq(queue_pop_all(queue, 0), &items[3]);
	queue_free(queue);
}
END_TEST

START_TEST(a_closed_queue_refuses_pushes_but_takes_answers)
{
	struct queue *queue = queue_new(2);
	struct queue_item a, b;

	ck_assert_int_eq(queue_push(queue, &a), 0);
	queue_close(queue);
	ck_assert_int_eq(queue_push(queue, &b), CUBE_ERR_UNAVAILABLE);
	queue_push_answer(queue, &b);
	ck_assert_ptr_eq(queue_pop_all(queue, UINT64_MAX), &a);
	ck_assert_ptr_eq(a.next, &b);
	ck_assert_ptr_null(queue_pop_all(queue, UINT64_MAX));
	ck_assert_ptr_null(queue_pop_all(queue, UINT64_MAX));
	queue_free(queue);
}
END_TEST

START_TEST(an_empty_wait_ends_at_its_deadline)
{
	struct queue *queue = queue_new(2);
	uint64_t deadline = after_ms(50);

	ck_assert_ptr_null(queue_pop_all(queue, deadline));
	ck_assert_uint_ge(clock_now().mono_ms, deadline);
	ck_assert_uint_lt(clock_now().mono_ms, deadline + 5000);
	/* Past already, and none at all. */
	ck_assert_ptr_null(queue_pop_all(queue, 1));
	ck_assert_ptr_null(queue_pop_all(queue, 0));
	queue_free(queue);
}
END_TEST

START_TEST(a_wake_ends_one_wait_even_if_it_came_before)
{
	struct queue *queue = queue_new(2);
	uint64_t deadline = after_ms(60000);

	queue_wake(queue);
	ck_assert_ptr_null(queue_pop_all(queue, deadline));
	ck_assert_uint_lt(clock_now().mono_ms, deadline - 30000);
	deadline = after_ms(30);
	ck_assert_ptr_null(queue_pop_all(queue, deadline));
	ck_assert_uint_ge(clock_now().mono_ms, deadline);
	queue_free(queue);
}
END_TEST

START_TEST(a_closed_queue_still_waits_for_answers_until_a_deadline)
{
	struct queue *queue = queue_new(2);
	uint64_t deadline;

	queue_close(queue);
	ck_assert_ptr_null(queue_pop_all(queue, after_ms(60000))); /* the wake of closing */
	deadline = after_ms(30);
	ck_assert_ptr_null(queue_pop_all(queue, deadline));
	ck_assert_uint_ge(clock_now().mono_ms, deadline);
	queue_free(queue);
}
END_TEST

struct late {
	struct queue *queue;
	struct queue_item item;
	void (*act)(struct late *late);
};

static void *
act_late(void *arg)
{
	struct late *late = arg;
	struct queue *timer = queue_new(1);

	/* A wait of its own, so that the owner most likely sleeps by then. */
	(void)queue_pop_all(timer, after_ms(30));
	queue_free(timer);
	late->act(late);
	return NULL;
}

static void
late_push(struct late *late)
{
	(void)queue_push(late->queue, &late->item);
}

static void
late_answer(struct late *late)
{
	queue_push_answer(late->queue, &late->item);
}

static void
late_wake(struct late *late)
{
	queue_wake(late->queue);
}

static void
late_close(struct late *late)
{
	queue_close(late->queue);
}

START_TEST(a_sleeping_owner_is_woken_by_each_kind_of_event)
{
	static void (*const acts[])(struct late *) = {late_push, late_answer, late_wake,
						      late_close};
	struct late late = {.queue = queue_new(4), .act = acts[_i / 2]};
	uint64_t deadline = _i % 2 == 0 ? UINT64_MAX : after_ms(60000);
	struct queue_item *chain;
	struct cube_error err;
	pthread_t thread;

	ck_assert_int_eq(thread_start(&thread, "late", act_late, &late, &err), 0);
	chain = queue_pop_all(late.queue, deadline);
	ck_assert_uint_lt(clock_now().mono_ms, deadline - 30000);
	if (_i / 2 < 2)
		ck_assert_ptr_eq(chain, &late.item);
	else
		ck_assert_ptr_null(chain);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	queue_free(late.queue);
}
END_TEST

struct pusher {
	struct queue *queue;
	int from;
	atomic_int refused;
	struct message messages[PER_PUSHER];
};

static void *
push_many(void *arg)
{
	struct pusher *pusher = arg;
	int i;

	for (i = 0; i < PER_PUSHER; i++) {
		struct message *message = &pusher->messages[i];

		message->from = pusher->from;
		message->number = i;
		if (i % 7 == 0)
			queue_push_answer(pusher->queue, &message->item);
		else
			while (queue_push(pusher->queue, &message->item) != 0)
				atomic_fetch_add(&pusher->refused, 1);
	}
	return NULL;
}

START_TEST(many_threads_lose_and_double_nothing)
{
	static struct pusher pushers[PUSHERS];
	struct queue *queue = queue_new(64);
	pthread_t threads[PUSHERS];
	int next[PUSHERS] = {0};
	struct cube_error err;
	int i, total = 0;

	for (i = 0; i < PUSHERS; i++) {
		pushers[i].queue = queue;
		pushers[i].from = i;
		ck_assert_int_eq(
			thread_start(&threads[i], "pusher", push_many, &pushers[i], &err), 0);
	}
	while (total < PUSHERS * PER_PUSHER) {
		struct queue_item *item = queue_pop_all(queue, after_ms(60000));

		ck_assert_ptr_nonnull(item);
		for (; item != NULL; item = item->next, total++) {
			struct message *message = (struct message *)item;

			ck_assert_int_eq(message->number, next[message->from]);
			next[message->from]++;
		}
	}
	for (i = 0; i < PUSHERS; i++)
		ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
	ck_assert_ptr_null(queue_pop_all(queue, 0));
	queue_free(queue);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("queue");
	TCase *tc = tcase_create("queue");

	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, items_come_out_in_the_order_of_pushing);
	tcase_add_test(tc, a_full_queue_refuses_pushes_but_takes_answers);
	tcase_add_test(tc, a_closed_queue_refuses_pushes_but_takes_answers);
	tcase_add_test(tc, an_empty_wait_ends_at_its_deadline);
	tcase_add_test(tc, a_wake_ends_one_wait_even_if_it_came_before);
	tcase_add_test(tc, a_closed_queue_still_waits_for_answers_until_a_deadline);
	tcase_add_loop_test(tc, a_sleeping_owner_is_woken_by_each_kind_of_event, 0, 8);
	tcase_add_test(tc, many_threads_lose_and_double_nothing);
	suite_add_tcase(s, tc);
	return s;
}

CHECK_MAIN(suite)
