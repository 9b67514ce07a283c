/* check/trial.c - see the header. Owns nothing: the slip is the parent's. */
#include "trial.h"

#include "plugin/outcome.h"

#include <string.h>
#include <unistd.h>

__attribute__((format(printf, 3, 0))) static void
say(struct trial *trial, enum verdict verdict, const char *fmt, va_list args)
{
	struct slip *slip = trial->slip;
	size_t used;

	(void)vsnprintf(slip->words, sizeof(slip->words), fmt, args);
	used = strlen(slip->words);
	if (slip->scene[0] != '\0')
		(void)snprintf(slip->words + used, sizeof(slip->words) - used, ", with %s",
			       slip->scene);
	slip->verdict = verdict;
}

void
trial_fail(struct trial *trial, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	say(trial, VERDICT_FAILED, fmt, args);
	va_end(args);
	_exit(0);
}

void
trial_skip(struct trial *trial, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	say(trial, VERDICT_SKIPPED, fmt, args);
	va_end(args);
	_exit(0);
}

void
trial_scene(struct trial *trial, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(trial->slip->scene, sizeof(trial->slip->scene), fmt, args);
	va_end(args);
}

void
trial_calls(struct trial *trial, const char *function)
{
	(void)snprintf(trial->slip->function, sizeof(trial->slip->function), "%s", function);
}

void
trial_returned(struct trial *trial)
{
	trial->slip->function[0] = '\0';
}

const char *
trial_words(const struct cube_error *err)
{
	static const char before[] = "broke its contract: ";
	const char *deed = strstr(err->message, before);

	return deed != NULL ? deed + sizeof(before) - 1 : err->message;
}

int
trial_outcome(struct trial *trial, const char *function, int result, struct cube_error *err)
{
	const char *name = trial->subject->plugin->info.name;
	size_t size;

	if (result == 0)
		return 0;
	if (result > 0 || result < CUBE_ERR_INTERNAL)
		trial_fail(trial, "%s returned %d, which is no enum cube_err", function,
			   result);
	if (memchr(err->message, '\0', sizeof(err->message)) == NULL)
		trial_fail(trial, "%s failed with a message that does not end", function);
	size = strlen(err->message);
	if (size == 0)
		trial_fail(trial, "%s failed (%s) and did not say why", function,
			   error_code_name(result));
	if (err->message[size - 1] == '\n' || err->message[size - 1] == '.')
		trial_fail(trial, "%s failed with a message that ends with a %s: \"%.100s\"",
			   function, err->message[size - 1] == '.' ? "full stop" : "newline",
			   err->message);
	return outcome_of(name, function, result, err);
}
