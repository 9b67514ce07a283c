/* cube/submission_placing.c - see the header. Constraints are checked here as well as by the
 * manager, so that a mistake is one of the command line. */
#include "submission_placing.h"

#include "model/constraint.h"

#include <stdio.h>
#include <string.h>

#define MAX_PER_NODE_MAX 1000000
#define LABEL_KEY_SIZE   256 /* as long as --label takes them */

static int
put_constraints(struct json_writer *writer, const char *const *texts, size_t count,
		struct cube_error *err)
{
	char pieces[CONSTRAINT_SIZE];

	if (count == 0)
		return 0;
	if (count > CONSTRAINTS_MAX)
		return cube_fail(err, CUBE_ERR_INVALID, 0,
				 "--constraint is given %zu times; a task has at most %d",
				 count, CONSTRAINTS_MAX);
	json_key(writer, "Constraints");
	json_begin_array(writer);
	for (size_t i = 0; i < count; i++) {
		struct task_constraint constraint;

		if (constraint_parse(texts[i], pieces, &constraint, err) != 0)
			return error_wrap(err, "--constraint");
		json_text(writer, texts[i]);
	}
	json_end_array(writer);
	return 0;
}

/* The number of "N" or "LABEL=N"; -1: it is none. */
static int64_t
limit_read(const char *text)
{
	int64_t max = 0;

	if (*text == '\0' || strlen(text) > 7 || text[strspn(text, "0123456789")] != '\0')
		return -1;
	for (; *text != '\0'; text++)
		max = max * 10 + (*text - '0');
	return max >= 1 && max <= MAX_PER_NODE_MAX ? max : -1;
}

static int
put_limit(struct json_writer *writer, const char *text, struct cube_error *err)
{
	const char *equals = strrchr(text, '=');
	char label[LABEL_KEY_SIZE];
	int64_t max = limit_read(equals != NULL ? equals + 1 : text);

	if (max < 0 || equals == text || equals - text >= LABEL_KEY_SIZE)
		return cube_fail(
			err, CUBE_ERR_INVALID, 0,
			"--max-per-node wants N from 1 to %d, or LABEL=N, not '%.100s'",
			MAX_PER_NODE_MAX, text);
	if (equals == NULL) {
		json_put_int(writer, "MaxPerNode", max);
		return 0;
	}
	(void)snprintf(label, sizeof(label), "%.*s", (int)(equals - text), text);
	json_key(writer, "MaxPerNode");
	json_begin_object(writer);
	json_put_text(writer, "Label", label);
	json_put_int(writer, "Max", max);
	json_end_object(writer);
	return 0;
}

int
placing_put(struct json_writer *writer, const struct cli_values *values, struct cube_error *err)
{
	size_t count;
	const char *const *constraints = cli_list(values, "constraint", &count);
	const char *limit = cli_text(values, "max-per-node");
	int64_t priority = -1;
	int rc = put_constraints(writer, constraints, count, err);

	if (rc == 0 && limit != NULL)
		rc = put_limit(writer, limit, err);
	if (rc == 0)
		rc = cli_number(values, "priority", 0, 100, &priority, err);
	if (rc == 0 && priority >= 0)
		json_put_int(writer, "Priority", priority);
	return rc;
}
