/* tests/fuzz/constraint_fuzz.c - any text as a constraint.
 *
 * What is refused says why. What is read is what it says: on a node that lacks the key, on
 * one that has the first value, and in a copy.
 */
#include "base/utf8.h"
#include "fuzz_main.h"
#include "model/constraint.h"
#include "model/node.h"

static const struct fuzz_seed seeds[] = {
	FUZZ_SEED("zone==eu"),
	FUZZ_SEED(" node.labels.zone = \"a, b\" "),
	FUZZ_SEED("zone in (eu, us,\"\",\"(,)\")"),
	FUZZ_SEED("zone notin(eu)"),
	FUZZ_SEED("exists gpu"),
	FUZZ_SEED("!exists exists"),
	FUZZ_SEED("gpu !exists"),
	FUZZ_SEED("node.memory>=1.5GiB"),
	FUZZ_SEED("node.cores in (1,2.5)"),
	FUZZ_SEED("node.arch != aarch64"),
	FUZZ_SEED("node.version<1.10.2"),
	FUZZ_SEED("rack<=12k"),
};

static bool
negates(enum constraint_operator op)
{
	return op == CONSTRAINT_NOT_EQUAL || op == CONSTRAINT_NOT_IN || op == CONSTRAINT_ABSENT;
}

static void
check_label(const struct task_constraint *constraint)
{
	const struct node_info nothing = {.name = "n0"};
	const struct task_label label = {constraint->key,
					 constraint->value_count > 0 ? constraint->values : ""};
	struct node_info node = {.name = "n1"};

	FUZZ_MUST(constraint_holds(constraint, &nothing) == negates(constraint->op));
	node.labels = node_labels_new(&label, 1);
	FUZZ_MUST(node.labels != NULL);
	if (constraint->op == CONSTRAINT_LESS || constraint->op == CONSTRAINT_MORE)
		FUZZ_MUST(!constraint_holds(constraint, &node));
	else
		FUZZ_MUST(constraint_holds(constraint, &node) != negates(constraint->op));
	node_info_release(&node);
}

static void
check_words(const struct task_constraint *constraint)
{
	const struct node_info node = {.name = "n1",
				       .arch = "arm64",
				       .version = "1.2-rc",
				       .mcpu = 1500,
				       .memory_bytes = 1 << 30};
	struct task_constraint *copy = constraints_copy(constraint, 1);
	struct buf words cleanup_buf = BUF_INIT(65536);
	struct buf again cleanup_buf = BUF_INIT(65536);

	FUZZ_MUST(copy != NULL && copy->text != constraint->text);
	constraint_explain(&words, constraint, &node);
	constraint_explain(&again, copy, &node);
	FUZZ_MUST(!words.failed && strcmp(buf_text(&words), buf_text(&again)) == 0);
	FUZZ_MUST(utf8_valid_prefix(words.data, words.size) == words.size);
	FUZZ_MUST(words.size < 1024);
	FUZZ_MUST(constraint_holds(constraint, &node) == constraint_holds(copy, &node));
	free(copy);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct task_constraint constraint;
	struct cube_error err = {0};
	char *text = malloc(size + 1);
	char *pieces;

	FUZZ_MUST(text != NULL);
	memcpy(text, data, size);
	text[size] = '\0';
	/* As from JSON: whole UTF-8. */
	text[utf8_valid_prefix(text, strlen(text))] = '\0';
	pieces = malloc(strlen(text) + 1);
	FUZZ_MUST(pieces != NULL);
	if (constraint_parse(text, pieces, &constraint, &err) == 0) {
		fuzz_accepted();
		FUZZ_MUST(strlen(text) < CONSTRAINT_SIZE && constraint.key[0] != '\0');
		FUZZ_MUST(constraint.value_count <= CONSTRAINT_VALUES_MAX);
		if (constraint.attribute == CONSTRAINT_LABEL)
			check_label(&constraint);
		check_words(&constraint);
	} else {
		FUZZ_MUST(err.code == CUBE_ERR_INVALID && err.message[0] != '\0');
		FUZZ_MUST(utf8_valid_prefix(err.message, strlen(err.message)) ==
			  strlen(err.message));
	}
	free(pieces);
	free(text);
	return 0;
}

FUZZ_MAIN(seeds)
