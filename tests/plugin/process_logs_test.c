/* tests/plugin/process_logs_test.c - process.so: the output of a container, whole and in part,
 * bounded on disk, and as it comes. */
#include "process_fixture.h"

#include "base/buf.h"

struct catch
{
	struct buf text[2]; /* by stream - 1 */
	struct buf both;
	unsigned calls;
	unsigned empty;    /* calls without bytes */
	size_t stop_at;    /* bytes in both that are enough; 0: all */
	const char *touch; /* a file to make at the first bytes; NULL: none */
};

static struct catch caught;

static int
catch_bytes(void *ctx, int stream, const void *bytes, size_t size)
{
	struct catch *at = ctx;

	ck_assert(stream == 1 || stream == 2);
	at->calls++;
	at->empty += size == 0;
	if (at->touch != NULL && size > 0) {
		write_file(at->touch, "");
		at->touch = NULL;
	}
	buf_append(&at->text[stream - 1], bytes, size);
	buf_append(&at->both, bytes, size);
	return at->stop_at > 0 && at->both.size >= at->stop_at;
}

static struct cube_log_request
request_of(uint32_t streams, uint32_t tail, bool follow)
{
	buf_release(&caught.text[0]);
	buf_release(&caught.text[1]);
	buf_release(&caught.both);
	memset(&caught, 0, sizeof(caught));
	buf_init(&caught.text[0], 64u << 20);
	buf_init(&caught.text[1], 64u << 20);
	buf_init(&caught.both, 64u << 20);
	return (struct cube_log_request){
		.struct_size = sizeof(struct cube_log_request),
		.streams = streams,
		.tail_lines = tail,
		.follow = follow ? 1 : 0,
		.ctx = &caught,
		.write = catch_bytes,
	};
}

static void
get(uint32_t streams, uint32_t tail, bool follow)
{
	struct cube_log_request request = request_of(streams, tail, follow);

	must(worker.ops->logs(worker.self, TASK ".1", &request, &err));
}

static void
forget(void)
{
	(void)request_of(0, 0, false);
	tear_down();
}

START_TEST(both_streams_are_kept_apart_and_whole)
{
	script("echo one; echo two >&2; printf 'three\\n\\nno newline'; echo four >&2");
	run_to_end();
	get(3, 0, false);
	ck_assert_str_eq(buf_text(&caught.text[0]), "one\nthree\n\nno newline");
	ck_assert_str_eq(buf_text(&caught.text[1]), "two\nfour\n");
	get(1, 0, false);
	ck_assert_str_eq(buf_text(&caught.both), "one\nthree\n\nno newline");
	get(2, 0, false);
	ck_assert_str_eq(buf_text(&caught.both), "two\nfour\n");
}
END_TEST

START_TEST(bytes_are_kept_as_they_are)
{
	script("head -c 100000 /dev/zero; printf '\\377\\000\\r\\n'; "
	       "i=0; while [ $i -lt 50000 ]; do printf 1234567890; i=$((i+1)); done");
	run_to_end();
	get(3, 0, false);
	ck_assert_uint_eq(caught.both.size, 100000 + 4 + 500000);
	for (size_t i = 0; i < 100000; i++)
		ck_assert_int_eq(caught.both.data[i], 0);
	ck_assert_int_eq(memcmp(caught.both.data + 100000, "\377\0\r\n", 4), 0);
	for (size_t i = 0; i < 500000; i++)
		ck_assert_int_eq(caught.both.data[100004 + i], "1234567890"[i % 10]);
}
END_TEST

START_TEST(the_last_lines_are_those_that_began_last)
{
	script("for i in 1 2 3 4 5; do echo $i; done; printf '6 is '; sleep 0.05; "
	       "echo between >&2; sleep 0.05; echo 'in pieces'; echo 7");
	run_to_end();
	get(3, 3, false);
	ck_assert_str_eq(buf_text(&caught.text[0]), "6 is in pieces\n7\n");
	ck_assert_str_eq(buf_text(&caught.text[1]), "between\n");
	get(1, 2, false);
	ck_assert_str_eq(buf_text(&caught.both), "6 is in pieces\n7\n");
	get(1, 1, false);
	ck_assert_str_eq(buf_text(&caught.both), "7\n");
	get(1, 100, false);
	ck_assert_str_eq(buf_text(&caught.both), "1\n2\n3\n4\n5\n6 is in pieces\n7\n");
}
END_TEST

START_TEST(since_leaves_out_what_came_before)
{
	struct cube_log_request request;
	int64_t between;

	script("echo early; echo > up; while ! [ -e go ]; do sleep 0.01; done; echo late");
	must(run_task(&task));
	(void)wait_file(TASK ".1", "up");
	pause_ms(30);
	between = clock_now().wall_ms;
	pause_ms(5);
	{
		char path[PATH_MAX];

		write_file(state_path(path, "containers/" TASK ".1/work/go"), "");
	}
	wait_exited(TASK ".1");
	request = request_of(3, 0, false);
	request.since_ms = between;
	must(worker.ops->logs(worker.self, TASK ".1", &request, &err));
	ck_assert_str_eq(buf_text(&caught.both), "late\n");
	request = request_of(3, 5, false);
	request.since_ms = between;
	must(worker.ops->logs(worker.self, TASK ".1", &request, &err));
	ck_assert_str_eq(buf_text(&caught.both), "late\n");
	request = request_of(3, 0, false);
	request.since_ms = between + 1000000;
	must(worker.ops->logs(worker.self, TASK ".1", &request, &err));
	ck_assert_str_eq(buf_text(&caught.both), "");
}
END_TEST

START_TEST(output_is_bounded_and_the_newest_is_kept)
{
	char path[PATH_MAX];
	struct stat st;
	const char *text;
	long first;

	reopen((const char *const[]){"log_bytes=65536", NULL});
	script("i=0; while [ $i -lt 30000 ]; do echo line $i; i=$((i+1)); done");
	run_to_end();
	ck_assert_int_eq(stat(state_path(path, "containers/" TASK ".1/log"), &st), 0);
	ck_assert_int_le(st.st_size, 65536);
	ck_assert_int_eq(stat(state_path(path, "containers/" TASK ".1/log.1"), &st), 0);
	ck_assert_int_le(st.st_size, 65536);
	get(3, 0, false);
	ck_assert_uint_gt(caught.both.size, 20000);
	/* Whole lines, without a gap, to the last; the oldest may have lost its beginning. */
	text = strchr(buf_text(&caught.both), '\n') + 1;
	ck_assert_int_eq(sscanf(text, "line %ld\n", &first), 1);
	for (long i = first; i < 30000; i++) {
		long number = -1;

		ck_assert_int_eq(sscanf(text, "line %ld\n", &number), 1);
		ck_assert_int_eq(number, i);
		text = strchr(text, '\n') + 1;
	}
	ck_assert_str_eq(text, "");
	get(3, 2, false);
	ck_assert_str_eq(buf_text(&caught.both), "line 29998\nline 29999\n");
}
END_TEST

START_TEST(follow_gives_what_comes_and_ends_with_the_container)
{
	struct cube_log_request request = request_of(3, 0, true);
	char path[PATH_MAX];

	script("echo first; while ! [ -e go ]; do sleep 0.01; done; echo second; exit 3");
	must(run_task(&task));
	/* It goes on only when its first line has reached us. */
	caught.touch = state_path(path, "containers/" TASK ".1/work/go");
	must(worker.ops->logs(worker.self, TASK ".1", &request, &err));
	ck_assert_str_eq(buf_text(&caught.both), "first\nsecond\n");
	must(inspect(TASK ".1"));
	ck_assert_uint_eq(out.state, CUBE_CONTAINER_EXITED);
	get(3, 1, true); /* of one that has ended: no wait */
	ck_assert_str_eq(buf_text(&caught.both), "second\n");
}
END_TEST

START_TEST(follow_shows_an_unfinished_line)
{
	struct cube_log_request request = request_of(3, 0, true);

	script("printf 'password: '; sleep 60");
	must(run_task(&task));
	caught.stop_at = 1;
	must(worker.ops->logs(worker.self, TASK ".1", &request, &err));
	ck_assert_str_eq(buf_text(&caught.both), "password: ");
}
END_TEST

START_TEST(follow_loses_nothing_when_the_files_rotate)
{
	const char *text;

	reopen((const char *const[]){"log_bytes=65536", NULL});
	script("i=0; while [ $i -lt 20000 ]; do echo line $i; i=$((i+1)); "
	       "[ $((i % 1000)) = 0 ] && sleep 0.02; done; exit 0");
	must(run_task(&task));
	get(3, 0, true);
	text = buf_text(&caught.both);
	for (long i = 0; i < 20000; i++) {
		long number = -1;

		ck_assert_int_eq(sscanf(text, "line %ld\n", &number), 1);
		ck_assert_int_eq(number, i);
		text = strchr(text, '\n') + 1;
	}
	ck_assert_str_eq(text, "");
}
END_TEST

START_TEST(follow_of_a_quiet_container_calls_every_second_and_can_be_ended)
{
	struct cube_log_request request = request_of(3, 0, true);
	uint64_t began = real_now_ms(NULL);

	script("sleep 2.5");
	must(run_task(&task));
	must(worker.ops->logs(worker.self, TASK ".1", &request, &err));
	ck_assert_uint_ge(caught.empty, 2);
	ck_assert_uint_le(caught.calls, 4);
	ck_assert_uint_lt(real_now_ms(NULL) - began, 6000);
}
END_TEST

START_TEST(follow_ends_when_the_supervisor_was_killed)
{
	script("echo hello; echo > up; sleep 60");
	must(run_task(&task));
	(void)wait_file(TASK ".1", "up");
	pause_ms(20);
	ck_assert_int_eq(kill(supervisor_of(TASK ".1"), SIGKILL), 0);
	get(3, 0, true);
	ck_assert_str_eq(buf_text(&caught.both), "hello\n");
}
END_TEST

START_TEST(a_writer_that_has_enough_ends_the_walk)
{
	struct cube_log_request request = request_of(3, 0, false);

	script("for i in 1 2 3 4 5; do echo $i; done");
	run_to_end();
	caught.stop_at = 4;
	must(worker.ops->logs(worker.self, TASK ".1", &request, &err));
	ck_assert_str_eq(buf_text(&caught.both), "1\n2\n");
}
END_TEST

START_TEST(a_damaged_file_is_shown_as_it_is)
{
	char path[PATH_MAX];
	FILE *file;

	script("echo hello");
	run_to_end();
	file = fopen(state_path(path, "containers/" TASK ".1/log"), "we");
	ck_assert_ptr_nonnull(file);
	ck_assert_int_gt(fprintf(file, "no record\n12 3F x\n99999999999999999999 1F y\n"
				       "1 2F good\n"),
			 0);
	for (int i = 0; i < 200000; i++)
		ck_assert_int_ge(fputc('z', file), 0);
	ck_assert_int_eq(fclose(file), 0);
	get(3, 0, false);
	fixture_contains(buf_text(&caught.text[0]), "no record\n12 3F x\n");
	ck_assert_str_eq(buf_text(&caught.text[1]), "good\n");
}
END_TEST

START_TEST(the_output_of_what_is_gone_is_not_found)
{
	struct cube_log_request request = request_of(3, 0, true);

	ck_assert_int_eq(worker.ops->logs(worker.self, TASK ".1", &request, &err),
			 CUBE_ERR_NOT_FOUND);
	ck_assert_int_eq(worker.ops->logs(worker.self, "../x", &request, &err),
			 CUBE_ERR_INVALID);
}
END_TEST

static Suite *
suite(void)
{
	Suite *suite = suite_create("process logs");
	TCase *logs = tcase_create("logs");

	tcase_set_timeout(logs, 120);
	tcase_add_checked_fixture(logs, set_up, forget);
	tcase_add_test(logs, both_streams_are_kept_apart_and_whole);
	tcase_add_test(logs, bytes_are_kept_as_they_are);
	tcase_add_test(logs, the_last_lines_are_those_that_began_last);
	tcase_add_test(logs, since_leaves_out_what_came_before);
	tcase_add_test(logs, output_is_bounded_and_the_newest_is_kept);
	tcase_add_test(logs, follow_gives_what_comes_and_ends_with_the_container);
	tcase_add_test(logs, follow_shows_an_unfinished_line);
	tcase_add_test(logs, follow_loses_nothing_when_the_files_rotate);
	tcase_add_test(logs, follow_of_a_quiet_container_calls_every_second_and_can_be_ended);
	tcase_add_test(logs, follow_ends_when_the_supervisor_was_killed);
	tcase_add_test(logs, a_writer_that_has_enough_ends_the_walk);
	tcase_add_test(logs, a_damaged_file_is_shown_as_it_is);
	tcase_add_test(logs, the_output_of_what_is_gone_is_not_found);
	suite_add_tcase(suite, logs);
	return suite;
}

CHECK_MAIN(suite)
