/* cube/why_print.c - the answer to "why" for people.
 *
 *     0 of 5 nodes fit:
 *       3  memory    n1 n3 n4   wants 512 MiB; most free n3 490 MiB (22 MiB short)
 *       1  cordoned  n2
 *     It would fit if it asked for at most 490 MiB, or n2 were uncordoned.
 *
 * The counts add up to the nodes; the words are the manager's. Main thread.
 */
#include "why_print.h"

#include "base/amount.h"

#include <inttypes.h>
#include <string.h>

#define NAMES_WHOLE 4 /* so many are named; of more the first three */
#define NAMES_SOME  3
#define LINE_MAX    ((size_t)2048)

void
why_names(const struct why_reason *reason, struct buf *out)
{
	uint32_t shown = reason->count > NAMES_WHOLE ? NAMES_SOME : NAMES_WHOLE;
	uint32_t i;

	if (shown > reason->named)
		shown = reason->named;
	for (i = 0; i < shown; i++)
		buf_printf(out, "%s%s", i == 0 ? "" : " ", reason->nodes[i]);
	if (reason->count <= shown)
		return;
	buf_append_text(out, shown == 0 ? "" : " and ");
	amount_add_count(out, reason->count - shown);
	buf_append_text(out, shown == 0 ? " nodes" : " more");
}

/* A row of the table, whose rows stand two columns in: the first cell has them. */
static void
add_reason(struct table *table, const struct why_reason *reason, int width)
{
	cleanup_buf struct buf count = BUF_INIT(LINE_MAX);
	cleanup_buf struct buf padded = BUF_INIT(LINE_MAX);
	cleanup_buf struct buf names = BUF_INIT(LINE_MAX);

	amount_add_count(&count, reason->count);
	buf_printf(&padded, "  %*s", width, buf_text(&count));
	why_names(reason, &names);
	table_add(table, (const char *const[]){buf_text(&padded), reason->word,
					       buf_text(&names), reason->text});
}

/* The counts stand below each other's last digit. */
static int
widest_count(const struct why *why)
{
	size_t widest = 0;
	size_t i;

	for (i = 0; i < why->reason_count; i++) {
		cleanup_buf struct buf count = BUF_INIT(LINE_MAX);

		amount_add_count(&count, why->reasons[i].count);
		if (count.size > widest)
			widest = count.size;
	}
	return (int)widest;
}

static int
print_reasons(FILE *out, const struct why *why, struct cube_error *err)
{
	int width = widest_count(why);
	struct table table;
	size_t i;
	int rc;

	if (why->reason_count == 0)
		return 0;
	table_init_bare(&table, 4);
	for (i = 0; i < why->reason_count; i++)
		add_reason(&table, &why->reasons[i], width);
	rc = table_print(&table, out, err);
	table_release(&table);
	return rc;
}

static int
print_costs(FILE *out, const struct why *why, struct cube_error *err)
{
	cleanup_buf struct buf considered = BUF_INIT(LINE_MAX);
	struct table table;
	size_t i;
	int rc;

	if (why->cost_count == 0)
		return 0;
	amount_add_count(&considered, why->considered);
	text_print(out, why->scheduler);
	(void)fprintf(out, " has costs for %s node%s, the lowest first:\n",
		      buf_text(&considered), why->considered == 1 ? "" : "s");
	table_init_bare(&table, 3);
	for (i = 0; i < why->cost_count; i++) {
		const struct why_cost *cost = &why->costs[i];
		bool here = strcmp(cost->node, why->node) == 0;
		char name[NAME_SIZE + 2];
		char number[32];

		(void)snprintf(name, sizeof(name), "  %s", cost->node);
		(void)snprintf(number, sizeof(number), "%.6g", cost->cost);
		table_add(&table, (const char *const[]){name, number,
							!here ? ""
							: why->state == TASK_PENDING
								? "it would go here"
								: "it is here"});
	}
	rc = table_print(&table, out, err);
	table_release(&table);
	return rc;
}

/* A sentence that may begin with a small letter, as one that stands alone. */
static void
print_sentence(FILE *out, const char *text)
{
	char first[2] = {text[0], '\0'};

	if (first[0] >= 'a' && first[0] <= 'z')
		first[0] = (char)(first[0] - 'a' + 'A');
	text_print(out, first);
	text_print(out, text[0] != '\0' ? text + 1 : "");
	(void)fputs(".\n", out);
}

int
why_print(FILE *out, const struct why *why, struct cube_error *err)
{
	cleanup_buf struct buf line = BUF_INIT(LINE_MAX);
	/* The counts say it all, and more exactly. */
	bool counts_alone = why->state == TASK_PENDING && why->fits == 0 && why->nodes > 0 &&
			    why->reason_count > 0;
	int rc;

	if (!counts_alone && why->summary[0] != '\0')
		print_sentence(out, why->summary);
	if (why->nodes > 0) {
		amount_add_count(&line, why->fits);
		buf_append_text(&line, " of ");
		amount_add_count(&line, why->nodes);
		(void)fprintf(out, "%s node%s fit%s%s\n", buf_text(&line),
			      why->nodes == 1 ? "" : "s", why->fits == 1 ? "s" : "",
			      why->reason_count > 0 ? ":" : ".");
	}
	rc = print_reasons(out, why, err);
	if (rc == 0)
		rc = print_costs(out, why, err);
	if (rc == 0 && why->unblock != NULL && why->unblock[0] != '\0') {
		text_print(out, why->unblock);
		(void)fputc('\n', out);
	}
	return rc;
}

/* One of them; title: it is one of several. */
static int
show_one(const struct why *why, enum output_form form, bool title, struct cube_error *err)
{
	if (form == OUTPUT_NAME && why->node[0] != '\0') {
		text_print(stdout, why->node);
		(void)fputc('\n', stdout);
	}
	if (form != OUTPUT_TABLE)
		return 0;
	if (title) {
		text_print(stdout, why->name);
		(void)fputs(":\n", stdout);
	}
	return why_print(stdout, why, err);
}

int
why_show(const struct json_doc *doc, enum output_form form, bool *fits, struct cube_error *err)
{
	const struct json_value *root = doc->root;
	bool many = root != NULL && root->type == JSON_ARRAY;
	const struct json_value *at = many ? root->as.first : root;
	int rc = 0;

	if (root == NULL)
		return cube_fail(err, CUBE_ERR_INTERNAL, 0, "the manager's answer is empty");
	*fits = true;
	for (; rc == 0 && at != NULL; at = many ? at->next : NULL) {
		struct why why;

		if (why_decode(doc, at, &why, err) < 0) {
			(void)error_wrap(err, "the manager's answer is not understood");
			return err->code = CUBE_ERR_INTERNAL;
		}
		if (many && form == OUTPUT_TABLE && at != root->as.first)
			(void)fputc('\n', stdout);
		*fits = *fits && (why.fits > 0 || why.state != TASK_PENDING);
		rc = show_one(&why, form, many, err);
		why_release(&why);
	}
	return rc == 0 && form == OUTPUT_JSON ? json_print(stdout, root, err) : rc;
}
