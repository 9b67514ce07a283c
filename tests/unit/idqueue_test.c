/* tests/unit/idqueue_test.c - uuids in the order they came, found by id. */
#include "base/idqueue.h"

#include "base/random.h"
#include "check_main.h"

#include <cube/plugin.h>
#include <malloc.h>
#include <stdbool.h>
#include <string.h>

#define MANY 20000u

static struct idqueue_item
item_of(uint32_t number)
{
	struct idqueue_item item;
	uint64_t spread = number * UINT64_C(0x9e3779b97f4a7c15);

	memset(&item, 0, sizeof(item));
	memcpy(item.id, &spread, sizeof(spread));
	memcpy(item.id + 8, &number, sizeof(number));
	memcpy(item.value, &number, sizeof(number));
	return item;
}

static uint32_t
number_of(const struct idqueue_item *item)
{
	uint32_t number;

	memcpy(&number, item->value, sizeof(number));
	return number;
}

static struct idqueue *
filled(uint32_t count)
{
	struct idqueue *queue = idqueue_new();
	uint32_t i;

	ck_assert_ptr_nonnull(queue);
	for (i = 0; i < count; i++) {
		struct idqueue_item item = item_of(i);

		ck_assert_int_eq(idqueue_push(queue, &item), 0);
	}
	return queue;
}

static bool
has(const struct idqueue *queue, uint32_t number)
{
	struct idqueue_item item = item_of(number);
	const struct idqueue_item *found = idqueue_find(queue, item.id);

	if (found != NULL)
		ck_assert_uint_eq(number_of(found), number);
	return found != NULL;
}

START_TEST(an_empty_queue_has_nothing)
{
	struct idqueue *queue = filled(0);

	ck_assert_ptr_null(idqueue_first(queue));
	ck_assert(!has(queue, 1));
	ck_assert_uint_eq(idqueue_count(queue), 0);
	idqueue_free(queue);
	idqueue_free(NULL);
}
END_TEST

START_TEST(an_id_is_in_once)
{
	struct idqueue *queue = filled(3);
	struct idqueue_item again = item_of(1);

	memset(again.value, 7, sizeof(again.value));
	ck_assert_int_eq(idqueue_push(queue, &again), CUBE_ERR_CONFLICT);
	ck_assert(has(queue, 1));
	ck_assert_uint_eq(idqueue_count(queue), 3);
	idqueue_free(queue);
}
END_TEST

START_TEST(what_came_first_is_dropped_first_and_no_longer_found)
{
	struct idqueue *queue = filled(MANY);
	uint32_t i;

	for (i = 0; i < MANY; i++) {
		ck_assert_uint_eq(number_of(idqueue_first(queue)), i);
		ck_assert(has(queue, i));
		idqueue_drop(queue);
		ck_assert(!has(queue, i));
		ck_assert(i + 1 == MANY || has(queue, MANY - 1));
		ck_assert_uint_eq(idqueue_count(queue), MANY - 1 - i);
	}
	idqueue_free(queue);
}
END_TEST

/* Growing, shrinking and going round many times over, beside the plain truth: a window of
 * numbers. */
START_TEST(a_window_that_moves_is_always_what_is_found)
{
	struct idqueue *queue = filled(0);
	struct random random;
	uint32_t first = 0;
	uint32_t next = 0;
	uint32_t round;

	random_seed(&random, 11);
	for (round = 0; round < 300; round++) {
		uint32_t pushes = (uint32_t)random_below(&random, round % 60 < 30 ? 900 : 100);
		uint32_t drops = (uint32_t)random_below(&random, 700);

		for (; pushes > 0; pushes--) {
			struct idqueue_item item = item_of(next++);

			ck_assert_int_eq(idqueue_push(queue, &item), 0);
		}
		for (; drops > 0 && first != next; drops--, first++)
			idqueue_drop(queue);
		ck_assert_uint_eq(idqueue_count(queue), next - first);
		for (drops = 0; drops < 200; drops++) {
			uint32_t number = (uint32_t)random_below(&random, next + 10);

			ck_assert_int_eq(has(queue, number), number >= first && number < next);
		}
	}
	ck_assert_uint_gt(first, 20000); /* it did go round */
	idqueue_free(queue);
}
END_TEST

static int
compare_falling(const void *a, const void *b)
{
	uint32_t left = number_of(a);
	uint32_t right = number_of(b);

	return left > right ? -1 : left < right;
}

START_TEST(after_a_sort_all_are_found_and_go_in_the_new_order)
{
	struct idqueue *queue = filled(MANY);
	uint32_t i;

	for (i = 0; i < 1500; i++)
		idqueue_drop(queue); /* so that it does not begin at a chunk's start */
	ck_assert_int_eq(idqueue_sort(queue, compare_falling), 0);
	for (i = MANY; i-- > 1500;) {
		ck_assert(has(queue, i));
		ck_assert_uint_eq(number_of(idqueue_first(queue)), i);
		idqueue_drop(queue);
	}
	ck_assert_uint_eq(idqueue_count(queue), 0);
	idqueue_free(queue);
}
END_TEST

START_TEST(one_costs_less_than_fifty_bytes_and_gives_them_back)
{
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
	/* Sanitizers have an allocator of their own. */
	size_t before = mallinfo2().uordblks + mallinfo2().hblkhd;
	struct idqueue *queue = filled(400000);
	size_t full = mallinfo2().uordblks + mallinfo2().hblkhd;
	size_t left;
	uint32_t i;

	ck_assert_uint_lt(full - before, 400000 * 50);
	for (i = 0; i < 399000; i++)
		idqueue_drop(queue);
	left = mallinfo2().uordblks + mallinfo2().hblkhd;
	ck_assert_uint_lt(left - before, 2 * 8192 * 32 + 64 * 1024);
	idqueue_free(queue);
#endif
}
END_TEST

static Suite *
suite(void)
{
	Suite *made = suite_create("idqueue");
	TCase *tests = tcase_create("all");

	tcase_add_test(tests, an_empty_queue_has_nothing);
	tcase_add_test(tests, an_id_is_in_once);
	tcase_add_test(tests, what_came_first_is_dropped_first_and_no_longer_found);
	tcase_add_test(tests, a_window_that_moves_is_always_what_is_found);
	tcase_add_test(tests, after_a_sort_all_are_found_and_go_in_the_new_order);
	tcase_add_test(tests, one_costs_less_than_fifty_bytes_and_gives_them_back);
	suite_add_tcase(made, tests);
	return made;
}

CHECK_MAIN(suite)
