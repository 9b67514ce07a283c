/* tests/unit/codec_placing_test.c - Constraints and MaxPerNode on the wire. */
#include "check_main.h"
#include "codec_help.h"
#include "model/node.h"

static struct task_spec *
asked(const char *quoted)
{
	return spec_of(quoted, CODEC_STRICT);
}

START_TEST(constraints_are_parsed_once_and_keep_their_text)
{
	struct task_spec *spec =
		asked("{'Image': 'x', 'Cmd': ['a'], 'Labels': {'l': 'v'}, 'PortBindings': "
		      "{'80/tcp': '8080'}, 'Constraints': ['zone == eu', 'node.arch==x86_64',"
		      " 'rack in (1, 2,3)', 'exists gpu', 'node.memory>=1.5g']}");
	const struct task_constraint *list = spec->constraints;

	ck_assert_uint_eq(spec->constraint_count, 5);
	ck_assert_str_eq(list[0].text, "zone == eu");
	ck_assert_str_eq(list[0].key, "zone");
	ck_assert_str_eq(list[0].values, "eu");
	ck_assert_int_eq(list[0].op, CONSTRAINT_EQUAL);
	ck_assert_int_eq(list[1].attribute, CONSTRAINT_ARCH);
	ck_assert_str_eq(list[1].values, "amd64");
	ck_assert_uint_eq(list[2].value_count, 3);
	ck_assert_str_eq(list[2].values + 2, "2");
	ck_assert_str_eq(list[2].values + 4, "3");
	ck_assert_int_eq(list[3].op, CONSTRAINT_EXISTS);
	ck_assert_double_eq(list[4].number, 1.5 * 1024 * 1024 * 1024);
	ck_assert_has(spec->json, "'Constraints':['zone == eu','node.arch==x86_64',"
				  "'rack in (1, 2,3)','exists gpu','node.memory>=1.5g']");
	ck_assert_str_eq(spec->labels[0].key, "l");
	ck_assert_str_eq(spec->args[0], "a");
	ck_assert_uint_eq(spec->ports[0].host_port, 8080);
	task_spec_put(spec);
}
END_TEST

START_TEST(a_limit_by_job_or_name_is_a_number)
{
	struct task_spec *spec = asked("{'Image': 'x', 'MaxPerNode': 2}");
	struct task_spec *object = asked("{'Image': 'x', 'MaxPerNode': {'Max': 2}}");

	ck_assert_uint_eq(spec->max_per_node, 2);
	ck_assert_str_eq(spec->max_per_label, "");
	ck_assert_has(spec->json, "'MaxPerNode':2");
	/* One thing has one spelling. */
	ck_assert_str_eq(spec->json, object->json);
	ck_assert_uint_eq(spec->hash, object->hash);
	task_spec_put(spec);
	task_spec_put(object);
}
END_TEST

START_TEST(a_limit_by_label_names_it)
{
	struct task_spec *spec =
		asked("{'Image': 'x', 'MaxPerNode': {'Max': 1, 'Label': 'tier'},"
		      " 'Labels': {'tier': 'web', 'a': 'b'}}");

	ck_assert_uint_eq(spec->max_per_node, 1);
	ck_assert_str_eq(spec->max_per_label, "tier");
	ck_assert_has(spec->json, "'MaxPerNode':{'Label':'tier','Max':1}");
	task_spec_put(spec);
}
END_TEST

START_TEST(no_limit_and_no_constraint_leave_no_trace)
{
	struct task_spec *bare = asked("{'Image': 'x', 'Labels': {'tier': 'web'}}");
	struct task_spec *spec =
		asked("{'Image': 'x', 'Constraints': [], 'Labels': {'tier': 'web'},"
		      " 'MaxPerNode': {'Max': 0, 'Label': 'tier'}}");

	ck_assert_str_eq(spec->json, bare->json);
	ck_assert_ptr_null(spec->constraints);
	ck_assert_uint_eq(spec->max_per_node, 0);
	ck_assert_str_eq(spec->max_per_label, "");
	task_spec_put(spec);
	task_spec_put(bare);
}
END_TEST

START_TEST(what_is_asked_survives_the_wire)
{
	struct task_spec *spec =
		asked("{'Image': 'x', 'Labels': {'tier': 'web'}, 'Priority': 7,"
		      " 'Constraints': ['zone==\\'e u\\'', 'größe!=1'],"
		      " 'MaxPerNode': {'Max': 3, 'Label': 'tier'}}");
	struct task task = {.spec = spec, .status = {.wanted = TASK_WANTED_RUN}};
	char *text = WRITTEN(task_encode(writer, &task));
	struct task_spec *again = asked(text);

	ck_assert_str_eq(again->json, spec->json);
	ck_assert_str_eq(again->constraints[0].values, "e u");
	ck_assert_str_eq(again->constraints[1].key, "größe");
	free(text);
	task_spec_put(again);
	task_spec_put(spec);
}
END_TEST

START_TEST(constraints_are_bounded_in_number)
{
	char text[4096];
	size_t at = (size_t)snprintf(text, sizeof(text), "{'Image': 'x', 'Constraints': [");
	struct parsed parsed;
	struct task_spec *spec = NULL;
	struct cube_error err = {0};
	int i;

	for (i = 0; i <= CONSTRAINTS_MAX; i++)
		at += (size_t)snprintf(text + at, sizeof(text) - at, "%s'k%d==v'",
				       i > 0 ? "," : "", i);
	(void)snprintf(text + at, sizeof(text) - at, "]}");
	parsed = parsed_new(text);
	ck_assert_int_eq(
		task_spec_decode(&parsed.doc, parsed.doc.root, CODEC_STRICT, ID_1, &spec, &err),
		CUBE_ERR_INVALID);
	ck_assert_has(err.message, "must have at most 64 entries, not 65");
	parsed_free(&parsed);
}
END_TEST

static Suite *
suite(void)
{
	Suite *made = suite_create("codec placing");
	TCase *tcase = tcase_create("all");

	tcase_add_test(tcase, constraints_are_parsed_once_and_keep_their_text);
	tcase_add_test(tcase, a_limit_by_job_or_name_is_a_number);
	tcase_add_test(tcase, a_limit_by_label_names_it);
	tcase_add_test(tcase, no_limit_and_no_constraint_leave_no_trace);
	tcase_add_test(tcase, what_is_asked_survives_the_wire);
	tcase_add_test(tcase, constraints_are_bounded_in_number);
	suite_add_tcase(made, tcase);
	return made;
}

CHECK_MAIN(suite)
