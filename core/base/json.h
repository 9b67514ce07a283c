/* base/json.h - JSON in and out, over yajl, for bytes from strangers.
 *
 * Reading: one call checks the whole text (depth, size, UTF-8, duplicate keys,
 * range of numbers) and makes a tree of values in one arena, without recursion;
 * freed as a whole. A value remembers where it stood, so an error says line,
 * column and path. Writing: straight into a struct buf, commas and
 * brackets checked, with numbers as short as they read back the same.
 */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include "base/buf.h"
#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

#define JSON_DEPTH_MAX  32
#define JSON_STRING_MAX 65536 /* bytes of one string or key */

enum json_type {
	JSON_NULL,
	JSON_BOOL,
	JSON_NUMBER,
	JSON_STRING,
	JSON_ARRAY,
	JSON_OBJECT
};

struct json_value {
	enum json_type type;
	uint32_t count;  /* children of an array or object */
	size_t offset;   /* of its first byte in the text */
	const char *key; /* in an object; else NULL. UTF-8 without NUL bytes */
	union {
		bool boolean;
		struct {
			double real;
			int64_t integer;
			bool is_integer; /* integer is exact */
		} number;
		struct {
			const char *text; /* UTF-8, NUL-terminated, no NUL inside */
			size_t size;
		} string;
		const struct json_value *first; /* of count children, linked by next */
	} as;
	const struct json_value *parent;
	const struct json_value *next;
};

struct json_doc {
	const struct json_value *root;
	struct json_arena *arena; /* all of the values and strings */
	const char *text;         /* borrowed: outlives the doc */
	size_t size;
};

/* 0, CUBE_ERR_INVALID with "line 3, column 7: ..." or CUBE_ERR_NO_MEMORY; on failure
 * the doc needs no release. text need not be NUL-terminated and must stay valid
 * while errors are made with json_fail. Exactly one value, nothing after it. */
int json_parse(const char *text, size_t size, struct json_doc *doc, struct cube_error *err);
void json_release(struct json_doc *doc);

static inline void
json_cleanup_at(struct json_doc *doc)
{
	json_release(doc);
}
#define cleanup_json __attribute__((cleanup(json_cleanup_at)))

/* NULL if object is NULL, no object, or has no such key. */
const struct json_value *json_get(const struct json_value *object, const char *key);

/* CUBE_ERR_INVALID with "Task.Env[2] (line 4, column 9): " and the message. The top
 * value has no name of its own: the path starts with its first key or index. */
__attribute__((format(printf, 4, 5))) int
json_fail(const struct json_doc *doc, const struct json_value *value, struct cube_error *err,
	  const char *fmt, ...);

/* Readers for a value of a known type; value NULL or JSON null leaves *out as it is.
 * 0, or json_fail with what was wanted and what is there. */
int json_read_text(const struct json_doc *doc, const struct json_value *value, const char **out,
		   struct cube_error *err);
int json_read_int(const struct json_doc *doc, const struct json_value *value, int64_t min,
		  int64_t max, int64_t *out, struct cube_error *err);
int json_read_real(const struct json_doc *doc, const struct json_value *value, double min,
		   double max, double *out, struct cube_error *err);
int json_read_bool(const struct json_doc *doc, const struct json_value *value, bool *out,
		   struct cube_error *err);

/* A writer. Errors stick to the buffer: look at buf->failed at the end. Keys and
 * values alternate inside an object as the caller writes them. */
struct json_writer;

struct json_writer *json_writer_new(struct buf *out, bool pretty); /* NULL: no memory */
void json_writer_free(struct json_writer *writer);
void json_begin_object(struct json_writer *writer);
void json_end_object(struct json_writer *writer);
void json_begin_array(struct json_writer *writer);
void json_end_array(struct json_writer *writer);
void json_key(struct json_writer *writer, const char *key);
void
json_text(struct json_writer *writer, const char *text); /* NULL: null; bad UTF-8 replaced */
void json_int(struct json_writer *writer, int64_t value);
void json_uint(struct json_writer *writer, uint64_t value);
void json_real(struct json_writer *writer, double value); /* NaN, infinite: null */
void json_bool(struct json_writer *writer, bool value);
void json_null(struct json_writer *writer);
/* A value that is JSON already, trusted (made by this writer before). */
void json_raw(struct json_writer *writer, const char *json, size_t size);
/* A value that was read, with all that is in it, without its own key. */
void json_value_write(struct json_writer *writer, const struct json_value *top);

/* key and value in one call. */
void json_put_text(struct json_writer *writer, const char *key, const char *text);
void json_put_int(struct json_writer *writer, const char *key, int64_t value);
void json_put_uint(struct json_writer *writer, const char *key, uint64_t value);
void json_put_real(struct json_writer *writer, const char *key, double value);
void json_put_bool(struct json_writer *writer, const char *key, bool value);

#endif
