/* base/json_write.c - the writer: yajl's generator into a struct buf.
 *
 * A writer owns yajl's generator, which lives inside it and allocates nothing more once
 * it is made. A call out of place (a value where a key belongs, an end without a
 * beginning) is a bug of the caller: it fails the buffer as memory that runs out
 * does. Owned by one thread.
 */
#include "base/json.h"

#include "base/json_memory.h"
#include "base/json_number.h"
#include "base/utf8.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <yajl/yajl_gen.h>

#define GENERATOR_BYTES 1024 /* yajl's state; more would come from malloc */

struct json_writer {
	struct buf *out;
	yajl_gen generator;
	struct json_scratch scratch;
	_Alignas(max_align_t) char memory[GENERATOR_BYTES];
};

static void
print(void *ctx, const char *text, size_t size)
{
	buf_append(ctx, text, size);
}

/* In a function of its own: no local of the caller is lost by the jump. */
static bool
generator_make(struct json_writer *writer, bool pretty)
{
	yajl_alloc_funcs functions = json_scratch_functions(&writer->scratch);

	if (setjmp(writer->scratch.leave) != 0)
		return false;
	writer->scratch.armed = true;
	writer->generator = yajl_gen_alloc(&functions);
	(void)yajl_gen_config(writer->generator, yajl_gen_print_callback, print, writer->out);
	(void)yajl_gen_config(writer->generator, yajl_gen_beautify, pretty ? 1 : 0);
	(void)yajl_gen_config(writer->generator, yajl_gen_indent_string, "  ");
	writer->scratch.armed = false;
	return true;
}

struct json_writer *
json_writer_new(struct buf *out, bool pretty)
{
	struct json_writer *writer = malloc(sizeof(*writer));

	if (writer == NULL)
		return NULL;
	writer->out = out;
	json_scratch_init(&writer->scratch, writer->memory, sizeof(writer->memory));
	if (!generator_make(writer, pretty)) {
		json_writer_free(writer);
		return NULL;
	}
	return writer;
}

void
json_writer_free(struct json_writer *writer)
{
	if (writer == NULL)
		return;
	/* All that the generator has lives in the scratch. */
	json_scratch_release(&writer->scratch);
	free(writer);
}

static void
note(struct json_writer *writer, yajl_gen_status status)
{
	if (status != yajl_gen_status_ok)
		writer->out->failed = true;
}

void
json_begin_object(struct json_writer *writer)
{
	note(writer, yajl_gen_map_open(writer->generator));
}

void
json_end_object(struct json_writer *writer)
{
	note(writer, yajl_gen_map_close(writer->generator));
}

void
json_begin_array(struct json_writer *writer)
{
	note(writer, yajl_gen_array_open(writer->generator));
}

void
json_end_array(struct json_writer *writer)
{
	note(writer, yajl_gen_array_close(writer->generator));
}

static void
put_string(struct json_writer *writer, const char *text, size_t size)
{
	note(writer, yajl_gen_string(writer->generator, (const unsigned char *)text, size));
}

/* U+FFFD stands for each byte that is no UTF-8 (a program's output, a file's name). */
static void
put_repaired(struct json_writer *writer, const char *text, size_t size)
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
		put_string(writer, buf_text(&repaired), repaired.size);
}

void
json_text(struct json_writer *writer, const char *text)
{
	size_t size;

	if (text == NULL) {
		json_null(writer);
		return;
	}
	size = strlen(text);
	if (utf8_valid_prefix(text, size) == size)
		put_string(writer, text, size);
	else
		put_repaired(writer, text, size);
}

void
json_key(struct json_writer *writer, const char *key)
{
	assert(key != NULL);
	json_text(writer, key);
}

void
json_raw(struct json_writer *writer, const char *json, size_t size)
{
	/* yajl writes a number as it is given, with commas and state around it. */
	note(writer, yajl_gen_number(writer->generator, json, size));
}

void
json_int(struct json_writer *writer, int64_t value)
{
	char text[24];
	int size = snprintf(text, sizeof(text), "%" PRId64, value);

	json_raw(writer, text, (size_t)size);
}

void
json_uint(struct json_writer *writer, uint64_t value)
{
	char text[24];
	int size = snprintf(text, sizeof(text), "%" PRIu64, value);

	json_raw(writer, text, (size_t)size);
}

void
json_real(struct json_writer *writer, double value)
{
	char text[JSON_REAL_SIZE];

	if (!isfinite(value))
		json_null(writer);
	else
		json_raw(writer, text, json_number_write(value, text));
}

void
json_bool(struct json_writer *writer, bool value)
{
	note(writer, yajl_gen_bool(writer->generator, value));
}

void
json_null(struct json_writer *writer)
{
	note(writer, yajl_gen_null(writer->generator));
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
