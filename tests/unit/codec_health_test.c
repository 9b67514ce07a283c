/* tests/unit/codec_health_test.c - health checks of a task: each field, each refusal word by
 * word, and one canonical text. */
#include "check_main.h"
#include "codec_help.h"

#include <stdio.h>

#define PORTS "'ExposedPorts':{'443/tcp':{},'80/tcp':{},'53/udp':{}}"

static struct task_spec *
spec_with(const char *members)
{
	char text[1024];

	(void)snprintf(text, sizeof(text), "{'ID':'" ID_1 "','Image':'x'," PORTS ",%s}",
		       members);
	return spec_of(text, CODEC_STRICT);
}

/* The message of a task that must be refused. */
static void
message_of(const char *members, enum codec_mode mode, char out[256])
{
	char text[1024];
	struct parsed parsed;
	struct task_spec *spec = NULL;
	struct cube_error err;
	int rc;

	(void)snprintf(text, sizeof(text), "{'Image':'x',%s}", members);
	parsed = parsed_new(text);
	rc = task_spec_decode(&parsed.doc, parsed.doc.root, mode, ID_1, &spec, &err);
	ck_assert_msg(rc == CUBE_ERR_INVALID, "accepted: %s", members);
	ck_assert_ptr_null(spec);
	(void)snprintf(out, 256, "%s", err.message);
	parsed_free(&parsed);
}

static void
ck_health(const struct task_health *health, enum health_kind kind, uint16_t port,
	  const char *path, const uint32_t numbers[4])
{
	ck_assert_int_eq(health->kind, kind);
	ck_assert_uint_eq(health->port, port);
	ck_assert_str_eq(health->path, path);
	ck_assert_uint_eq(health->interval_s, numbers[0]);
	ck_assert_uint_eq(health->timeout_s, numbers[1]);
	ck_assert_uint_eq(health->threshold, numbers[2]);
	ck_assert_uint_eq(health->start_period_s, numbers[3]);
}

START_TEST(each_form_is_read_with_its_defaults)
{
	static const uint32_t usual[] = {10, 2, 3, 0};
	static const uint32_t given[] = {86400, 3600, 1000, 86400};
	static const uint32_t least[] = {1, 1, 1, 0};
	static const struct {
		const char *members;
		enum health_kind kind;
		uint16_t port;
		const char *path;
		const uint32_t *numbers;
	} cases[] = {
		{"'HealthCheck':'/health'", HEALTH_HTTP, 80, "/health", usual},
		{"'HealthCheck':'/a?b=c&d=%20'", HEALTH_HTTP, 80, "/a?b=c&d=%20", usual},
		{"'Health':{'Http':'/'}", HEALTH_HTTP, 80, "/", usual},
		{"'Health':{'Http':'/h','Port':'443/tcp'}", HEALTH_HTTP, 443, "/h", usual},
		{"'Health':{'Tcp':'443/tcp'}", HEALTH_TCP, 443, "", usual},
		{"'Health':{'Http':'/','Interval':86400,'Timeout':3600,'Threshold':1000,"
		 "'StartPeriod':86400}",
		 HEALTH_HTTP, 80, "/", given},
		{"'Health':{'Tcp':'80/tcp','Interval':1,'Timeout':1,'Threshold':1,"
		 "'StartPeriod':0}",
		 HEALTH_TCP, 80, "", least},
		{"'Health':{'Http':'/','Interval':null,'Port':null}", HEALTH_HTTP, 80, "/",
		 usual},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct task_spec *spec = spec_with(cases[i].members);

		ck_health(&spec->health, cases[i].kind, cases[i].port, cases[i].path,
			  cases[i].numbers);
		task_spec_put(spec);
	}
}
END_TEST

START_TEST(no_check_is_no_check_in_every_spelling)
{
	static const char *const members[] = {
		"'HealthCheck':''",
		"'Health':null",
		"'Health':{}",
		"'HealthCheck':null",
		"'HealthCheck':'','Health':{}",
		"'Job':'j'",
	};
	struct task_spec *none = spec_with("'Job':''");

	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
		struct task_spec *spec = spec_with(members[i]);

		ck_assert_int_eq(spec->health.kind, HEALTH_NONE);
		ck_assert_lacks(spec->json, "'Health':");
		if (i < 5)
			ck_assert_uint_eq(spec->hash, none->hash);
		task_spec_put(spec);
	}
	task_spec_put(none);
}
END_TEST

static const struct {
	const char *members;
	const char *wanted;
} refused[] = {
	{PORTS ",'Health':{}, 'HealthCheck':'x'",
	 "HealthCheck (line 1, column 95): must be '' (none) or a path without spaces, such as "
	 "'/health', not 'x'"},
	{PORTS ",'Health':'/health'", "Health (line 1, column 77): must be an object"},
	{PORTS ",'Health':['/health']", "an array"},
	{PORTS ",'Health':{'Interval':5}", "must have one of Http (a path) and Tcp (a port)"},
	{PORTS ",'Health':{'Http':'/','Tcp':'80/tcp'}",
	 "must have one of Http (a path) and Tcp (a port)"},
	{PORTS ",'Health':{'Http':'health'}",
	 "Health.Http (line 1, column 85): must be a path without spaces, such as '/health', "
	 "not 'health'"},
	{PORTS ",'Health':{'Http':''}", "Health.Http"},
	{PORTS ",'Health':{'Http':'/a b'}", "must be a path without spaces"},
	{PORTS ",'Health':{'Http':'/a\\r\\nHost: b'}", "not '/a??Host: b'"},
	{PORTS ",'Health':{'Http':'/a\\u007fb'}", "Health.Http"},
	{PORTS ",'Health':{'Http':80}", "must be a text, not 80"},
	{PORTS ",'Health':{'Tcp':80}", "must be a text, not 80"},
	{PORTS ",'Health':{'Tcp':'80/tcp','Port':'80/tcp'}",
	 "Health.Port (line 1, column 100): goes with Http; with Tcp the port is its value"},
	{PORTS ",'Health':{'Http':'/','Port':'81/tcp'}",
	 "Health.Port (line 1, column 96): must be a TCP port of this task, named in "
	 "ExposedPorts such as {'80/tcp': {}}, not '81/tcp'"},
	{PORTS ",'Health':{'Http':'/','Port':'53/udp'}", "not '53/udp'"},
	{PORTS ",'Health':{'Tcp':'80'}",
	 "Health.Tcp (line 1, column 84): must be a TCP port of this task"},
	{PORTS ",'Health':{'Tcp':''}", "not ''"},
	{PORTS ",'Health':{'Http':'/','Interval':0}",
	 "Health.Interval (line 1, column 100): must be a whole number of seconds from 1 to "
	 "86400, not 0"},
	{PORTS ",'Health':{'Http':'/','Interval':86401}", "not 86401"},
	{PORTS ",'Health':{'Http':'/','Interval':'10s'}", "not '10s'"},
	{PORTS ",'Health':{'Http':'/','Interval':1.5}", "not 1.5"},
	{PORTS ",'Health':{'Http':'/','Timeout':0}",
	 "must be a whole number of seconds from 1 to 3600, not 0"},
	{PORTS ",'Health':{'Http':'/','Timeout':3601}", "not 3601"},
	{PORTS ",'Health':{'Http':'/','Threshold':0}", "from 1 to 1000, not 0"},
	{PORTS ",'Health':{'Http':'/','Threshold':1001}", "not 1001"},
	{PORTS ",'Health':{'Http':'/','StartPeriod':-1}",
	 "must be a whole number of seconds from 0 to 86400, not -1"},
	{PORTS ",'Health':{'Http':'/','StartPeriod':86401}", "not 86401"},
	{PORTS ",'Health':{'http':'/'}",
	 "Health.http (line 1, column 85): unknown field of a Health; did you mean 'Http'?"},
	{PORTS ",'Health':{'Http':'/','Retries':3}", "unknown field of a Health"},
	{PORTS ",'HealthCheck':'/','Health':{'Http':'/'}",
	 "Health (line 1, column 95): and HealthCheck are two forms of one thing"},
	{"'HealthCheck':'/'",
	 "HealthCheck (line 1, column 28): needs a TCP port to ask: name it in ExposedPorts, "
	 "such as {'80/tcp': {}}"},
	{"'ExposedPorts':{'53/udp':{}},'Health':{'Http':'/'}", "needs a TCP port to ask"},
	{"'Health':{'Tcp':'80/tcp'}", "must be a TCP port of this task"},
};

START_TEST(a_check_that_cannot_be_is_refused_with_what_would_be_right)
{
	char message[256];

	message_of(refused[_i].members, CODEC_STRICT, message);
	ck_assert_has(message, refused[_i].wanted);
}
END_TEST

/* The book's tasks name a path and no port; such a record must be read, and has no check. */
START_TEST(the_books_path_without_a_port_is_kept_where_reading_is_lenient)
{
	struct task_spec *spec =
		spec_of("{'Image':'x','HealthCheck':'/health'}", CODEC_LENIENT);
	char message[256];

	ck_assert_int_eq(spec->health.kind, HEALTH_NONE);
	ck_assert_str_eq(spec->health_check, "/health");
	ck_assert_has(spec->json, "'HealthCheck':'/health'");
	task_spec_put(spec);
	/* What would be sent as a request line is checked all the same. */
	message_of("'HealthCheck':'/a\\nb'", CODEC_LENIENT, message);
	message_of(PORTS ",'Health':{'Http':'/a b'}", CODEC_LENIENT, message);
}
END_TEST

START_TEST(an_unknown_member_is_ignored_where_reading_is_lenient)
{
	struct task_spec *spec = spec_of(
		"{'Image':'x'," PORTS ",'Health':{'Http':'/','Grpc':'later'}}", CODEC_LENIENT);

	ck_assert_int_eq(spec->health.kind, HEALTH_HTTP);
	task_spec_put(spec);
}
END_TEST

START_TEST(published_ports_can_be_asked_too)
{
	struct task_spec *spec =
		spec_of("{'Image':'x','PortBindings':{'8080/tcp':'9000'},'HealthCheck':'/'}",
			CODEC_STRICT);

	ck_assert_uint_eq(spec->health.port, 8080);
	task_spec_put(spec);
}
END_TEST

/* Each on a line: the same check in other words; the first is the canonical text. */
static const char *const same[][4] = {
	{"'Health':{'Http':'/h','Port':'80/tcp'}", "'Health':{'Http':'/h'}",
	 "'Health':{'Port':'80/tcp','Http':'/h','Interval':10,'Timeout':2}",
	 "'Health':{'StartPeriod':0,'Threshold':3,'Http':'/h'}"},
	{"'Health':{'Http':'/h','Port':'443/tcp','Interval':5,'Timeout':1,'Threshold':2,"
	 "'StartPeriod':30}",
	 "'Health':{'StartPeriod':30,'Threshold':2,'Timeout':1,'Interval':5,'Port':'443/tcp',"
	 "'Http':'/h'}",
	 NULL},
	{"'Health':{'Tcp':'443/tcp'}", "'Health':{'Interval':10,'Tcp':'443/tcp'}", NULL},
	{"'HealthCheck':'/h'", "'HealthCheck':'/h','Health':null", NULL},
};

START_TEST(equal_checks_have_one_text_and_one_hash)
{
	struct task_spec *first = spec_with(same[_i][0]);
	struct task_spec *again;
	char wrapped[2048];

	ck_assert_has(first->json, same[_i][0]);
	for (size_t k = 1; k < 4 && same[_i][k] != NULL; k++) {
		struct task_spec *other = spec_with(same[_i][k]);

		ck_assert_str_eq(other->json, first->json);
		ck_assert_uint_eq(other->hash, first->hash);
		task_spec_put(other);
	}
	/* Round trip. */
	(void)snprintf(wrapped, sizeof(wrapped), "{%s}", first->json);
	again = spec_of(wrapped, CODEC_LENIENT);
	ck_assert_str_eq(again->json, first->json);
	ck_assert_uint_eq(again->hash, first->hash);
	ck_health(&again->health, first->health.kind, first->health.port, first->health.path,
		  (uint32_t[]){first->health.interval_s, first->health.timeout_s,
			       first->health.threshold, first->health.start_period_s});
	task_spec_put(again);
	task_spec_put(first);
}
END_TEST

START_TEST(other_checks_have_another_hash)
{
	static const char *const members[] = {
		"'HealthCheck':'/h'",
		"'HealthCheck':'/i'",
		"'Health':{'Http':'/h'}",
		"'Health':{'Http':'/h','Port':'443/tcp'}",
		"'Health':{'Tcp':'443/tcp'}",
		"'Health':{'Tcp':'80/tcp'}",
		"'Health':{'Http':'/h','Interval':11}",
		"'Health':{'Http':'/h','Timeout':11}",
		"'Health':{'Http':'/h','Threshold':11}",
		"'Health':{'Http':'/h','StartPeriod':11}",
	};
	enum {
		COUNT = sizeof(members) / sizeof(members[0])
	};
	uint64_t hashes[COUNT];

	for (size_t i = 0; i < COUNT; i++) {
		struct task_spec *spec = spec_with(members[i]);

		hashes[i] = spec->hash;
		task_spec_put(spec);
		for (size_t k = 0; k < i; k++)
			ck_assert_uint_ne(hashes[k], hashes[i]);
	}
}
END_TEST

#define COUNT_OF(array) ((int)(sizeof(array) / sizeof((array)[0])))

static Suite *
suite(void)
{
	Suite *made = suite_create("codec_health");
	TCase *tcase = tcase_create("codec_health");

	tcase_add_test(tcase, each_form_is_read_with_its_defaults);
	tcase_add_test(tcase, no_check_is_no_check_in_every_spelling);
	tcase_add_loop_test(tcase, a_check_that_cannot_be_is_refused_with_what_would_be_right,
			    0, COUNT_OF(refused));
	tcase_add_test(tcase, the_books_path_without_a_port_is_kept_where_reading_is_lenient);
	tcase_add_test(tcase, an_unknown_member_is_ignored_where_reading_is_lenient);
	tcase_add_test(tcase, published_ports_can_be_asked_too);
	tcase_add_loop_test(tcase, equal_checks_have_one_text_and_one_hash, 0, COUNT_OF(same));
	tcase_add_test(tcase, other_checks_have_another_hash);
	suite_add_tcase(made, tcase);
	return made;
}

CHECK_MAIN(suite)
