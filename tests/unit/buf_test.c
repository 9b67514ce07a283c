/* tests/unit/buf_test.c - the growing buffer, and room in arrays. */
#include "base/buf.h"

#include "base/vec.h"
#include "check_main.h"

#include <stdint.h>
#include <string.h>

START_TEST(appended_bytes_are_there_and_end_in_a_nul)
{
	struct buf buf cleanup_buf = BUF_INIT(1000);

	ck_assert_str_eq(buf_text(&buf), "");
	buf_append_text(&buf, "ab");
	buf_append(&buf, "\0c", 2);
	buf_append(&buf, NULL, 0);
	ck_assert_uint_eq(buf.size, 4);
	ck_assert_mem_eq(buf.data, "ab\0c", 5);
	buf_printf(&buf, "-%d-%s", 17, "x");
	ck_assert_mem_eq(buf.data, "ab\0c-17-x", 10);
	ck_assert(!buf.failed);
}
END_TEST

START_TEST(a_buffer_holds_exactly_its_limit)
{
	struct buf buf cleanup_buf = BUF_INIT(100);
	int i;

	for (i = 0; i < 100; i++)
		buf_append(&buf, "x", 1);
	ck_assert(!buf.failed);
	ck_assert_uint_eq(buf.size, 100);
	ck_assert_uint_le(buf.capacity, 101);
	buf_append(&buf, "", 0);
	ck_assert(!buf.failed);
	buf_append(&buf, "y", 1);
	ck_assert(buf.failed);
	ck_assert_uint_eq(buf.size, 100);
	ck_assert_uint_eq(strlen(buf_text(&buf)), 100);
}
END_TEST

START_TEST(a_failure_sticks_until_reset)
{
	struct buf buf cleanup_buf = BUF_INIT(4);

	buf_append_text(&buf, "ab");
	buf_append_text(&buf, "cde");
	ck_assert(buf.failed);
	buf_append_text(&buf, "f"); /* would fit */
	buf_printf(&buf, "g");
	ck_assert_str_eq(buf_text(&buf), "ab");
	ck_assert_ptr_null(buf_reserve(&buf, 1));
	ck_assert_ptr_null(buf_take(&buf, NULL));
	buf_reset(&buf);
	ck_assert(!buf.failed);
	ck_assert_str_eq(buf_text(&buf), "");
	buf_append_text(&buf, "abcd");
	ck_assert_str_eq(buf_text(&buf), "abcd");
}
END_TEST

START_TEST(a_print_past_the_limit_leaves_the_text_as_it_was)
{
	struct buf buf cleanup_buf = BUF_INIT(6);

	buf_append_text(&buf, "abc");
	buf_printf(&buf, "%s", "too long");
	ck_assert(buf.failed);
	ck_assert_str_eq(buf_text(&buf), "abc");
}
END_TEST

START_TEST(a_print_of_any_length_grows_the_buffer)
{
	struct buf buf cleanup_buf = BUF_INIT(100000);
	char expected[400];
	int length;

	for (length = 0; length < 300; length++) {
		buf_reset(&buf);
		if (length % 3 == 0)
			buf_release(&buf);
		buf_append_text(&buf, "<");
		buf_printf(&buf, "%0*d", length + 1, 7);
		memset(expected, '0', sizeof(expected));
		expected[0] = '<';
		expected[length + 1] = '7';
		expected[length + 2] = '\0';
		ck_assert_str_eq(buf_text(&buf), expected);
	}
}
END_TEST

START_TEST(what_is_written_in_place_counts_and_is_terminated)
{
	struct buf buf cleanup_buf = BUF_INIT(1000);
	char *room;

	buf_append_text(&buf, "abc");
	room = buf_reserve(&buf, 500);
	ck_assert_ptr_eq(room, buf.data + 3);
	memset(room, 'z', 500);
	buf.size += 2;
	ck_assert_str_eq(buf_text(&buf), "abczz");
	ck_assert_ptr_null(buf_reserve(&buf, SIZE_MAX));
	ck_assert(buf.failed);
}
END_TEST

START_TEST(consuming_forgets_the_front)
{
	struct buf buf cleanup_buf = BUF_INIT(100);

	buf_consume(&buf, 3);
	buf_append_text(&buf, "abcdef");
	buf_consume(&buf, 2);
	ck_assert_str_eq(buf_text(&buf), "cdef");
	buf_consume(&buf, 0);
	ck_assert_uint_eq(buf.size, 4);
	buf_consume(&buf, 99);
	ck_assert_str_eq(buf_text(&buf), "");
}
END_TEST

START_TEST(taking_moves_the_bytes_and_leaves_an_empty_buffer)
{
	struct buf buf cleanup_buf = BUF_INIT(100);
	size_t size = 99;
	char *taken;

	taken = buf_take(&buf, &size);
	ck_assert_str_eq(taken, "");
	ck_assert_uint_eq(size, 0);
	free(taken);
	buf_append(&buf, "a\0b", 3);
	taken = buf_take(&buf, &size);
	ck_assert_uint_eq(size, 3);
	ck_assert_mem_eq(taken, "a\0b", 4);
	free(taken);
	ck_assert_uint_eq(buf.size, 0);
	ck_assert_uint_eq(buf.limit, 100);
	buf_append_text(&buf, "next");
	ck_assert_str_eq(buf_text(&buf), "next");
}
END_TEST

START_TEST(room_in_an_array_at_least_doubles_and_keeps_the_items)
{
	size_t capacity = 0;
	size_t before;
	int *items = NULL;
	int *grown;
	int i;

	for (i = 0; i < 1000; i++) {
		before = capacity;
		grown = vec_reserve(items, &capacity, (size_t)i + 1, sizeof(*items));
		ck_assert_ptr_nonnull(grown);
		ck_assert(capacity == before || capacity >= 2 * before);
		ck_assert_uint_gt(capacity, (size_t)i);
		items = grown;
		items[i] = i;
	}
	for (i = 0; i < 1000; i++)
		ck_assert_int_eq(items[i], i);
	ck_assert_ptr_eq(vec_reserve(items, &capacity, 10, sizeof(*items)), items);
	grown = vec_reserve(items, &capacity, 100000, sizeof(*items));
	ck_assert_ptr_nonnull(grown);
	ck_assert_uint_ge(capacity, 100000);
	free(grown);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("buf");
	TCase *tc = tcase_create("buf");

	tcase_add_test(tc, appended_bytes_are_there_and_end_in_a_nul);
	tcase_add_test(tc, a_buffer_holds_exactly_its_limit);
	tcase_add_test(tc, a_failure_sticks_until_reset);
	tcase_add_test(tc, a_print_past_the_limit_leaves_the_text_as_it_was);
	tcase_add_test(tc, a_print_of_any_length_grows_the_buffer);
	tcase_add_test(tc, what_is_written_in_place_counts_and_is_terminated);
	tcase_add_test(tc, consuming_forgets_the_front);
	tcase_add_test(tc, taking_moves_the_bytes_and_leaves_an_empty_buffer);
	tcase_add_test(tc, room_in_an_array_at_least_doubles_and_keeps_the_items);
	suite_add_tcase(s, tc);
	return s;
}

CHECK_MAIN(suite)
