/* tests/unit/log_test.c - one line an event, whatever the values hold. */
#include "base/log.h"

#include "base/thread.h"
#include "base/timestamp.h"
#include "base/utf8.h"
#include "check_main.h"

#include <cube/plugin.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define COUNT_OF(array) ((int)(sizeof(array) / sizeof((array)[0])))

struct value {
	const char *value;
	const char *written;
};

static const struct value values[] = {
	{"n1", "n1"},
	{"10.0.0.1:5555", "10.0.0.1:5555"},
	{"/var/lib/cube", "/var/lib/cube"},
	{"", "\"\""},
	{"two words", "\"two words\""},
	{"a=b", "\"a=b\""},
	{"say \"hi\"", "\"say \\\"hi\\\"\""},
	{"back\\slash", "\"back\\\\slash\""},
	{"two\nlines", "\"two\\nlines\""},
	{"tab\there", "\"tab\\there\""},
	{"\x1b[31mred", "\"\\x1b[31mred\""},
	{"del\x7f", "\"del\\x7f\""},
	{"caf\xc3\xa9", "\"caf\xc3\xa9\""},
	{"\xf0\x9f\x98\x80", "\"\xf0\x9f\x98\x80\""},
	{"c1\xc2\x9b"
	 "31m",
	 "\"c1\\xc2\\x9b31m\""},
	{"nbsp\xc2\xa0", "\"nbsp\xc2\xa0\""},
	{"\xff", "\"\\xff\""},
	{"a\xff\xc3\xa9\xc3", "\"a\\xff\xc3\xa9\\xc3\""},
	{"x\xed\xa0\x80", "\"x\\xed\\xa0\\x80\""},
	{"x\xc2", "\"x\\xc2\""},
};

START_TEST(a_value_that_is_not_plain_is_quoted_and_escaped)
{
	struct buf buf cleanup_buf = BUF_INIT(1000);
	char expected[100];

	log_format(&buf, "event", "key", values[_i].value, NULL);
	(void)snprintf(expected, sizeof(expected), "event key=%s", values[_i].written);
	ck_assert_str_eq(buf_text(&buf), expected);
}
END_TEST

START_TEST(pairs_follow_the_event_and_absent_values_are_left_out)
{
	struct buf buf cleanup_buf = BUF_INIT(1000);

	log_format(&buf, "task.placed", "task", "t1", "why", NULL, "node", "n1", NULL);
	ck_assert_str_eq(buf_text(&buf), "task.placed task=t1 node=n1");
	buf_reset(&buf);
	log_format(&buf, "started", NULL);
	ck_assert_str_eq(buf_text(&buf), "started");
}
END_TEST

START_TEST(a_very_long_value_is_cut_between_characters)
{
	struct buf buf cleanup_buf = BUF_INIT(100000);
	char value[8001];
	size_t i;

	for (i = 0; i + 1 < sizeof(value); i += 2)
		memcpy(value + i, "\xc3\xa9", 2);
	value[8000] = '\0';
	value[0] = 'x';
	value[1] = 'y';
	value[2] = 'z'; /* an odd front: the cut would fall into a character */
	memmove(value + 3, value + 4, 7997);
	log_format(&buf, "event", "key", value, NULL);
	ck_assert_uint_lt(buf.size, 3000);
	ck_assert_uint_eq(utf8_valid_prefix(buf.data, buf.size), buf.size);
	ck_assert_str_eq(buf.data + buf.size - 4, "\"...");
}
END_TEST

/* A log into a pipe, and what came out of it. */
static int ends[2];

static struct log *
log_to_pipe(enum log_level level)
{
	struct log *log;

	ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
	log = log_new(ends[1], level);
	ck_assert_ptr_nonnull(log);
	return log;
}

static void
read_all(struct log *log, char *out, size_t size)
{
	size_t used = 0;
	ssize_t got;

	log_free(log);
	(void)close(ends[1]);
	while (used + 1 < size && (got = read(ends[0], out + used, size - used - 1)) > 0)
		used += (size_t)got;
	out[used] = '\0';
	(void)close(ends[0]);
}

START_TEST(a_line_has_time_level_event_and_pairs)
{
	struct log *log = log_to_pipe(LOG_LEVEL_INFO);
	char text[1000];
	char time[TIMESTAMP_SIZE] = {0};
	int64_t wall_ms;

	log_event(log, LOG_LEVEL_INFO, "task.placed", "node", "n 1", NULL);
	log_line(log, LOG_LEVEL_ERROR, "made before");
	read_all(log, text, sizeof(text));
	memcpy(time, text, 24);
	ck_assert_int_eq(timestamp_parse(time, &wall_ms), 0);
	ck_assert_str_eq(strchr(text, '\n') + 25, " error made before\n");
	*strchr(text, '\n') = '\0';
	ck_assert_str_eq(text + 24, " info task.placed node=\"n 1\"");
}
END_TEST

START_TEST(lines_below_the_level_are_not_written)
{
	struct log *log = log_to_pipe(LOG_LEVEL_WARNING);
	char text[1000];

	log_event(log, LOG_LEVEL_INFO, "no1", NULL);
	log_line(log, LOG_LEVEL_DEBUG, "no2");
	log_event(log, LOG_LEVEL_WARNING, "yes1", NULL);
	log_set_level(log, LOG_LEVEL_DEBUG);
	log_event(log, LOG_LEVEL_DEBUG, "yes2", NULL);
	log_set_level(log, LOG_LEVEL_ERROR);
	log_event(log, LOG_LEVEL_WARNING, "no3", NULL);
	log_event(NULL, LOG_LEVEL_ERROR, "no4", NULL);
	read_all(log, text, sizeof(text));
	ck_assert_ptr_nonnull(strstr(text, " warning yes1\n"));
	ck_assert_ptr_nonnull(strstr(text, " debug yes2\n"));
	ck_assert_ptr_null(strstr(text, "no"));
}
END_TEST

START_TEST(a_line_past_the_limit_is_still_one_line)
{
	struct log *log = log_to_pipe(LOG_LEVEL_INFO);
	static char text[40000];
	char value[2001];

	memset(value, 'v', sizeof(value));
	value[2000] = '\0';
	log_event(log, LOG_LEVEL_INFO, "long", "a", value, "b", value, "c", value, "d", value,
		  "e", value, "f", value, "g", value, "h", value, "i", value, "j", value, NULL);
	log_event(log, LOG_LEVEL_INFO, "next", NULL);
	read_all(log, text, sizeof(text));
	ck_assert_uint_gt(strlen(text), 12000);
	ck_assert_uint_lt(strlen(text), 17000);
	ck_assert_ptr_eq(strchr(text, '\n') + 1 + 24, strstr(text, " info next\n"));
}
END_TEST

START_TEST(a_log_that_cannot_be_written_drops_its_lines)
{
	struct log *log = log_new(-1, LOG_LEVEL_INFO);

	ck_assert_ptr_nonnull(log);
	log_event(log, LOG_LEVEL_INFO, "lost", NULL);
	log_line(log, LOG_LEVEL_INFO, "lost too");
	log_free(log);
	log_free(NULL);
}
END_TEST

static void *
write_lines(void *arg)
{
	int i;

	for (i = 0; i < 100; i++)
		log_event(arg, LOG_LEVEL_INFO, "abcdefghij", "key", "0123456789", NULL);
	return NULL;
}

START_TEST(lines_of_many_threads_stay_whole)
{
	struct log *log = log_to_pipe(LOG_LEVEL_INFO);
	static char text[100000];
	pthread_t threads[4];
	struct cube_error err;
	const char *line;
	int i, count = 0;

	/* 400 lines of 56 bytes fit into the pipe: nobody need read meanwhile. */
	for (i = 0; i < 4; i++)
		ck_assert_int_eq(thread_start(&threads[i], "writer", write_lines, log, &err),
				 0);
	for (i = 0; i < 4; i++)
		ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
	read_all(log, text, sizeof(text));
	for (line = text; *line != '\0'; line = strchr(line, '\n') + 1) {
		ck_assert(strncmp(line + 24, " info abcdefghij key=0123456789\n", 32) == 0);
		count++;
	}
	ck_assert_int_eq(count, 400);
}
END_TEST

START_TEST(levels_are_read_by_name)
{
	enum log_level level = LOG_LEVEL_INFO;

	ck_assert_int_eq(log_level_parse("debug", &level), 0);
	ck_assert_int_eq(level, LOG_LEVEL_DEBUG);
	ck_assert_int_eq(log_level_parse("error", &level), 0);
	ck_assert_int_eq(level, LOG_LEVEL_ERROR);
	ck_assert_int_eq(log_level_parse("warning", &level), 0);
	ck_assert_int_eq(level, LOG_LEVEL_WARNING);
	ck_assert_int_eq(log_level_parse("loud", &level), CUBE_ERR_INVALID);
	ck_assert_int_eq(log_level_parse("", &level), CUBE_ERR_INVALID);
	ck_assert_int_eq(level, LOG_LEVEL_WARNING);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("log");
	TCase *tc = tcase_create("log");

	tcase_add_loop_test(tc, a_value_that_is_not_plain_is_quoted_and_escaped, 0,
			    COUNT_OF(values));
	tcase_add_test(tc, pairs_follow_the_event_and_absent_values_are_left_out);
	tcase_add_test(tc, a_very_long_value_is_cut_between_characters);
	tcase_add_test(tc, a_line_has_time_level_event_and_pairs);
	tcase_add_test(tc, lines_below_the_level_are_not_written);
	tcase_add_test(tc, a_line_past_the_limit_is_still_one_line);
	tcase_add_test(tc, a_log_that_cannot_be_written_drops_its_lines);
	tcase_add_test(tc, lines_of_many_threads_stay_whole);
	tcase_add_test(tc, levels_are_read_by_name);
	suite_add_tcase(s, tc);
	return s;
}

CHECK_MAIN(suite)
