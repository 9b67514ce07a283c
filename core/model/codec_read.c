/* model/codec_read.c - tables of members, and the readers they name.
 *
 * An error says where the value stands, what would be right and what is there; an unknown
 * member is told with the known one nearest to it in spelling. What is quoted of a stranger's
 * text is cut short and has its control characters replaced. Pure, owns nothing. [any]
 */
#include "model/codec_read.h"

#include "base/utf8.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define QUOTED_MAX    32 /* bytes of a stranger's text in a message */
#define SUGGEST_MAX   32 /* longer names are not compared */
#define DISTANCE_MAX  2  /* edits between an unknown name and the one suggested */
#define DESCRIBE_SIZE 64

static void
value_describe(const struct json_value *value, char out[DESCRIBE_SIZE])
{
	size_t size, i;

	switch (value->type) {
	case JSON_NULL:
		(void)snprintf(out, DESCRIBE_SIZE, "null");
		return;
	case JSON_BOOL:
		(void)snprintf(out, DESCRIBE_SIZE, value->as.boolean ? "true" : "false");
		return;
	case JSON_NUMBER:
		if (value->as.number.is_integer)
			(void)snprintf(out, DESCRIBE_SIZE, "%" PRId64,
				       value->as.number.integer);
		else
			(void)snprintf(out, DESCRIBE_SIZE, "%.15g", value->as.number.real);
		return;
	case JSON_ARRAY:
		(void)snprintf(out, DESCRIBE_SIZE, "an array");
		return;
	case JSON_OBJECT:
		(void)snprintf(out, DESCRIBE_SIZE, "an object");
		return;
	case JSON_STRING:
		break;
	}
	size = value->as.string.size;
	if (size > QUOTED_MAX)
		size = utf8_valid_prefix(value->as.string.text, QUOTED_MAX);
	out[0] = '"';
	for (i = 0; i < size; i++) {
		unsigned char c = (unsigned char)value->as.string.text[i];

		out[i + 1] = c < 0x20 || c == 0x7f ? '?' : (char)c;
	}
	(void)snprintf(out + size + 1, DESCRIBE_SIZE - size - 1, "%s\"",
		       size < value->as.string.size ? "..." : "");
}

int
fail_wanted(const struct json_doc *doc, const struct json_value *value, struct cube_error *err,
	    const char *wanted)
{
	char there[DESCRIBE_SIZE];

	value_describe(value, there);
	return json_fail(doc, value, err, "must be %s, not %s", wanted, there);
}

/* ---- unknown members ---- */

static char
lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static unsigned
least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

/* Letters to change, put in or leave out to get from a to b; case does not count
 * (Wagner and Fischer, 1974, with one row). */
static unsigned
edit_distance(const char *a, size_t size_a, const char *b, size_t size_b)
{
	unsigned row[SUGGEST_MAX + 1];
	size_t i, k;

	for (k = 0; k <= size_b; k++)
		row[k] = (unsigned)k;
	for (i = 1; i <= size_a; i++) {
		unsigned diagonal = row[0];

		row[0] = (unsigned)i;
		for (k = 1; k <= size_b; k++) {
			unsigned change =
				diagonal + (lower(a[i - 1]) == lower(b[k - 1]) ? 0 : 1);

			diagonal = row[k];
			row[k] = least(change, least(row[k], row[k - 1]) + 1);
		}
	}
	return row[size_b];
}

/* The name in the table that was probably meant, or NULL. */
static const char *
name_nearest(const struct field_table *table, const char *name)
{
	size_t size = strnlen(name, SUGGEST_MAX + 1);
	unsigned best = DISTANCE_MAX + 1;
	const char *nearest = NULL;
	size_t i;

	if (size > SUGGEST_MAX)
		return NULL;
	for (i = 0; i < table->count; i++) {
		const char *known = table->fields[i].name;
		size_t known_size = strnlen(known, SUGGEST_MAX);
		unsigned distance = edit_distance(name, size, known, known_size);

		if (distance < best && distance < (known_size + 1) / 2) {
			best = distance;
			nearest = known;
		}
	}
	return nearest;
}

static int
fail_unknown(const struct json_doc *doc, const struct json_value *member,
	     const struct field_table *table, struct cube_error *err)
{
	const char *nearest = name_nearest(table, member->key);

	if (nearest != NULL)
		return json_fail(doc, member, err, "unknown field of %s; did you mean \"%s\"?",
				 table->what, nearest);
	return json_fail(doc, member, err, "unknown field of %s", table->what);
}

/* ---- the loop ---- */

/* Looks from *hint on and around: members mostly come in the table's order. */
static const struct field *
field_find(const struct field_table *table, const char *name, size_t *hint)
{
	size_t i;

	for (i = 0; i < table->count; i++) {
		size_t at = *hint + i < table->count ? *hint + i : *hint + i - table->count;

		/* The first letter decides nearly always: a status is looked for among all
		 * members of a task. */
		if (table->fields[at].name[0] == name[0] &&
		    strcmp(table->fields[at].name, name) == 0) {
			*hint = at + 1 < table->count ? at + 1 : 0;
			return &table->fields[at];
		}
	}
	return NULL;
}

int
fields_read(const struct json_doc *doc, const struct json_value *value, enum codec_mode mode,
	    const struct field_table *table, void *out, struct cube_error *err)
{
	struct reading in = {.doc = doc, .mode = mode};
	const struct json_value *member;
	size_t hint = 0;

	if (value->type != JSON_OBJECT) {
		char wanted[64];

		(void)snprintf(wanted, sizeof(wanted), "an object: %s", table->what);
		return fail_wanted(doc, value, err, wanted);
	}
	for (member = value->as.first; member != NULL; member = member->next) {
		int rc;

		in.field = field_find(table, member->key, &hint);
		if (in.field == NULL) {
			if (mode == CODEC_STRICT)
				return fail_unknown(doc, member, table, err);
			continue;
		}
		if (in.field->read == NULL || member->type == JSON_NULL)
			continue;
		rc = in.field->read(&in, member, (char *)out + in.field->offset, err);
		if (rc < 0)
			return rc;
	}
	return 0;
}

/* ---- readers ---- */

int
read_int(const struct reading *in, const struct json_value *value, void *at,
	 struct cube_error *err)
{
	const struct field *field = in->field;
	char wanted[128];

	if (value->type == JSON_NUMBER && value->as.number.is_integer &&
	    value->as.number.integer >= field->min && value->as.number.integer <= field->max) {
		*(int64_t *)at = value->as.number.integer;
		return 0;
	}
	(void)snprintf(wanted, sizeof(wanted),
		       "a whole number %s%s%sfrom %" PRId64 " to %" PRId64,
		       field->unit != NULL ? "of " : "", field->unit != NULL ? field->unit : "",
		       field->unit != NULL ? " " : "", field->min, field->max);
	return fail_wanted(in->doc, value, err, wanted);
}

int
read_u32(const struct reading *in, const struct json_value *value, void *at,
	 struct cube_error *err)
{
	int64_t number = 0;
	int rc = read_int(in, value, &number, err);

	if (rc == 0)
		*(uint32_t *)at = (uint32_t)number;
	return rc;
}

int
read_u64(const struct reading *in, const struct json_value *value, void *at,
	 struct cube_error *err)
{
	int64_t number = 0;
	int rc = read_int(in, value, &number, err);

	if (rc == 0)
		*(uint64_t *)at = (uint64_t)number;
	return rc;
}

int
read_i32(const struct reading *in, const struct json_value *value, void *at,
	 struct cube_error *err)
{
	int64_t number = 0;
	int rc = read_int(in, value, &number, err);

	if (rc == 0)
		*(int32_t *)at = (int32_t)number;
	return rc;
}

int
read_cores(const struct reading *in, const struct json_value *value, void *at,
	   struct cube_error *err)
{
	double cores = value->type == JSON_NUMBER ? value->as.number.real : -1;

	if (!(cores >= 0 && cores <= CPU_MAX))
		return fail_wanted(in->doc, value, err, "a number of cores from 0 to 4096");
	if (cores > 0 && cores < 0.001)
		return fail_wanted(in->doc, value, err,
				   "0 (no request) or at least 0.001 cores");
	*(int64_t *)at = llround(cores * 1000);
	return 0;
}

int
read_kib(const struct reading *in, const struct json_value *value, void *at,
	 struct cube_error *err)
{
	int64_t number = 0;
	int rc = read_int(in, value, &number, err);

	if (rc == 0)
		*(int64_t *)at = number * 1024;
	return rc;
}

int
read_bool(const struct reading *in, const struct json_value *value, void *at,
	  struct cube_error *err)
{
	if (value->type != JSON_BOOL)
		return fail_wanted(in->doc, value, err, "true or false");
	*(bool *)at = value->as.boolean;
	return 0;
}

int
read_text(const struct reading *in, const struct json_value *value, void *at,
	  struct cube_error *err)
{
	if (value->type != JSON_STRING)
		return fail_wanted(in->doc, value, err, "a text");
	*(const char **)at = value->as.string.text;
	return 0;
}

int
read_chars(const struct reading *in, const struct json_value *value, void *at,
	   struct cube_error *err)
{
	size_t room = (size_t)in->field->max;

	if (value->type != JSON_STRING)
		return fail_wanted(in->doc, value, err, "a text");
	if (value->as.string.size >= room)
		return json_fail(in->doc, value, err, "must be a text of at most %zu bytes",
				 room - 1);
	memcpy(at, value->as.string.text, value->as.string.size + 1);
	return 0;
}

int
read_cut(const struct reading *in, const struct json_value *value, void *at,
	 struct cube_error *err)
{
	size_t size = value->type == JSON_STRING ? value->as.string.size : 0;

	if (value->type != JSON_STRING)
		return fail_wanted(in->doc, value, err, "a text");
	if (size >= (size_t)in->field->max)
		size = utf8_valid_prefix(value->as.string.text, (size_t)in->field->max - 1);
	memcpy(at, value->as.string.text, size);
	((char *)at)[size] = '\0';
	return 0;
}

int
read_id(const struct reading *in, const struct json_value *value, void *at,
	struct cube_error *err)
{
	char id[ID_SIZE];

	/* An empty text stands for none: Go programs send it for an unset string. */
	if (value->type == JSON_STRING && value->as.string.size == 0) {
		*(char *)at = '\0';
		return 0;
	}
	if (value->type != JSON_STRING || id_parse(value->as.string.text, id) != 0)
		return fail_wanted(in->doc, value, err,
				   "a uuid (8-4-4-4-12 hexadecimal digits)");
	if (id_is_nil(id))
		id[0] = '\0';
	memcpy(at, id, sizeof(id));
	return 0;
}

int
read_name(const struct reading *in, const struct json_value *value, void *at,
	  struct cube_error *err)
{
	if (value->type != JSON_STRING ||
	    (value->as.string.size > 0 && !name_is_valid(value->as.string.text)))
		return fail_wanted(
			in->doc, value, err,
			"1 to 63 of a-z A-Z 0-9 _ . - and begin with a letter or digit");
	memcpy(at, value->as.string.text, value->as.string.size + 1);
	return 0;
}

int
read_time(const struct reading *in, const struct json_value *value, void *at,
	  struct cube_error *err)
{
	if (value->type != JSON_STRING ||
	    timestamp_parse(value->as.string.text, (int64_t *)at) != 0)
		return fail_wanted(in->doc, value, err,
				   "a time as in RFC 3339 (2006-01-02T15:04:05Z)");
	return 0;
}

int
read_value(const struct reading *in, const struct json_value *value, void *at,
	   struct cube_error *err)
{
	(void)in;
	(void)err;
	*(const struct json_value **)at = value;
	return 0;
}

int
read_state(const struct reading *in, const struct json_value *value, void *at,
	   struct cube_error *err)
{
	if (value->type != JSON_NUMBER || !value->as.number.is_integer ||
	    value->as.number.integer < 0 || value->as.number.integer >= TASK_STATES)
		return fail_wanted(in->doc, value, err,
				   "a state from 0 (Pending) to 4 (Failed)");
	*(enum task_state *)at = (enum task_state)value->as.number.integer;
	return 0;
}

int
read_wanted(const struct reading *in, const struct json_value *value, void *at,
	    struct cube_error *err)
{
	if (value->type != JSON_NUMBER || !value->as.number.is_integer ||
	    (value->as.number.integer != TASK_WANTED_RUN &&
	     value->as.number.integer != TASK_WANTED_STOP))
		return fail_wanted(in->doc, value, err, "2 (run) or 3 (stop)");
	*(enum task_wanted *)at = (enum task_wanted)value->as.number.integer;
	return 0;
}
