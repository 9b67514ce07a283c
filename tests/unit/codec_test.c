/* tests/unit/codec_test.c - specifications and requests: what a client sends, what we keep. */
#include "check_main.h"
#include "codec_help.h"

#include <netinet/in.h>
#include <stdio.h>

/* A request that must decode. */
static struct task_request
request_of(const char *quoted, const char *fallback_id)
{
	struct parsed parsed = parsed_new(quoted);
	struct task_request request;
	struct cube_error err;
	int rc = task_request_decode(&parsed.doc, parsed.doc.root, CODEC_STRICT, fallback_id,
				     &request, &err);

	ck_assert_msg(rc == 0, "%s: %s", quoted, err.message);
	parsed_free(&parsed);
	return request;
}

/* The specification's text is what a text written with ' for " says. */
static void
assert_json(const struct task_spec *spec, const char *quoted)
{
	ck_assert_uint_eq(strlen(spec->json), spec->json_size);
	ck_assert_uint_eq(strlen(spec->json), strlen(quoted));
	ck_assert_has(spec->json, quoted);
}

START_TEST(the_files_of_the_book_decode)
{
	struct task_request request = request_of(
		"{'ID': '266592cd-960d-4091-981c-8c25c44b1018', 'State': 2, 'Task': {"
		"'State': 1, 'ID': '" ID_2 "', 'Name': 'test-chapter-9-1',"
		"'Image': 'timboring/echo-server:latest', 'ExposedPorts': {'7777/tcp': {}},"
		"'PortBindings': {'7777/tcp': '7777'}, 'HealthCheck': '/health'}}",
		NULL);

	ck_assert_str_eq(request.event_id, "266592cd-960d-4091-981c-8c25c44b1018");
	ck_assert_int_eq(request.wanted, TASK_WANTED_RUN);
	ck_assert_str_eq(request.task_id, ID_2);
	ck_assert(request.spec->id_given);
	ck_assert_str_eq(request.spec->name, "test-chapter-9-1");
	ck_assert_str_eq(request.spec->image, "timboring/echo-server:latest");
	ck_assert_uint_eq(request.spec->port_count, 1);
	ck_assert_uint_eq(request.spec->ports[0].container_port, 7777);
	ck_assert_uint_eq(request.spec->ports[0].host_port, 7777);
	ck_assert_str_eq(request.spec->health_check, "/health");
	task_request_release(&request);
}
END_TEST

START_TEST(what_the_books_manager_marshals_decodes)
{
	/* Go writes every field, nil maps as null, times with nanoseconds. */
	struct task_request request = request_of(
		"{'ID':'" ID_1 "','State':2,'Timestamp':'2026-03-01T12:00:00.123456789+01:00',"
		"'Task':{'ID':'" ID_2 "','ContainerID':'','Name':'web','State':1,"
		"'Image':'nginx','Cpu':0,'Memory':0,'Disk':0,'ExposedPorts':null,"
		"'HostPorts':null,'PortBindings':null,'RestartPolicy':'',"
		"'StartTime':'0001-01-01T00:00:00Z','FinishTime':'0001-01-01T00:00:00Z',"
		"'HealthCheck':'','RestartCount':0}}",
		NULL);

	ck_assert_str_eq(request.spec->id, ID_2);
	assert_json(request.spec, "'ID':'" ID_2 "','Name':'web','Image':'nginx'");
	task_request_release(&request);
}
END_TEST

START_TEST(absent_fields_have_their_defaults)
{
	struct task_spec *spec = spec_of("{'Image': 'nginx'}", CODEC_STRICT);

	ck_assert(!spec->id_given);
	ck_assert_str_eq(spec->id, ID_1);
	ck_assert_int_eq(spec->mcpu, 0);
	ck_assert_int_eq(spec->memory_bytes, 0);
	ck_assert_ptr_null(spec->entrypoint);
	ck_assert_ptr_null(spec->args);
	ck_assert_ptr_null(spec->env);
	ck_assert_ptr_null(spec->ports);
	ck_assert_uint_eq(spec->port_count, 0);
	ck_assert_uint_eq(spec->label_count, 0);
	ck_assert_str_eq(spec->job, "");
	ck_assert_str_eq(spec->health_check, "");
	ck_assert_int_eq(spec->restart_mode, RESTART_DEFAULT);
	ck_assert_int_eq(spec->restart_max, -1);
	ck_assert_uint_eq(spec->stop_timeout_s, 10);
	task_spec_put(spec);
}
END_TEST

START_TEST(every_field_is_kept_and_written_in_the_order_of_the_wire)
{
	static const char canonical[] =
		"'ID':'" ID_2 "','Name':'web','Image':'nginx:1.25','Cpu':0.25,"
		"'Memory':67108864,'Disk':1073741824,"
		"'ExposedPorts':{'53/udp':{},'80/tcp':{},'443/tcp':{}},"
		"'PortBindings':{'53/udp':'5353','80/tcp':'8080'},"
		"'RestartPolicy':'on-failure:3','HealthCheck':'/health',"
		"'Cmd':['-g','daemon off;'],'Entrypoint':['/bin/nginx'],"
		"'Env':['B=2','A=1','EMPTY='],'Labels':{'a':'1','b':''},"
		"'Job':'shop','Priority':70,'StopTimeout':0";
	struct task_spec *spec = spec_of(
		"{'StopTimeout': 0, 'Priority': 70, 'Job': 'shop', 'Labels': {'b': '', 'a': "
		"'1'},"
		" 'Env': ['B=2', 'A=1', 'EMPTY='], 'Entrypoint': ['/bin/nginx'],"
		" 'Cmd': ['-g', 'daemon off;'], 'HealthCheck': '/health',"
		" 'RestartPolicy': 'on-failure:3',"
		" 'PortBindings': {'80/tcp': '8080', '53/udp': '5353', '443/tcp': ''},"
		" 'ExposedPorts': {'80/tcp': {}, '443': {}},"
		" 'Disk': 1073741824, 'Memory': 67108864, 'Cpu': 0.25, 'Image': 'nginx:1.25',"
		" 'Name': 'web', 'ID': '21B23589-5D2D-4731-B5C9-A97E9832D021'}",
		CODEC_STRICT);
	struct task_spec *again;
	char text[1024];

	assert_json(spec, canonical);
	ck_assert_int_eq(spec->mcpu, 250);
	ck_assert_str_eq(spec->args[1], "daemon off;");
	ck_assert_ptr_null(spec->args[2]);
	ck_assert_str_eq(spec->entrypoint[0], "/bin/nginx");
	ck_assert_str_eq(spec->env[2], "EMPTY=");
	ck_assert_ptr_null(spec->env[3]);
	ck_assert_uint_eq(spec->label_count, 2);
	ck_assert_str_eq(spec->labels[0].key, "a");
	ck_assert_str_eq(spec->labels[0].value, "1");
	ck_assert_int_eq(spec->restart_mode, RESTART_ON_FAILURE);
	ck_assert_int_eq(spec->restart_max, 3);
	ck_assert_uint_eq(spec->ports[0].container_port, 53);
	ck_assert_uint_eq(spec->ports[0].protocol, IPPROTO_UDP);
	ck_assert_uint_eq(spec->ports[2].host_port, 0);
	/* What a record or an order carries gives the same specification again. */
	(void)snprintf(text, sizeof(text), "{%s}", spec->json);
	again = spec_of(text, CODEC_LENIENT);
	ck_assert_str_eq(again->json, spec->json);
	ck_assert_uint_eq(again->hash, spec->hash);
	task_spec_put(spec);
	task_spec_put(again);
}
END_TEST

START_TEST(equal_tasks_have_equal_hashes_however_they_are_written)
{
	struct task_spec *a = spec_of("{'Image':'x','Cpu':0.5,'Labels':{'a':'1','b':'2'},"
				      "'ExposedPorts':{'80/tcp':{}},'Cmd':[],'Memory':null}",
				      CODEC_STRICT);
	struct task_spec *b = spec_of("{'Labels':{'b':'2','a':'1'},'Cpu':5e-1,"
				      "'PortBindings':{'80':'0'},'Image':'x','State':4}",
				      CODEC_STRICT);
	struct task_spec *c = spec_of("{'Image':'x','Cpu':0.501,'Labels':{'a':'1','b':'2'},"
				      "'ExposedPorts':{'80/tcp':{}}}",
				      CODEC_STRICT);

	ck_assert_str_eq(a->json, b->json);
	ck_assert_uint_eq(a->hash, b->hash);
	ck_assert_uint_ne(a->hash, c->hash);
	task_spec_put(a);
	task_spec_put(b);
	task_spec_put(c);
}
END_TEST

static const struct {
	const char *image;
	const char *name;
} derived[] = {
	{"nginx", "nginx-6be4cb6b"},
	{"nginx:1.25", "nginx-6be4cb6b"},
	{"registry:5000/library/nginx:1.25", "nginx-6be4cb6b"},
	{"registry:5000/nginx@sha256:abcdef/12", "nginx-6be4cb6b"},
	{"/usr/bin/sleep", "sleep-6be4cb6b"},
	{"/opt/my prog!", "my-prog--6be4cb6b"},
	{"_x", "x-6be4cb6b"},
	{"a/", "task-6be4cb6b"},
	{"\xc3\xa4", "task-6be4cb6b"},
	{"0123456789012345678901234567890123456789012345678901234567890123456789",
	 "012345678901234567890123456789012345678901234567890123-6be4cb6b"},
};

START_TEST(a_task_without_a_name_is_named_after_its_image)
{
	struct task_spec *spec;
	char text[256];

	(void)snprintf(text, sizeof(text), "{'Image': '%s', 'Name': ''}", derived[_i].image);
	spec = spec_of(text, CODEC_STRICT);
	ck_assert_str_eq(spec->name, derived[_i].name);
	ck_assert(name_is_valid(spec->name));
	task_spec_put(spec);
}
END_TEST

static const struct {
	const char *cpu;
	int64_t mcpu;
	const char *json;
} cores[] = {
	{"0", 0, "'Image':'x'"},           {"0.001", 1, "'Cpu':0.001"},
	{"0.1", 100, "'Cpu':0.1"},         {"0.30000000000000004", 300, "'Cpu':0.3"},
	{"1.0", 1000, "'Cpu':1"},          {"2.5", 2500, "'Cpu':2.5"},
	{"12.345", 12345, "'Cpu':12.345"}, {"4096", 4096000, "'Cpu':4096"},
};

START_TEST(cores_are_kept_in_thousandths)
{
	struct task_spec *spec;
	char text[64];

	(void)snprintf(text, sizeof(text), "{'Image': 'x', 'Cpu': %s}", cores[_i].cpu);
	spec = spec_of(text, CODEC_STRICT);
	ck_assert_int_eq(spec->mcpu, cores[_i].mcpu);
	ck_assert_has(spec->json, cores[_i].json);
	task_spec_put(spec);
}
END_TEST

static const struct {
	const char *text;
	enum restart_mode mode;
	int32_t max;
} policies[] = {
	{"", RESTART_DEFAULT, -1},
	{"no", RESTART_NO, -1},
	{"on-failure", RESTART_ON_FAILURE, -1},
	{"on-failure:1", RESTART_ON_FAILURE, 1},
	{"on-failure:1000000", RESTART_ON_FAILURE, 1000000},
	{"always", RESTART_ALWAYS, -1},
	{"unless-stopped", RESTART_UNLESS_STOPPED, -1},
};

START_TEST(every_restart_policy_is_read_and_written_back)
{
	struct task_spec *spec;
	char text[96];

	(void)snprintf(text, sizeof(text), "{'Image': 'x', 'RestartPolicy': '%s'}",
		       policies[_i].text);
	spec = spec_of(text, CODEC_STRICT);
	ck_assert_int_eq(spec->restart_mode, policies[_i].mode);
	ck_assert_int_eq(spec->restart_max, policies[_i].max);
	(void)snprintf(text, sizeof(text), "'RestartPolicy':'%s'", policies[_i].text);
	ck_assert(text_has(spec->json, text) == (policies[_i].text[0] != '\0'));
	task_spec_put(spec);
}
END_TEST

static const char *const one_port[] = {
	"'PortBindings': {'80/tcp': '8080'}",
	"'PortBindings': {'80': '8080'}",
	"'PortBindings': {'80/TCP': '8080'}",
	"'PortBindings': {'80/tcp': [{'HostIp': '', 'HostPort': '8080'}]}",
	"'PortBindings': {'80/tcp': [{'HostIp': '0.0.0.0', 'HostPort': '8080'}]}",
	"'PortBindings': {'80/tcp': '8080'}, 'ExposedPorts': {'80': {}, '80/tcp': {}}",
	"'ExposedPorts': {'80/tcp': null}, 'PortBindings': {'80/tcp': '8080'}",
};

START_TEST(a_binding_may_be_written_in_several_ways)
{
	struct task_spec *spec;
	char text[160];

	(void)snprintf(text, sizeof(text), "{'Image': 'x', %s}", one_port[_i]);
	spec = spec_of(text, CODEC_STRICT);
	ck_assert_has(spec->json,
		      "'ExposedPorts':{'80/tcp':{}},'PortBindings':{'80/tcp':'8080'}");
	ck_assert_uint_eq(spec->port_count, 1);
	task_spec_put(spec);
}
END_TEST

static const char *const any_port[] = {
	"'PortBindings': {'80/tcp': ''}",   "'PortBindings': {'80/tcp': '0'}",
	"'PortBindings': {'80/tcp': null}", "'PortBindings': {'80/tcp': []}",
	"'ExposedPorts': {'80/tcp': {}}",   "'PortBindings': {'80/tcp': [{}]}",
};

START_TEST(a_port_without_a_host_port_gets_any)
{
	struct task_spec *spec;
	char text[96];

	(void)snprintf(text, sizeof(text), "{'Image': 'x', %s}", any_port[_i]);
	spec = spec_of(text, CODEC_STRICT);
	ck_assert_uint_eq(spec->port_count, 1);
	ck_assert_uint_eq(spec->ports[0].host_port, 0);
	ck_assert_lacks(spec->json, "PortBindings");
	task_spec_put(spec);
}
END_TEST

START_TEST(one_host_port_serves_both_protocols)
{
	struct task_spec *spec =
		spec_of("{'Image': 'x', 'PortBindings': {'53/tcp': '53', '53/udp': '53'}}",
			CODEC_STRICT);

	ck_assert_uint_eq(spec->port_count, 2);
	ck_assert_uint_eq(spec->ports[0].protocol, IPPROTO_TCP);
	ck_assert_uint_eq(spec->ports[1].protocol, IPPROTO_UDP);
	task_spec_put(spec);
}
END_TEST

START_TEST(a_lenient_reader_ignores_what_a_strict_one_refuses)
{
	struct task_spec *spec = spec_of(
		"{'Image': 'x', 'Future': [1], 'Labels': {'cube.x': '1'}}", CODEC_LENIENT);

	ck_assert_str_eq(spec->labels[0].key, "cube.x");
	ck_assert_lacks(spec->json, "Future");
	task_spec_put(spec);
}
END_TEST

START_TEST(empty_forms_count_as_absent)
{
	struct task_spec *spec = spec_of("{'Image': 'x', 'Constraints': [], 'Health': {},"
					 " 'MaxPerNode': 0, 'OnNodeLost': '',"
					 " 'StopAfterDisconnect': null, 'MaxRestarts': 0}",
					 CODEC_STRICT);

	assert_json(spec, "'ID':'" ID_1 "','Name':'x-6be4cb6b','Image':'x'");
	task_spec_put(spec);
}
END_TEST

START_TEST(a_stop_needs_the_id_and_nothing_else_of_the_task)
{
	struct task_request request =
		request_of("{'ID': '" ID_1 "', 'State': 3, 'Task': {'ID': '" ID_2
			   "', 'Name': '!', 'Memory': 'x', 'Odd': 1}}",
			   NULL);

	ck_assert_int_eq(request.wanted, TASK_WANTED_STOP);
	ck_assert_str_eq(request.task_id, ID_2);
	ck_assert_ptr_null(request.spec);
	task_request_release(&request);
}
END_TEST

START_TEST(an_absent_or_zero_id_is_made_by_cube)
{
	struct task_request request =
		request_of("{'State': 2, 'Task': {'ID': '00000000-0000-0000-0000-000000000000',"
			   " 'Image': 'x'}}",
			   ID_2);

	ck_assert_str_eq(request.event_id, "");
	ck_assert_str_eq(request.task_id, ID_2);
	ck_assert_str_eq(request.spec->id, ID_2);
	ck_assert(!request.spec->id_given);
	task_request_release(&request);
}
END_TEST

#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))

static Suite *
suite(void)
{
	Suite *s = suite_create("codec");
	TCase *t = tcase_create("spec");

	tcase_add_test(t, the_files_of_the_book_decode);
	tcase_add_test(t, what_the_books_manager_marshals_decodes);
	tcase_add_test(t, absent_fields_have_their_defaults);
	tcase_add_test(t, every_field_is_kept_and_written_in_the_order_of_the_wire);
	tcase_add_test(t, equal_tasks_have_equal_hashes_however_they_are_written);
	tcase_add_loop_test(t, a_task_without_a_name_is_named_after_its_image, 0,
			    COUNT(derived));
	tcase_add_loop_test(t, cores_are_kept_in_thousandths, 0, COUNT(cores));
	tcase_add_loop_test(t, every_restart_policy_is_read_and_written_back, 0,
			    COUNT(policies));
	tcase_add_loop_test(t, a_binding_may_be_written_in_several_ways, 0, COUNT(one_port));
	tcase_add_loop_test(t, a_port_without_a_host_port_gets_any, 0, COUNT(any_port));
	tcase_add_test(t, one_host_port_serves_both_protocols);
	tcase_add_test(t, a_lenient_reader_ignores_what_a_strict_one_refuses);
	tcase_add_test(t, empty_forms_count_as_absent);
	tcase_add_test(t, a_stop_needs_the_id_and_nothing_else_of_the_task);
	tcase_add_test(t, an_absent_or_zero_id_is_made_by_cube);
	suite_add_tcase(s, t);
	return s;
}

CHECK_MAIN(suite)
