/* tests/unit/cli_why_test.c - the answer to "why" as people see it, to the letter. */
#include "check_main.h"
#include "cube/why_print.h"

#include <stdlib.h>
#include <string.h>

static struct cube_error err;

/* What is printed of an answer written with ' for ". */
static char *
printed(const char *quoted)
{
	char *json = strdup(quoted);
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	struct json_doc doc;
	struct why why;

	ck_assert(json != NULL && out != NULL);
	for (char *at = json; *at != '\0'; at++) {
		if (*at == '\'')
			*at = '"';
	}
	ck_assert_msg(json_parse(json, strlen(json), &doc, &err) == 0, "%s", err.message);
	ck_assert_msg(why_decode(&doc, doc.root, &why, &err) == 0, "%s", err.message);
	ck_assert_int_eq(why_print(out, &why, &err), 0);
	why_release(&why);
	json_release(&doc);
	free(json);
	(void)fclose(out);
	return text;
}

#define PRINTS(quoted, wanted)                   \
	do {                                     \
		char *text_ = printed(quoted);   \
		ck_assert_str_eq(text_, wanted); \
		free(text_);                     \
	} while (0)

START_TEST(a_task_that_waits_shows_every_node_under_what_it_lacks)
{
	PRINTS("{'Task':'21b23589-5d2d-4731-b5c9-a97e9832d021','Name':'web','State':0,"
	       "'Summary':'no node fits: 3 without 512 MiB of memory free','Nodes':5,'Fits':0,"
	       "'Reasons':[{'Reason':'memory','Count':3,'Nodes':['n1','n3','n4'],'Text':'wants "
	       "512 MiB; most free n3 490 MiB (22 MiB short)'},{'Reason':'cordoned','Count':1,"
	       "'Nodes':['n2'],'Text':''},{'Reason':'label','Count':1,'Nodes':['n5'],'Text':"
	       "'arch is amd64, wants arm64'}],'Unblock':'It would fit if it asked for at most "
	       "490 MiB, or n2 were uncordoned.'}",
	       "0 of 5 nodes fit:\n"
	       "  3  memory    n1 n3 n4  wants 512 MiB; most free n3 490 MiB (22 MiB short)\n"
	       "  1  cordoned  n2\n"
	       "  1  label     n5        arch is amd64, wants arm64\n"
	       "It would fit if it asked for at most 490 MiB, or n2 were uncordoned.\n");
}
END_TEST

START_TEST(of_thousands_of_nodes_three_are_named)
{
	PRINTS("{'State':0,'Summary':'x','Nodes':3012,'Fits':0,'Reasons':[{'Reason':'cpu',"
	       "'Count':3000,'Nodes':['n1','n3','n4','n5','n6'],'Text':'wants 2 cores'},"
	       "{'Reason':'lost','Count':4,'Nodes':['a','b','c','d'],'Text':''},"
	       "{'Reason':'port','Count':8,'Nodes':[],'Text':''}]}",
	       "0 of 3,012 nodes fit:\n"
	       "  3,000  cpu   n1 n3 n4 and 2,997 more  wants 2 cores\n"
	       "      4  lost  a b c d\n"
	       "      8  port  8 nodes\n");
}
END_TEST

START_TEST(a_task_that_is_placed_shows_where_and_what_the_others_would_cost)
{
	PRINTS("{'State':2,'Node':'n2','Summary':'it runs on n2','Nodes':3,'Fits':2,'Reasons':"
	       "[{'Reason':'lost','Count':1,'Nodes':['n3'],'Text':''}],'Scheduler':'epvm.so',"
	       "'Considered':2,'Costs':[{'Node':'n1','Cost':0.25},{'Node':'n2','Cost':1.5}]}",
	       "It runs on n2.\n"
	       "2 of 3 nodes fit:\n"
	       "  1  lost  n3\n"
	       "epvm.so has costs for 2 nodes, the lowest first:\n"
	       "  n1  0.25\n"
	       "  n2  1.5   it is here\n");
}
END_TEST

START_TEST(a_dry_run_that_fits_shows_where_it_would_go)
{
	PRINTS("{'State':0,'Node':'n1','Summary':'it would go to n1','Nodes':1,'Fits':1,"
	       "'Reasons':[],'Scheduler':'s.so','Considered':1,'Costs':[{'Node':'n1','Cost':"
	       "null"
	       "}]}",
	       "It would go to n1.\n"
	       "1 of 1 node fits.\n"
	       "s.so has costs for 1 node, the lowest first:\n"
	       "  n1  inf  it would go here\n");
}
END_TEST

START_TEST(what_has_no_nodes_to_count_is_a_sentence)
{
	PRINTS("{'State':3,'Summary':'it has ended: stopped','Nodes':0,'Fits':0,'Reasons':[]}",
	       "It has ended: stopped.\n");
	PRINTS("{'State':0,'Summary':'no node has joined yet','Nodes':0,'Fits':0,"
	       "'Reasons':[]}",
	       "No node has joined yet.\n");
}
END_TEST

START_TEST(a_stranger_s_text_cannot_drive_the_terminal)
{
	PRINTS("{'State':0,'Summary':'x','Nodes':1,'Fits':0,'Reasons':[{'Reason':'runtime',"
	       "'Count':1,'Nodes':['n1'],'Text':'no "
	       "\\u001b[31mdocker'}],'Unblock':'a\\u0007b'}",
	       "0 of 1 node fit:\n"
	       "  1  runtime  n1  no ?[31mdocker\n"
	       "a?b\n");
}
END_TEST

static Suite *
suite_make(void)
{
	Suite *suite = suite_create("cli_why");
	TCase *tests = tcase_create("why");

	tcase_add_test(tests, a_task_that_waits_shows_every_node_under_what_it_lacks);
	tcase_add_test(tests, of_thousands_of_nodes_three_are_named);
	tcase_add_test(tests, a_task_that_is_placed_shows_where_and_what_the_others_would_cost);
	tcase_add_test(tests, a_dry_run_that_fits_shows_where_it_would_go);
	tcase_add_test(tests, what_has_no_nodes_to_count_is_a_sentence);
	tcase_add_test(tests, a_stranger_s_text_cannot_drive_the_terminal);
	suite_add_tcase(suite, tests);
	return suite;
}

CHECK_MAIN(suite_make)
