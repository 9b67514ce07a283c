/* tests/unit/tally_test.c - counts by number, against a plain array of all numbers. */
#include "place/tally.h"

#include "base/random.h"
#include "check_main.h"

#include <string.h>

#define KEYS 300

static struct tally tally;
static uint32_t counts[KEYS];

static void
teardown(void)
{
	tally_release(&tally);
	memset(&tally, 0, sizeof(tally));
	memset(counts, 0, sizeof(counts));
}

/* Keys that lie close together and keys that do not. */
static uint64_t
key_of(uint32_t number)
{
	return number % 2 == 0 ? number : UINT64_C(0x100000001) * number;
}

static void
compare(void)
{
	size_t cursor = 0;
	size_t used = 0;
	uint32_t i;

	for (i = 0; i < KEYS; i++) {
		const struct tally_cell *cell = tally_find(&tally, key_of(i));

		if ((cell != NULL ? cell->count : 0) != counts[i])
			ck_abort_msg("number %u is %u, not %u", i,
				     cell != NULL ? cell->count : 0, counts[i]);
		used += counts[i] != 0;
	}
	while (tally_each(&tally, &cursor) != NULL)
		used--;
	ck_assert_uint_eq(used, 0);
}

START_TEST(it_counts_as_an_array_does)
{
	struct random random;

	random_seed(&random, 5);
	for (int round = 0; round < 200000; round++) {
		uint32_t i = (uint32_t)random_below(&random, round % 1000 < 500 ? KEYS : 8);
		struct tally_cell *cell;

		if (random_below(&random, 2) == 0) {
			cell = tally_put(&tally, key_of(i), &tally);
			cell->count++;
			counts[i]++;
		} else if ((cell = tally_find(&tally, key_of(i))) != NULL) {
			counts[i]--;
			if (--cell->count == 0)
				tally_drop(&tally, cell);
		}
		if (round % 100 == 0)
			compare();
	}
	compare();
}
END_TEST

START_TEST(an_empty_one_has_nothing_and_no_memory)
{
	size_t cursor = 0;

	ck_assert_ptr_null(tally_find(&tally, 1));
	ck_assert_ptr_null(tally_each(&tally, &cursor));
	ck_assert_ptr_null(tally.cells);
}
END_TEST

static Suite *
suite(void)
{
	Suite *suite = suite_create("tally");
	TCase *tests = tcase_create("tally");

	tcase_add_checked_fixture(tests, NULL, teardown);
	tcase_add_test(tests, it_counts_as_an_array_does);
	tcase_add_test(tests, an_empty_one_has_nothing_and_no_memory);
	suite_add_tcase(suite, tests);
	return suite;
}

CHECK_MAIN(suite)
