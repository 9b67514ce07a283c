/* model/codec_read.h - reads a JSON object by a table of its members. Private to the codec.
 *
 * A table names every member that an object may have and the function that reads it into
 * a struct, so that one loop finds unknown members and suggests the right name. Members
 * that are null count as absent. Nothing here allocates.
 */
#ifndef MODEL_CODEC_READ_H
#define MODEL_CODEC_READ_H

#include "model/codec.h"

#define QUANTITY_MAX (INT64_C(1) << 62) /* of bytes */
#define CPU_MAX      4096               /* cores */

struct field;

/* What a reader knows beside its value. */
struct reading {
	const struct json_doc *doc;
	enum codec_mode mode;
	const struct field *field;
};

/* Reads value (never null) to at. 0, or a negative code with err filled in. */
typedef int field_reader(const struct reading *in, const struct json_value *value, void *at,
			 struct cube_error *err);

struct field {
	const char *name;
	field_reader *read; /* NULL: accepted and ignored */
	size_t offset;      /* of what is read, in the struct */
	int64_t min, max;   /* of a number; max also: room of a text, NUL included */
	const char *unit;   /* of a number, for messages: "bytes"; NULL: none */
};

struct field_table {
	const char *what; /* "a Task" */
	const struct field *fields;
	size_t count;
};

#define FIELD_TABLE(what_text, array)                                    \
	{                                                                \
		(what_text), (array), sizeof(array) / sizeof((array)[0]) \
	}

/* value must be an object: reads each member into out. Members that the table lacks
 * are an error in strict mode, else ignored. */
int
fields_read(const struct json_doc *doc, const struct json_value *value, enum codec_mode mode,
	    const struct field_table *table, void *out, struct cube_error *err);

/* json_fail with "must be WANTED, not WHAT IS THERE". */
int fail_wanted(const struct json_doc *doc, const struct json_value *value,
		struct cube_error *err, const char *wanted);

field_reader read_int;    /* int64_t, min..max */
field_reader read_u32;    /* uint32_t, min..max */
field_reader read_u64;    /* uint64_t, min..max */
field_reader read_i32;    /* int32_t, min..max */
field_reader read_cores;  /* int64_t in thousandths, from a number of cores */
field_reader read_kib;    /* int64_t in bytes, from a number of KiB */
field_reader read_bool;   /* bool */
field_reader read_text;   /* const char *, borrowed from the doc */
field_reader read_chars;  /* char[max] */
field_reader read_cut;    /* char[max]; what does not fit is cut off, between characters */
field_reader read_id;     /* char[ID_SIZE]; a nil one gives "" */
field_reader read_name;   /* char[NAME_SIZE]; "" is absent */
field_reader read_time;   /* int64_t, Unix milliseconds */
field_reader read_value;  /* const struct json_value *, as it is */
field_reader read_state;  /* enum task_state */
field_reader read_wanted; /* enum task_wanted */

#endif
