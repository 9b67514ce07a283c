/* tests/unit/route_test.c - methods, patterns and percent-encoding of http/route.h. */
#include "http/route.h"

#include "check_main.h"

#include <string.h>

static void
nothing(void *ctx, struct http_request *request)
{
	(void)ctx;
	(void)request;
}

static const struct http_route routes[] = {
	{"GET", "/tasks", nothing},
	{"POST", "/tasks", nothing},
	{"GET", "/tasks/{id}", nothing},
	{"DELETE", "/tasks/{id}", nothing},
	{"GET", "/tasks/{id}/logs", nothing},
	{"POST", "/nodes/{name}/drain/{how}", nothing},
	{NULL, NULL, NULL},
};

static enum route_result
find(const char *method, const char *path, struct route_match *match)
{
	return route_find(routes, method, path, match);
}

START_TEST(a_plain_path_is_found_by_its_method)
{
	struct route_match match;

	ck_assert_int_eq(find("POST", "/tasks", &match), ROUTE_FOUND);
	ck_assert_ptr_eq(match.route, &routes[1]);
	ck_assert_uint_eq(match.param_count, 0);
}
END_TEST

START_TEST(one_trailing_slash_is_accepted_and_two_are_not)
{
	struct route_match match;

	ck_assert_int_eq(find("GET", "/tasks/", &match), ROUTE_FOUND);
	ck_assert_ptr_eq(match.route, &routes[0]);
	ck_assert_int_eq(find("GET", "/tasks/x/logs/", &match), ROUTE_FOUND);
	ck_assert_ptr_eq(match.route, &routes[4]);
	ck_assert_int_eq(find("GET", "/tasks//", &match), ROUTE_NO_PATH);
	ck_assert_int_eq(find("GET", "//tasks", &match), ROUTE_NO_PATH);
}
END_TEST

START_TEST(parameters_are_taken_and_decoded)
{
	struct route_match match;

	ck_assert_int_eq(find("POST", "/nodes/n%201/drain/a%c3%a9b", &match), ROUTE_FOUND);
	ck_assert_str_eq(route_param(&match, "name"), "n 1");
	ck_assert_str_eq(route_param(&match, "how"), "a\xc3\xa9"
						     "b");
	ck_assert_ptr_null(route_param(&match, "nam"));
	ck_assert_ptr_null(route_param(&match, "names"));
}
END_TEST

START_TEST(an_empty_parameter_is_no_match)
{
	struct route_match match;

	ck_assert_int_eq(find("GET", "/tasks//logs", &match), ROUTE_NO_PATH);
}
END_TEST

START_TEST(another_method_lists_those_allowed)
{
	struct route_match match;

	ck_assert_int_eq(find("PUT", "/tasks/7", &match), ROUTE_NO_METHOD);
	ck_assert_str_eq(match.allow, "GET, DELETE");
}
END_TEST

START_TEST(head_is_answered_by_the_handler_of_get)
{
	struct route_match match;

	ck_assert_int_eq(find("HEAD", "/tasks", &match), ROUTE_FOUND);
	ck_assert_ptr_eq(match.route, &routes[0]);
	ck_assert_int_eq(find("HEAD", "/nodes/a/drain/b", &match), ROUTE_NO_METHOD);
}
END_TEST

START_TEST(unknown_paths_are_told_from_bad_ones)
{
	struct route_match match;

	ck_assert_int_eq(find("GET", "/", &match), ROUTE_NO_PATH);
	ck_assert_int_eq(find("GET", "/task", &match), ROUTE_NO_PATH);
	ck_assert_int_eq(find("GET", "/tasks/a/b/c", &match), ROUTE_NO_PATH);
	ck_assert_int_eq(find("GET", "/tasks/%", &match), ROUTE_BAD_PATH);
	ck_assert_int_eq(find("GET", "/tasks/%4", &match), ROUTE_BAD_PATH);
	ck_assert_int_eq(find("GET", "/tasks/%zz", &match), ROUTE_BAD_PATH);
	ck_assert_int_eq(find("GET", "/tasks/%00", &match), ROUTE_BAD_PATH);
	ck_assert_int_eq(find("GET", "/tasks/%2f", &match), ROUTE_BAD_PATH);
	ck_assert_int_eq(find("GET", "/tasks/%ff", &match), ROUTE_BAD_PATH);
}
END_TEST

START_TEST(a_parameter_that_is_too_long_is_bad_and_the_longest_fits)
{
	struct route_match match;
	char path[7 + HTTP_PARAM_SIZE + 1] = "/tasks/";

	memset(path + 7, 'a', HTTP_PARAM_SIZE - 1);
	path[7 + HTTP_PARAM_SIZE - 1] = '\0';
	ck_assert_int_eq(find("GET", path, &match), ROUTE_FOUND);
	ck_assert_uint_eq(strlen(route_param(&match, "id")), HTTP_PARAM_SIZE - 1);
	path[7 + HTTP_PARAM_SIZE - 1] = 'a';
	path[7 + HTTP_PARAM_SIZE] = '\0';
	ck_assert_int_eq(find("GET", path, &match), ROUTE_BAD_PATH);
}
END_TEST

START_TEST(plus_is_a_space_in_a_query_only)
{
	char out[8];

	ck_assert(route_decode("a+b", 3, true, out, sizeof(out)));
	ck_assert_str_eq(out, "a b");
	ck_assert(route_decode("a+b", 3, false, out, sizeof(out)));
	ck_assert_str_eq(out, "a+b");
	ck_assert(!route_decode("12345678", 8, false, out, sizeof(out)));
	ck_assert(route_decode("", 0, false, out, sizeof(out)));
	ck_assert_str_eq(out, "");
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("route");
	TCase *tc = tcase_create("route");

	tcase_add_test(tc, a_plain_path_is_found_by_its_method);
	tcase_add_test(tc, one_trailing_slash_is_accepted_and_two_are_not);
	tcase_add_test(tc, parameters_are_taken_and_decoded);
	tcase_add_test(tc, an_empty_parameter_is_no_match);
	tcase_add_test(tc, another_method_lists_those_allowed);
	tcase_add_test(tc, head_is_answered_by_the_handler_of_get);
	tcase_add_test(tc, unknown_paths_are_told_from_bad_ones);
	tcase_add_test(tc, a_parameter_that_is_too_long_is_bad_and_the_longest_fits);
	tcase_add_test(tc, plus_is_a_space_in_a_query_only);
	suite_add_tcase(s, tc);
	return s;
}

CHECK_MAIN(suite)
