/* tests/unit/node_test.c - a worker's description on the wire, and the manager's view of it. */
#include "check_main.h"
#include "codec_help.h"

#include <math.h>
#include <stdio.h>

#define API "'Name': 'n1', 'Api': 'http://10.0.0.7:5556'"

static struct node_info
info_of(const char *quoted, enum codec_mode mode)
{
	struct parsed parsed = parsed_new(quoted);
	struct node_info info;
	struct cube_error err;
	int rc = node_info_decode(&parsed.doc, parsed.doc.root, mode, &info, &err);

	ck_assert_msg(rc == 0, "%s: %s", quoted, err.message);
	parsed_free(&parsed);
	return info;
}

static const char described[] =
	"{'Name': 'n1', 'Api': 'http://10.0.0.7:5556', 'Memory': 2048, 'Disk': 1000000,"
	" 'Stats': {'MemStats': {'mem_total': 1.5, 'x': [null, true, 'a']}, 'CpuStats': {}},"
	" 'Instance': '" ID_1 "', 'Cluster': '" ID_2 "', 'Cores': 1.5, 'CpuBusy': 0.25,"
	" 'Labels': {'zone': 'a', 'arch': 'arm64'}, 'Arch': 'arm64', 'Os': 'linux',"
	" 'Runtime': 'docker',"
	" 'RuntimeReady': true, 'RuntimeReason': '', 'Enforces': ['memory', 'cpu'],"
	" 'Version': '0.1.0', 'StaleOrders': 3, 'Revision': 7}";

START_TEST(a_description_is_read_whole)
{
	struct node_info info = info_of(described, CODEC_STRICT);

	ck_assert_str_eq(info.name, "n1");
	ck_assert_str_eq(info.api, "http://10.0.0.7:5556");
	ck_assert_int_eq(info.memory_bytes, 2048 * 1024);
	ck_assert_int_eq(info.disk_bytes, 1000000);
	ck_assert_str_eq(info.instance, ID_1);
	ck_assert_str_eq(info.cluster, ID_2);
	ck_assert_int_eq(info.mcpu, 1500);
	ck_assert_float_eq(info.cpu_busy, 0.25F);
	ck_assert_str_eq(info.arch, "arm64");
	ck_assert_str_eq(info.os, "linux");
	ck_assert_str_eq(info.labels->json, "{\"arch\":\"arm64\",\"zone\":\"a\"}");
	ck_assert_str_eq(info.stats->text,
			 "{\"MemStats\":{\"mem_total\":1.5,\"x\":[null,true,\"a\"]},"
			 "\"CpuStats\":{}}");
	ck_assert_uint_eq(info.stats->size, strlen(info.stats->text));
	ck_assert_str_eq(info.runtime, "docker");
	ck_assert(info.runtime_ready);
	ck_assert_uint_eq(info.enforces, CUBE_ENFORCES_CPU | CUBE_ENFORCES_MEMORY);
	ck_assert_str_eq(info.version, "0.1.0");
	ck_assert_uint_eq(info.stale_orders, 3);
	ck_assert_uint_eq(info.revision, 7);
	node_info_release(&info);
}
END_TEST

START_TEST(what_is_absent_is_empty_or_not_known)
{
	struct node_info info = info_of("{" API ", 'Labels': {}, 'Stats': null}", CODEC_STRICT);

	ck_assert_str_eq(info.instance, "");
	ck_assert_int_eq(info.mcpu, 0);
	ck_assert(isnan(info.cpu_busy));
	ck_assert_ptr_null(info.labels);
	ck_assert_ptr_null(info.stats);
	ck_assert(!info.runtime_ready);
	node_info_release(&info);
}
END_TEST

START_TEST(a_description_survives_the_wire)
{
	struct node_info info = info_of(described, CODEC_STRICT);
	char *text = WRITTEN(node_info_encode(writer, &info));
	struct node_info back = info_of(text, CODEC_STRICT);
	char *again = WRITTEN(node_info_encode(writer, &back));

	ck_assert_str_eq(text, again);
	ck_assert_has(text, "'Ip':'10.0.0.7'");
	ck_assert_has(text, "'Labels':{'arch':'arm64','zone':'a'},'Arch':'arm64','Os':'linux'");
	ck_assert_has(text, "'Memory':2048,");
	ck_assert_has(text, "'Role':'worker'");
	ck_assert_has(text, "'Enforces':['cpu','memory']");
	ck_assert_lacks(text, "Status'");
	free(text);
	free(again);
	node_info_release(&info);
	node_info_release(&back);
}
END_TEST

START_TEST(a_view_has_the_books_fields_and_ours)
{
	struct node_view view = {.info = {.name = "n1",
					  .api = "http://[fe80::1]:5556",
					  .memory_bytes = 4096,
					  .cpu_busy = NAN},
				 .status = NODE_UNREACHABLE,
				 .task_count = 3,
				 .allocated_mcpu = -250,
				 .allocated_memory_bytes = 2048,
				 .allocated_disk_bytes = 5,
				 .last_seen_ms = 1772366400123,
				 .reason = "no answer",
				 .cordoned = true,
				 .draining = true,
				 .drain_until_ms = 1772366400123,
				 .drain_stopped = 2,
				 .stale_reports = 4};
	char *text = WRITTEN(node_view_encode(writer, &view));

	ck_assert_str_eq(
		text, "{\"Name\":\"n1\",\"Ip\":\"fe80::1\",\"Api\":\"http://[fe80::1]:5556\","
		      "\"Memory\":4,\"MemoryAllocated\":2,\"Disk\":0,\"DiskAllocated\":5,"
		      "\"Stats\":null,\"Role\":\"worker\",\"TaskCount\":3,\"Instance\":\"\","
		      "\"Cluster\":\"\",\"Cores\":0,\"CpuAllocated\":-0.25,\"CpuBusy\":null,"
		      "\"Labels\":{},\"Status\":\"unreachable\",\"Reason\":\"no answer\","
		      "\"Cordoned\":true,\"Draining\":true,"
		      "\"DrainUntil\":\"2026-03-01T12:00:00.123Z\",\"DrainStopped\":2,"
		      "\"StaleReports\":4,\"Arch\":\"\",\"Os\":\"\","
		      "\"Runtime\":\"\",\"RuntimeReady\":false,\"RuntimeReason\":\"\","
		      "\"Enforces\":[],\"LastSeen\":\"2026-03-01T12:00:00.123Z\","
		      "\"Version\":\"\",\"StaleOrders\":0,\"Revision\":0}");
	/* A worker may be given it back: what is not its own to say is ignored. */
	view.info = info_of(text, CODEC_STRICT);
	ck_assert_str_eq(view.info.name, "n1");
	node_info_release(&view.info);
	free(text);
}
END_TEST

static const struct {
	const char *text;
	const char *wanted;
} refused[] = {
	{"[]", "must be an object: a Node"},
	{"{'Api': 'http://a:1'}", "a Node needs a Name"},
	{"{'Name': 'a b'}", "Name (line 1, column 10): must be 1 to 63 of"},
	{"{'Name': 'n1'}", "a Node needs an Api: the worker"},
	{"{'Name': 'n1', 'Api': '10.0.0.7:5556'}", "as http://HOST:PORT, not '10.0.0.7:5556'"},
	{"{'Name': 'n1', 'Api': 'https://a:1'}", "not 'https://a:1'"},
	{"{'Name': 'n1', 'Api': 'http://a'}", "not 'http://a'"},
	{"{'Name': 'n1', 'Api': 'http://:1'}", "not 'http://:1'"},
	{"{'Name': 'n1', 'Api': 'http://a:0'}", "not 'http://a:0'"},
	{"{'Name': 'n1', 'Api': 'http://a:65536'}", "not 'http://a:65536'"},
	{"{'Name': 'n1', 'Api': 'http://a:1/'}", "not 'http://a:1/'"},
	{"{'Name': 'n1', 'Api': 'http://u@a:1'}", "not 'http://u@a:1'"},
	{"{'Name': 'n1', 'Api': 'http://[::1:1'}", "not 'http://[::1:1'"},
	{"{" API ", 'Memory': 4503599627370497}", "must be a whole number of KiB from 0"},
	{"{" API ", 'Cores': 5000}", "Cores (line 1"},
	{"{" API ", 'CpuBusy': 1.5}", "CpuBusy (line 1"},
	{"{" API ", 'Labels': []}", "must be an object of texts"},
	{"{" API ", 'Labels': {'a': 1}}", "Labels.a (line 1"},
	{"{" API ", 'Stats': []}", "must be an object: Stats"},
	{"{" API ", 'Labels': {'a': 'b'}, 'Stats': 1}", "must be an object: Stats"},
	{"{" API ", 'Enforces': 'cpu'}", "must be an array of 'cpu', 'memory' and 'disk'"},
	{"{" API ", 'Enforces': ['gpu']}", "must be 'cpu', 'memory' or 'disk', not 'gpu'"},
	{"{" API ", 'Instance': 'x'}", "must be a uuid"},
	{"{" API ", 'cores': 1}", "unknown field of a Node; did you mean 'Cores'?"},
};

START_TEST(a_wrong_description_is_refused_with_what_would_be_right)
{
	struct parsed parsed = parsed_new(refused[_i].text);
	struct node_info info = {.revision = 77};
	struct cube_error err;

	ck_assert_int_eq(
		node_info_decode(&parsed.doc, parsed.doc.root, CODEC_STRICT, &info, &err),
		CUBE_ERR_INVALID);
	ck_assert_has(err.message, refused[_i].wanted);
	ck_assert_uint_eq(info.revision, 77);
	parsed_free(&parsed);
}
END_TEST

START_TEST(a_newer_worker_may_say_more)
{
	struct node_info info =
		info_of("{" API ", 'Gpus': 2, 'Enforces': ['gpu', 'disk']}", CODEC_LENIENT);

	ck_assert_uint_eq(info.enforces, CUBE_ENFORCES_DISK);
	node_info_release(&info);
}
END_TEST

START_TEST(stats_and_labels_are_bounded)
{
	struct buf text = BUF_INIT(1 << 20);
	struct node_info info;
	struct parsed parsed;
	struct cube_error err;
	size_t i;

	buf_printf(&text, "{" API ", 'Stats': {'a': '");
	for (i = 0; i < NODE_STATS_MAX; i++)
		buf_append_text(&text, "x");
	buf_append_text(&text, "'}}");
	parsed = parsed_new(buf_text(&text));
	ck_assert_int_eq(
		node_info_decode(&parsed.doc, parsed.doc.root, CODEC_LENIENT, &info, &err),
		CUBE_ERR_INVALID);
	ck_assert_has(err.message, "the Stats must take at most 32768 bytes, not 32776");
	parsed_free(&parsed);
	buf_reset(&text);
	buf_printf(&text, "{" API ", 'Labels': {'a': ''");
	for (i = 0; i < NODE_LABELS_MAX; i++)
		buf_printf(&text, ", 'l%zu': ''", i);
	buf_append_text(&text, "}}");
	parsed = parsed_new(buf_text(&text));
	ck_assert_int_eq(
		node_info_decode(&parsed.doc, parsed.doc.root, CODEC_LENIENT, &info, &err),
		CUBE_ERR_INVALID);
	ck_assert_has(err.message, "must have at most 64 labels, not 65");
	parsed_free(&parsed);
	buf_release(&text);
}
END_TEST

START_TEST(a_copy_shares_labels_and_stats_and_outlives_the_original)
{
	struct node_info info = info_of(described, CODEC_STRICT);
	struct node_info copy;

	node_info_copy(&copy, &info);
	ck_assert_ptr_eq(copy.labels, info.labels);
	node_info_release(&info);
	ck_assert_ptr_null(info.labels);
	ck_assert_str_eq(copy.labels->json, "{\"arch\":\"arm64\",\"zone\":\"a\"}");
	node_info_release(&copy);
	node_text_put(NULL);
	ck_assert_ptr_null(node_text_get(NULL));
}
END_TEST

START_TEST(each_status_has_its_name)
{
	ck_assert_str_eq(node_status_name(NODE_JOINING), "joining");
	ck_assert_str_eq(node_status_name(NODE_READY), "ready");
	ck_assert_str_eq(node_status_name(NODE_LOST), "lost");
	ck_assert_str_eq(node_status_name((enum node_status)17), "unknown");
}
END_TEST

#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))

static Suite *
suite(void)
{
	Suite *s = suite_create("node");
	TCase *t = tcase_create("node");

	tcase_add_test(t, a_description_is_read_whole);
	tcase_add_test(t, what_is_absent_is_empty_or_not_known);
	tcase_add_test(t, a_description_survives_the_wire);
	tcase_add_test(t, a_view_has_the_books_fields_and_ours);
	tcase_add_loop_test(t, a_wrong_description_is_refused_with_what_would_be_right, 0,
			    COUNT(refused));
	tcase_add_test(t, a_newer_worker_may_say_more);
	tcase_add_test(t, stats_and_labels_are_bounded);
	tcase_add_test(t, a_copy_shares_labels_and_stats_and_outlives_the_original);
	tcase_add_test(t, each_status_has_its_name);
	suite_add_tcase(s, t);
	return s;
}

CHECK_MAIN(suite)
