/* docgen/man.c - see the header. Build time, main thread; owns nothing. */
#include "man.h"

#include "cube/command.h"

#include <ctype.h>
#include <string.h>

#define LINE_WIDTH 76

/* ---- text ---- */

struct writer {
	FILE *out;
	int column;  /* 0: at the start of a line */
	bool quoted; /* between two ` */
};

static void
end_line(struct writer *writer)
{
	if (writer->column > 0)
		(void)fputc('\n', writer->out);
	writer->column = 0;
}

static bool
ends_sentence(const char *word, int size)
{
	char last = word[size - 1];

	if (size >= 3 && strncmp(word + size - 3, "...", 3) == 0)
		return false;
	return last == '.' || last == '!' || last == '?';
}

/* One word. Hyphens of options and of quoted words are such as can be copied from a page. */
static void
put_word(struct writer *writer, const char *word, int size)
{
	bool literal = word[0] == '-' || writer->quoted || word[0] == '`';

	if (writer->column > 0 && writer->column + 1 + size > LINE_WIDTH) {
		end_line(writer);
	} else if (writer->column > 0) {
		(void)fputc(' ', writer->out);
		writer->column++;
	}
	if (writer->column == 0 && (word[0] == '.' || word[0] == '\''))
		(void)fputs("\\&", writer->out);
	for (int i = 0; i < size; i++) {
		if (word[i] == '\\')
			(void)fputs("\\e", writer->out);
		else if (word[i] == '-' && literal)
			(void)fputs("\\-", writer->out);
		else if (word[i] == '`' && (writer->quoted = !writer->quoted))
			(void)fputs("\\(lq", writer->out);
		else if (word[i] == '`')
			(void)fputs("\\(rq", writer->out);
		else
			(void)fputc(word[i], writer->out);
	}
	writer->column += size;
	if (ends_sentence(word, size))
		end_line(writer);
}

void
man_text(FILE *out, const char *text)
{
	struct writer writer = {.out = out};

	while (*text != '\0') {
		int word = (int)strcspn(text, " \n");
		size_t blank;

		if (word > 0)
			put_word(&writer, text, word);
		text += word;
		blank = strspn(text, " \n");
		if (memchr(text, '\n', blank) != NULL && text[blank] != '\0' &&
		    strncmp(text, "\n\n", 2) == 0) {
			end_line(&writer);
			(void)fputs(".Pp\n", out);
		}
		text += blank;
	}
	end_line(&writer);
}

/* A help text, which has no capital and no full stop, as a sentence. */
static void
put_sentence(FILE *out, const char *text)
{
	char line[1024];
	size_t word = 0;

	while (isalpha((unsigned char)text[word]))
		word++;
	(void)snprintf(line, sizeof(line), "%s.", text);
	if (word > 0 && strchr(" ;:", text[word]) != NULL) /* also at its end */
		line[0] = (char)toupper((unsigned char)line[0]);
	man_text(out, line);
}

/* ---- options ---- */

static void
put_option(FILE *out, const struct cli_option *option)
{
	(void)fputs(".It ", out);
	if (option->letter != 0)
		(void)fprintf(out, "Fl %c%s%s , ", option->letter,
			      option->arg != NULL && option->optional == NULL ? " Ar " : "",
			      option->arg != NULL && option->optional == NULL ? option->arg
									      : "");
	(void)fprintf(out, "Fl -%s", option->name);
	if (option->optional != NULL)
		(void)fprintf(out, " Ns Op = Ns Ar %s", option->arg);
	else if (option->arg != NULL)
		(void)fprintf(out, " Ns = Ns Ar %s", option->arg);
	(void)fputc('\n', out);
	put_sentence(out, option->help);
	if (option->fallback != NULL)
		(void)fprintf(out, "The default is\n.Cm %s .\n", option->fallback);
	if (option->repeats)
		(void)fputs("May be repeated.\n", out);
	if (option->env != NULL)
		(void)fprintf(out, "In the environment%s:\n.Ev %s .\n",
			      option->repeats ? ", separated by spaces" : "", option->env);
}

void
man_options(FILE *out, const struct cli_program *program)
{
	(void)fputs(".Bl -tag -width Ds\n", out);
	for (const struct cli_option *option = program->options; option->name != NULL; option++)
		put_option(out, option);
	(void)fputs(".El\n", out);
}

/* ---- the commands of cube ---- */

static void
put_command(FILE *out, const struct command *command)
{
	const struct cli_program *program = command->program;

	(void)fprintf(out, ".Ss %s\n.D1 Nm %s Oo Ar OPTION ... Oc%s%s\n.Pp\n", program->name,
		      program->name, program->operands != NULL ? " " : "",
		      program->operands != NULL ? program->operands : "");
	put_sentence(out, program->summary);
	if (command->alias != NULL)
		(void)fprintf(out, "The same as\n.Nm cube %s .\n", command->alias);
	if (program->notes != NULL) {
		(void)fputs(".Pp\n", out);
		man_text(out, program->notes);
	}
	man_options(out, program);
}

void
man_commands(FILE *out)
{
	for (size_t i = 0; commands[i] != NULL; i++)
		put_command(out, commands[i]);
}

/* ---- plugins ---- */

void
man_plugin(FILE *out, const struct plugin *plugin)
{
	const char *slash = strrchr(plugin->path, '/');
	const struct cube_option *table = plugin->info.options;

	(void)fprintf(out, ".Ss %s\n", slash != NULL ? slash + 1 : plugin->path);
	put_sentence(out, plugin->info.summary);
	if (table == NULL || table[0].key == NULL) {
		(void)fputs("It takes no options.\n", out);
		return;
	}
	(void)fputs(".Bl -tag -width Ds\n", out);
	for (; table->key != NULL; table++) {
		(void)fprintf(out, ".It Cm %s Ns = Ns Ar VALUE\n", table->key);
		put_sentence(out, table->help);
		if (table->default_value != NULL && table->default_value[0] != '\0')
			(void)fprintf(out, "The default is\n.Cm %s .\n", table->default_value);
	}
	(void)fputs(".El\n", out);
}
