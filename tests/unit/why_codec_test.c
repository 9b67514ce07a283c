/* tests/unit/why_codec_test.c - the answer to "why" as JSON, both ways, and amounts in words.
 */
#include "base/amount.h"
#include "check_main.h"
#include "codec_help.h"
#include "model/why.h"

#include <math.h>

/* ---- amounts ---- */

struct bytes_case {
	int64_t bytes;
	const char *text;
	int64_t down;
};

#define MIB (INT64_C(1) << 20)
#define GIB (INT64_C(1) << 30)

static const struct bytes_case bytes_cases[] = {
	{0, "0 bytes", 0},
	{-5, "0 bytes", 0},
	{1023, "1023 bytes", 1023},
	{1024, "1 KiB", 1024},
	{512 * MIB, "512 MiB", 512 * MIB},
	{490 * MIB, "490 MiB", 490 * MIB},
	{512 * MIB - 1, "511.9 MiB", 536766054},
	{1023 * MIB + 1023 * 1024, "1023 MiB", 1023 * MIB},
	{3 * GIB / 2, "1.5 GiB", 3 * GIB / 2},
	{GIB + 1, "1 GiB", GIB},
	{GIB + GIB / 8, "1.125 GiB", GIB + GIB / 8},
	{12 * GIB + GIB / 3, "12.33 GiB", 13239236689},
	{5000 * 1024 * GIB, "5000 TiB", 5000 * 1024 * GIB},
};

START_TEST(bytes_are_written_in_four_digits_and_never_rounded_up)
{
	const struct bytes_case *at = &bytes_cases[_i];
	struct buf out = BUF_INIT(100);

	amount_add_bytes(&out, at->bytes);
	ck_assert_str_eq(buf_text(&out), at->text);
	ck_assert_int_eq(amount_bytes_down(at->bytes), at->down);
	ck_assert(at->bytes < 0 || amount_bytes_down(at->bytes) <= at->bytes);
	buf_reset(&out);
	amount_add_bytes(&out, at->down);
	/* 511.9 MiB is not a whole number of bytes: what is written of it may be a digit less.
	 */
	if (at->down == at->bytes)
		ck_assert_str_eq(buf_text(&out), at->text);
	buf_release(&out);
}
END_TEST

static const struct {
	int64_t mcpu;
	const char *text;
} cores_cases[] = {{1000, "1 core"},        {250, "0.25 cores"},         {1500, "1.5 cores"},
		   {12345, "12.345 cores"}, {4095999, "4095.999 cores"}, {-1, "0 cores"}};

START_TEST(cores_are_written_to_the_thousandth)
{
	struct buf out = BUF_INIT(100);

	amount_add_cores(&out, cores_cases[_i].mcpu);
	ck_assert_str_eq(buf_text(&out), cores_cases[_i].text);
	buf_release(&out);
}
END_TEST

START_TEST(counts_have_commas)
{
	struct buf out = BUF_INIT(100);

	amount_add_count(&out, 7);
	buf_append_text(&out, " ");
	amount_add_count(&out, 2997);
	buf_append_text(&out, " ");
	amount_add_count(&out, 1000007);
	ck_assert_str_eq(buf_text(&out), "7 2,997 1,000,007");
	buf_release(&out);
}
END_TEST

/* ---- the answer ---- */

static struct why
sample(void)
{
	struct why why = {.task_id = ID_1,
			  .name = "web",
			  .node = "n1",
			  .summary = "no node fits",
			  .nodes = 5,
			  .fits = 1,
			  .scheduler = "epvm.so",
			  .considered = 2,
			  .costs = {{"n1", 0.25}, {"n2", INFINITY}},
			  .cost_count = 2};

	why.reasons = calloc(2, sizeof(*why.reasons));
	why.changes = calloc(1, sizeof(*why.changes));
	why.unblock = strdup("It would fit if n2 were uncordoned.");
	ck_assert(why.reasons != NULL && why.changes != NULL && why.unblock != NULL);
	why.reasons[0] = (struct why_reason){.word = "memory",
					     .count = 3,
					     .named = 2,
					     .nodes = {"n1", "n3"},
					     .text = "wants 512 MiB"};
	why.reasons[1] = (struct why_reason){
		.word = "cordoned", .count = 1, .named = 1, .nodes = {"n2"}};
	why.reason_count = 2;
	why.changes[0] = (struct why_change){
		.word = "uncordon", .node = "n2", .count = 1, .text = "n2 were uncordoned"};
	why.change_count = 1;
	return why;
}

START_TEST(what_is_written_is_read_back)
{
	struct why why = sample();
	char *text = WRITTEN(why_encode(writer, &why));
	struct parsed parsed = parsed_new(text);
	struct cube_error err;
	struct why back;
	char *again;

	ck_assert_msg(why_decode(&parsed.doc, parsed.doc.root, &back, &err) == 0, "%s",
		      err.message);
	ck_assert_uint_eq(back.reasons[0].named, 2);
	ck_assert_str_eq(back.reasons[0].nodes[1], "n3");
	ck_assert(isinf(back.costs[1].cost));
	again = WRITTEN(why_encode(writer, &back));
	ck_assert_str_eq(again, text);
	ck_assert_has(text, "'Reason':'memory','Count':3,'Nodes':['n1','n3'],"
			    "'Text':'wants 512 MiB'");
	ck_assert_has(text, "{'Node':'n2','Cost':null}");
	free(again);
	free(text);
	parsed_free(&parsed);
	why_release(&back);
	why_release(&why);
}
END_TEST

START_TEST(a_later_manager_may_say_more)
{
	struct parsed parsed = parsed_new(
		"{'Nodes':12,'Mood':'good','Reasons':[{'Reason':'a-word-longer-than-any-known',"
		"'Count':12,'More':1,'Nodes':['1','2','3','4','5','6','7','8','9','10','11',"
		"'12']}],'Costs':[{'Node':'a','Cost':1},{'Cost':2},{'Cost':3},{'Cost':4},"
		"{'Cost':5},{'Cost':6}]}");
	struct cube_error err;
	struct why why;

	ck_assert_int_eq(why_decode(&parsed.doc, parsed.doc.root, &why, &err), 0);
	ck_assert_uint_eq(why.reasons[0].named, WHY_NODES_MAX);
	ck_assert_uint_eq(why.reasons[0].count, 12);
	ck_assert_str_eq(why.reasons[0].word, "a-word-longer-t");
	ck_assert_uint_eq(why.cost_count, WHY_COSTS_MAX);
	ck_assert_ptr_null(why.unblock);
	why_release(&why);
	parsed_free(&parsed);
}
END_TEST

static const char *const refused[] = {
	"[]",
	"{'Reasons':7}",
	"{'Reasons':[7]}",
	"{'Reasons':[{'Nodes':7}]}",
	"{'Reasons':[{'Nodes':[7]}]}",
	"{'Reasons':[{'Count':1}],'Changes':{}}",
	"{'Changes':[{'Amount':-1}]}",
	"{'Costs':[{'Cost':'x'}]}",
	"{'Reasons':[{'Count':1}],'State':9}",
	"{'Unblock':1}",
};

START_TEST(what_is_no_answer_is_refused_and_leaks_nothing)
{
	struct parsed parsed = parsed_new(refused[_i]);
	struct cube_error err = {.code = 0};
	struct why why;

	ck_assert_int_eq(why_decode(&parsed.doc, parsed.doc.root, &why, &err),
			 CUBE_ERR_INVALID);
	ck_assert(strstr(err.message, "must") != NULL);
	parsed_free(&parsed);
}
END_TEST

static Suite *
suite_make(void)
{
	Suite *suite = suite_create("why_codec");
	TCase *tests = tcase_create("why");

	tcase_add_loop_test(tests, bytes_are_written_in_four_digits_and_never_rounded_up, 0,
			    sizeof(bytes_cases) / sizeof(bytes_cases[0]));
	tcase_add_loop_test(tests, cores_are_written_to_the_thousandth, 0,
			    sizeof(cores_cases) / sizeof(cores_cases[0]));
	tcase_add_test(tests, counts_have_commas);
	tcase_add_test(tests, what_is_written_is_read_back);
	tcase_add_test(tests, a_later_manager_may_say_more);
	tcase_add_loop_test(tests, what_is_no_answer_is_refused_and_leaks_nothing, 0,
			    sizeof(refused) / sizeof(refused[0]));
	suite_add_tcase(suite, tests);
	return suite;
}

CHECK_MAIN(suite_make)
