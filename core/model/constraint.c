/* model/constraint.c - reads constraints. What they say of a node is in constraint_node.c.
 *
 * One pass over the text; keys and values are copied behind each other into the caller's
 * bytes. Each of them is followed by at least one byte of the text that is not copied, so
 * they and their NULs never need more than the text and its NUL. Pure, owns nothing. [any]
 */
#include "model/constraint.h"

#include "base/amount.h"
#include "base/utf8.h"
#include "model/constraint_key.h"
#include "model/node.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define QUOTED_MAX 64 /* bytes of the text in a message */

#define OPERATORS_WANTED                                                                 \
	"an operator is wanted: ==, !=, <, <=, >, >=, in (A,B), notin (A,B), exists or " \
	"!exists"

struct scan {
	const char *text;
	const char *at;
	char *out; /* where the next piece goes */
	struct cube_error *err;
};

static const struct {
	const char *name;
	enum constraint_attribute attribute;
} attributes[] = {
	{"node.name", CONSTRAINT_NAME},       {"node.arch", CONSTRAINT_ARCH},
	{"node.os", CONSTRAINT_OS},           {"node.runtime", CONSTRAINT_RUNTIME},
	{"node.version", CONSTRAINT_VERSION}, {"node.cores", CONSTRAINT_CORES},
	{"node.memory", CONSTRAINT_MEMORY},   {"node.disk", CONSTRAINT_DISK},
	{"node.hostname", CONSTRAINT_NAME},   {"node.platform.arch", CONSTRAINT_ARCH},
	{"node.platform.os", CONSTRAINT_OS},
};

/* "zone=>eu", character 6: WANTED */
static int
fail_at(const struct scan *scan, const char *at, const char *wanted)
{
	size_t size = strlen(scan->text);
	size_t shown = size > QUOTED_MAX ? utf8_valid_prefix(scan->text, QUOTED_MAX) : size;
	unsigned character = 1;
	const char *before;

	for (before = scan->text; before < at; before++)
		character += ((unsigned char)*before & 0xc0) != 0x80;
	return cube_fail(scan->err, CUBE_ERR_INVALID, 0, "\"%.*s%s\", character %u: %s",
			 (int)shown, scan->text, shown < size ? "..." : "", character, wanted);
}

static void
skip_blanks(struct scan *scan)
{
	scan->at += strspn(scan->at, " ");
}

static size_t
key_size(const char *at)
{
	return strcspn(at, " =!<>(),\"");
}

static bool
is_word(const char *at, size_t size, const char *word)
{
	return size == strlen(word) && memcmp(at, word, size) == 0;
}

static char *
put_piece(struct scan *scan, const char *from, size_t size)
{
	char *piece = scan->out;

	memmove(piece, from, size);
	piece[size] = '\0';
	scan->out += size + 1;
	return piece;
}

/* ---- the key ---- */

static int
read_key(struct scan *scan, struct task_constraint *out)
{
	static const char label[] = "node.labels.";
	const char *from = scan->at;
	size_t size = key_size(from);
	size_t i;

	if (size == 0)
		return fail_at(scan, from,
			       "the name of a label or an attribute such as node.arch is "
			       "wanted");
	scan->at += size;
	if (strncmp(from, label, sizeof(label) - 1) == 0 && size > sizeof(label) - 1) {
		out->key = put_piece(scan, from + sizeof(label) - 1, size - sizeof(label) + 1);
		return 0;
	}
	if (strncmp(from, "node.", 5) != 0) {
		out->key = put_piece(scan, from, size);
		return 0;
	}
	for (i = 0; i < sizeof(attributes) / sizeof(attributes[0]); i++) {
		if (!is_word(from, size, attributes[i].name))
			continue;
		out->attribute = attributes[i].attribute;
		out->key = put_piece(scan, from, size);
		return 0;
	}
	return fail_at(scan, from,
		       "a node has node.name, node.arch, node.os, node.cores, node.memory, "
		       "node.disk, node.runtime, node.version and node.labels.NAME");
}

/* ---- the operator ---- */

/* "in", "exists" and the like at the scan's place, behind blanks. */
static bool
take_word(struct scan *scan, const char *word)
{
	size_t size = strlen(word);

	if (strncmp(scan->at, word, size) != 0 || key_size(scan->at + size) != 0)
		return false;
	scan->at += size;
	return true;
}

static int
read_operator(struct scan *scan, struct task_constraint *out)
{
	/* The longer ones first. */
	static const struct {
		const char *sign;
		enum constraint_operator op;
	} signs[] = {
		{"==", CONSTRAINT_EQUAL},      {"!=", CONSTRAINT_NOT_EQUAL},
		{"<=", CONSTRAINT_LESS_EQUAL}, {">=", CONSTRAINT_MORE_EQUAL},
		{"=", CONSTRAINT_EQUAL},       {"<", CONSTRAINT_LESS},
		{">", CONSTRAINT_MORE},
	};
	size_t i;

	skip_blanks(scan);
	for (i = 0; i < sizeof(signs) / sizeof(signs[0]); i++) {
		size_t size = strlen(signs[i].sign);

		if (strncmp(scan->at, signs[i].sign, size) != 0)
			continue;
		out->op = signs[i].op;
		scan->at += size;
		return 0;
	}
	if (take_word(scan, "notin"))
		out->op = CONSTRAINT_NOT_IN;
	else if (take_word(scan, "in"))
		out->op = CONSTRAINT_IN;
	else if (take_word(scan, "exists"))
		out->op = CONSTRAINT_EXISTS;
	else if (take_word(scan, "!exists"))
		out->op = CONSTRAINT_ABSENT;
	else
		return fail_at(scan, scan->at, OPERATORS_WANTED);
	return 0;
}

static bool
is_comparing(enum constraint_operator op)
{
	return op >= CONSTRAINT_LESS && op <= CONSTRAINT_MORE_EQUAL;
}

static bool
is_text(enum constraint_attribute attribute)
{
	return attribute >= CONSTRAINT_NAME && attribute <= CONSTRAINT_RUNTIME;
}

/* ---- values ---- */

static bool
is_version(const char *text)
{
	return text[0] >= '0' && text[0] <= '9' && text[strspn(text, "0123456789.")] == '\0' &&
	       strstr(text, "..") == NULL && strlen(text) < CONSTRAINT_VERSION_SIZE;
}

/* Is value one that the key and the operator can be compared with? */
static int
check_value(const struct scan *scan, const char *at, const char *value,
	    struct task_constraint *out)
{
	double number = 0;
	bool numeric = constraint_is_numeric(out->attribute);

	if (out->attribute == CONSTRAINT_VERSION && is_comparing(out->op))
		return is_version(value) ? 0
					 : fail_at(scan, at, "a version such as 1.2 is wanted");
	if (!numeric && !is_comparing(out->op))
		return 0;
	if (constraint_number(out->attribute, value, &number)) {
		out->number = number;
		return 0;
	}
	if (out->attribute == CONSTRAINT_CORES)
		return fail_at(scan, at, "a number of cores such as 8 or 0.5 is wanted");
	if (numeric)
		return fail_at(scan, at, "a size such as 512m or 16g is wanted");
	return fail_at(scan, at, "a number such as 8, 0.5 or 16g is wanted");
}

/* One value, up to one of the characters in end, or in double quotes. */
static int
read_value(struct scan *scan, const char *end, struct task_constraint *out)
{
	const char *from;
	const char *value;
	size_t size;

	skip_blanks(scan);
	from = scan->at;
	if (*from == '"') {
		size = strcspn(from + 1, "\"");
		if (from[size + 1] != '"')
			return fail_at(scan, from, "the closing quote is missing");
		scan->at = from + size + 2;
		value = put_piece(scan, from + 1, size);
	} else {
		size = strcspn(from, end);
		scan->at = from + size;
		while (size > 0 && from[size - 1] == ' ')
			size--;
		if (size == 0)
			return fail_at(scan, from, "a value is wanted (\"\" is the empty one)");
		if (strchr("=<>!", *from) != NULL)
			return fail_at(scan, from, OPERATORS_WANTED);
		value = put_piece(scan, from, size);
	}
	if (out->attribute == CONSTRAINT_ARCH && node_arch_name(value) != value) {
		const char *name = node_arch_name(value);

		scan->out -= strlen(value) + 1; /* no name is longer */
		value = put_piece(scan, name, strlen(name));
	}
	if (out->values == NULL)
		out->values = value;
	out->value_count++;
	return check_value(scan, from, value, out);
}

static int
read_list(struct scan *scan, struct task_constraint *out)
{
	int rc;

	skip_blanks(scan);
	if (*scan->at != '(')
		return fail_at(scan, scan->at, "a list such as (A,B) is wanted");
	do {
		scan->at++;
		if (out->value_count == CONSTRAINT_VALUES_MAX)
			return fail_at(scan, scan->at, "a list has at most 64 values");
		rc = read_value(scan, ",)(\"", out);
		if (rc < 0)
			return rc;
		skip_blanks(scan);
	} while (*scan->at == ',');
	if (*scan->at != ')')
		return fail_at(scan, scan->at, "\",\" or \")\" is wanted");
	scan->at++;
	return 0;
}

/* ---- all of it ---- */

/* "exists gpu": false if the text does not begin so. */
static bool
take_exists(struct scan *scan, struct task_constraint *out)
{
	const char *at = scan->at;
	bool negated = *at == '!';
	size_t size;

	at += negated;
	size = key_size(at);
	if (!is_word(at, size, "exists") || at[size] != ' ')
		return false;
	at += size;
	at += strspn(at, " ");
	/* "exists == yes" and "exists exists" are about a label of that name. */
	if (key_size(at) == 0 || (!negated && strcmp(at, "exists") == 0))
		return false;
	scan->at = at;
	out->op = negated ? CONSTRAINT_ABSENT : CONSTRAINT_EXISTS;
	return true;
}

static int
read_constraint(struct scan *scan, struct task_constraint *out)
{
	bool exists;
	int rc;

	skip_blanks(scan);
	exists = take_exists(scan, out);
	rc = read_key(scan, out);
	if (rc == 0 && !exists)
		rc = read_operator(scan, out);
	if (rc < 0)
		return rc;
	if (out->op == CONSTRAINT_IN || out->op == CONSTRAINT_NOT_IN) {
		rc = read_list(scan, out);
	} else if (out->op < CONSTRAINT_IN) {
		if (is_comparing(out->op) && is_text(out->attribute))
			return fail_at(scan, scan->text,
				       "this attribute is a text: ==, !=, in, notin, exists or "
				       "!exists is wanted");
		rc = read_value(scan, "", out);
	}
	if (rc < 0)
		return rc;
	skip_blanks(scan);
	if (*scan->at != '\0')
		return fail_at(scan, scan->at, "nothing more is wanted here");
	return 0;
}

int
constraint_parse(const char *text, char *pieces, struct task_constraint *out,
		 struct cube_error *err)
{
	struct task_constraint made = {.text = text};
	struct scan scan = {.text = text, .at = text, .out = pieces, .err = err};
	const char *at;
	int rc;

	if (strnlen(text, CONSTRAINT_SIZE) == CONSTRAINT_SIZE)
		return cube_fail(err, CUBE_ERR_INVALID, 0, "a constraint has at most %d bytes",
				 CONSTRAINT_SIZE - 1);
	for (at = text; *at != '\0'; at++) {
		if ((unsigned char)*at < 0x20 || *at == 0x7f)
			return cube_fail(err, CUBE_ERR_INVALID, 0,
					 "a constraint has no control characters");
	}
	rc = read_constraint(&scan, &made);
	if (rc < 0)
		return rc;
	assert((size_t)(scan.out - pieces) <= strlen(text) + 1);
	*out = made;
	return 0;
}

void
constraint_parse_again(const char *text, char *pieces, struct task_constraint *out)
{
	struct cube_error err;
	int rc = constraint_parse(text, pieces, out, &err);

	assert(rc == 0);
	(void)rc;
}

struct task_constraint *
constraints_copy(const struct task_constraint *constraints, uint32_t count)
{
	struct task_constraint *copies;
	size_t size = 0;
	uint32_t i;
	char *at;

	for (i = 0; i < count; i++)
		size += 2 * (strlen(constraints[i].text) + 1);
	copies = malloc(count * sizeof(*copies) + size + 1);
	if (copies == NULL)
		return NULL;
	at = (char *)(copies + count);
	for (i = 0; i < count; i++) {
		size = strlen(constraints[i].text) + 1;
		memcpy(at, constraints[i].text, size);
		constraint_parse_again(at, at + size, &copies[i]);
		at += 2 * size;
	}
	return copies;
}
