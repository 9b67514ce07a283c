/* tests/unit/task_test.c - names, reasons, and who owns what of a task. */
#include "check_main.h"
#include "codec_help.h"

#include <netinet/in.h>
#include <stdio.h>

static const struct cube_port two_ports[] = {
	{.container_port = 80, .host_port = 32768, .protocol = IPPROTO_TCP},
	{.container_port = 53,
	 .host_port = 5353,
	 .protocol = IPPROTO_UDP,
	 .host_ip = "10.0.0.1"},
};

START_TEST(a_name_is_1_to_63_plain_characters)
{
	char name[NAME_SIZE + 1];

	ck_assert(name_is_valid("a"));
	ck_assert(name_is_valid("0-web_1.test"));
	ck_assert(!name_is_valid(""));
	ck_assert(!name_is_valid("-web"));
	ck_assert(!name_is_valid(".web"));
	ck_assert(!name_is_valid("web/1"));
	ck_assert(!name_is_valid("web 1"));
	ck_assert(!name_is_valid("w\xc3\xa4"
				 "b"));
	memset(name, 'a', sizeof(name));
	name[63] = '\0';
	ck_assert(name_is_valid(name));
	name[63] = 'a';
	name[64] = '\0';
	ck_assert(!name_is_valid(name));
}
END_TEST

START_TEST(each_state_has_its_name)
{
	ck_assert_str_eq(task_state_name(TASK_PENDING), "Pending");
	ck_assert_str_eq(task_state_name(TASK_FAILED), "Failed");
	ck_assert_str_eq(task_state_name((enum task_state)7), "unknown");
}
END_TEST

START_TEST(a_reason_that_is_too_long_is_cut_between_characters)
{
	struct task_status status = {0};
	char text[400];
	size_t i;

	/* 246 bytes, then a character of three: one byte of it would fit. */
	memset(text, 'x', sizeof(text));
	memcpy(text + TASK_REASON_SIZE - 2, "\xe2\x82\xac", 3);
	text[sizeof(text) - 1] = '\0';
	task_reason(&status, "%s", text);
	ck_assert_uint_eq(strlen(status.reason), TASK_REASON_SIZE - 2);
	for (i = 0; i < TASK_REASON_SIZE - 2; i++)
		ck_assert_int_eq(status.reason[i], 'x');
}
END_TEST

START_TEST(a_reason_may_quote_the_old_one)
{
	struct task_status status = {0};

	task_reason(&status, "exit code %d", 3);
	task_reason(&status, "given up: %s", status.reason);
	ck_assert_str_eq(status.reason, "given up: exit code 3");
}
END_TEST

START_TEST(port_lists_are_equal_when_their_ports_are)
{
	struct port_list *a = port_list_new(two_ports, 2);
	struct port_list *b = port_list_new(two_ports, 2);
	struct port_list *shorter = port_list_new(two_ports, 1);
	struct port_list *empty = port_list_new(NULL, 0);

	ck_assert(port_list_equal(a, a));
	ck_assert(port_list_equal(a, b));
	ck_assert(!port_list_equal(a, shorter));
	ck_assert(!port_list_equal(a, NULL));
	ck_assert(port_list_equal(empty, NULL));
	ck_assert(port_list_equal(NULL, NULL));
	memcpy(b->ports[1].host_ip, "10.0.0.2", 9);
	ck_assert(!port_list_equal(a, b));
	port_list_put(a);
	port_list_put(b);
	port_list_put(shorter);
	port_list_put(empty);
}
END_TEST

START_TEST(a_copy_shares_the_specification_and_outlives_the_original)
{
	struct task task = {.spec = spec_of("{'Image': 'nginx'}", CODEC_STRICT)};
	struct task copy;

	task.status.host_ports = port_list_new(two_ports, 2);
	task.status.attempt = 7;
	task_copy(&copy, &task);
	ck_assert_ptr_eq(copy.spec, task.spec);
	ck_assert_ptr_eq(copy.status.host_ports, task.status.host_ports);
	task_release(&task);
	ck_assert_ptr_null(task.spec);
	ck_assert_str_eq(copy.spec->image, "nginx");
	ck_assert_uint_eq(copy.status.host_ports->ports[0].host_port, 32768);
	ck_assert_uint_eq(copy.status.attempt, 7);
	task_release(&copy);
}
END_TEST

START_TEST(nothing_can_be_let_go)
{
	task_spec_put(NULL);
	port_list_put(NULL);
	ck_assert_ptr_null(task_spec_get(NULL));
	ck_assert_ptr_null(port_list_get(NULL));
	tasks_free(NULL, 0);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("task");
	TCase *t = tcase_create("task");

	tcase_add_test(t, a_name_is_1_to_63_plain_characters);
	tcase_add_test(t, each_state_has_its_name);
	tcase_add_test(t, a_reason_that_is_too_long_is_cut_between_characters);
	tcase_add_test(t, a_reason_may_quote_the_old_one);
	tcase_add_test(t, port_lists_are_equal_when_their_ports_are);
	tcase_add_test(t, a_copy_shares_the_specification_and_outlives_the_original);
	tcase_add_test(t, nothing_can_be_let_go);
	suite_add_tcase(s, t);
	return s;
}

CHECK_MAIN(suite)
