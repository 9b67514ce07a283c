/* tests/unit/map_test.c - text keys to pointers, in order. */
#include "base/map.h"

#include "base/random.h"
#include "check_main.h"

#include <cube/plugin.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define MANY 5000

struct thing {
	char key[24];
	bool in;
	unsigned int order; /* of putting */
};

static int freed;

static void
count_free(void *value)
{
	(void)value;
	freed++;
}

START_TEST(what_was_put_is_found_under_its_key_only)
{
	struct map *map = map_new();
	int one = 1, two = 2;

	ck_assert_ptr_nonnull(map);
	ck_assert_ptr_null(map_get(map, "one"));
	ck_assert_int_eq(map_put(map, "one", &one), 0);
	ck_assert_int_eq(map_put(map, "", &two), 0);
	ck_assert_ptr_eq(map_get(map, "one"), &one);
	ck_assert_ptr_eq(map_get(map, ""), &two);
	ck_assert_ptr_null(map_get(map, "on"));
	ck_assert_ptr_null(map_get(map, "one "));
	ck_assert_uint_eq(map_count(map), 2);
	map_free(map, NULL);
	map_free(NULL, NULL);
}
END_TEST

START_TEST(a_key_that_is_there_is_a_conflict_and_changes_nothing)
{
	struct map *map = map_new();
	char same[] = "key";
	int one = 1, two = 2;

	ck_assert_int_eq(map_put(map, "key", &one), 0);
	ck_assert_int_eq(map_put(map, same, &two), CUBE_ERR_CONFLICT);
	ck_assert_ptr_eq(map_get(map, "key"), &one);
	ck_assert_uint_eq(map_count(map), 1);
	map_free(map, NULL);
}
END_TEST

START_TEST(a_removed_key_is_gone_and_can_be_put_again)
{
	struct map *map = map_new();
	int one = 1, two = 2;

	ck_assert_int_eq(map_put(map, "key", &one), 0);
	ck_assert_ptr_eq(map_remove(map, "key"), &one);
	ck_assert_ptr_null(map_remove(map, "key"));
	ck_assert_ptr_null(map_get(map, "key"));
	ck_assert_uint_eq(map_count(map), 0);
	ck_assert_int_eq(map_put(map, "key", &two), 0);
	ck_assert_ptr_eq(map_get(map, "key"), &two);
	map_free(map, NULL);
}
END_TEST

START_TEST(freeing_frees_each_value_once)
{
	struct map *map = map_new();
	static struct thing things[100];
	int i;

	freed = 0;
	for (i = 0; i < 100; i++) {
		(void)snprintf(things[i].key, sizeof(things[i].key), "%d", i);
		ck_assert_int_eq(map_put(map, things[i].key, &things[i]), 0);
	}
	ck_assert_ptr_nonnull(map_remove(map, "50"));
	map_free(map, count_free);
	ck_assert_int_eq(freed, 99);
	map_free(map_new(), count_free);
	ck_assert_int_eq(freed, 99);
}
END_TEST

/* Walks the map and holds it against the things, which remember their order. */
static void
check_walk(const struct map *map, const struct thing *things)
{
	const struct thing *thing;
	unsigned int last = 0;
	size_t walked = 0;
	size_t in = 0;
	void *cursor = NULL;
	int i;

	while ((thing = map_next(map, &cursor)) != NULL) {
		ck_assert(thing->in);
		ck_assert_uint_gt(thing->order, last);
		last = thing->order;
		walked++;
	}
	ck_assert_ptr_null(map_next(map, &cursor));
	for (i = 0; i < MANY; i++)
		in += things[i].in ? 1 : 0;
	ck_assert_uint_eq(walked, in);
	ck_assert_uint_eq(map_count(map), in);
}

START_TEST(many_puts_and_removals_keep_order_and_content)
{
	static struct thing things[MANY];
	struct map *map = map_new();
	struct random random;
	unsigned int order = 0;
	int i;

	random_seed(&random, 42);
	for (i = 0; i < MANY; i++)
		(void)snprintf(things[i].key, sizeof(things[i].key), "task-%d", i);
	check_walk(map, things);
	for (i = 0; i < 20 * MANY; i++) {
		struct thing *thing = &things[random_below(&random, MANY)];

		if (thing->in) {
			ck_assert_int_eq(map_put(map, thing->key, thing), CUBE_ERR_CONFLICT);
			ck_assert_ptr_eq(map_remove(map, thing->key), thing);
		} else {
			ck_assert_ptr_null(map_get(map, thing->key));
			ck_assert_int_eq(map_put(map, thing->key, thing), 0);
			thing->order = ++order;
		}
		thing->in = !thing->in;
		if (i % MANY == 0)
			check_walk(map, things);
	}
	check_walk(map, things);
	map_free(map, NULL);
}
END_TEST

START_TEST(the_value_just_walked_may_be_removed)
{
	static struct thing things[10];
	struct map *map = map_new();
	struct thing *thing;
	void *cursor = NULL;
	int i, walked = 0;

	for (i = 0; i < 10; i++) {
		(void)snprintf(things[i].key, sizeof(things[i].key), "%d", i);
		ck_assert_int_eq(map_put(map, things[i].key, &things[i]), 0);
	}
	while ((thing = map_next(map, &cursor)) != NULL) {
		ck_assert_ptr_eq(thing, &things[walked]);
		walked++;
		ck_assert_ptr_eq(map_remove(map, thing->key), thing);
	}
	ck_assert_int_eq(walked, 10);
	ck_assert_uint_eq(map_count(map), 0);
	map_free(map, NULL);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("map");
	TCase *tc = tcase_create("map");

	tcase_add_test(tc, what_was_put_is_found_under_its_key_only);
	tcase_add_test(tc, a_key_that_is_there_is_a_conflict_and_changes_nothing);
	tcase_add_test(tc, a_removed_key_is_gone_and_can_be_put_again);
	tcase_add_test(tc, freeing_frees_each_value_once);
	tcase_add_test(tc, many_puts_and_removals_keep_order_and_content);
	tcase_add_test(tc, the_value_just_walked_may_be_removed);
	suite_add_tcase(s, tc);
	return s;
}

CHECK_MAIN(suite)
