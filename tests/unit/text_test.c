/* tests/unit/text_test.c - ids, UTF-8, hashes and the seeded generator. */
#include "base/hash.h"
#include "base/id.h"
#include "base/random.h"
#include "base/utf8.h"
#include "check_main.h"

#include <cube/plugin.h>
#include <stdbool.h>
#include <string.h>

#define COUNT_OF(array) ((int)(sizeof(array) / sizeof((array)[0])))

START_TEST(an_id_is_read_in_either_case_and_kept_in_lower)
{
	char id[ID_SIZE];

	ck_assert_int_eq(id_parse("266592CD-960d-4091-981C-8c25c44b1018", id), 0);
	ck_assert_str_eq(id, "266592cd-960d-4091-981c-8c25c44b1018");
}
END_TEST

static const char *const no_ids[] = {
	"",
	"x",
	"266592cd-960d-4091-981c-8c25c44b101",
	"266592cd-960d-4091-981c-8c25c44b10188",
	"{66592cd-960d-4091-981c-8c25c44b1018}",
	"266592cd960d4091981c8c25c44b1018",
	"266592cd-960d-4091-981c-8c25c44b101g",
	"266592cd-960d-4091-981c_8c25c44b1018",
	"266592cd960d-4091-981c-8c25-c44b1018",
	" 66592cd-960d-4091-981c-8c25c44b1018",
};

START_TEST(what_is_no_uuid_is_refused_and_changes_nothing)
{
	char id[ID_SIZE] = "before";

	ck_assert_int_eq(id_parse(no_ids[_i], id), CUBE_ERR_INVALID);
	ck_assert_str_eq(id, "before");
}
END_TEST

START_TEST(the_nil_id_is_all_zero_or_nothing)
{
	ck_assert(id_is_nil(""));
	ck_assert(id_is_nil("00000000-0000-0000-0000-000000000000"));
	ck_assert(!id_is_nil("00000000-0000-0000-0000-000000000001"));
}
END_TEST

START_TEST(random_bytes_become_a_version_4_uuid)
{
	const uint8_t ones[16] = {255, 255, 255, 255, 255, 255, 255, 255,
				  255, 255, 255, 255, 255, 255, 255, 255};
	const uint8_t mixed[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
	char id[ID_SIZE], back[ID_SIZE];

	id_from_random(ones, id);
	ck_assert_str_eq(id, "ffffffff-ffff-4fff-bfff-ffffffffffff");
	id_from_random(mixed, id);
	ck_assert_str_eq(id, "00010203-0405-4607-8809-0a0b0c0d0e0f");
	ck_assert_int_eq(id_parse(id, back), 0);
	ck_assert_str_eq(id, back);
}
END_TEST

START_TEST(an_id_is_packed_and_unpacked_as_it_was)
{
	static const char text[] = "00f10203-a4b5-4607-8809-9a0bfc0d0eff";
	uint8_t bytes[ID_BYTES];
	char back[ID_SIZE];

	id_pack(text, bytes);
	ck_assert_uint_eq(bytes[1], 0xf1);
	ck_assert_uint_eq(bytes[15], 0xff);
	id_unpack(bytes, back);
	ck_assert_str_eq(back, text);
}
END_TEST

struct bytes {
	const char *bytes;
	size_t size;
	size_t valid;
};

#define BYTES(literal, valid_size)                       \
	{                                                \
		literal, sizeof(literal) - 1, valid_size \
	}

static const struct bytes texts[] = {
	BYTES("", 0),
	BYTES("plain ascii, longer than eight", 30),
	BYTES("a\0b", 3),
	BYTES("\xc3\xa9", 2),
	BYTES("\xe2\x82\xac", 3),
	BYTES("\xf0\x9f\x98\x80", 4),
	BYTES("\xf4\x8f\xbf\xbf", 4), /* U+10FFFF */
	BYTES("\xed\x9f\xbf", 3),     /* U+D7FF */
	BYTES("\xee\x80\x80", 3),     /* U+E000 */
	BYTES("12345678\xc3\xa9"
	      "12345678",
	      18),
	BYTES("\x80", 0),
	BYTES("ab\xbf", 2),
	BYTES("\xc0\x80", 0), /* overlong NUL */
	BYTES("\xc1\xbf", 0),
	BYTES("\xe0\x9f\xbf", 0),     /* overlong */
	BYTES("\xf0\x8f\xbf\xbf", 0), /* overlong */
	BYTES("\xed\xa0\x80", 0),     /* U+D800 */
	BYTES("\xed\xbf\xbf", 0),     /* U+DFFF */
	BYTES("\xf4\x90\x80\x80", 0), /* U+110000 */
	BYTES("\xf5\x80\x80\x80", 0),
	BYTES("\xff", 0),
	BYTES("\xc3", 0),
	BYTES("x\xe2\x82", 1),
	BYTES("\xf0\x9f\x98", 0),
	BYTES("\xe2\x82z", 0),
	BYTES("\xf0\x9f\x98z", 0),
	BYTES("1234567\xc3", 7),
	BYTES("12345678123456\xffz", 14),
};

START_TEST(the_valid_front_of_bytes_is_found)
{
	/* In memory of exactly that size: reading past it is seen by ASan. */
	char *copy = malloc(texts[_i].size + 1);

	ck_assert_ptr_nonnull(copy);
	memcpy(copy + 1, texts[_i].bytes, texts[_i].size);
	ck_assert_uint_eq(utf8_valid_prefix(copy + 1, texts[_i].size), texts[_i].valid);
	free(copy);
}
END_TEST

/* Every character there is, and every three-byte sequence, against the definition. A
 * ck_assert for each of them would take most of the time. */
START_TEST(utf8_is_exactly_what_encoding_makes)
{
	unsigned int c;

	for (c = 0; c <= 0x1fffff; c++) {
		char four[4] = {(char)(0xf0 | c >> 18), (char)(0x80 | (c >> 12 & 0x3f)),
				(char)(0x80 | (c >> 6 & 0x3f)), (char)(0x80 | (c & 0x3f))};
		bool valid = c >= 0x10000 && c <= 0x10ffff;

		if (utf8_valid_prefix(four, 4) != (valid ? 4 : 0))
			ck_abort_msg("the four bytes of %x", c);
	}
	for (c = 0; c <= 0xffff; c++) {
		char three[3] = {(char)(0xe0 | c >> 12), (char)(0x80 | (c >> 6 & 0x3f)),
				 (char)(0x80 | (c & 0x3f))};
		bool valid = c >= 0x800 && (c < 0xd800 || c > 0xdfff);

		if (utf8_valid_prefix(three, 3) != (valid ? 3 : 0))
			ck_abort_msg("the three bytes of %x", c);
	}
}
END_TEST

START_TEST(fnv_gives_its_published_values)
{
	ck_assert_uint_eq(hash_bytes("", 0), UINT64_C(0xcbf29ce484222325));
	ck_assert_uint_eq(hash_bytes("a", 1), UINT64_C(0xaf63dc4c8601ec8c));
	ck_assert_uint_eq(hash_bytes("foobar", 6), UINT64_C(0x85944171f73967e8));
}
END_TEST

START_TEST(a_keyed_hash_depends_on_each_byte_the_size_and_the_key)
{
	const uint64_t key[2] = {1, 2};
	const uint64_t other[2] = {1, 3};
	char text[40] = {0};
	uint64_t seen[80];
	size_t count = 0, i, j;

	for (i = 0; i < sizeof(text); i++) {
		seen[count++] = hash_keyed(key, text, i);
		text[i] = 1;
		seen[count++] = hash_keyed(key, text, sizeof(text));
		ck_assert_uint_ne(hash_keyed(other, text, sizeof(text)), seen[count - 1]);
		text[i] = 0;
	}
	for (i = 0; i < count; i++) {
		for (j = 0; j < i; j++)
			ck_assert_uint_ne(seen[i], seen[j]);
	}
	ck_assert_uint_eq(hash_keyed(key, text, 5), seen[10]);
}
END_TEST

START_TEST(a_seed_gives_the_same_numbers_again_and_another_seed_others)
{
	struct random a, b, c;
	int i, same = 0;

	random_seed(&a, 0);
	random_seed(&b, 0);
	random_seed(&c, 1);
	for (i = 0; i < 1000; i++) {
		uint64_t drawn = random_next(&a);

		ck_assert_uint_eq(drawn, random_next(&b));
		same += drawn == random_next(&c) ? 1 : 0;
	}
	ck_assert_int_eq(same, 0);
}
END_TEST

START_TEST(the_generator_is_xoshiro256_starstar)
{
	struct random random = {{1, 2, 3, 4}};

	/* rotl(2 * 5, 7) * 9 = 11520; after one step state[1] is 1 ^ 2 ^ 3 = 0. */
	ck_assert_uint_eq(random_next(&random), 11520);
	ck_assert_uint_eq(random_next(&random), 0);
	ck_assert_uint_eq(random_next(&random), UINT64_C(1509978240));
}
END_TEST

START_TEST(numbers_below_a_bound_reach_each_value_evenly)
{
	struct random random;
	int counts[7] = {0};
	int i;

	random_seed(&random, 9);
	for (i = 0; i < 70000; i++)
		counts[random_below(&random, 7)]++;
	for (i = 0; i < 7; i++) {
		ck_assert_int_gt(counts[i], 9500);
		ck_assert_int_lt(counts[i], 10500);
	}
	for (i = 0; i < 100; i++) {
		ck_assert_uint_eq(random_below(&random, 1), 0);
		/* A third of all draws would be over, were they not drawn again. */
		ck_assert_uint_lt(random_below(&random, UINT64_C(0xaaaaaaaaaaaaaaab)),
				  UINT64_C(0xaaaaaaaaaaaaaaab));
	}
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("text");
	TCase *tc = tcase_create("text");

	tcase_add_test(tc, an_id_is_read_in_either_case_and_kept_in_lower);
	tcase_add_loop_test(tc, what_is_no_uuid_is_refused_and_changes_nothing, 0,
			    COUNT_OF(no_ids));
	tcase_add_test(tc, the_nil_id_is_all_zero_or_nothing);
	tcase_add_test(tc, random_bytes_become_a_version_4_uuid);
	tcase_add_test(tc, an_id_is_packed_and_unpacked_as_it_was);
	tcase_add_loop_test(tc, the_valid_front_of_bytes_is_found, 0, COUNT_OF(texts));
	tcase_add_test(tc, utf8_is_exactly_what_encoding_makes);
	tcase_add_test(tc, fnv_gives_its_published_values);
	tcase_add_test(tc, a_keyed_hash_depends_on_each_byte_the_size_and_the_key);
	tcase_add_test(tc, a_seed_gives_the_same_numbers_again_and_another_seed_others);
	tcase_add_test(tc, the_generator_is_xoshiro256_starstar);
	tcase_add_test(tc, numbers_below_a_bound_reach_each_value_evenly);
	suite_add_tcase(s, tc);
	return s;
}

CHECK_MAIN(suite)
