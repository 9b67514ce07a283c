/* tests/unit/memory_test.c - memory runs out at each allocation in turn.
 *
 * The allocator of this program fails its Nth call and counts what is not yet freed.
 * Whatever N is, a call either works or says CUBE_ERR_NO_MEMORY, and nothing leaks. The
 * sanitizers and valgrind have an allocator of their own, so there only the counting is
 * left out: the same work is then done with all the memory there is.
 */
#include "base/buf.h"
#include "base/heap.h"
#include "base/json.h"
#include "base/log.h"
#include "base/map.h"
#include "base/queue.h"
#include "base/vec.h"
#include "check_main.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* volatile: the compiler believes that malloc reads no variable of ours. */
static volatile bool armed;
static volatile long until_failure; /* allocations that still work */
static volatile long live;          /* not yet freed, of those made while armed */
static volatile long failures;

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define OWN_ALLOCATOR 0
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define OWN_ALLOCATOR 0
#endif
#ifndef OWN_ALLOCATOR
#define OWN_ALLOCATOR 1
#endif

#if OWN_ALLOCATOR
/* What glibc's allocator is called beneath its public names. */
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *old, size_t size);
extern void __libc_free(void *old);

static bool
refused(void)
{
	if (!armed)
		return false;
	if (until_failure == 0) {
		failures++;
		errno = ENOMEM;
		return true;
	}
	until_failure--;
	return false;
}

#define EXPORTED __attribute__((visibility("default"), used))

EXPORTED void *
malloc(size_t size)
{
	void *made = refused() ? NULL : __libc_malloc(size);

	live += armed && made != NULL ? 1 : 0;
	return made;
}

EXPORTED void *
calloc(size_t count, size_t size)
{
	void *made = refused() ? NULL : __libc_calloc(count, size);

	live += armed && made != NULL ? 1 : 0;
	return made;
}

EXPORTED void *
realloc(void *old, size_t size)
{
	void *made = refused() ? NULL : __libc_realloc(old, size);

	live += armed && made != NULL && old == NULL ? 1 : 0;
	return made;
}

EXPORTED void *
reallocarray(void *old, size_t count, size_t size)
{
	return realloc(old, count * size);
}

EXPORTED void
free(void *old)
{
	live -= armed && old != NULL ? 1 : 0;
	__libc_free(old);
}
#endif

/* Everything below says whether it got all it wanted. */

static bool
use_map(void)
{
	static char keys[200][8];
	struct map *map = map_new();
	bool whole = true;
	size_t in = 0;
	int i;

	if (map == NULL)
		return false;
	for (i = 0; i < 200; i++) {
		int rc;

		(void)snprintf(keys[i], sizeof(keys[i]), "%d", i);
		rc = map_put(map, keys[i], keys[i]);
		if (rc == 0)
			in++;
		else
			whole = false;
		armed = false; /* check allocates for itself */
		ck_assert(rc == 0 || rc == CUBE_ERR_NO_MEMORY);
		ck_assert((map_get(map, keys[i]) != NULL) == (rc == 0));
		armed = true;
	}
	whole = whole && in == map_count(map);
	map_free(map, NULL);
	return whole;
}

static bool
use_buf(void)
{
	struct buf buf = BUF_INIT(100000);
	char *taken;
	int i;

	for (i = 0; i < 200; i++) {
		buf_append_text(&buf, "some text");
		buf_printf(&buf, "%d", i);
	}
	taken = buf_take(&buf, NULL);
	buf_release(&buf);
	free(taken);
	return taken != NULL;
}

/* A good text that was not read: memory must be why. */
static bool
short_of_memory(const struct cube_error *err)
{
	armed = false; /* check allocates for itself */
	ck_assert_int_eq(err->code, CUBE_ERR_NO_MEMORY);
	armed = true;
	return false;
}

static bool
use_json(void)
{
	static const char text[] = "{\"a\":[1,2.5,true,null,\"x\\u00e9\"],\"b\":{\"c\":\"d\"},"
				   "\"e\":18446744073709551616}";
	static char large[40000];
	struct cube_error err = {0};
	struct json_doc doc;
	size_t used = 0;
	int i;

	if (json_parse(text, strlen(text), &doc, &err) != 0)
		return short_of_memory(&err);
	json_release(&doc);
	/* Many keys, long escaped strings: more blocks, yajl's buffers grow. */
	for (i = 0; i < 100; i++)
		used += (size_t)snprintf(large + used, sizeof(large) - used,
					 "%s\"key%d\":\"\\n%0*d\"", i == 0 ? "{" : ",", i,
					 i == 50 ? 20000 : 100, 7);
	(void)snprintf(large + used, sizeof(large) - used, "}");
	if (json_parse(large, strlen(large), &doc, &err) != 0)
		return short_of_memory(&err);
	json_release(&doc);
	return true;
}

static bool
use_writer(void)
{
	struct buf buf = BUF_INIT(100000);
	struct json_writer *writer = json_writer_new(&buf, true);
	bool whole;
	int i;

	if (writer == NULL)
		return false;
	json_begin_array(writer);
	for (i = 0; i < 100; i++)
		json_text(writer, "text\xff");
	json_end_array(writer);
	json_writer_free(writer);
	whole = !buf.failed;
	buf_release(&buf);
	return whole;
}

static bool
use_heap(void)
{
	static struct heap_item items[100];
	struct heap heap = {0};
	size_t in = 0;
	int i;

	for (i = 0; i < 100; i++)
		in += heap_set(&heap, &items[i], (uint64_t)i) == 0 ? 1 : 0;
	if (in > 0 && heap_first(&heap) == NULL)
		in = 0;
	heap_release(&heap);
	return in == 100;
}

static bool
use_queue_and_log(void)
{
	struct queue *queue = queue_new(1);
	struct log *log = log_new(-1, LOG_LEVEL_INFO);
	bool whole = queue != NULL && log != NULL;

	log_event(log, LOG_LEVEL_INFO, "event", "key", "value", NULL);
	queue_free(queue);
	log_free(log);
	return whole;
}

/* False where another allocator took this one's place. */
static bool
has_own_allocator(void)
{
	void *volatile made;

	until_failure = 0;
	armed = true;
	made = malloc(1);
	armed = false;
	free(made);
	return made == NULL;
}

struct use {
	bool (*run)(void);
	long fewest; /* allocations at least, so that a test of nothing is seen */
};

static const struct use uses[] = {
	{use_map, 200},    {use_buf, 5},  {use_json, 6},
	{use_writer, 100}, {use_heap, 3}, {use_queue_and_log, 2},
};

START_TEST(work_succeeds_or_says_that_memory_is_short)
{
	const struct use *use = &uses[_i];
	bool counts = has_own_allocator();
	long allowed;
	bool whole;

	for (allowed = 0;; allowed++) {
		until_failure = allowed;
		failures = 0;
		live = 0;
		armed = true;
		whole = use->run();
		armed = false;
		ck_assert_msg(live == 0, "%ld not freed when call %ld failed", live, allowed);
		if (failures == 0)
			break;
	}
	ck_assert(whole);
	ck_assert(!counts || allowed >= use->fewest);
	ck_assert(counts || !OWN_ALLOCATOR || getenv("LD_PRELOAD") != NULL);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("memory");
	TCase *tc = tcase_create("memory");

	tcase_add_loop_test(tc, work_succeeds_or_says_that_memory_is_short, 0,
			    (int)(sizeof(uses) / sizeof(uses[0])));
	suite_add_tcase(s, tc);
	return s;
}

CHECK_MAIN(suite)
