/* base/json_copy.c - writes a value that was read, with all that is in it.
 *
 * Walks by the links between values instead of calling itself, so that depth costs no
 * stack. What comes out is compact or pretty as the writer is, whatever the text it was
 * read from looked like. Owns nothing. [any]
 */
#include "base/json.h"

static bool
is_container(const struct json_value *value)
{
	return value->type == JSON_ARRAY || value->type == JSON_OBJECT;
}

static void
container_begin(struct json_writer *writer, const struct json_value *value)
{
	if (value->type == JSON_OBJECT)
		json_begin_object(writer);
	else
		json_begin_array(writer);
}

static void
container_end(struct json_writer *writer, const struct json_value *value)
{
	if (value->type == JSON_OBJECT)
		json_end_object(writer);
	else
		json_end_array(writer);
}

static void
scalar_write(struct json_writer *writer, const struct json_value *value)
{
	switch (value->type) {
	case JSON_BOOL:
		json_bool(writer, value->as.boolean);
		break;
	case JSON_NUMBER:
		if (value->as.number.is_integer)
			json_int(writer, value->as.number.integer);
		else
			json_real(writer, value->as.number.real);
		break;
	case JSON_STRING:
		json_text(writer, value->as.string.text);
		break;
	case JSON_NULL:
	case JSON_ARRAY:
	case JSON_OBJECT:
		json_null(writer);
		break;
	}
}

void
json_value_write(struct json_writer *writer, const struct json_value *top)
{
	const struct json_value *value = top;

	for (;;) {
		if (value != top && value->key != NULL)
			json_key(writer, value->key);
		if (!is_container(value)) {
			scalar_write(writer, value);
		} else {
			container_begin(writer, value);
			if (value->count > 0) {
				value = value->as.first;
				continue;
			}
			container_end(writer, value);
		}
		while (value != top && value->next == NULL) {
			value = value->parent;
			container_end(writer, value);
		}
		if (value == top)
			return;
		value = value->next;
	}
}
