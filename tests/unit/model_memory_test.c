/* tests/unit/model_memory_test.c - every allocation of the model fails once.
 *
 * The program's own malloc counts, and refuses the one it was told to. Whatever is done
 * then says NO_MEMORY, touches no output, and keeps nothing. The sanitizers bring a malloc
 * of their own; with them each thing is done once, undisturbed.
 */
#include "check_main.h"
#include "codec_help.h"
#include "model/step.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define OWN_MALLOC 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || \
	__has_feature(memory_sanitizer)
#define OWN_MALLOC 0
#endif
#endif
#ifndef OWN_MALLOC
#define OWN_MALLOC 1
#endif

static struct {
	bool on;
	long until_failure; /* allocations that still succeed */
	bool failed;
	long live;    /* allocated and not freed while on */
	bool touched; /* an output was, by what failed */
} heap;

#if OWN_MALLOC
/* Seen by the libraries too. */
#define EXPORTED __attribute__((visibility("default")))

/* glibc's own, for those who bring another malloc. */
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *p, size_t size);
extern void __libc_free(void *p);

static bool
must_fail(void)
{
	if (!heap.on || heap.until_failure-- > 0)
		return false;
	heap.failed = true;
	return true;
}

static void *
counted(void *p)
{
	if (heap.on && p != NULL)
		heap.live++;
	return p;
}

EXPORTED void *
malloc(size_t size)
{
	return must_fail() ? NULL : counted(__libc_malloc(size));
}

EXPORTED void *
calloc(size_t count, size_t size)
{
	return must_fail() ? NULL : counted(__libc_calloc(count, size));
}

EXPORTED void *
realloc(void *p, size_t size)
{
	if (must_fail())
		return NULL;
	return p == NULL ? counted(__libc_malloc(size)) : __libc_realloc(p, size);
}

EXPORTED void
free(void *p)
{
	if (heap.on && p != NULL)
		heap.live--;
	__libc_free(p);
}
#endif

/* Does the thing, and undoes it if it went well. */
typedef int deed(const struct json_doc *doc, struct cube_error *err);

static int
decode_request(const struct json_doc *doc, struct cube_error *err)
{
	struct task_request request = {.wanted = TASK_WANTED_STOP};
	int rc = task_request_decode(doc, doc->root, CODEC_STRICT, ID_2, &request, err);

	if (rc == 0)
		task_request_release(&request);
	else
		heap.touched = !(request.spec == NULL && request.wanted == TASK_WANTED_STOP);
	return rc;
}

static int
decode_orders(const struct json_doc *doc, struct cube_error *err)
{
	struct orders orders = {0};
	int rc = orders_decode(doc, &orders, err);

	if (rc == 0)
		orders_release(&orders);
	else
		heap.touched = !(orders.items == NULL && orders.count == 0);
	return rc;
}

static int
decode_reports(const struct json_doc *doc, struct cube_error *err)
{
	struct reports reports = {0};
	int rc = reports_decode(doc, &reports, err);

	if (rc == 0)
		reports_release(&reports);
	else
		heap.touched = !(reports.items == NULL && reports.count == 0);
	return rc;
}

static int
decode_node(const struct json_doc *doc, struct cube_error *err)
{
	struct node_info info = {0};
	int rc = node_info_decode(doc, doc->root, CODEC_STRICT, &info, err);

	if (rc == 0)
		node_info_release(&info);
	else
		heap.touched = !(info.labels == NULL && info.stats == NULL);
	return rc;
}

static int
take_steps(const struct json_doc *doc, struct cube_error *err)
{
	struct step step;
	void *value = malloc(8);
	int rc = value != NULL ? 0 : CUBE_ERR_NO_MEMORY;
	int i;

	(void)doc;
	step_init(&step);
	if (rc == 0)
		rc = step_write(&step, "task/a", value, 8);
	for (i = 0; i < 20 && rc == 0; i++)
		rc = step_delete_range(&step, "event/0", "event/1");
	if (rc == 0) {
		step_log(&step, LOG_LEVEL_INFO, "task.placed", "node", "n1", NULL);
		/* A line is dropped, not an error. */
		if (step.logs == NULL)
			rc = CUBE_ERR_NO_MEMORY;
	}
	step_release(&step);
	err->code = rc;
	return rc;
}

#define LONG_TEXT "0123456789012345678901234567890123456789012345678901234567890123456789"

static const struct {
	deed *deed;
	const char *text;
	long least; /* allocations that it takes */
} deeds[] = {
	{decode_request,
	 "{'State': 2, 'Task': {'Image': '" LONG_TEXT LONG_TEXT LONG_TEXT LONG_TEXT
	 "', 'Labels': {'b': '1', 'a': '" LONG_TEXT LONG_TEXT LONG_TEXT LONG_TEXT "'},"
	 " 'Env': ['A=" LONG_TEXT LONG_TEXT LONG_TEXT "']}}",
	 4},
	{decode_orders,
	 "{'Cluster': '" ID_1 "', 'Generation': 1, 'Tasks': [{'ID': '" ID_1
	 "', 'Attempt': 1, 'Wanted': 2,"
	 " 'Task': {'Image': 'x'}}, {'ID': '" ID_2 "', 'Attempt': 1, 'Wanted': 2,"
	 " 'Task': {'Image': 'x'}}]}",
	 7},
	{decode_reports,
	 "[{'ID': '" ID_1 "', 'HostPorts': {'80/tcp': [{'HostPort': '1'}]}},"
	 " {'ID': '" ID_2 "', 'HostPorts': {'80/tcp': [{'HostPort': '2'}]}}]",
	 3},
	{decode_node,
	 "{'Name': 'n1', 'Api': 'http://a:1', 'Labels': {'a': 'b'},"
	 " 'Stats': {'a': ['" LONG_TEXT LONG_TEXT "']}}",
	 6},
	{take_steps, "{}", 45},
};

/* One more allocation succeeds each time, until it needs no more. */
START_TEST(when_memory_is_short_nothing_is_kept)
{
	struct parsed parsed = parsed_new(deeds[_i].text);
	long round = 0;

	for (;; round++) {
		struct cube_error err = {0};
		int rc;

		heap.failed = false;
		heap.live = 0;
		heap.touched = false;
		heap.until_failure = round;
		heap.on = true;
		rc = deeds[_i].deed(&parsed.doc, &err);
		heap.on = false;
		ck_assert_int_eq(heap.live, 0);
		ck_assert(!heap.touched);
		if (!heap.failed) {
			ck_assert_int_eq(rc, 0);
			break;
		}
		ck_assert_msg(rc == CUBE_ERR_NO_MEMORY, "%ld allocations: %d %s", round, rc,
			      err.message);
		ck_assert_int_eq(err.code, CUBE_ERR_NO_MEMORY);
	}
	if (OWN_MALLOC)
		ck_assert_int_ge(round, deeds[_i].least);
	parsed_free(&parsed);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("model memory");
	TCase *t = tcase_create("failures");

	tcase_add_loop_test(t, when_memory_is_short_nothing_is_kept, 0,
			    (int)(sizeof(deeds) / sizeof(deeds[0])));
	suite_add_tcase(s, t);
	return s;
}

CHECK_MAIN(suite)
