/* tests/unit/step_test.c - what a brain puts into a step comes out in order. */
#include "model/step.h"

#include "check_main.h"

#include <stdlib.h>
#include <string.h>

struct effect {
	struct outbox_item item;
	int *freed;
};

static void
effect_free(struct outbox_item *item)
{
	struct effect *effect = (struct effect *)item;

	(*effect->freed)++;
	free(effect);
}

static struct outbox_item *
effect_new(int *freed)
{
	struct effect *effect = calloc(1, sizeof(*effect));

	ck_assert_ptr_nonnull(effect);
	effect->item.free = effect_free;
	effect->freed = freed;
	return &effect->item;
}

START_TEST(writes_keep_their_order_and_their_values)
{
	struct step step;
	char key[16];
	int i;

	step_init(&step);
	for (i = 0; i < 100; i++) {
		char *value = malloc(1);

		ck_assert_ptr_nonnull(value);
		*value = (char)i;
		(void)snprintf(key, sizeof(key), "task/%d", i);
		ck_assert_int_eq(step_write(&step, key, value, 1), 0);
	}
	ck_assert_uint_eq(step.change_count, 100);
	for (i = 0; i < 100; i++) {
		(void)snprintf(key, sizeof(key), "task/%d", i);
		ck_assert_str_eq(step.changes[i].key, key);
		ck_assert_ptr_null(step.changes[i].key_end);
		ck_assert_uint_eq(step.changes[i].value_size, 1);
		ck_assert_int_eq(*(char *)step.changes[i].value, i);
	}
	step_release(&step);
	ck_assert_uint_eq(step.change_count, 0);
	ck_assert_ptr_null(step.changes);
}
END_TEST

START_TEST(a_delete_has_no_value_and_a_range_has_an_end)
{
	struct step step;

	step_init(&step);
	ck_assert_int_eq(step_write(&step, "task/a", NULL, 0), 0);
	ck_assert_int_eq(step_delete_range(&step, "event/0", "event/5"), 0);
	ck_assert_ptr_null(step.changes[0].value);
	ck_assert_ptr_null(step.changes[0].key_end);
	ck_assert_str_eq(step.changes[1].key, "event/0");
	ck_assert_str_eq(step.changes[1].key_end, "event/5");
	ck_assert_ptr_null(step.changes[1].value);
	step_release(&step);
}
END_TEST

START_TEST(effects_leave_in_the_order_they_were_sent)
{
	struct outbox_item *first, *second;
	struct step step;
	int freed = 0;

	step_init(&step);
	first = effect_new(&freed);
	second = effect_new(&freed);
	step_send(&step, first);
	step_send(&step, second);
	ck_assert_ptr_eq(step.outbox, first);
	ck_assert_ptr_eq(step.outbox->next, second);
	ck_assert_ptr_null(second->next);
	step_release(&step);
	ck_assert_int_eq(freed, 2);
	/* It can be used again. */
	step_send(&step, effect_new(&freed));
	ck_assert_ptr_nonnull(step.outbox);
	step_release(&step);
	ck_assert_int_eq(freed, 3);
}
END_TEST

START_TEST(the_earliest_wake_counts)
{
	struct step step;

	step_init(&step);
	ck_assert_uint_eq(step.wake_ms, UINT64_MAX);
	step_wake(&step, 500);
	step_wake(&step, 900);
	ck_assert_uint_eq(step.wake_ms, 500);
	step_wake(&step, 100);
	ck_assert_uint_eq(step.wake_ms, 100);
	step_release(&step);
}
END_TEST

START_TEST(log_lines_are_made_in_order_with_their_levels)
{
	struct step step;

	step_init(&step);
	step_log(&step, LOG_LEVEL_INFO, "task.placed", "task", "a", "node", "n 1", NULL);
	step_log(&step, LOG_LEVEL_WARNING, "node.lost", NULL);
	ck_assert_str_eq(step.logs->line, "task.placed task=a node=\"n 1\"");
	ck_assert_int_eq(step.logs->level, LOG_LEVEL_INFO);
	ck_assert_str_eq(step.logs->next->line, "node.lost");
	ck_assert_int_eq(step.logs->next->level, LOG_LEVEL_WARNING);
	ck_assert_ptr_null(step.logs->next->next);
	step_release(&step);
	ck_assert_ptr_null(step.logs);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("step");
	TCase *t = tcase_create("step");

	tcase_add_test(t, writes_keep_their_order_and_their_values);
	tcase_add_test(t, a_delete_has_no_value_and_a_range_has_an_end);
	tcase_add_test(t, effects_leave_in_the_order_they_were_sent);
	tcase_add_test(t, the_earliest_wake_counts);
	tcase_add_test(t, log_lines_are_made_in_order_with_their_levels);
	suite_add_tcase(s, t);
	return s;
}

CHECK_MAIN(suite)
