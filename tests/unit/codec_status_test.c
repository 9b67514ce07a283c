/* tests/unit/codec_status_test.c - the output fields of a Task: answers, records, reports. */
#include "check_main.h"
#include "codec_help.h"
#include "model/history.h"

#include <netinet/in.h>

static const struct cube_port ports[] = {
	{.container_port = 80, .host_port = 32768, .protocol = IPPROTO_TCP},
	{.container_port = 53, .host_port = 5353, .protocol = IPPROTO_UDP},
	{.container_port = 80, .host_port = 32769, .protocol = IPPROTO_TCP, .host_ip = "::"},
};

static void
record_write(struct json_writer *writer, const struct task *task)
{
	json_begin_object(writer);
	task_encode_members(writer, task);
	json_put_int(writer, "Window", 5);
	json_end_object(writer);
}

static struct task
task_of(const char *quoted)
{
	struct task task = {.spec = spec_of(quoted, CODEC_STRICT)};

	task.status.wanted = TASK_WANTED_RUN;
	return task;
}

START_TEST(a_fresh_task_has_every_field_of_the_book)
{
	struct task task = task_of("{'Image': 'nginx', 'Name': 'web'}");
	char *text = WRITTEN(task_encode(writer, &task));

	ck_assert_str_eq(text,
			 "{\"ID\":\"" ID_1 "\",\"Name\":\"web\",\"Image\":\"nginx\","
			 "\"Cpu\":0,\"Memory\":0,\"Disk\":0,\"ExposedPorts\":null,"
			 "\"PortBindings\":null,\"RestartPolicy\":\"\",\"HealthCheck\":\"\","
			 "\"State\":0,\"Wanted\":2,\"Final\":false,\"RestartCount\":0,"
			 "\"Attempt\":0,\"Node\":\"\",\"ContainerID\":\"\",\"HostPorts\":null,"
			 "\"StartTime\":\"0001-01-01T00:00:00Z\","
			 "\"FinishTime\":\"0001-01-01T00:00:00Z\",\"Reason\":\"\","
			 "\"Sequence\":0}");
	free(text);
	task_release(&task);
}
END_TEST

START_TEST(no_field_is_written_twice_when_the_owner_gave_it)
{
	struct task task = task_of("{'Image': 'x', 'Cpu': 1, 'Memory': 1, 'Disk': 1,"
				   " 'PortBindings': {'80/tcp': '8080'},"
				   " 'RestartPolicy': 'no', 'HealthCheck': '/'}");
	char *text = WRITTEN(task_encode(writer, &task));
	/* The parser refuses an object with a key twice. */
	struct parsed parsed = parsed_new(text);

	ck_assert_has(text, "'ExposedPorts':{'80/tcp':{}},'PortBindings':{'80/tcp':'8080'}");
	parsed_free(&parsed);
	free(text);
	task_release(&task);
}
END_TEST

static void
status_fill(struct task_status *status)
{
	status->state = TASK_FAILED;
	status->wanted = TASK_WANTED_STOP;
	status->final = true;
	status->has_exit_code = true;
	status->exit_code = 137;
	status->oom_killed = true;
	status->attempt = 3;
	status->restart_count = 2;
	status->start_ms = 1772366400123;
	status->finish_ms = 1772366401000;
	status->restart_at_ms = 1772366402000;
	status->sequence = 12345678901;
	memcpy(status->node, "n1", 3);
	memcpy(status->container_id, "c0ffee", 7);
	task_reason(status, "out of \"memory\" \xe2\x82\xac");
	status->host_ports = port_list_new(ports, 3);
}

static void
assert_status_equal(const struct task_status *a, const struct task_status *b)
{
	ck_assert_int_eq(a->state, b->state);
	ck_assert_int_eq(a->wanted, b->wanted);
	ck_assert(a->final == b->final);
	ck_assert(a->has_exit_code == b->has_exit_code);
	ck_assert_int_eq(a->exit_code, b->exit_code);
	ck_assert(a->oom_killed == b->oom_killed);
	ck_assert_uint_eq(a->attempt, b->attempt);
	ck_assert_uint_eq(a->restart_count, b->restart_count);
	ck_assert_int_eq(a->start_ms, b->start_ms);
	ck_assert_int_eq(a->finish_ms, b->finish_ms);
	ck_assert_int_eq(a->restart_at_ms, b->restart_at_ms);
	ck_assert_uint_eq(a->sequence, b->sequence);
	ck_assert_str_eq(a->node, b->node);
	ck_assert_str_eq(a->container_id, b->container_id);
	ck_assert_str_eq(a->reason, b->reason);
}

START_TEST(a_status_survives_the_wire_and_a_record)
{
	struct task task = task_of("{'Image': 'x'}");
	struct task_status back;
	struct cube_error err;
	char *text;
	int whole;

	status_fill(&task.status);
	for (whole = 0; whole < 2; whole++) {
		struct parsed parsed;
		struct task_spec *spec;

		text = whole ? WRITTEN(task_encode(writer, &task))
			     : WRITTEN(record_write(writer, &task));
		ck_assert_has(text, "'HostPorts':{'80/tcp':[{'HostIp':'0.0.0.0','HostPort':"
				    "'32768'},{'HostIp':'::','HostPort':'32769'}],'53/udp':"
				    "[{'HostIp':'0.0.0.0','HostPort':'5353'}]}");
		ck_assert_has(text, "'StartTime':'2026-03-01T12:00:00.123Z'");
		parsed = parsed_new(text);
		ck_assert_int_eq(task_status_decode(&parsed.doc, parsed.doc.root, &back, &err),
				 0);
		assert_status_equal(&back, &task.status);
		ck_assert_uint_eq(back.host_ports->count, 3);
		ck_assert_str_eq(back.host_ports->ports[0].host_ip, "");
		ck_assert_str_eq(back.host_ports->ports[1].host_ip, "::");
		task_status_release(&back);
		/* The same object holds the specification. */
		ck_assert_int_eq(task_spec_decode(&parsed.doc, parsed.doc.root, CODEC_LENIENT,
						  NULL, &spec, &err),
				 0);
		ck_assert_uint_eq(spec->hash, task.spec->hash);
		task_spec_put(spec);
		parsed_free(&parsed);
		free(text);
	}
	task_release(&task);
}
END_TEST

START_TEST(a_record_leaves_defaults_out_and_takes_more_members)
{
	struct task task = task_of("{'Image': 'x', 'Name': 'web'}");
	char *text = WRITTEN(record_write(writer, &task));

	ck_assert_str_eq(text, "{\"ID\":\"" ID_1 "\",\"Name\":\"web\",\"Image\":\"x\","
			       "\"State\":0,\"Wanted\":2,\"Window\":5}");
	free(text);
	task_release(&task);
}
END_TEST

START_TEST(an_empty_object_is_a_status_at_its_defaults)
{
	struct parsed parsed = parsed_new("{}");
	struct task_status status;
	struct cube_error err;

	ck_assert_int_eq(task_status_decode(&parsed.doc, parsed.doc.root, &status, &err), 0);
	ck_assert_int_eq(status.state, TASK_PENDING);
	ck_assert_int_eq(status.wanted, TASK_WANTED_RUN);
	ck_assert_uint_eq(status.attempt, 0);
	ck_assert(!status.has_exit_code);
	ck_assert_ptr_null(status.host_ports);
	parsed_free(&parsed);
}
END_TEST

#define DIGITS_64 "0123456789012345678901234567890123456789012345678901234567890123"

static const char *const wrong[] = {
	"{'State': 5}",
	"{'State': '2'}",
	"{'Wanted': 4}",
	"{'Attempt': -1}",
	"{'ExitCode': 2147483648}",
	"{'StartTime': 'soon'}",
	"{'Node': 'a b'}",
	"{'Final': 1}",
	"{'HostPorts': []}",
	"{'HostPorts': {'80/tcp': '8080'}}",
	"{'HostPorts': {'80/tcp': [{'HostPort': '99999'}]}}",
	"{'HostPorts': {'80/tcp': [{'HostPort': '1'}]}, 'State': 9}",
	"{'ContainerID': '" DIGITS_64 DIGITS_64 "'}",
	"[]",
};

START_TEST(a_wrong_status_is_refused_and_touches_nothing)
{
	struct parsed parsed = parsed_new(wrong[_i]);
	struct task_status status = {.attempt = 77};
	struct cube_error err;

	ck_assert_int_eq(task_status_decode(&parsed.doc, parsed.doc.root, &status, &err),
			 CUBE_ERR_INVALID);
	ck_assert_uint_eq(status.attempt, 77);
	ck_assert_ptr_null(status.host_ports);
	parsed_free(&parsed);
}
END_TEST

START_TEST(a_reason_that_grew_on_the_way_is_cut_not_refused)
{
	struct task task = task_of("{'Image': 'x'}");
	struct task_status back;
	struct parsed parsed;
	struct cube_error err;
	char *text;

	/* A program's bytes that are no UTF-8: each becomes three when it is written. */
	memset(task.status.reason, 0xff, TASK_REASON_SIZE - 1);
	text = WRITTEN(task_encode(writer, &task));
	parsed = parsed_new(text);
	ck_assert_int_eq(task_status_decode(&parsed.doc, parsed.doc.root, &back, &err), 0);
	ck_assert_uint_eq(strlen(back.reason), (TASK_REASON_SIZE - 1) / 3 * 3);
	parsed_free(&parsed);
	free(text);
	task_release(&task);
}
END_TEST

START_TEST(a_report_survives_the_wire_without_the_specification)
{
	struct task task = task_of("{'Image': 'x', 'Env': ['SECRET=1']}");
	struct reports reports;
	struct parsed parsed;
	struct cube_error err;
	char list[2048];
	char *text;

	status_fill(&task.status);
	text = WRITTEN(report_encode(writer, &task));
	ck_assert_ptr_null(strstr(text, "SECRET"));
	(void)snprintf(list, sizeof(list), "[%s]", text);
	parsed = parsed_new(list);
	ck_assert_int_eq(reports_decode(&parsed.doc, &reports, &err), 0);
	ck_assert_uint_eq(reports.count, 1);
	ck_assert_str_eq(reports.items[0].task_id, task.spec->id);
	assert_status_equal(&reports.items[0].status, &task.status);
	reports_release(&reports);
	parsed_free(&parsed);
	free(text);
	task_release(&task);
}
END_TEST

START_TEST(a_list_of_our_worker_and_of_the_books_decodes)
{
	struct parsed parsed = parsed_new(
		"[{'ID':'" ID_1 "','Attempt':4,'RestartCount':9,'State':2,'Odd':[]},"
		" {'ID':'" ID_2 "','ContainerID':'abc','Name':'web','State':2,'Image':'nginx',"
		"'Cpu':0,'Memory':0,'Disk':0,'ExposedPorts':null,"
		"'HostPorts':{'7777/tcp':[{'HostIp':'0.0.0.0','HostPort':'49153'}],"
		"'9000/tcp':null},"
		"'PortBindings':null,'RestartPolicy':'','RestartCount':2,"
		"'StartTime':'2026-03-01T12:00:00.123456789Z',"
		"'FinishTime':'0001-01-01T00:00:00Z','HealthCheck':''}]");
	struct reports reports;
	struct cube_error err;

	ck_assert_int_eq(reports_decode(&parsed.doc, &reports, &err), 0);
	ck_assert_uint_eq(reports.count, 2);
	ck_assert_str_eq(reports.items[0].task_id, ID_1);
	ck_assert_uint_eq(reports.items[0].status.attempt, 4);
	ck_assert_str_eq(reports.items[1].task_id, ID_2);
	ck_assert_uint_eq(reports.items[1].status.attempt, 3);
	ck_assert_int_eq(reports.items[1].status.finish_ms, 0);
	ck_assert_int_eq(reports.items[1].status.start_ms, 1772366400123);
	ck_assert_uint_eq(reports.items[1].status.host_ports->count, 1);
	ck_assert_uint_eq(reports.items[1].status.host_ports->ports[0].host_port, 49153);
	reports_release(&reports);
	parsed_free(&parsed);
}
END_TEST

static const char *const no_lists[] = {
	"{}",
	"[{}]",
	"[1]",
	"[{'ID': '" ID_1 "', 'HostPorts': {'80/tcp': [{'HostPort': '1'}]}}, {'State': 0}]",
};

START_TEST(a_list_with_a_wrong_task_is_refused_whole)
{
	struct parsed parsed = parsed_new(no_lists[_i]);
	struct reports reports = {.count = 77};
	struct cube_error err;

	ck_assert_int_eq(reports_decode(&parsed.doc, &reports, &err), CUBE_ERR_INVALID);
	ck_assert_uint_eq(reports.count, 77);
	parsed_free(&parsed);
}
END_TEST

START_TEST(an_empty_list_is_no_reports)
{
	struct parsed parsed = parsed_new("[]");
	struct reports reports;
	struct cube_error err;

	ck_assert_int_eq(reports_decode(&parsed.doc, &reports, &err), 0);
	ck_assert_uint_eq(reports.count, 0);
	reports_release(&reports);
	parsed_free(&parsed);
}
END_TEST

START_TEST(history_survives_the_wire)
{
	const struct history_entry entry = {.revision = 7,
					    .time_ms = 1772366400123,
					    .by = HISTORY_BY_WORKER,
					    .state = TASK_RUNNING,
					    .attempt = 2,
					    .node = "n1",
					    .reason = "adopted"};
	char *text = WRITTEN(history_encode(writer, &entry));
	struct parsed parsed = parsed_new(text);
	struct history_entry back;
	struct cube_error err;

	ck_assert_str_eq(text, "{\"Revision\":7,\"Time\":\"2026-03-01T12:00:00.123Z\","
			       "\"State\":2,\"Attempt\":2,\"Node\":\"n1\",\"By\":\"worker\","
			       "\"Reason\":\"adopted\"}");
	ck_assert_int_eq(history_decode(&parsed.doc, parsed.doc.root, &back, &err), 0);
	ck_assert_uint_eq(back.revision, 7);
	ck_assert_int_eq(back.time_ms, entry.time_ms);
	ck_assert_int_eq(back.by, HISTORY_BY_WORKER);
	ck_assert_int_eq(back.state, TASK_RUNNING);
	ck_assert_uint_eq(back.attempt, 2);
	ck_assert_str_eq(back.node, "n1");
	ck_assert_str_eq(back.reason, "adopted");
	ck_assert_str_eq(back.task_id, "");
	parsed_free(&parsed);
	free(text);
}
END_TEST

START_TEST(an_event_says_of_which_task_or_node_it_is)
{
	const struct history_entry of_task = {.time_ms = 1772366400123,
					      .by = HISTORY_BY_USER,
					      .task_id = "21b23589-5d2d-4731-b5c9-a97e9832d021",
					      .name = "web"};
	const struct history_entry of_node = {.revision = 9,
					      .time_ms = 1772366400123,
					      .by = HISTORY_BY_MANAGER,
					      .status = "lost",
					      .node = "n1",
					      .reason = "silent"};
	char *texts[] = {WRITTEN(history_encode_event(writer, &of_task)),
			 WRITTEN(history_encode_event(writer, &of_node))};
	struct history_entry back;
	struct cube_error err;
	size_t i;

	ck_assert_str_eq(texts[0],
			 "{\"Time\":\"2026-03-01T12:00:00.123Z\","
			 "\"Task\":\"21b23589-5d2d-4731-b5c9-a97e9832d021\",\"Name\":\"web\","
			 "\"State\":0,\"Attempt\":0,\"Node\":\"\",\"By\":\"user\","
			 "\"Reason\":\"\"}");
	ck_assert_str_eq(texts[1], "{\"Revision\":9,\"Time\":\"2026-03-01T12:00:00.123Z\","
				   "\"Node\":\"n1\",\"Status\":\"lost\",\"By\":\"manager\","
				   "\"Reason\":\"silent\"}");
	for (i = 0; i < 2; i++) {
		const struct history_entry *entry = i == 0 ? &of_task : &of_node;
		struct parsed parsed = parsed_new(texts[i]);

		ck_assert_int_eq(history_decode(&parsed.doc, parsed.doc.root, &back, &err), 0);
		ck_assert_str_eq(back.task_id, entry->task_id);
		ck_assert_str_eq(back.name, entry->name);
		ck_assert_str_eq(back.status, entry->status);
		ck_assert_int_eq(back.by, entry->by);
		parsed_free(&parsed);
		free(texts[i]);
	}
}
END_TEST

#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))

static Suite *
suite(void)
{
	Suite *s = suite_create("codec status");
	TCase *t = tcase_create("status");

	tcase_add_test(t, a_fresh_task_has_every_field_of_the_book);
	tcase_add_test(t, no_field_is_written_twice_when_the_owner_gave_it);
	tcase_add_test(t, a_status_survives_the_wire_and_a_record);
	tcase_add_test(t, a_record_leaves_defaults_out_and_takes_more_members);
	tcase_add_test(t, an_empty_object_is_a_status_at_its_defaults);
	tcase_add_loop_test(t, a_wrong_status_is_refused_and_touches_nothing, 0, COUNT(wrong));
	tcase_add_test(t, a_reason_that_grew_on_the_way_is_cut_not_refused);
	tcase_add_test(t, a_report_survives_the_wire_without_the_specification);
	tcase_add_test(t, a_list_of_our_worker_and_of_the_books_decodes);
	tcase_add_loop_test(t, a_list_with_a_wrong_task_is_refused_whole, 0, COUNT(no_lists));
	tcase_add_test(t, an_empty_list_is_no_reports);
	tcase_add_test(t, history_survives_the_wire);
	tcase_add_test(t, an_event_says_of_which_task_or_node_it_is);
	suite_add_tcase(s, t);
	return s;
}

CHECK_MAIN(suite)
