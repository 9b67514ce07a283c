/* base/json_write.c - the writer: values, keys and brackets into a struct buf.
 *
 * A writer knows which brackets are open and what may come next; it allocates nothing
 * once it is made, and puts each token into the buffer at once, with the comma and the
 * space in front of it. A call out of place (a value where a key belongs, an end without a
 * beginning) is a bug of the caller: it fails the buffer as memory that runs out
 * does. Owned by one thread.
 */
#include "base/json.h"

#include "base/json_number.h"
#include "base/utf8.h"

#include <assert.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH_MAX 64 /* more than is ever read; a bit each in objects */
#define INDENT    2

enum place {
	PLACE_FIRST, /* nothing yet in what is open, or at the top */
	PLACE_NEXT,  /* something is there: a comma comes first */
	PLACE_VALUE, /* a key was written */
	PLACE_END    /* the top value is whole */
};

struct json_writer {
	struct buf *out;
	bool pretty;
	enum place place;
	unsigned depth;   /* brackets that are open */
	uint64_t objects; /* bit: is it an object? The outermost is bit 0 */
};

struct json_writer *
json_writer_new(struct buf *out, bool pretty)
{
	struct json_writer *writer = malloc(sizeof(*writer));

	if (writer != NULL)
		*writer = (struct json_writer){.out = out, .pretty = pretty};
	return writer;
}

void
json_writer_free(struct json_writer *writer)
{
	free(writer);
}

/* ---- what stands between tokens ---- */

static bool
within_object(const struct json_writer *writer)
{
	return writer->depth > 0 && (writer->objects >> (writer->depth - 1) & 1) != 0;
}

static size_t
line_size(unsigned depth)
{
	return 1 + (size_t)depth * INDENT;
}

static char *
put_line(char *at, unsigned depth)
{
	*at++ = '\n';
	memset(at, ' ', (size_t)depth * INDENT);
	return at + (size_t)depth * INDENT;
}

/* Room for a token of size bytes, behind the comma and the space that belong in front of it.
 * NULL: no room, or this is no place for it. */
static char *
token_begin(struct json_writer *writer, bool is_key, size_t size)
{
	bool comma = writer->place == PLACE_NEXT;
	bool line = writer->pretty && writer->depth > 0 && writer->place != PLACE_VALUE;
	char *at;

	if (writer->place == PLACE_END ||
	    is_key != (within_object(writer) && writer->place != PLACE_VALUE)) {
		writer->out->failed = true;
		return NULL;
	}
	at = buf_reserve(writer->out, size + comma + (line ? line_size(writer->depth) : 0));
	if (at != NULL && comma)
		*at++ = ',';
	return at != NULL && line ? put_line(at, writer->depth) : at;
}

/* at: where the token ends. */
static void
token_end(struct json_writer *writer, char *at)
{
	*at = '\0';
	writer->out->size = (size_t)(at - writer->out->data);
}

/* A value is whole. */
static void
value_end(struct json_writer *writer, char *at)
{
	token_end(writer, at);
	writer->place = writer->depth > 0 ? PLACE_NEXT : PLACE_END;
	if (writer->place == PLACE_END && writer->pretty)
		buf_append(writer->out, "\n", 1);
}

/* ---- brackets ---- */

static void
container_begin(struct json_writer *writer, bool is_object)
{
	char *at = token_begin(writer, false, 1);

	if (at == NULL)
		return;
	if (writer->depth == DEPTH_MAX) {
		writer->out->failed = true;
		return;
	}
	*at++ = is_object ? '{' : '[';
	token_end(writer, at);
	writer->objects &= ~(UINT64_C(1) << writer->depth);
	writer->objects |= (uint64_t)is_object << writer->depth;
	writer->depth++;
	writer->place = PLACE_FIRST;
}

static void
container_end(struct json_writer *writer, bool is_object)
{
	bool line = writer->pretty && writer->place == PLACE_NEXT;
	char *at;

	if (writer->depth == 0 || within_object(writer) != is_object ||
	    writer->place == PLACE_VALUE) {
		writer->out->failed = true;
		return;
	}
	at = buf_reserve(writer->out, 1 + (line ? line_size(writer->depth - 1) : 0));
	if (at == NULL)
		return;
	writer->depth--;
	if (line)
		at = put_line(at, writer->depth);
	*at++ = is_object ? '}' : ']';
	value_end(writer, at);
}

void
json_begin_object(struct json_writer *writer)
{
	container_begin(writer, true);
}

void
json_end_object(struct json_writer *writer)
{
	container_end(writer, true);
}

void
json_begin_array(struct json_writer *writer)
{
	container_begin(writer, false);
}

void
json_end_array(struct json_writer *writer)
{
	container_end(writer, false);
}

/* ---- texts ---- */

/* How many bytes c takes inside quotes (RFC 8259, section 7). */
static size_t
escaped_size(unsigned char c)
{
	if (c >= 0x20)
		return c == '"' || c == '\\' ? 2 : 1;
	return c == '\b' || c == '\f' || c == '\n' || c == '\r' || c == '\t' ? 2 : 6;
}

static size_t
escaped_all(const char *text, size_t size)
{
	size_t all = 0;
	size_t i;

	for (i = 0; i < size; i++)
		all += escaped_size((unsigned char)text[i]);
	return all;
}

static char *
put_escaped(char *at, const char *text, size_t size)
{
	size_t i;

	for (i = 0; i < size; i++) {
		unsigned char c = (unsigned char)text[i];

		switch (escaped_size(c)) {
		case 1:
			*at++ = (char)c;
			break;
		case 2:
			*at++ = '\\';
			*at++ = c <= '\r' ? "btn-fr"[c - '\b'] : (char)c;
			break;
		default:
			*at++ = '\\';
			*at++ = 'u';
			*at++ = '0';
			*at++ = '0';
			*at++ = "0123456789ABCDEF"[c >> 4];
			*at++ = "0123456789ABCDEF"[c & 15];
			break;
		}
	}
	return at;
}

/* text is UTF-8. A key takes its colon along. */
static void
put_string(struct json_writer *writer, bool is_key, const char *text, size_t size)
{
	size_t escaped = escaped_all(text, size);
	size_t colon = is_key ? 1 + (size_t)writer->pretty : 0;
	char *at = token_begin(writer, is_key, escaped + 2 + colon);

	if (at == NULL)
		return;
	*at++ = '"';
	if (escaped == size) {
		memcpy(at, text, size);
		at += size;
	} else {
		at = put_escaped(at, text, size);
	}
	*at++ = '"';
	if (!is_key) {
		value_end(writer, at);
		return;
	}
	*at++ = ':';
	if (writer->pretty)
		*at++ = ' ';
	token_end(writer, at);
	writer->place = PLACE_VALUE;
}

/* U+FFFD stands for each byte that is no UTF-8 (a program's output, a file's name). */
static void
put_repaired(struct json_writer *writer, bool is_key, const char *text, size_t size)
{
	struct buf repaired cleanup_buf = BUF_INIT(SIZE_MAX / 4);

	while (size > 0) {
		size_t valid = utf8_valid_prefix(text, size);

		buf_append(&repaired, text, valid);
		text += valid;
		size -= valid;
		if (size > 0) {
			buf_append_text(&repaired, "\xef\xbf\xbd");
			text++;
			size--;
		}
	}
	if (repaired.failed)
		writer->out->failed = true;
	else
		put_string(writer, is_key, buf_text(&repaired), repaired.size);
}

static void
put_text(struct json_writer *writer, bool is_key, const char *text)
{
	size_t size = strlen(text);

	if (utf8_valid_prefix(text, size) == size)
		put_string(writer, is_key, text, size);
	else
		put_repaired(writer, is_key, text, size);
}

void
json_text(struct json_writer *writer, const char *text)
{
	if (text == NULL)
		json_null(writer);
	else
		put_text(writer, false, text);
}

void
json_key(struct json_writer *writer, const char *key)
{
	assert(key != NULL);
	put_text(writer, true, key);
}

/* ---- other values ---- */

void
json_raw(struct json_writer *writer, const char *json, size_t size)
{
	char *at = token_begin(writer, false, size);

	if (at == NULL)
		return;
	memcpy(at, json, size);
	value_end(writer, at + size);
}

void
json_uint(struct json_writer *writer, uint64_t value)
{
	char text[20];
	size_t at = sizeof(text);

	do {
		text[--at] = (char)('0' + value % 10);
		value /= 10;
	} while (value != 0);
	json_raw(writer, text + at, sizeof(text) - at);
}

void
json_int(struct json_writer *writer, int64_t value)
{
	char text[21];
	uint64_t left = value < 0 ? -(uint64_t)value : (uint64_t)value;
	size_t at = sizeof(text);

	do {
		text[--at] = (char)('0' + left % 10);
		left /= 10;
	} while (left != 0);
	if (value < 0)
		text[--at] = '-';
	json_raw(writer, text + at, sizeof(text) - at);
}

void
json_real(struct json_writer *writer, double value)
{
	char text[JSON_REAL_SIZE];
	size_t size;

	if (!isfinite(value)) {
		json_null(writer);
		return;
	}
	size = json_number_write(value, text);
	json_raw(writer, text, size);
}

void
json_bool(struct json_writer *writer, bool value)
{
	json_raw(writer, value ? "true" : "false", value ? 4 : 5);
}

void
json_null(struct json_writer *writer)
{
	json_raw(writer, "null", 4);
}

void
json_put_text(struct json_writer *writer, const char *key, const char *text)
{
	json_key(writer, key);
	json_text(writer, text);
}

void
json_put_int(struct json_writer *writer, const char *key, int64_t value)
{
	json_key(writer, key);
	json_int(writer, value);
}

void
json_put_uint(struct json_writer *writer, const char *key, uint64_t value)
{
	json_key(writer, key);
	json_uint(writer, value);
}

void
json_put_real(struct json_writer *writer, const char *key, double value)
{
	json_key(writer, key);
	json_real(writer, value);
}

void
json_put_bool(struct json_writer *writer, const char *key, bool value)
{
	json_key(writer, key);
	json_bool(writer, value);
}
