/* tests/unit/sim_input_test.c - what `cube sim` reads: clusters, traces, constraints. */
#include "cube/sim/cluster.h"
#include "cube/sim/csv.h"
#include "cube/sim/specs.h"
#include "cube/sim/trace.h"
#include "model/constraint.h"

#include "check_main.h"

#include <string.h>

/* ---- clusters ---- */

START_TEST(a_cluster_is_groups_with_members_in_any_order)
{
	struct sim_cluster cluster;
	struct cube_error err;
	struct node_info info;

	ck_assert_msg(
		sim_cluster_parse(&cluster, "--cluster", false,
				  "2x{cores:16,memory:64g,labels:zone=a|b;ssd=yes} + "
				  "{ memory:1.5g, arch:arm64, cores:0.5, disk:2t, name:big }",
				  &err) == 0,
		"%s", err.message);
	ck_assert_uint_eq(cluster.nodes, 3);
	ck_assert_int_eq(cluster.mcpu, 32500);
	ck_assert_int_eq(cluster.memory_bytes, (INT64_C(128) << 30) + (INT64_C(3) << 29));
	ck_assert_int_eq(cluster.disk_bytes, INT64_C(4) << 40);
	ck_assert_int_eq(sim_cluster_node(&cluster, 1, &info), 0);
	ck_assert_str_eq(info.name, "n2");
	ck_assert_str_eq(info.arch, "amd64");
	ck_assert_str_eq(node_labels_find(info.labels, "zone"), "b");
	ck_assert_str_eq(node_labels_find(info.labels, "ssd"), "yes");
	ck_assert(info.runtime_ready);
	node_info_release(&info);
	ck_assert_int_eq(sim_cluster_node(&cluster, 2, &info), 0);
	ck_assert_str_eq(info.name, "big-3");
	ck_assert_str_eq(info.arch, "arm64");
	ck_assert_ptr_null(info.labels);
	ck_assert_int_eq(info.mcpu, 500);
	node_info_release(&info);
	sim_cluster_release(&cluster);
}
END_TEST

START_TEST(what_is_no_cluster_is_refused_with_its_place)
{
	static const struct {
		const char *text;
		const char *where; /* and the beginning of what is wrong */
	} cases[] = {
		{"", "column 1: wants '{' of a group such as 10x{cores:16,memory:64g}, not the "
		     "end"},
		{"10{cores:1}", "column 3: wants 'x' behind the number of nodes"},
		{"0x{cores:1,memory:1g}", "column 1: a group has from 1 to 1000000 nodes"},
		{"99999999999999999999x{cores:1,memory:1g}", "column 1: a group has from 1"},
		{"{cores:1}",
		 "column 1: a group says its cores and its memory: memory is missing"},
		{"{memory:1g}", "column 1: a group says its cores and its memory: cores is"},
		{"{cores:1,memory:0}", "column 17: a node without memory takes no task"},
		{"{cores:x,memory:1g}", "column 8: cores wants cores from 0.001 to 4096"},
		{"{cores:1,cores:2,memory:1g}", "column 10: cores stands there twice"},
		{"{cores:1,ram:1g}", "column 10: 'ram' is none of cores, memory, disk"},
		{"{cores:1,memory:1g",
		 "column 19: wants ',' and another member, or '}', not the end"},
		{"{cores:1,memory:1g}{", "column 20: wants '+' and another group, or the end"},
		{"{cores:1,memory:1g}+", "column 21: wants '{' of a group"},
		{"{cores 1}", "column 8: wants ':' and a value, not '1}'"},
		{"{cores:1,memory:1g,labels:zone}",
		 "column 31: wants '=' and the label's value"},
		{"{cores:1,memory:1g,labels:a=}", "column 29: wants a label's value, not '}'"},
		{"{cores:1,memory:1g,labels:a=1;a=2}",
		 "column 31: the label a stands there twice"},
		{"1000000x{cores:1,memory:4096t}",
		 "column 31: all nodes together have more than"},
		{"600000x{cores:1,memory:1g}+600000x{cores:1,memory:1g}",
		 "column 54: a cluster has"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct sim_cluster cluster;
		struct cube_error err = {0};

		ck_assert_msg(sim_cluster_parse(&cluster, "--cluster", false, cases[i].text,
						&err) == CUBE_ERR_INVALID,
			      "'%s' is taken", cases[i].text);
		ck_assert_msg(strncmp(err.message, "--cluster, ", 11) == 0 &&
				      strncmp(err.message + 11, cases[i].where,
					      strlen(cases[i].where)) == 0,
			      "'%s': %s", cases[i].text, err.message);
	}
}
END_TEST

START_TEST(a_file_s_errors_say_the_line_and_comments_are_passed_over)
{
	struct sim_cluster cluster;
	struct cube_error err = {0};

	ck_assert_int_eq(sim_cluster_parse(&cluster, "f", true,
					   "# two racks\n3x{cores:4, # old\n memory:8g}\n",
					   &err),
			 0);
	ck_assert_uint_eq(cluster.nodes, 3);
	sim_cluster_release(&cluster);
	ck_assert_int_eq(
		sim_cluster_parse(&cluster, "f", true, "3x{cores:4,\n  memory:8q}\n", &err),
		CUBE_ERR_INVALID);
	ck_assert_str_eq(err.message,
			 "f, line 2, column 10: memory wants a size such as 64m or "
			 "1.5g, not '8q'");
}
END_TEST

/* ---- traces ---- */

static int
open_text(const char *text, size_t size, struct sim_trace **trace, struct cube_error *err)
{
	FILE *file = tmpfile();

	ck_assert_ptr_nonnull(file);
	ck_assert_uint_eq(fwrite(text, 1, size, file), size);
	return sim_trace_read(file, "t.csv", trace, err);
}

START_TEST(the_byte_order_mark_of_a_spreadsheet_is_no_part_of_a_name)
{
	static const char text[] = "\xef\xbb\xbf"
				   "arrival,duration,cpu,memory\r\n0,1,2,64m\r\n";
	static const char later[] = "arrival,\xef\xbb\xbf"
				    "duration,cpu,memory\n";
	struct sim_trace *trace;
	struct sim_arrival task;
	struct cube_error err;

	ck_assert_int_eq(open_text(text, sizeof(text) - 1, &trace, &err), 0);
	ck_assert_int_eq(sim_trace_next(trace, &task, &err), 1);
	ck_assert_int_eq(task.mcpu, 2000);
	ck_assert_int_eq(sim_trace_rewind(trace, &err), 0);
	ck_assert_int_eq(sim_trace_next(trace, &task, &err), 1);
	sim_trace_free(trace);
	ck_assert_int_eq(open_text(later, sizeof(later) - 1, &trace, &err), CUBE_ERR_INVALID);
}
END_TEST

START_TEST(a_trace_is_read_by_the_names_of_its_columns)
{
	static const char text[] =
		"cpu,arrival,memory,job,duration,constraints,priority,disk\r\n"
		"# a comment\n"
		"0.5,0,64m,\"a \"\"b\"\", c\",3600,\"zone in (a,b);ssd==yes\",90,1.5g\r\n"
		"\n"
		",1.25,,,,,,\n"
		"4096,1.250001999,1024,j,0,,100,0";
	struct sim_trace *trace;
	struct sim_arrival task;
	struct cube_error err;

	ck_assert_int_eq(open_text(text, sizeof(text) - 1, &trace, &err), 0);
	for (int round = 0; round < 2; round++) {
		ck_assert_int_eq(sim_trace_next(trace, &task, &err), 1);
		ck_assert_uint_eq(task.at_us, 0);
		ck_assert_uint_eq(task.duration_us, 3600 * SIM_SECOND_US);
		ck_assert_int_eq(task.mcpu, 500);
		ck_assert_int_eq(task.memory_bytes, 64 << 20);
		ck_assert_int_eq(task.disk_bytes, INT64_C(3) << 29);
		ck_assert_uint_eq(task.priority, 90);
		ck_assert_str_eq(task.job, "a \"b\", c");
		ck_assert_str_eq(task.constraints, "zone in (a,b);ssd==yes");
		ck_assert_int_eq(sim_trace_next(trace, &task, &err), 1);
		ck_assert_uint_eq(task.at_us, 1250000);
		ck_assert(task.duration_us == SIM_FOREVER);
		ck_assert_int_eq(task.mcpu, 0);
		ck_assert_str_eq(task.job, "");
		ck_assert_int_eq(sim_trace_next(trace, &task, &err), 1);
		ck_assert_uint_eq(task.at_us, 1250001);
		ck_assert_uint_eq(task.duration_us, 0);
		ck_assert_int_eq(task.mcpu, 4096000);
		ck_assert_int_eq(sim_trace_next(trace, &task, &err), 0);
		ck_assert(sim_trace_done(trace) == 1.0);
		ck_assert_int_eq(sim_trace_rewind(trace, &err), 0);
	}
	sim_trace_free(trace);
}
END_TEST

#define HEAD "arrival,duration,cpu,memory,priority,job\n"

START_TEST(a_line_that_is_wrong_is_named_with_its_column)
{
	static const struct {
		const char *text;
		const char *message;
	} cases[] = {
		{HEAD "x,1,1,1,1,j", "t.csv, line 2, column 1: arrival: wants seconds from the "
				     "start such as 12.5, not 'x'"},
		{HEAD "1,1,1,1,1,j\n0.5,1,1,1,1,j",
		 "t.csv, line 3, column 1: arrival: 0.5 is earlier than the line before, at "
		 "1.000000: sort the file by arrival"},
		{HEAD "1,-1,1,1,1,j",
		 "t.csv, line 2, column 3: duration: wants seconds such as "
		 "3600, or nothing for a task that does not end, not '-1'"},
		{HEAD "1,1,4097,1,1,j", "t.csv, line 2, column 5: cpu: wants cores from 0 to "
					"4096, such as 0.5, not '4097'"},
		{HEAD "1,1,1,1x,1,j",
		 "t.csv, line 2, column 7: memory: wants a size such as 64m "
		 "or 1.5g, not '1x'"},
		{HEAD "1,1,1,1,101,j",
		 "t.csv, line 2, column 9: priority: wants a number from 0 "
		 "to 100, not '101'"},
		{HEAD "1,1,1,1,1.5,j",
		 "t.csv, line 2, column 9: priority: wants a number from 0 "
		 "to 100, not '1.5'"},
		{HEAD "1,1,1,1,1",
		 "t.csv, line 2, column 9: there are 5 fields, and 6 columns in "
		 "the first line"},
		{HEAD "1,1,1,1,1,\"j",
		 "t.csv, line 2, column 11: the quote is not closed on this "
		 "line"},
		{HEAD "1,1,1,1,1,\"j\"k",
		 "t.csv, line 2, column 14: a comma or the end of the "
		 "line follows a closing quote; a quote inside is doubled"},
		{HEAD "99999999999999999999,1,1,1,1,j",
		 "t.csv, line 2, column 1: arrival: wants seconds from the start such as 12.5, "
		 "not '99999999999999999999'"},
		{HEAD "1..5,1,1,1,1,j",
		 "t.csv, line 2, column 1: arrival: wants seconds from the "
		 "start such as 12.5, not '1..5'"},
		{HEAD ".,1,1,1,1,j", "t.csv, line 2, column 1: arrival: wants seconds from the "
				     "start such as 12.5, not '.'"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct sim_trace *trace;
		struct sim_arrival task;
		struct cube_error err = {0};
		int rc = 1;

		ck_assert_int_eq(open_text(cases[i].text, strlen(cases[i].text), &trace, &err),
				 0);
		while (rc == 1)
			rc = sim_trace_next(trace, &task, &err);
		ck_assert_int_eq(rc, CUBE_ERR_INVALID);
		ck_assert_str_eq(err.message, cases[i].message);
		sim_trace_free(trace);
	}
}
END_TEST

START_TEST(a_first_line_that_is_wrong_is_refused_at_once)
{
	static const struct {
		const char *text;
		const char *part;
	} cases[] = {
		{"", "t.csv is empty: its first line names the columns"},
		{"arrival,duration,cpu,ram\n", "line 1, column 22: 'ram' is no column"},
		{"arrival,duration,cpu\n", "line 1, column 1: the column memory is missing"},
		{"arrival,cpu,cpu\n", "line 1, column 13: the column cpu stands there twice"},
		{"0,1,1,1\n", "line 1, column 1: '0' is no column"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct sim_trace *trace;
		struct cube_error err = {0};

		ck_assert_int_eq(open_text(cases[i].text, strlen(cases[i].text), &trace, &err),
				 CUBE_ERR_INVALID);
		ck_assert_msg(strstr(err.message, cases[i].part) != NULL, "%s", err.message);
	}
}
END_TEST

START_TEST(a_line_is_bounded_and_text)
{
	static char text[2 * CSV_LINE_MAX];
	static const char nul[] = HEAD "1,1,1\0,1,1,j\n";
	static const char many[] = "arrival,duration,cpu,memory\n"
				   "1,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,\n";
	struct sim_trace *trace;
	struct sim_arrival task;
	struct cube_error err = {0};
	const size_t head = strlen(HEAD);

	memset(text, '1', sizeof(text));
	(void)memcpy(text, HEAD, head);
	ck_assert_int_eq(open_text(text, sizeof(text), &trace, &err), 0);
	ck_assert_int_eq(sim_trace_next(trace, &task, &err), CUBE_ERR_INVALID);
	ck_assert_str_eq(err.message,
			 "t.csv, line 2, column 65537: a line has at most 65536 bytes");
	sim_trace_free(trace);
	ck_assert_int_eq(open_text(nul, sizeof(nul) - 1, &trace, &err), 0);
	ck_assert_int_eq(sim_trace_next(trace, &task, &err), CUBE_ERR_INVALID);
	ck_assert_str_eq(err.message,
			 "t.csv, line 2, column 6: there is a NUL byte: this is no text");
	sim_trace_free(trace);
	ck_assert_int_eq(open_text(many, sizeof(many) - 1, &trace, &err), 0);
	ck_assert_int_eq(sim_trace_next(trace, &task, &err), CUBE_ERR_INVALID);
	ck_assert_ptr_nonnull(strstr(err.message, "a line has at most 32 fields"));
	sim_trace_free(trace);
}
END_TEST

START_TEST(lines_that_cross_the_buffer_come_whole)
{
	static const char head[] = "arrival,duration,cpu,memory,job\n";
	FILE *file = tmpfile();
	struct sim_trace *trace;
	struct sim_arrival task;
	struct cube_error err;
	char job[16];

	ck_assert_ptr_nonnull(file);
	ck_assert_int_ge(fputs(head, file), 0);
	for (int i = 0; i < 60000; i++)
		ck_assert_int_gt(fprintf(file, "%d,1,0.001,1,job-%d\n", i, i), 0);
	ck_assert_int_eq(sim_trace_read(file, "t.csv", &trace, &err), 0);
	for (int i = 0; i < 60000; i++) {
		ck_assert_int_eq(sim_trace_next(trace, &task, &err), 1);
		(void)snprintf(job, sizeof(job), "job-%d", i);
		ck_assert_str_eq(task.job, job);
		ck_assert_uint_eq(task.at_us, (uint64_t)i * SIM_SECOND_US);
	}
	ck_assert_int_eq(sim_trace_next(trace, &task, &err), 0);
	sim_trace_free(trace);
}
END_TEST

/* ---- specifications ---- */

START_TEST(tasks_that_are_alike_share_one_specification_until_the_last_goes)
{
	const struct sim_room room = {1000, 1 << 30, 1 << 30};
	struct sim_arrival task = {.mcpu = 100, .job = "j", .constraints = ""};
	struct sim_measure measure;
	struct sim_specs specs;
	struct sim_spec *first;
	struct sim_spec *second;
	struct sim_spec *other;
	struct cube_error err;

	ck_assert_int_eq(sim_measure_init(&measure, &room, 1), 0);
	ck_assert_int_eq(sim_specs_init(&specs), 0);
	ck_assert_int_eq(sim_specs_get(&specs, &task, &first, &err), 0);
	task.mcpu = 200;
	ck_assert_int_eq(sim_specs_get(&specs, &task, &other, &err), 0);
	task.mcpu = 100;
	ck_assert_int_eq(sim_specs_get(&specs, &task, &second, &err), 0);
	ck_assert_ptr_eq(first, second);
	ck_assert_ptr_ne(first, other);
	ck_assert_ptr_eq(first->job, other->job);
	ck_assert_str_eq(first->spec.job, "j");
	task.job = "";
	task.constraints = "j";
	ck_assert_int_eq(sim_specs_get(&specs, &task, &other, &err), CUBE_ERR_INVALID);
	sim_specs_put(&specs, first, &measure);
	ck_assert_uint_eq(second->users, 1);
	sim_specs_release(&specs);
	sim_measure_release(&measure);
}
END_TEST

START_TEST(constraints_are_separated_by_semicolons_outside_of_quotes)
{
	struct sim_arrival task = {.job = "",
				   .constraints = "zone==\"a;b\";node.cores>8;exists gpu"};
	struct sim_specs specs;
	struct sim_spec *spec;
	struct cube_error err;

	ck_assert_int_eq(sim_specs_init(&specs), 0);
	ck_assert_msg(sim_specs_get(&specs, &task, &spec, &err) == 0, "%s", err.message);
	ck_assert_uint_eq(spec->spec.constraint_count, 3);
	ck_assert_str_eq(spec->spec.constraints[0].key, "zone");
	ck_assert_str_eq(spec->spec.constraints[0].values, "a;b");
	ck_assert_int_eq(spec->spec.constraints[1].op, CONSTRAINT_MORE);
	ck_assert_int_eq(spec->spec.constraints[2].op, CONSTRAINT_EXISTS);
	task.constraints = "zone==a;;";
	ck_assert_int_eq(sim_specs_get(&specs, &task, &spec, &err), CUBE_ERR_INVALID);
	ck_assert_ptr_nonnull(strstr(err.message, "constraint 2"));
	sim_specs_release(&specs);
}
END_TEST

static Suite *
suite(void)
{
	Suite *suite = suite_create("sim_input");
	TCase *tests = tcase_create("sim_input");

	tcase_add_test(tests, a_cluster_is_groups_with_members_in_any_order);
	tcase_add_test(tests, what_is_no_cluster_is_refused_with_its_place);
	tcase_add_test(tests, a_file_s_errors_say_the_line_and_comments_are_passed_over);
	tcase_add_test(tests, the_byte_order_mark_of_a_spreadsheet_is_no_part_of_a_name);
	tcase_add_test(tests, a_trace_is_read_by_the_names_of_its_columns);
	tcase_add_test(tests, a_line_that_is_wrong_is_named_with_its_column);
	tcase_add_test(tests, a_first_line_that_is_wrong_is_refused_at_once);
	tcase_add_test(tests, a_line_is_bounded_and_text);
	tcase_add_test(tests, lines_that_cross_the_buffer_come_whole);
	tcase_add_test(tests, tasks_that_are_alike_share_one_specification_until_the_last_goes);
	tcase_add_test(tests, constraints_are_separated_by_semicolons_outside_of_quotes);
	suite_add_tcase(suite, tests);
	return suite;
}

CHECK_MAIN(suite)
