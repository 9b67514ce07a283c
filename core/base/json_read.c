/* base/json_read.c - finding, reading and complaining about values of a parsed text.
 *
 * A complaint names the path from the top ("Task.Env[2]") and the line and column, so
 * that whoever wrote the text finds the place in it. Owns nothing; the document is the
 * caller's. [any]
 */
#include "base/json.h"

#include "base/json_place.h"
#include "base/utf8.h"

#include <string.h>

#define PATH_SIZE 128

const struct json_value *
json_get(const struct json_value *object, const char *key)
{
	const struct json_value *member;

	if (object == NULL || object->type != JSON_OBJECT)
		return NULL;
	for (member = object->as.first; member != NULL; member = member->next) {
		if (strcmp(member->key, key) == 0)
			return member;
	}
	return NULL;
}

static size_t
index_of(const struct json_value *value)
{
	const struct json_value *sibling = value->parent->as.first;
	size_t index;

	for (index = 0; sibling != value; index++)
		sibling = sibling->next;
	return index;
}

/* The steps from the top to value, which is not the top; the middle of a long path is
 * left out. */
static void
path_write(const struct json_value *value, char out[PATH_SIZE])
{
	const struct json_value *steps[JSON_DEPTH_MAX];
	char step[JSON_EXCERPT_SIZE + 2];
	char shown[JSON_EXCERPT_SIZE];
	size_t count = 0;
	size_t used = 0;

	for (; value->parent != NULL && count < JSON_DEPTH_MAX; value = value->parent)
		steps[count++] = value;
	out[0] = '\0';
	while (count-- > 0) {
		size_t size;

		if (steps[count]->key == NULL) {
			(void)snprintf(step, sizeof(step), "[%zu]", index_of(steps[count]));
		} else {
			json_excerpt(steps[count]->key, shown);
			(void)snprintf(step, sizeof(step), "%s%s", used > 0 ? "." : "", shown);
		}
		size = strlen(step);
		/* The last step says the most: it always has room. */
		if (count > 0 && used + size + sizeof(step) + sizeof("...") > PATH_SIZE) {
			memcpy(out + used, "...", sizeof("..."));
			used += sizeof("...") - 1;
			count = 1;
			continue;
		}
		memcpy(out + used, step, size + 1);
		used += size;
	}
}

int
json_fail(const struct json_doc *doc, const struct json_value *value, struct cube_error *err,
	  const char *fmt, ...)
{
	char what[sizeof(err->message)];
	char path[PATH_SIZE];
	size_t line, column;
	va_list args;
	size_t used;

	va_start(args, fmt);
	(void)vsnprintf(what, sizeof(what), fmt, args);
	va_end(args);
	json_place(doc->text, doc->size, value != NULL ? value->offset : 0, &line, &column);
	if (value == NULL || value->parent == NULL) {
		(void)cube_fail(err, CUBE_ERR_INVALID, 0, "line %zu, column %zu: %s", line,
				column, what);
	} else {
		path_write(value, path);
		(void)cube_fail(err, CUBE_ERR_INVALID, 0, "%s (line %zu, column %zu): %s", path,
				line, column, what);
	}
	/* A cut may have gone through a character. */
	used = strlen(err->message);
	err->message[utf8_valid_prefix(err->message, used)] = '\0';
	return err->code;
}

static const char *
type_name(const struct json_value *value)
{
	switch (value->type) {
	case JSON_NULL:
		return "null";
	case JSON_BOOL:
		return "true or false";
	case JSON_NUMBER:
		return "a number";
	case JSON_STRING:
		return "a string";
	case JSON_ARRAY:
		return "an array";
	case JSON_OBJECT:
		return "an object";
	}
	return "something else";
}

static bool
is_absent(const struct json_value *value)
{
	return value == NULL || value->type == JSON_NULL;
}

int
json_read_text(const struct json_doc *doc, const struct json_value *value, const char **out,
	       struct cube_error *err)
{
	if (is_absent(value))
		return 0;
	if (value->type != JSON_STRING)
		return json_fail(doc, value, err, "must be a string, this is %s",
				 type_name(value));
	*out = value->as.string.text;
	return 0;
}

int
json_read_int(const struct json_doc *doc, const struct json_value *value, int64_t min,
	      int64_t max, int64_t *out, struct cube_error *err)
{
	if (is_absent(value))
		return 0;
	if (value->type != JSON_NUMBER)
		return json_fail(doc, value, err, "must be a whole number, this is %s",
				 type_name(value));
	if (!value->as.number.is_integer || value->as.number.integer < min ||
	    value->as.number.integer > max)
		return json_fail(doc, value, err, "must be a whole number from %lld to %lld",
				 (long long)min, (long long)max);
	*out = value->as.number.integer;
	return 0;
}

int
json_read_real(const struct json_doc *doc, const struct json_value *value, double min,
	       double max, double *out, struct cube_error *err)
{
	if (is_absent(value))
		return 0;
	if (value->type != JSON_NUMBER)
		return json_fail(doc, value, err, "must be a number, this is %s",
				 type_name(value));
	if (value->as.number.real < min || value->as.number.real > max)
		return json_fail(doc, value, err, "must be a number from %g to %g", min, max);
	*out = value->as.number.real;
	return 0;
}

int
json_read_bool(const struct json_doc *doc, const struct json_value *value, bool *out,
	       struct cube_error *err)
{
	if (is_absent(value))
		return 0;
	if (value->type != JSON_BOOL)
		return json_fail(doc, value, err, "must be true or false, this is %s",
				 type_name(value));
	*out = value->as.boolean;
	return 0;
}
