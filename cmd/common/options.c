/* common/options.c - parses a command line against a table, and prints the table as help.
 *
 * Owns the lists of values it makes; the texts stay argv's and the environment's, except
 * for what an environment variable lists, which is split in a copy. Main thread, at start.
 */
#include "common/options.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define HELP_WIDTH  80
#define HELP_INDENT 26
#define LABEL_SIZE  64

struct cli_list_values {
	const char **items; /* NULL-ended */
	size_t count;
	bool given;
	bool from_env;
	char *copy; /* of the environment's text, if it was split */
};

struct cli_values {
	const struct cli_program *program;
	size_t option_count;
	struct cli_list_values *options; /* as in the table */
	struct cli_list_values operands;
};

static int
no_memory(struct cube_error *err)
{
	return cube_fail(err, CUBE_ERR_NO_MEMORY, 0, "out of memory");
}

static int
list_add(struct cli_list_values *list, const char *text, struct cube_error *err)
{
	const char **grown = realloc(list->items, (list->count + 2) * sizeof(*grown));

	if (grown == NULL)
		return no_memory(err);
	list->items = grown;
	list->items[list->count++] = text;
	list->items[list->count] = NULL;
	return 0;
}

static void
list_release(struct cli_list_values *list)
{
	free(list->items);
	free(list->copy);
}

static size_t
table_count(const struct cli_option *options)
{
	size_t count = 0;

	while (options != NULL && options[count].name != NULL)
		count++;
	return count;
}

void
cli_values_free(struct cli_values *values)
{
	if (values == NULL)
		return;
	for (size_t i = 0; i < values->option_count; i++)
		list_release(&values->options[i]);
	free(values->options);
	list_release(&values->operands);
	free(values);
}

/* ---- the command line ---- */

static int
option_set(struct cli_values *values, size_t index, const char *text, struct cube_error *err)
{
	struct cli_list_values *list = &values->options[index];

	if (!values->program->options[index].repeats)
		list->count = 0;
	list->given = true;
	return list_add(list, text, err);
}

/* --name, --name=value. *at is moved over a value of its own. */
static int
long_parse(struct cli_values *values, int argc, char *const *argv, int *at,
	   struct cube_error *err)
{
	const char *text = argv[*at] + 2;
	size_t size = strcspn(text, "=");

	for (size_t i = 0; i < values->option_count; i++) {
		const struct cli_option *option = &values->program->options[i];

		if (strlen(option->name) != size || memcmp(option->name, text, size) != 0)
			continue;
		if (option->arg == NULL) {
			if (text[size] == '=')
				return cube_fail(err, CUBE_ERR_INVALID, 0,
						 "--%s takes no value", option->name);
			return option_set(values, i, "", err);
		}
		if (text[size] == '=')
			return option_set(values, i, text + size + 1, err);
		if (option->optional != NULL)
			return option_set(values, i, option->optional, err);
		if (*at + 1 >= argc)
			return cube_fail(err, CUBE_ERR_INVALID, 0, "--%s needs a value: %s",
					 option->name, option->arg);
		(*at)++;
		return option_set(values, i, argv[*at], err);
	}
	return cube_fail(err, CUBE_ERR_INVALID, 0, "unknown option --%.*s: see %s --help",
			 (int)size, text, values->program->name);
}

/* -x, -xvalue, -x value, -xyz. */
static int
short_parse(struct cli_values *values, int argc, char *const *argv, int *at,
	    struct cube_error *err)
{
	const char *text = argv[*at] + 1;

	while (*text != '\0') {
		size_t i = 0;
		const struct cli_option *option;
		int failed;

		while (i < values->option_count && values->program->options[i].letter != *text)
			i++;
		if (i == values->option_count)
			return cube_fail(err, CUBE_ERR_INVALID, 0,
					 "unknown option -%c: see %s --help", *text,
					 values->program->name);
		option = &values->program->options[i];
		text++;
		if (option->arg == NULL || (option->optional != NULL && *text == '\0')) {
			failed = option_set(values, i,
					    option->optional != NULL ? option->optional : "",
					    err);
			if (failed != 0)
				return failed;
			continue;
		}
		if (*text != '\0')
			return option_set(values, i, text, err);
		if (*at + 1 >= argc)
			return cube_fail(err, CUBE_ERR_INVALID, 0, "-%c needs a value: %s",
					 option->letter, option->arg);
		(*at)++;
		return option_set(values, i, argv[*at], err);
	}
	return 0;
}

static int
arguments_parse(struct cli_values *values, int argc, char *const *argv, struct cube_error *err)
{
	bool options_end = false;
	int failed = 0;

	for (int at = 1; at < argc && failed == 0; at++) {
		const char *text = argv[at];

		if (!options_end && strcmp(text, "--") == 0) {
			options_end = true;
		} else if (!options_end && strncmp(text, "--", 2) == 0) {
			failed = long_parse(values, argc, argv, &at, err);
		} else if (!options_end && text[0] == '-' && text[1] != '\0') {
			failed = short_parse(values, argc, argv, &at, err);
		} else if (values->program->operands == NULL) {
			failed = cube_fail(err, CUBE_ERR_INVALID, 0,
					   "unexpected argument %s: see %s --help", text,
					   values->program->name);
		} else {
			failed = list_add(&values->operands, text, err);
			options_end = options_end || values->program->operands_end;
		}
	}
	return failed;
}

/* ---- the environment and the defaults ---- */

static int
environment_split(struct cli_list_values *list, const char *text, struct cube_error *err)
{
	static const char blanks[] = " \t\n";
	char *at;
	int failed = 0;

	list->copy = strdup(text);
	if (list->copy == NULL)
		return no_memory(err);
	at = list->copy + strspn(list->copy, blanks);
	while (*at != '\0' && failed == 0) {
		const char *word = at;

		at += strcspn(at, blanks);
		if (*at != '\0')
			*at++ = '\0';
		at += strspn(at, blanks);
		failed = list_add(list, word, err);
	}
	return failed;
}

static bool
is_off(const char *text)
{
	return strcmp(text, "0") == 0 || strcmp(text, "false") == 0 || strcmp(text, "no") == 0;
}

static int
rest_fill(struct cli_values *values, struct cube_error *err)
{
	int failed = 0;

	for (size_t i = 0; i < values->option_count && failed == 0; i++) {
		const struct cli_option *option = &values->program->options[i];
		struct cli_list_values *list = &values->options[i];
		const char *text = option->env != NULL ? getenv(option->env) : NULL;

		if (list->given)
			continue;
		if (text != NULL && text[0] != '\0') {
			list->given = option->arg != NULL || !is_off(text);
			list->from_env = true;
			if (option->repeats)
				failed = environment_split(list, text, err);
			else
				failed = list_add(list, text, err);
		} else if (option->fallback != NULL) {
			failed = list_add(list, option->fallback, err);
		}
	}
	return failed;
}

int
cli_parse(const struct cli_program *program, int argc, char *const *argv,
	  struct cli_values **out, struct cube_error *err)
{
	struct cli_values *values = calloc(1, sizeof(*values));
	int failed;

	if (values == NULL)
		return no_memory(err);
	values->program = program;
	values->option_count = table_count(program->options);
	values->options = calloc(values->option_count + 1, sizeof(*values->options));
	if (values->options == NULL) {
		free(values);
		return no_memory(err);
	}
	failed = arguments_parse(values, argc, argv, err);
	if (failed == 0)
		failed = rest_fill(values, err);
	if (failed != 0) {
		cli_values_free(values);
		return failed;
	}
	*out = values;
	return 0;
}

/* ---- reading ---- */

static size_t
option_index(const struct cli_values *values, const char *name)
{
	size_t i = 0;

	while (i < values->option_count && strcmp(values->program->options[i].name, name) != 0)
		i++;
	assert(i < values->option_count);
	return i;
}

const char *
cli_text(const struct cli_values *values, const char *name)
{
	const struct cli_list_values *list = &values->options[option_index(values, name)];

	return list->count > 0 ? list->items[list->count - 1] : NULL;
}

bool
cli_flag(const struct cli_values *values, const char *name)
{
	return values->options[option_index(values, name)].given;
}

bool
cli_given(const struct cli_values *values, const char *name)
{
	return values->options[option_index(values, name)].given;
}

static const char *const *
list_items(const struct cli_list_values *list, size_t *count)
{
	static const char *const none[] = {NULL};

	*count = list->count;
	return list->count > 0 ? list->items : none;
}

const char *const *
cli_list(const struct cli_values *values, const char *name, size_t *count)
{
	return list_items(&values->options[option_index(values, name)], count);
}

const char *const *
cli_operands(const struct cli_values *values, size_t *count)
{
	return list_items(&values->operands, count);
}

/* What to call an option in a message: where its value came from. */
static void
option_label(const struct cli_values *values, const char *name, char out[LABEL_SIZE])
{
	size_t index = option_index(values, name);

	if (values->options[index].from_env)
		(void)snprintf(out, LABEL_SIZE, "$%s", values->program->options[index].env);
	else
		(void)snprintf(out, LABEL_SIZE, "--%s", name);
}

int
cli_number(const struct cli_values *values, const char *name, int64_t min, int64_t max,
	   int64_t *out, struct cube_error *err)
{
	const char *text = cli_text(values, name);
	char label[LABEL_SIZE];
	char *end;
	long long value;

	if (text == NULL)
		return 0;
	errno = 0;
	value = strtoll(text, &end, 10);
	if (end == text || *end != '\0' || errno != 0 || value < min || value > max) {
		option_label(values, name, label);
		return cube_fail(err, CUBE_ERR_INVALID, 0,
				 "%s %s: must be a number from %" PRId64 " to %" PRId64, label,
				 text, min, max);
	}
	*out = value;
	return 0;
}

static bool
duration_parse(const char *text, double *out_ms)
{
	static const struct {
		const char *unit;
		double ms;
	} units[] = {{"ms", 1}, {"s", 1000}, {"", 1000}, {"m", 60000}, {"h", 3600000}};
	char *end;
	double value = strtod(text, &end);

	if (end == text || !(value >= 0) || value > 1e12)
		return false;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (strcmp(end, units[i].unit) == 0) {
			*out_ms = value * units[i].ms;
			return true;
		}
	}
	return false;
}

int
cli_duration(const struct cli_values *values, const char *name, uint64_t min_ms,
	     uint64_t max_ms, uint64_t *out_ms, struct cube_error *err)
{
	const char *text = cli_text(values, name);
	double ms = 0;

	if (text == NULL)
		return 0;
	if (!duration_parse(text, &ms) || ms < (double)min_ms || ms > (double)max_ms) {
		char label[LABEL_SIZE];

		option_label(values, name, label);
		return cube_fail(
			err, CUBE_ERR_INVALID, 0,
			"%s %s: must be a time such as 30, 30s, 500ms, 5m or 1h, from %.3gs to "
			"%.0fs",
			label, text, (double)min_ms / 1000, (double)max_ms / 1000);
	}
	*out_ms = (uint64_t)ms;
	return 0;
}

/* ---- help ---- */

/* Words of text from the given column on, wrapped, each new line indented. */
static void
wrap(FILE *out, const char *text, int column, int indent)
{
	while (*text != '\0') {
		int word = (int)strcspn(text, " \n");

		if (column > indent && column + 1 + word > HELP_WIDTH) {
			(void)fprintf(out, "\n%*s", indent, "");
			column = indent;
		} else if (column > indent) {
			(void)fputc(' ', out);
			column++;
		}
		(void)fprintf(out, "%.*s", word, text);
		column += word;
		text += word;
		if (strncmp(text, "\n\n", 2) == 0) { /* a paragraph ends */
			(void)fprintf(out, "\n\n%*s", indent, "");
			column = indent;
		}
		text += strspn(text, " \n");
	}
}

static void
option_help(const struct cli_option *option, FILE *out)
{
	char left[64];
	char text[512];
	char letter[8] = "    ";
	int used;

	if (option->letter != 0)
		(void)snprintf(letter, sizeof(letter), "-%c, ", option->letter);
	used = snprintf(left, sizeof(left), "  %s--%s%s%s%s", letter, option->name,
			option->arg == NULL ? "" : (option->optional != NULL ? "[=" : " "),
			option->arg == NULL ? "" : option->arg,
			option->optional != NULL ? "]" : "");
	(void)fputs(left, out);
	if (used + 2 > HELP_INDENT)
		(void)fprintf(out, "\n%*s", HELP_INDENT, "");
	else
		(void)fprintf(out, "%*s", HELP_INDENT - used, "");
	(void)snprintf(text, sizeof(text), "%s%s%s%s%s", option->help,
		       option->repeats ? "; may be repeated" : "",
		       option->fallback != NULL ? " [" : "",
		       option->fallback != NULL ? option->fallback : "",
		       option->fallback != NULL ? "]" : "");
	wrap(out, text, HELP_INDENT, HELP_INDENT);
	if (option->env != NULL)
		(void)fprintf(out, "\n%*s$%s", HELP_INDENT, "", option->env);
	(void)fputc('\n', out);
}

void
cli_help(const struct cli_program *program, FILE *out)
{
	(void)fprintf(out, "%s - %s\n\nUsage: %s [OPTION...]%s%s\n\nOptions:\n", program->name,
		      program->summary, program->name, program->operands != NULL ? " " : "",
		      program->operands != NULL ? program->operands : "");
	for (size_t i = 0; i < table_count(program->options); i++)
		option_help(&program->options[i], out);
	if (program->notes != NULL) {
		(void)fputc('\n', out);
		wrap(out, program->notes, 0, 0);
		(void)fputc('\n', out);
	}
}

void
cli_version(const char *name, FILE *out)
{
	(void)fprintf(out, "%s %s\n", name, CUBE_VERSION);
}
