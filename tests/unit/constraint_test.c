/* tests/unit/constraint_test.c - constraints: what is read, what is refused, where they hold.
 */
#include "base/amount.h"
#include "check_main.h"
#include "model/constraint.h"
#include "model/node.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

struct read {
	char *text;
	char *pieces; /* of exactly the promised size, so that a sanitizer sees one too many */
	struct task_constraint constraint;
};

static int
read_new(struct read *read, const char *text, struct cube_error *err)
{
	read->text = strdup(text);
	read->pieces = malloc(strlen(text) + 1);
	ck_assert(read->text != NULL && read->pieces != NULL);
	return constraint_parse(read->text, read->pieces, &read->constraint, err);
}

static void
read_free(struct read *read)
{
	free(read->text);
	free(read->pieces);
}

static struct node_labels *
labels_make(void)
{
	static const struct task_label labels[] = {
		{"zone", "eu"},       {"disk", "ssd"}, {"vram", "16g"}, {"kernel", "5.10.3"},
		{"rack", "12"},       {"empty", ""},   {"exists", "1"}, {"in", "x"},
		{"node.arch", "own"}, {"note", "a, b"}};
	struct node_labels *made = node_labels_new(labels, sizeof(labels) / sizeof(labels[0]));

	ck_assert_ptr_nonnull(made);
	return made;
}

static struct node_info
node_make(void)
{
	struct node_info node = {.name = "n1",
				 .mcpu = 8500,
				 .memory_bytes = INT64_C(16) << 30,
				 .disk_bytes = INT64_C(100) << 30,
				 .runtime = "docker",
				 .version = "1.10.0",
				 .arch = "amd64",
				 .os = "linux",
				 .cpu_busy = NAN};

	node.labels = labels_make();
	return node;
}

static bool
holds_on(const char *text, const struct node_info *node)
{
	struct cube_error err = {0};
	struct read read;
	bool holds;

	ck_assert_msg(read_new(&read, text, &err) == 0, "%s: %s", text, err.message);
	holds = constraint_holds(&read.constraint, node);
	read_free(&read);
	return holds;
}

struct expectation {
	const char *text;
	bool holds;
};

static void
check_all(const struct expectation *list, size_t count)
{
	struct node_info node = node_make();
	size_t i;

	for (i = 0; i < count; i++)
		ck_assert_msg(holds_on(list[i].text, &node) == list[i].holds, "%s",
			      list[i].text);
	node_info_release(&node);
}

#define CHECK_ALL(list) check_all(list, sizeof(list) / sizeof((list)[0]))

START_TEST(equal_compares_texts_as_they_are)
{
	static const struct expectation list[] = {
		{"zone==eu", true},       {"zone=eu", true},
		{" zone  ==  eu ", true}, {"node.labels.zone==eu", true},
		{"zone==us", false},      {"zone==EU", false},
		{"zone==e", false},       {"zone==eu2", false},
		{"rack==012", false},     {"empty==\"\"", true},
		{"zone==\"\"", false},    {"note==a, b", true},
		{"note==\"a, b\"", true}, {"none==eu", false},
	};

	CHECK_ALL(list);
}
END_TEST

START_TEST(not_equal_holds_where_the_label_is_absent)
{
	static const struct expectation list[] = {
		{"zone!=eu", false}, {"zone!=us", true},   {"zone != us", true},
		{"none!=us", true},  {"none!=\"\"", true}, {"empty!=\"\"", false},
	};

	CHECK_ALL(list);
}
END_TEST

START_TEST(in_and_notin_look_through_the_list)
{
	static const struct expectation list[] = {
		{"zone in (eu)", true},         {"zone in (us,eu)", true},
		{"zone in ( us , eu )", true},  {"zone in(us,eu)", true},
		{"zone in (us,asia)", false},   {"none in (us,eu)", false},
		{"note in (\"a, b\",c)", true}, {"note in (a, b)", false},
		{"empty in (\"\")", true},      {"zone notin (us,eu)", false},
		{"zone notin (us,asia)", true}, {"none notin (us)", true},
		{"rack in (1,12)", true},       {"rack in (1,2)", false},
	};

	CHECK_ALL(list);
}
END_TEST

START_TEST(exists_asks_for_the_label_alone)
{
	static const struct expectation list[] = {
		{"exists zone", true},      {"zone exists", true},
		{"exists empty", true},     {"exists none", false},
		{"none exists", false},     {"!exists zone", false},
		{"zone !exists", false},    {"!exists none", true},
		{"none !exists", true},     {"exists exists", true},
		{"exists == 1", true},      {"exists==2", false},
		{"exists node.arch", true}, {"exists node.labels.zone", true},
		{"in in (x)", true},        {"exists in", true},
	};

	CHECK_ALL(list);
}
END_TEST

START_TEST(order_compares_numbers_with_their_units)
{
	static const struct expectation list[] = {
		{"rack<13", true},      {"rack<12", false},    {"rack<=12", true},
		{"rack<=11.9", false},  {"rack>9", true},      {"rack>12", false},
		{"rack>=12", true},     {"rack>=12.5", false}, {"vram>8g", true},
		{"vram>=16384m", true}, {"vram<16GiB", false}, {"vram>17179869183", true},
		{"zone<5", false},      {"zone>5", false},     {"none<5", false},
		{"none>=0", false},     {"empty<1", false},    {"kernel>5", false},
	};

	CHECK_ALL(list);
}
END_TEST

START_TEST(attributes_are_of_the_node_and_labels_its_own)
{
	static const struct expectation list[] = {
		{"node.name==n1", true},
		{"node.name!=n1", false},
		{"node.name in (n0,n1)", true},
		{"node.hostname==n1", true},
		{"node.arch==amd64", true},
		{"node.arch==x86_64", true},
		{"node.arch==\"x86_64\"", true},
		{"node.arch in (aarch64,x86_64)", true},
		{"node.arch==aarch64", false},
		{"node.platform.arch==amd64", true},
		{"node.platform.os==linux", true},
		{"node.os!=windows", true},
		{"node.labels.node.arch==own", true},
		{"arch==amd64", false},
		{"node.runtime==docker", true},
		{"node.cores==8.5", true},
		{"node.cores==8", false},
		{"node.cores>8", true},
		{"node.cores>=8.5", true},
		{"node.cores<8.5", false},
		{"node.cores!=8.50", false},
		{"node.cores in (4,8.5)", true},
		{"node.memory>=16g", true},
		{"node.memory>16g", false},
		{"node.memory<=16384MiB", true},
		{"node.memory==16g", true},
		{"node.disk>50g", true},
		{"node.disk<50g", false},
	};

	CHECK_ALL(list);
}
END_TEST

START_TEST(versions_are_compared_part_by_part)
{
	static const struct expectation list[] = {
		{"node.version>1.9", true},     {"node.version>=1.10", true},
		{"node.version<=1.10", true},   {"node.version>1.10", false},
		{"node.version<1.10.1", true},  {"node.version<2", true},
		{"node.version==1.10.0", true}, {"node.version==1.10", false},
		{"node.version>=1.11", false},
	};
	struct node_info node = {.version = "1.10.0-rc1"};

	CHECK_ALL(list);
	ck_assert(holds_on("node.version>=1.10", &node));
	(void)snprintf(node.version, sizeof(node.version), "devel");
	ck_assert(!holds_on("node.version>=0", &node));
	ck_assert(!holds_on("node.version<9", &node));
}
END_TEST

/* A worker of the book's protocol: no facts, no labels. */
START_TEST(a_node_that_tells_nothing_lacks_it_all)
{
	static const char *const fail[] = {"node.arch==amd64", "node.cores<100",
					   "node.memory>=0",   "exists node.os",
					   "zone==eu",         "exists node.disk"};
	static const char *const hold[] = {"node.arch!=amd64", "node.cores!=4",
					   "!exists node.memory", "zone notin (eu)",
					   "node.os notin (windows)"};
	struct node_info node = {.name = "book"};
	size_t i;

	for (i = 0; i < sizeof(fail) / sizeof(fail[0]); i++)
		ck_assert_msg(!holds_on(fail[i], &node), "%s", fail[i]);
	for (i = 0; i < sizeof(hold) / sizeof(hold[0]); i++)
		ck_assert_msg(holds_on(hold[i], &node), "%s", hold[i]);
	ck_assert(holds_on("node.name==book", &node));
}
END_TEST

START_TEST(what_is_wrong_is_said_with_its_place)
{
	static const struct {
		const char *text, *says;
	} list[] = {
		{"", "character 1: the name of a label"},
		{"==eu", "character 1: the name of a label"},
		{"zone", "\"zone\", character 5: an operator is wanted: =="},
		{"!gpu", "character 1: the name"},
		{"zone is eu", "character 6: an operator"},
		{"zone=>eu", "character 6: an operator"},
		{"zone===eu", "character 7: an operator"},
		{"zone!eu", "character 5: an operator"},
		{"zone==", "character 7: a value is wanted"},
		{"zone==  ", "character 9: a value is wanted"},
		{"zone==\"eu", "character 7: the closing quote"},
		{"zone==\"eu\" x", "character 12: nothing more"},
		{"zone in eu", "character 9: a list such as (A,B)"},
		{"zone in (eu", "character 12: \",\" or \")\""},
		{"zone in (eu,)", "character 13: a value is wanted"},
		{"zone in (eu) x", "character 14: nothing more"},
		{"zone in ()", "character 10: a value is wanted"},
		{"zone exists x", "character 13: nothing more"},
		{"exists zone x", "character 13: nothing more"},
		{"exists zone==1", "character 12: nothing more"},
		{"node.zone==eu", "character 1: a node has node.name"},
		{"node.labels.==eu", "a node has node.name"},
		{"rack<many", "character 6: a number such as"},
		{"rack<1e3", "character 6: a number such as"},
		{"rack<-1", "character 6: a number such as"},
		{"node.cores>8g", "character 12: a number of cores"},
		{"node.cores==many", "character 13: a number of cores"},
		{"node.cores in (1,x)", "character 18: a number of cores"},
		{"node.memory>lots", "character 13: a size such as 512m"},
		{"node.version>new", "character 14: a version such as"},
		{"node.version>1..2", "a version such as"},
		{"node.name<n2", "this attribute is a text"},
		{"Zürich==", "character 9: a value"},
		{"zone==a\tb", "no control characters"},
	};
	size_t i;

	for (i = 0; i < sizeof(list) / sizeof(list[0]); i++) {
		struct cube_error err = {0};
		struct read read;

		ck_assert_msg(read_new(&read, list[i].text, &err) == CUBE_ERR_INVALID, "%s",
			      list[i].text);
		ck_assert_msg(strstr(err.message, list[i].says) != NULL, "%s: %s", list[i].text,
			      err.message);
		read_free(&read);
	}
}
END_TEST

START_TEST(length_and_count_of_values_are_bounded)
{
	char text[CONSTRAINT_SIZE + 1];
	struct cube_error err = {0};
	struct read read;
	size_t at;
	int i;

	memset(text, 'x', sizeof(text));
	memcpy(text, "a==", 3);
	text[CONSTRAINT_SIZE - 1] = '\0';
	ck_assert_int_eq(read_new(&read, text, &err), 0);
	read_free(&read);
	text[CONSTRAINT_SIZE - 1] = 'x';
	text[CONSTRAINT_SIZE] = '\0';
	ck_assert_int_eq(read_new(&read, text, &err), CUBE_ERR_INVALID);
	ck_assert_ptr_nonnull(strstr(err.message, "at most 511 bytes"));
	read_free(&read);

	at = (size_t)snprintf(text, sizeof(text), "a in (0");
	for (i = 1; i < CONSTRAINT_VALUES_MAX; i++)
		at += (size_t)snprintf(text + at, sizeof(text) - at, ",%d", i % 10);
	memcpy(text + at, ")", 2);
	ck_assert_int_eq(read_new(&read, text, &err), 0);
	ck_assert_uint_eq(read.constraint.value_count, CONSTRAINT_VALUES_MAX);
	read_free(&read);
	memcpy(text + at, ",x)", 4);
	ck_assert_int_eq(read_new(&read, text, &err), CUBE_ERR_INVALID);
	ck_assert_ptr_nonnull(strstr(err.message, "at most 64 values"));
	read_free(&read);
}
END_TEST

START_TEST(words_tell_what_is_there_and_what_is_wanted)
{
	static const struct {
		const char *text, *says;
	} list[] = {
		{"node.arch==aarch64", "node.arch is amd64, wants arm64"},
		{"zone!=eu", "zone is eu, wants any but eu"},
		{"zone in (us, asia)", "zone is eu, wants one of us, asia"},
		{"zone notin (eu)", "zone is eu, wants none of eu"},
		{"exists gpu", "gpu is not set, wants any"},
		{"!exists zone", "zone is eu, wants it not set"},
		{"node.cores>16", "node.cores is 8.5, wants more than 16"},
		{"node.memory>=32g", "node.memory is 16 GiB, wants at least 32g"},
		{"rack<5", "rack is 12, wants less than 5"},
		{"node.disk<=1g", "node.disk is 100 GiB, wants at most 1g"},
		{"empty==x", "empty is \"\", wants x"},
		{"rack in (1,2,3,4,5,6,7,8,9,10)",
		 "rack is 12, wants one of 1, 2, 3, 4, 5, 6, 7, 8, ..."},
		{"rack==0123456789012345678901234567890123456789012345678901234567890123456789",
		 "rack is 12, wants "
		 "0123456789012345678901234567890123456789012345678901234567890123..."},
	};
	struct node_info node = node_make();
	size_t i;

	for (i = 0; i < sizeof(list) / sizeof(list[0]); i++) {
		struct buf out = BUF_INIT(4096);
		struct cube_error err = {0};
		struct read read;

		ck_assert_int_eq(read_new(&read, list[i].text, &err), 0);
		ck_assert(!constraint_holds(&read.constraint, &node));
		constraint_explain(&out, &read.constraint, &node);
		ck_assert_str_eq(buf_text(&out), list[i].says);
		buf_release(&out);
		read_free(&read);
	}
	node_info_release(&node);
}
END_TEST

START_TEST(first_broken_one_is_named)
{
	static const char *const texts[] = {"zone==eu", "rack<5", "node.os==plan9"};
	struct node_info node = node_make();
	struct task_constraint constraints[3];
	struct read reads[3];
	struct cube_error err = {0};
	size_t i;

	for (i = 0; i < 3; i++) {
		ck_assert_int_eq(read_new(&reads[i], texts[i], &err), 0);
		constraints[i] = reads[i].constraint;
	}
	ck_assert_ptr_eq(constraints_broken(constraints, 3, &node), &constraints[1]);
	ck_assert_ptr_null(constraints_broken(constraints, 1, &node));
	ck_assert_ptr_null(constraints_broken(NULL, 0, &node));
	for (i = 0; i < 3; i++)
		read_free(&reads[i]);
	node_info_release(&node);
}
END_TEST

START_TEST(labels_are_sorted_and_found)
{
	static const struct task_label one[] = {{"b", "2"}, {"a", "1"}, {"c", "\"3\""}};
	static const struct task_label two[] = {{"c", "\"3\""}, {"a", "1"}, {"b", "2"}};
	struct node_labels *labels = node_labels_new(one, 3);
	struct node_labels *same = node_labels_new(two, 3);
	struct node_labels *fewer = node_labels_new(one, 2);
	struct node_labels *none = node_labels_new(NULL, 0);

	ck_assert(labels != NULL && same != NULL && fewer != NULL && none != NULL);
	ck_assert_str_eq(labels->json, "{\"a\":\"1\",\"b\":\"2\",\"c\":\"\\\"3\\\"\"}");
	ck_assert_uint_eq(labels->json_size, strlen(labels->json));
	ck_assert_str_eq(node_labels_find(labels, "a"), "1");
	ck_assert_str_eq(node_labels_find(labels, "b"), "2");
	ck_assert_str_eq(node_labels_find(labels, "c"), "\"3\"");
	ck_assert_ptr_null(node_labels_find(labels, ""));
	ck_assert_ptr_null(node_labels_find(labels, "bb"));
	ck_assert_ptr_null(node_labels_find(labels, "d"));
	ck_assert_ptr_null(node_labels_find(NULL, "a"));
	ck_assert_ptr_null(node_labels_find(none, "a"));
	ck_assert(node_labels_equal(labels, same));
	ck_assert(!node_labels_equal(labels, fewer));
	ck_assert(!node_labels_equal(labels, NULL));
	ck_assert(node_labels_equal(none, NULL));
	ck_assert(node_labels_equal(NULL, NULL));
	node_labels_put(labels);
	node_labels_put(same);
	node_labels_put(fewer);
	node_labels_put(none);
}
END_TEST

static Suite *
suite(void)
{
	Suite *made = suite_create("constraint");
	TCase *tcase = tcase_create("all");

	tcase_add_test(tcase, equal_compares_texts_as_they_are);
	tcase_add_test(tcase, not_equal_holds_where_the_label_is_absent);
	tcase_add_test(tcase, in_and_notin_look_through_the_list);
	tcase_add_test(tcase, exists_asks_for_the_label_alone);
	tcase_add_test(tcase, order_compares_numbers_with_their_units);
	tcase_add_test(tcase, attributes_are_of_the_node_and_labels_its_own);
	tcase_add_test(tcase, versions_are_compared_part_by_part);
	tcase_add_test(tcase, a_node_that_tells_nothing_lacks_it_all);
	tcase_add_test(tcase, what_is_wrong_is_said_with_its_place);
	tcase_add_test(tcase, length_and_count_of_values_are_bounded);
	tcase_add_test(tcase, words_tell_what_is_there_and_what_is_wanted);
	tcase_add_test(tcase, first_broken_one_is_named);
	tcase_add_test(tcase, labels_are_sorted_and_found);
	suite_add_tcase(made, tcase);
	return made;
}

CHECK_MAIN(suite)
