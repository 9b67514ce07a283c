/* model/constraint_node.c - a constraint against a node, and in words.
 *
 * The label is looked for by halving in the node's sorted labels; nothing is allocated, so
 * this may run for each node of a large cluster. Pure, owns nothing. [any]
 */
#include "model/constraint.h"

#include "base/amount.h"
#include "base/utf8.h"
#include "model/constraint_key.h"
#include "model/node.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SHOWN_MAX    64 /* bytes of a text */
#define SHOWN_VALUES 8

/* What a node has under a key: a text or an amount; neither: it does not have it. */
struct actual {
	const char *text; /* NULL: none */
	double amount;    /* of an attribute that is one */
	bool is_amount;
};

bool
constraint_number(enum constraint_attribute attribute, const char *text, double *number)
{
	const char *end;

	if (attribute != CONSTRAINT_CORES)
		return amount_bytes(text, number) == 0;
	end = amount_number(text, number);
	return end != NULL && *end == '\0';
}

static const char *
attribute_text(const struct node_info *node, enum constraint_attribute attribute)
{
	switch (attribute) {
	case CONSTRAINT_NAME:
		return node->name;
	case CONSTRAINT_ARCH:
		return node->arch;
	case CONSTRAINT_OS:
		return node->os;
	case CONSTRAINT_RUNTIME:
		return node->runtime;
	case CONSTRAINT_VERSION:
		return node->version;
	case CONSTRAINT_LABEL:
	case CONSTRAINT_CORES:
	case CONSTRAINT_MEMORY:
	case CONSTRAINT_DISK:
		break;
	}
	return "";
}

static bool
actual_get(const struct task_constraint *constraint, const struct node_info *node,
	   struct actual *out)
{
	enum constraint_attribute attribute = constraint->attribute;

	memset(out, 0, sizeof(*out));
	if (attribute == CONSTRAINT_LABEL) {
		out->text = node_labels_find(node->labels, constraint->key);
		return out->text != NULL;
	}
	if (!constraint_is_numeric(attribute)) {
		out->text = attribute_text(node, attribute);
		return out->text[0] != '\0';
	}
	out->is_amount = true;
	if (attribute == CONSTRAINT_CORES)
		out->amount = (double)node->mcpu / 1000;
	else
		out->amount = (double)(attribute == CONSTRAINT_MEMORY ? node->memory_bytes
								      : node->disk_bytes);
	/* A worker of the book's protocol does not tell. */
	return out->amount > 0;
}

static bool
is_any(const struct task_constraint *constraint, const struct actual *actual)
{
	const char *value = constraint->values;
	uint32_t i;

	for (i = 0; i < constraint->value_count; i++, value += strlen(value) + 1) {
		double number = 0;

		if (!actual->is_amount) {
			if (strcmp(actual->text, value) == 0)
				return true;
		} else if (constraint_number(constraint->attribute, value, &number) &&
			   !(number < actual->amount) && !(number > actual->amount)) {
			return true;
		}
	}
	return false;
}

/* Dotted numbers, part by part; what is missing at an end is 0 ("1.2" is "1.2.0"), and what
 * follows the numbers ("-rc1") does not count. Below, at or above 0, as strcmp. */
static int
versions_compare(const char *a, const char *b)
{
	while (*a != '\0' || *b != '\0') {
		char *end_a;
		char *end_b;
		unsigned long part_a = strtoul(a, &end_a, 10);
		unsigned long part_b = strtoul(b, &end_b, 10);

		if (part_a != part_b)
			return part_a < part_b ? -1 : 1;
		a = *end_a == '.' ? end_a + 1 : "";
		b = *end_b == '.' ? end_b + 1 : "";
	}
	return 0;
}

static bool
compares(const struct task_constraint *constraint, const struct actual *actual)
{
	double number = actual->amount;
	double wanted = constraint->number;

	if (constraint->attribute == CONSTRAINT_VERSION) {
		if (actual->text[0] < '0' || actual->text[0] > '9')
			return false;
		number = versions_compare(actual->text, constraint->values);
		wanted = 0;
	} else if (!actual->is_amount && amount_bytes(actual->text, &number) != 0) {
		return false;
	}
	switch (constraint->op) {
	case CONSTRAINT_LESS:
		return number < wanted;
	case CONSTRAINT_LESS_EQUAL:
		return number <= wanted;
	case CONSTRAINT_MORE:
		return number > wanted;
	default:
		return number >= wanted;
	}
}

bool
constraint_holds(const struct task_constraint *constraint, const struct node_info *node)
{
	struct actual actual;
	bool is_there = actual_get(constraint, node, &actual);

	switch (constraint->op) {
	case CONSTRAINT_EXISTS:
		return is_there;
	case CONSTRAINT_ABSENT:
		return !is_there;
	case CONSTRAINT_EQUAL:
	case CONSTRAINT_IN:
		return is_there && is_any(constraint, &actual);
	case CONSTRAINT_NOT_EQUAL:
	case CONSTRAINT_NOT_IN:
		return !is_there || !is_any(constraint, &actual);
	case CONSTRAINT_LESS:
	case CONSTRAINT_LESS_EQUAL:
	case CONSTRAINT_MORE:
	case CONSTRAINT_MORE_EQUAL:
		break;
	}
	return is_there && compares(constraint, &actual);
}

const struct task_constraint *
constraints_broken(const struct task_constraint *constraints, uint32_t count,
		   const struct node_info *node)
{
	uint32_t i;

	for (i = 0; i < count; i++) {
		if (!constraint_holds(&constraints[i], node))
			return &constraints[i];
	}
	return NULL;
}

/* ---- in words ---- */

/* Long ones are cut: this is for people. */
static void
add_text(struct buf *out, const char *text)
{
	size_t size = strlen(text);

	if (size == 0)
		buf_append_text(out, "\"\"");
	else if (size <= SHOWN_MAX)
		buf_append(out, text, size);
	else
		buf_printf(out, "%.*s...", (int)utf8_valid_prefix(text, SHOWN_MAX), text);
}

void
constraint_add_actual(struct buf *out, const struct task_constraint *constraint,
		      const struct node_info *node)
{
	struct actual actual;

	if (!actual_get(constraint, node, &actual))
		buf_append_text(out, "not set");
	else if (!actual.is_amount)
		add_text(out, actual.text);
	else if (constraint->attribute == CONSTRAINT_CORES)
		buf_printf(out, "%.6g", actual.amount);
	else
		amount_add_bytes(out, (int64_t)actual.amount);
}

void
constraint_add_wanted(struct buf *out, const struct task_constraint *constraint)
{
	static const char *const words[] = {
		[CONSTRAINT_EQUAL] = "",          [CONSTRAINT_NOT_EQUAL] = "any but ",
		[CONSTRAINT_LESS] = "less than ", [CONSTRAINT_LESS_EQUAL] = "at most ",
		[CONSTRAINT_MORE] = "more than ", [CONSTRAINT_MORE_EQUAL] = "at least ",
		[CONSTRAINT_IN] = "one of ",      [CONSTRAINT_NOT_IN] = "none of ",
		[CONSTRAINT_EXISTS] = "any",      [CONSTRAINT_ABSENT] = "it not set",
	};
	const char *value = constraint->values;
	uint32_t i;

	buf_append_text(out, words[constraint->op]);
	for (i = 0; i < constraint->value_count; i++, value += strlen(value) + 1) {
		if (i > 0)
			buf_append_text(out, ", ");
		if (i == SHOWN_VALUES) {
			buf_append_text(out, "...");
			return;
		}
		add_text(out, value);
	}
}

void
constraint_explain(struct buf *out, const struct task_constraint *constraint,
		   const struct node_info *node)
{
	add_text(out, constraint->key);
	buf_append_text(out, " is ");
	constraint_add_actual(out, constraint, node);
	buf_append_text(out, ", wants ");
	constraint_add_wanted(out, constraint);
}
