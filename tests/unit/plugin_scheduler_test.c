/* tests/unit/plugin_scheduler_test.c - the label to spread over: asked once after open, copied,
 * and refused if it is none. The scheduler is a table of functions in this file. */
#include "check_main.h"
#include "plugin/scheduler.h"

#include <string.h>

struct fake_scheduler {
	char label[400];
	int has_label;
	int opened;
	int asked;
	int closed;
};

static struct fake_scheduler fake;

static int
fake_open(const struct cube_host *host, const char *const *options, void **self,
	  struct cube_error *err)
{
	(void)host;
	(void)options;
	(void)err;
	fake.opened++;
	*self = &fake;
	return 0;
}

static void
fake_close(void *self)
{
	ck_assert_ptr_eq(self, &fake);
	fake.closed++;
}

static int
fake_score(void *self, const struct cube_nodes *nodes, const struct cube_demand *demand,
	   const uint32_t *rows, uint32_t n, double *cost, struct cube_error *err)
{
	(void)self;
	(void)nodes;
	(void)demand;
	(void)rows;
	(void)err;
	for (uint32_t i = 0; i < n; i++)
		cost[i] = 0;
	return 0;
}

static const char *
fake_spread_label(void *self)
{
	ck_assert_ptr_eq(self, &fake);
	ck_assert_int_eq(fake.opened, 1);
	fake.asked++;
	return fake.has_label ? fake.label : NULL;
}

static struct cube_scheduler_ops
fake_ops(void)
{
	memset(&fake, 0, sizeof(fake));
	return (struct cube_scheduler_ops){.struct_size = sizeof(struct cube_scheduler_ops),
					   .open = fake_open,
					   .close = fake_close,
					   .score = fake_score,
					   .spread_label = fake_spread_label};
}

static struct scheduler *
open_with(const struct cube_scheduler_ops *ops)
{
	struct scheduler *scheduler = NULL;
	const char *options[] = {NULL};
	struct cube_error err;

	ck_assert_msg(scheduler_open("fake", ops, NULL, options, &scheduler, &err) == 0, "%s",
		      err.message);
	return scheduler;
}

START_TEST(the_label_is_asked_once_and_is_the_cores_own_copy)
{
	struct cube_scheduler_ops ops = fake_ops();
	struct scheduler *scheduler;

	fake.has_label = 1;
	(void)snprintf(fake.label, sizeof(fake.label), "topology/zone");
	scheduler = open_with(&ops);
	memset(fake.label, 'x', sizeof(fake.label) - 1);
	ck_assert_str_eq(scheduler_spread_label(scheduler), "topology/zone");
	ck_assert_str_eq(scheduler_spread_label(scheduler), "topology/zone");
	ck_assert_int_eq(fake.asked, 1);
	scheduler_close(scheduler);
	ck_assert_int_eq(fake.closed, 1);
}
END_TEST

START_TEST(a_scheduler_without_a_label_spreads_over_none)
{
	struct cube_scheduler_ops ops = fake_ops();
	struct scheduler *scheduler = open_with(&ops);

	ck_assert_int_eq(fake.asked, 1);
	ck_assert_ptr_null(scheduler_spread_label(scheduler));
	scheduler_close(scheduler);
	ops = fake_ops();
	ops.spread_label = NULL;
	scheduler = open_with(&ops);
	ck_assert_ptr_null(scheduler_spread_label(scheduler));
	scheduler_close(scheduler);
}
END_TEST

START_TEST(a_table_that_ends_within_the_function_has_none)
{
	struct cube_scheduler_ops ops = fake_ops();
	struct scheduler *scheduler;

	fake.has_label = 1;
	ops.struct_size -= 4;
	scheduler = open_with(&ops);
	ck_assert_int_eq(fake.asked, 0);
	ck_assert_ptr_null(scheduler_spread_label(scheduler));
	scheduler_close(scheduler);
}
END_TEST

START_TEST(a_label_may_be_128_bytes_of_any_readable_text)
{
	struct cube_scheduler_ops ops = fake_ops();
	struct scheduler *scheduler;

	fake.has_label = 1;
	memset(fake.label, 'k', 126);
	memcpy(fake.label + 126, "\xc2\xa0", 3); /* the first character after C1 */
	scheduler = open_with(&ops);
	ck_assert_str_eq(scheduler_spread_label(scheduler), fake.label);
	scheduler_close(scheduler);
}
END_TEST

static const struct {
	const char *label; /* NULL: 129 bytes */
	const char *words;
} refused[] = {
	{"", "an empty label"},
	{"zone\n", "a control character"},
	{"\033[2J", "a control character"},
	{"zone\177", "a control character"},
	{"z\xc2\x9b"
	 "2J",
	 "a control character"},
	{"z\xff", "no UTF-8"},
	{"z\xc2", "no UTF-8"},
	{NULL, "more than the 128 bytes"},
};

START_TEST(what_is_no_label_fails_the_open_and_names_the_plugin)
{
	struct cube_scheduler_ops ops = fake_ops();
	struct scheduler *scheduler = NULL;
	const char *options[] = {NULL};
	struct cube_error err;

	fake.has_label = 1;
	if (refused[_i].label == NULL)
		memset(fake.label, 'k', 129);
	else
		(void)snprintf(fake.label, sizeof(fake.label), "%s", refused[_i].label);
	ck_assert_int_eq(scheduler_open("fake", &ops, NULL, options, &scheduler, &err),
			 CUBE_ERR_INTERNAL);
	ck_assert_ptr_null(scheduler);
	ck_assert_ptr_nonnull(strstr(err.message, "the plugin fake broke its contract"));
	ck_assert_ptr_nonnull(strstr(err.message, "spread_label gave"));
	ck_assert_msg(strstr(err.message, refused[_i].words) != NULL, "%s", err.message);
	ck_assert_int_eq(fake.closed, 1);
}
END_TEST

static Suite *
suite(void)
{
	Suite *made = suite_create("plugin scheduler");
	TCase *tests = tcase_create("spread label");

	tcase_add_test(tests, the_label_is_asked_once_and_is_the_cores_own_copy);
	tcase_add_test(tests, a_scheduler_without_a_label_spreads_over_none);
	tcase_add_test(tests, a_table_that_ends_within_the_function_has_none);
	tcase_add_test(tests, a_label_may_be_128_bytes_of_any_readable_text);
	tcase_add_loop_test(tests, what_is_no_label_fails_the_open_and_names_the_plugin, 0,
			    (int)(sizeof(refused) / sizeof(refused[0])));
	suite_add_tcase(made, tests);
	return made;
}

CHECK_MAIN(suite)
