/* model/constraint.h - what a task asks of the nodes it may run on: "zone==eu".
 *
 *     constraint = KEY operator VALUE | KEY ("in" | "notin") "(" VALUE {"," VALUE} ")"
 *                | ("exists" | "!exists") KEY | KEY ("exists" | "!exists")
 *     operator   = "==" | "=" | "!=" | "<" | "<=" | ">" | ">="
 *
 * KEY names a label of the node, also as node.labels.KEY, or one of its attributes (node.name,
 * node.arch, ...). A VALUE with blanks, commas or nothing in it stands in double quotes. Texts
 * are compared as they are; < and its like compare numbers (8, 0.5, 16g), and on node.version
 * dotted ones. What a node does not have is not equal to anything: != and notin hold there,
 * the others do not. A constraint is parsed once, when its task is decoded; looking whether
 * it holds allocates nothing. Pure. [any]
 */
#ifndef MODEL_CONSTRAINT_H
#define MODEL_CONSTRAINT_H

#include "base/buf.h"
#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

struct node_info;

#define CONSTRAINTS_MAX       64  /* a task */
#define CONSTRAINT_SIZE       512 /* of one, NUL included */
#define CONSTRAINT_VALUES_MAX 64  /* of in and notin */

enum constraint_operator {
	CONSTRAINT_EQUAL = 0,
	CONSTRAINT_NOT_EQUAL,
	CONSTRAINT_LESS,
	CONSTRAINT_LESS_EQUAL,
	CONSTRAINT_MORE,
	CONSTRAINT_MORE_EQUAL,
	CONSTRAINT_IN,
	CONSTRAINT_NOT_IN,
	CONSTRAINT_EXISTS,
	CONSTRAINT_ABSENT
};

enum constraint_attribute {
	CONSTRAINT_LABEL = 0, /* none: the key is a label's */
	CONSTRAINT_NAME,
	CONSTRAINT_ARCH,
	CONSTRAINT_OS,
	CONSTRAINT_RUNTIME,
	CONSTRAINT_VERSION,
	CONSTRAINT_CORES, /* capacity for tasks, as the next two */
	CONSTRAINT_MEMORY,
	CONSTRAINT_DISK
};

struct task_constraint {
	enum constraint_operator op;
	enum constraint_attribute attribute;
	uint32_t value_count;
	double number;      /* of the comparing ones, but for node.version */
	const char *text;   /* as it was given */
	const char *key;    /* of the label, or the attribute's name with its node. */
	const char *values; /* value_count texts, each behind the NUL of the one before */
};

/* pieces: strlen(text) + 1 bytes, where key and values are put. out borrows both. 0, or
 * CUBE_ERR_INVALID with the character where it is wrong and what would be right; pieces may
 * be written to then, out is not. */
int constraint_parse(const char *text, char *pieces, struct task_constraint *out,
		     struct cube_error *err);

/* Of a text that was parsed before. */
void constraint_parse_again(const char *text, char *pieces, struct task_constraint *out);

bool constraint_holds(const struct task_constraint *constraint, const struct node_info *node);

/* The first one that does not hold on node; NULL: all do. */
const struct task_constraint *constraints_broken(const struct task_constraint *constraints,
						 uint32_t count, const struct node_info *node);

/* As many, in one block with all their texts, to be freed. NULL: no memory. */
struct task_constraint *
constraints_copy(const struct task_constraint *constraints, uint32_t count);

static inline bool
constraint_is_label(const struct task_constraint *constraint)
{
	return constraint->attribute == CONSTRAINT_LABEL;
}

/* What the node has there, for people: "amd64", "7.5 GiB", "not set". */
void constraint_add_actual(struct buf *out, const struct task_constraint *constraint,
			   const struct node_info *node);
/* What is wanted there: "arm64", "any but eu", "more than 8", "one of a, b", "any". */
void constraint_add_wanted(struct buf *out, const struct task_constraint *constraint);
/* "arch is amd64, wants arm64" */
void constraint_explain(struct buf *out, const struct task_constraint *constraint,
			const struct node_info *node);

#endif
