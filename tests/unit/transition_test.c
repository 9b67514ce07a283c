/* tests/unit/transition_test.c - the table of states, pair by pair. */
#include "model/transition.h"

#include "check_main.h"

/* DESIGN.md's section 4 once more, by hand: a row from, a column to. */
static const char table[TASK_STATES][TASK_STATES + 1] = {
	/* P S R C F */
	".xxxx", /* Pending */
	"xxxxx", /* Scheduled */
	"xxxxx", /* Running */
	".....", /* Completed */
	"xx.x.", /* Failed */
};

START_TEST(every_pair_is_allowed_or_refused_as_the_design_says)
{
	int from, to;

	for (from = 0; from < TASK_STATES; from++) {
		for (to = 0; to < TASK_STATES; to++)
			ck_assert_msg(transition_allowed((enum task_state)from,
							 (enum task_state)to) ==
					      (table[from][to] == 'x'),
				      "%s -> %s", task_state_name((enum task_state)from),
				      task_state_name((enum task_state)to));
	}
}
END_TEST

START_TEST(a_number_that_is_no_state_is_never_allowed)
{
	ck_assert(!transition_allowed((enum task_state)5, TASK_PENDING));
	ck_assert(!transition_allowed((enum task_state) - 1, TASK_PENDING));
	ck_assert(!transition_allowed(TASK_PENDING, (enum task_state)5));
	ck_assert(!transition_allowed(TASK_PENDING, (enum task_state) - 1));
}
END_TEST

START_TEST(applying_moves_the_status)
{
	struct task_status status = {.state = TASK_PENDING};

	transition_apply(&status, TASK_SCHEDULED);
	ck_assert_int_eq(status.state, TASK_SCHEDULED);
	transition_apply(&status, TASK_RUNNING);
	ck_assert_int_eq(status.state, TASK_RUNNING);
	transition_apply(&status, TASK_COMPLETED);
	ck_assert_int_eq(status.state, TASK_COMPLETED);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("transition");
	TCase *t = tcase_create("table");

	tcase_add_test(t, every_pair_is_allowed_or_refused_as_the_design_says);
	tcase_add_test(t, a_number_that_is_no_state_is_never_allowed);
	tcase_add_test(t, applying_moves_the_status);
	suite_add_tcase(s, t);
	return s;
}

CHECK_MAIN(suite)
