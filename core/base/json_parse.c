/* base/json_parse.c - json_parse: one pass of yajl's SAX parser into a tree.
 *
 * yajl knows the grammar; what it lets through is refused here: bad UTF-8, lone
 * surrogates, NUL characters, vertical tabs as space, depth, size, duplicate keys,
 * numbers out of range. The open arrays and objects are a stack of fixed depth in the
 * parser, so nothing recurses. The parser lives on the caller's stack (5 KiB) for one
 * call; the tree in an arena that the document owns. [any]
 */
#include "base/json.h"

#include "base/json_keys.h"
#include "base/json_memory.h"
#include "base/json_number.h"
#include "base/json_place.h"
#include "base/utf8.h"

#include <string.h>
#include <yajl/yajl_parse.h>

#define TEXT_MAX_BYTES   ((size_t)256 * 1024 * 1024)
#define NUMBER_MAX_BYTES 1024
/* A value takes 64 bytes of memory: a text of nothing but commas may not cost 32
 * times its size. What people write has ten bytes and more a value. */
#define VALUES_FREE      4096
#define VALUES_PER_BYTES 4
#define FIRST_BYTES_MAX  ((size_t)64 * 1024) /* of the arena */
#define SCRATCH_FIRST    3072

struct open_value {
	struct json_value *value;
	struct json_value *last; /* its youngest child so far */
};

struct parser {
	const char *text;
	size_t size;
	size_t at;  /* end of the last token that was seen */
	bool ended; /* all of the text was given to yajl */
	yajl_handle yajl;
	struct json_arena *arena;
	struct json_value *root;
	const char *key; /* of the next value */
	size_t values_left;
	size_t depth;
	struct open_value open[JSON_DEPTH_MAX];
	struct cube_error *err;
	int failure; /* 0, or what err says */
	struct json_scratch scratch;
	_Alignas(max_align_t) char scratch_first[SCRATCH_FIRST];
};

/* Always 0, which tells yajl to stop. */
__attribute__((format(printf, 3, 4))) static int
refuse(struct parser *parser, size_t offset, const char *fmt, ...)
{
	char why[160];
	size_t line, column;
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(why, sizeof(why), fmt, args);
	va_end(args);
	json_place(parser->text, parser->size, offset, &line, &column);
	parser->failure = cube_fail(parser->err, CUBE_ERR_INVALID, 0,
				    "line %zu, column %zu: %s", line, column, why);
	return 0;
}

static int
refuse_memory(struct parser *parser)
{
	parser->failure = cube_fail(parser->err, CUBE_ERR_NO_MEMORY, 0,
				    "read JSON of %zu bytes: out of memory", parser->size);
	return 0;
}

/* ---- tokens ---- */

/* Where the token that yajl has just read ends. A number at the very end of the text
 * comes only when yajl is told that there is no more. */
static size_t
token_end(const struct parser *parser)
{
	return parser->ended ? parser->size : yajl_get_bytes_consumed(parser->yajl);
}

static bool
is_gap(char c)
{
	return c == ' ' || c == ',' || c == ':' || c == '\n' || c == '\t' || c == '\r';
}

/* Between two tokens stand only spaces, one comma or one colon; the last character
 * before the end belongs to the token, whatever it is. */
static size_t
token_start(const struct parser *parser, size_t end)
{
	size_t at = parser->at;

	while (at + 1 < end && is_gap(parser->text[at]))
		at++;
	return at;
}

/* Takes the token: its start goes to *start. False if yajl has skipped something that
 * is no space in JSON (RFC 8259, section 2). */
static bool
token_take(struct parser *parser, size_t *start)
{
	size_t end = token_end(parser);

	*start = token_start(parser, end);
	parser->at = end;
	if (parser->text[*start] == '\v' || parser->text[*start] == '\f') {
		(void)refuse(parser, *start, "this character is no space in JSON");
		return false;
	}
	return true;
}

/* ---- the tree ---- */

static struct json_value *
value_add(struct parser *parser, enum json_type type)
{
	struct open_value *within = parser->depth > 0 ? &parser->open[parser->depth - 1] : NULL;
	struct json_value *value;
	size_t start;

	if (!token_take(parser, &start))
		return NULL;
	if (parser->values_left == 0) {
		(void)refuse(parser, start, "too many values for a text of %zu bytes",
			     parser->size);
		return NULL;
	}
	parser->values_left--;
	value = json_arena_take(parser->arena, sizeof(*value));
	if (value == NULL) {
		(void)refuse_memory(parser);
		return NULL;
	}
	*value = (struct json_value){.type = type, .offset = start, .key = parser->key};
	parser->key = NULL;
	if (within == NULL) {
		parser->root = value;
		return value;
	}
	value->parent = within->value;
	within->value->count++;
	if (within->last == NULL)
		within->value->as.first = value;
	else
		within->last->next = value;
	within->last = value;
	return value;
}

static int
container_open(struct parser *parser, enum json_type type)
{
	struct json_value *value = value_add(parser, type);

	if (value == NULL)
		return 0;
	if (parser->depth == JSON_DEPTH_MAX)
		return refuse(parser, value->offset, "nested deeper than %d levels",
			      JSON_DEPTH_MAX);
	parser->open[parser->depth++] = (struct open_value){.value = value};
	return 1;
}

/* ---- strings ---- */

static unsigned int
hex_value(const char *at)
{
	unsigned int value = 0;
	int i;

	for (i = 0; i < 4; i++) {
		unsigned char c = (unsigned char)at[i];
		unsigned int digit = c <= '9' ? c - 0x30u : (c | 0x20u) - 0x61u + 10u;

		value = value << 4 | digit;
	}
	return value;
}

/* yajl makes something of any \u: here the halves of a pair must belong together and
 * none may be NUL. raw is what stands between the quotes; yajl has checked its form. */
static bool
check_escapes(struct parser *parser, size_t start, size_t end)
{
	const char *text = parser->text;
	size_t at = start;

	while (at < end) {
		unsigned int unit;

		if (text[at] != '\\') {
			at++;
			continue;
		}
		if (text[at + 1] != 'u') {
			at += 2;
			continue;
		}
		unit = hex_value(text + at + 2);
		if (unit == 0)
			return refuse(parser, at, "a string cannot hold the NUL character") !=
			       0;
		if (unit >= 0xdc00 && unit <= 0xdfff)
			return refuse(parser, at, "half of a surrogate pair") != 0;
		if (unit < 0xd800 || unit > 0xdbff) {
			at += 6;
			continue;
		}
		if (end - at < 12 || text[at + 6] != '\\' || text[at + 7] != 'u' ||
		    (hex_value(text + at + 8) & 0xfc00) != 0xdc00)
			return refuse(parser, at, "half of a surrogate pair") != 0;
		at += 12;
	}
	return true;
}

/* The string that yajl has just read, copied; NULL when refused. */
static const char *
string_copy(struct parser *parser, const unsigned char *bytes, size_t size, size_t start)
{
	const char *from = (const char *)bytes;
	bool has_escapes = from < parser->text || from >= parser->text + parser->size;
	const char *copy;

	if (size > JSON_STRING_MAX) {
		(void)refuse(parser, start, "this string is longer than %d bytes",
			     JSON_STRING_MAX);
		return NULL;
	}
	if (has_escapes && !check_escapes(parser, start + 1, parser->at - 1))
		return NULL;
	copy = json_arena_text(parser->arena, from, size);
	if (copy == NULL)
		(void)refuse_memory(parser);
	return copy;
}

/* ---- what yajl calls ---- */

static int
on_null(void *ctx)
{
	return value_add(ctx, JSON_NULL) != NULL;
}

static int
on_boolean(void *ctx, int boolean)
{
	struct json_value *value = value_add(ctx, JSON_BOOL);

	if (value == NULL)
		return 0;
	value->as.boolean = boolean != 0;
	return 1;
}

static int
on_number(void *ctx, const char *text, size_t size)
{
	struct parser *parser = ctx;
	struct json_value *value = value_add(parser, JSON_NUMBER);
	char copy[NUMBER_MAX_BYTES + 1];

	if (value == NULL)
		return 0;
	if (size > NUMBER_MAX_BYTES)
		return refuse(parser, value->offset, "this number is longer than %d characters",
			      NUMBER_MAX_BYTES);
	memcpy(copy, text, size);
	copy[size] = '\0';
	if (!json_number_read(copy, size, value))
		return refuse(parser, value->offset, "this number is out of range");
	return 1;
}

static int
on_string(void *ctx, const unsigned char *bytes, size_t size)
{
	struct parser *parser = ctx;
	struct json_value *value = value_add(parser, JSON_STRING);

	if (value == NULL)
		return 0;
	value->as.string.text = string_copy(parser, bytes, size, value->offset);
	value->as.string.size = size;
	return value->as.string.text != NULL;
}

static int
on_key(void *ctx, const unsigned char *bytes, size_t size)
{
	struct parser *parser = ctx;
	size_t start;

	if (!token_take(parser, &start))
		return 0;
	parser->key = string_copy(parser, bytes, size, start);
	return parser->key != NULL;
}

static int
on_start_object(void *ctx)
{
	return container_open(ctx, JSON_OBJECT);
}

static int
on_start_array(void *ctx)
{
	return container_open(ctx, JSON_ARRAY);
}

static int
on_end_array(void *ctx)
{
	struct parser *parser = ctx;
	size_t start;

	parser->depth--;
	return token_take(parser, &start);
}

static int
on_end_object(void *ctx)
{
	struct parser *parser = ctx;
	const struct json_value *object = parser->open[parser->depth - 1].value;
	const struct json_value *twice;
	char shown[JSON_EXCERPT_SIZE];

	if (!on_end_array(parser))
		return 0;
	twice = json_keys_duplicate(object, &parser->scratch);
	if (twice == NULL)
		return 1;
	json_excerpt(twice->key, shown);
	return refuse(parser, twice->offset, "the key \"%s\" is there twice", shown);
}

static const yajl_callbacks callbacks = {
	.yajl_null = on_null,
	.yajl_boolean = on_boolean,
	.yajl_number = on_number,
	.yajl_string = on_string,
	.yajl_start_map = on_start_object,
	.yajl_map_key = on_key,
	.yajl_end_map = on_end_object,
	.yajl_start_array = on_start_array,
	.yajl_end_array = on_end_array,
};

/* ---- the whole ---- */

/* What yajl says, what it means to whoever wrote the text, and where: yajl stands past
 * the token that it does not want, but at the character inside one. */
struct translation {
	const char *said;
	const char *meant;
	bool at_token;
};

static const struct translation translations[] = {
	{"premature EOF", "the text ends too early", false},
	{"unallowed token at this point in JSON text", "a value should be here", true},
	{"trailing garbage", "only one value was expected, here is more", true},
	{"invalid object key (must be a string)", "a key in quotes should be here", true},
	{"object key and value must be separated by a colon (':')",
	 "a colon should be between key and value", true},
	{"after key and value, inside map, I expect ',' or '}'",
	 "a comma or } should follow the value", true},
	{"after array element, I expect ',' or ']'", "a comma or ] should follow the value",
	 true},
	{"invalid char in json text.", "this character has no meaning in JSON", true},
	{"invalid string in json text.", "a word that is not true, false or null", true},
	{"probable comment found in input text, comments are not enabled.",
	 "JSON has no comments", false},
	{"malformed number, a digit is required after the decimal point.",
	 "a digit should follow the decimal point", false},
	{"malformed number, a digit is required after the exponent.",
	 "a digit should follow the exponent", false},
	{"malformed number, a digit is required after the minus sign.",
	 "a digit should follow the minus sign", false},
	{"invalid character inside string.", "a control character inside a string", false},
	{"inside a string, '\\' occurs before a character which it may not.",
	 "an unknown escape: \\ stands before one of \"\\/bfnrtu", false},
	{"invalid (non-hex) character occurs after '\\u' inside string.",
	 "four hexadecimal digits should follow \\u", false},
};

static int
refuse_syntax(struct parser *parser)
{
	const char *said = (const char *)yajl_get_error(parser->yajl, 0, NULL, 0);
	const char *kind_end = strstr(said, ": ");
	const char *meant;
	size_t offset = token_end(parser);
	size_t size;
	size_t i;

	/* A token that is cut off: what stands there next is only our end of the text. */
	if (parser->ended && strncmp(said, "lexical", 7) == 0)
		return refuse(parser, offset, "the text ends too early");
	/* "parse error: WHAT\n" */
	said = kind_end != NULL ? kind_end + 2 : said;
	size = strcspn(said, "\n");
	meant = said;
	for (i = 0; i < sizeof(translations) / sizeof(translations[0]); i++) {
		const struct translation *translation = &translations[i];

		if (strlen(translation->said) != size ||
		    memcmp(translation->said, said, size) != 0)
			continue;
		meant = translation->meant;
		size = strlen(meant);
		if (translation->at_token)
			offset = token_start(parser, offset);
		break;
	}
	return refuse(parser, offset, "%.*s", (int)size, meant);
}

/* After yajl: what it took for space at the end. */
static void
check_end(struct parser *parser)
{
	for (; parser->at < parser->size; parser->at++) {
		if (!is_gap(parser->text[parser->at])) {
			(void)refuse(parser, parser->at, "this character is no space in JSON");
			return;
		}
	}
}

/* All of it that may leave by longjmp; parser is not kept in registers here. */
static void
parse_guarded(struct parser *parser)
{
	yajl_alloc_funcs functions = json_scratch_functions(&parser->scratch);
	yajl_status status;

	switch (setjmp(parser->scratch.leave)) {
	case 0:
		break;
	case JSON_SCRATCH_TOO_LARGE:
		(void)refuse(parser, token_start(parser, parser->size),
			     "this string is longer than %d bytes", JSON_STRING_MAX);
		return;
	default:
		(void)refuse_memory(parser);
		return;
	}
	parser->scratch.armed = true;
	parser->yajl = yajl_alloc(&callbacks, &functions, parser);
	/* UTF-8 was checked already, more strictly than yajl does. */
	(void)yajl_config(parser->yajl, yajl_dont_validate_strings, 1);
	status = yajl_parse(parser->yajl, (const unsigned char *)parser->text, parser->size);
	if (status == yajl_status_ok) {
		parser->ended = true;
		status = yajl_complete_parse(parser->yajl);
	}
	if (parser->failure == 0 && status != yajl_status_ok)
		(void)refuse_syntax(parser);
	if (parser->failure == 0)
		check_end(parser);
}

int
json_parse(const char *text, size_t size, struct json_doc *doc, struct cube_error *err)
{
	struct parser parser;
	size_t valid;

	memset(&parser, 0, offsetof(struct parser, scratch));
	parser.text = text;
	parser.size = size;
	parser.err = err;
	parser.values_left = VALUES_FREE + size / VALUES_PER_BYTES;
	if (size > TEXT_MAX_BYTES)
		return cube_fail(err, CUBE_ERR_INVALID, 0,
				 "JSON of %zu bytes: at most %zu are read", size,
				 TEXT_MAX_BYTES);
	valid = utf8_valid_prefix(text, size);
	if (valid < size) {
		(void)refuse(&parser, valid, "this byte is no UTF-8");
		return parser.failure;
	}
	/* Enough for a task as people write one, in one piece. */
	parser.arena = json_arena_new(size < FIRST_BYTES_MAX / 5 ? size * 5 : FIRST_BYTES_MAX);
	if (parser.arena == NULL) {
		(void)refuse_memory(&parser);
		return parser.failure;
	}
	json_scratch_init(&parser.scratch, parser.scratch_first, sizeof(parser.scratch_first));
	parse_guarded(&parser);
	json_scratch_release(&parser.scratch);
	if (parser.failure != 0) {
		json_arena_free(parser.arena);
		return parser.failure;
	}
	*doc = (struct json_doc){
		.root = parser.root, .arena = parser.arena, .text = text, .size = size};
	return 0;
}

void
json_release(struct json_doc *doc)
{
	json_arena_free(doc->arena);
	*doc = (struct json_doc){0};
}
