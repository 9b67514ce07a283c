/* tests/unit/heap_test.c - deadlines, moved and taken out. */
#include "base/heap.h"

#include "base/random.h"
#include "check_main.h"

#define MANY 500

START_TEST(the_first_is_the_soonest)
{
	struct heap heap = {0};
	struct heap_item a = {0}, b = {0}, c = {0};

	ck_assert_ptr_null(heap_first(&heap));
	ck_assert_int_eq(heap_set(&heap, &a, 30), 0);
	ck_assert_int_eq(heap_set(&heap, &b, 10), 0);
	ck_assert_int_eq(heap_set(&heap, &c, 20), 0);
	ck_assert_ptr_eq(heap_first(&heap), &b);
	heap_remove(&heap, &b);
	ck_assert_ptr_eq(heap_first(&heap), &c);
	ck_assert_uint_eq(b.place, 0);
	heap_release(&heap);
}
END_TEST

START_TEST(setting_again_moves_the_item)
{
	struct heap heap = {0};
	struct heap_item a = {0}, b = {0};

	ck_assert_int_eq(heap_set(&heap, &a, 10), 0);
	ck_assert_int_eq(heap_set(&heap, &b, 20), 0);
	ck_assert_int_eq(heap_set(&heap, &a, 30), 0);
	ck_assert_uint_eq(heap.count, 2);
	ck_assert_ptr_eq(heap_first(&heap), &b);
	ck_assert_int_eq(heap_set(&heap, &a, 5), 0);
	ck_assert_ptr_eq(heap_first(&heap), &a);
	heap_release(&heap);
}
END_TEST

START_TEST(removing_what_is_not_in_does_nothing)
{
	struct heap heap = {0};
	struct heap_item a = {0}, b = {0};

	heap_remove(&heap, &a);
	ck_assert_int_eq(heap_set(&heap, &b, 1), 0);
	heap_remove(&heap, &a);
	ck_assert_uint_eq(heap.count, 1);
	heap_release(&heap);
}
END_TEST

START_TEST(releasing_lets_the_items_go_into_another_heap)
{
	struct heap first = {0}, second = {0};
	struct heap_item a = {0};

	ck_assert_int_eq(heap_set(&first, &a, 1), 0);
	heap_release(&first);
	ck_assert_uint_eq(a.place, 0);
	ck_assert_int_eq(heap_set(&second, &a, 2), 0);
	ck_assert_ptr_eq(heap_first(&second), &a);
	heap_release(&second);
}
END_TEST

static uint64_t
soonest(const struct heap_item *items)
{
	uint64_t least = UINT64_MAX;
	size_t i;

	for (i = 0; i < MANY; i++) {
		if (items[i].place != 0 && items[i].due_ms < least)
			least = items[i].due_ms;
	}
	return least;
}

START_TEST(any_order_of_changes_leaves_the_soonest_first)
{
	static struct heap_item items[MANY];
	struct heap heap = {0};
	struct random random;
	uint64_t last = 0;
	int i;

	random_seed(&random, 7);
	for (i = 0; i < 20000; i++) {
		struct heap_item *item = &items[random_below(&random, MANY)];

		if (random_below(&random, 3) == 0)
			heap_remove(&heap, item);
		else
			ck_assert_int_eq(heap_set(&heap, item, random_below(&random, 1000)), 0);
		if (heap.count > 0)
			ck_assert_uint_eq(heap_first(&heap)->due_ms, soonest(items));
	}
	ck_assert_uint_gt(heap.count, 100);
	while (heap_first(&heap) != NULL) {
		ck_assert_uint_ge(heap_first(&heap)->due_ms, last);
		last = heap_first(&heap)->due_ms;
		heap_remove(&heap, heap_first(&heap));
	}
	heap_release(&heap);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("heap");
	TCase *tc = tcase_create("heap");

	tcase_add_test(tc, the_first_is_the_soonest);
	tcase_add_test(tc, setting_again_moves_the_item);
	tcase_add_test(tc, removing_what_is_not_in_does_nothing);
	tcase_add_test(tc, releasing_lets_the_items_go_into_another_heap);
	tcase_add_test(tc, any_order_of_changes_leaves_the_soonest_first);
	suite_add_tcase(s, tc);
	return s;
}

CHECK_MAIN(suite)
