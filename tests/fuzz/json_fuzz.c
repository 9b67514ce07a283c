/* tests/fuzz/json_fuzz.c - json_parse on anything.
 *
 * A text that is refused says where and why. One that is read makes a tree that holds
 * together: counts, parents, places, depth, UTF-8, keys that differ; and what is written
 * of it reads back to the same tree and the same text.
 */
#include "base/json.h"
#include "base/utf8.h"
#include "fuzz_main.h"

#include <math.h>

static const struct fuzz_seed seeds[] = {
	FUZZ_SEED(""),
	FUZZ_SEED("null"),
	FUZZ_SEED("[1,-2.5e+3,0.1,9223372036854775807,-9223372036854775808,1e308,5e-324]"),
	FUZZ_SEED(
		"{\"a\":{\"b\":[[[]]],\"c\":\"\\u00e9\\ud83d\\ude00\\n\\\\\\\"\"},\"\":true}"),
	FUZZ_SEED(" [ \"caf\xc3\xa9\" , \"\xf0\x9f\x98\x80\" , \"\x7f\" ]\r\n\t"),
	FUZZ_SEED("[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]"),
	FUZZ_SEED("{\"k0\":0,\"k1\":1,\"k2\":2,\"k3\":3,\"k4\":4,\"k5\":5,\"k6\":6,\"k7\":7,"
		  "\"k8\":8,\"k9\":9,\"l0\":0,\"l1\":1,\"l2\":2,\"l3\":3,\"l4\":4,\"l5\":5}"),
	FUZZ_SEED(
		"{\"ID\":\"6be4cb6b-61d1-40cb-bc7b-9cacefefa60c\",\"State\":2,"
		"\"Timestamp\":\"2026-03-01T12:00:00Z\",\"Task\":{\"State\":1,"
		"\"ID\":\"21b23589-5d2d-4731-b5c9-a97e9832d021\",\"Name\":\"test\",\"Cpu\":0.5,"
		"\"Image\":\"strm/"
		"helloworld-http\",\"Memory\":67108864,\"Env\":[\"A=1\",\"B=\"],"
		"\"ExposedPorts\":{\"80/tcp\":{}},\"PortBindings\":{\"80/tcp\":\"8080\"},"
		"\"Labels\":null}}"),
};

static void
check_string(const char *text, size_t size)
{
	FUZZ_MUST(size <= JSON_STRING_MAX);
	FUZZ_MUST(strlen(text) == size);
	FUZZ_MUST(utf8_valid_prefix(text, size) == size);
}

/* Only the first few are compared with all: the cost stays in proportion. */
static void
check_keys(const struct json_value *object)
{
	const struct json_value *member = object->as.first;
	const struct json_value *other;
	int checked = 0;

	for (; member != NULL && checked < 40; member = member->next, checked++) {
		FUZZ_MUST(member->key != NULL);
		FUZZ_MUST(json_get(object, member->key) == member);
		for (other = member->next; other != NULL; other = other->next)
			FUZZ_MUST(strcmp(member->key, other->key) != 0);
	}
}

/* Checks value and writes it. The parser bounds the depth, so this may recurse. */
static void
check_and_write(const struct json_doc *doc, const struct json_value *value, int depth,
		struct json_writer *writer)
{
	const struct json_value *child;
	size_t last = value->offset;
	uint32_t count = 0;

	FUZZ_MUST(value->offset < doc->size);
	FUZZ_MUST(depth <= JSON_DEPTH_MAX);
	if (value->key != NULL) {
		check_string(value->key, strlen(value->key));
		json_key(writer, value->key);
	}
	switch (value->type) {
	case JSON_NULL:
		FUZZ_MUST(doc->text[value->offset] == 'n');
		json_null(writer);
		return;
	case JSON_BOOL:
		FUZZ_MUST(doc->text[value->offset] == (value->as.boolean ? 't' : 'f'));
		json_bool(writer, value->as.boolean);
		return;
	case JSON_NUMBER:
		FUZZ_MUST(strchr("-0123456789", doc->text[value->offset]) != NULL);
		FUZZ_MUST(isfinite(value->as.number.real));
		if (value->as.number.is_integer)
			json_int(writer, value->as.number.integer);
		else
			json_real(writer, value->as.number.real);
		return;
	case JSON_STRING:
		FUZZ_MUST(doc->text[value->offset] == '"');
		check_string(value->as.string.text, value->as.string.size);
		json_text(writer, value->as.string.text);
		return;
	case JSON_ARRAY:
		FUZZ_MUST(doc->text[value->offset] == '[');
		json_begin_array(writer);
		break;
	case JSON_OBJECT:
		FUZZ_MUST(doc->text[value->offset] == '{');
		check_keys(value);
		json_begin_object(writer);
		break;
	}
	for (child = value->as.first; child != NULL; child = child->next) {
		FUZZ_MUST(child->parent == value);
		FUZZ_MUST((child->key != NULL) == (value->type == JSON_OBJECT));
		FUZZ_MUST(child->offset > last);
		last = child->offset;
		count++;
		check_and_write(doc, child, depth + 1, writer);
	}
	FUZZ_MUST(count == value->count);
	if (value->type == JSON_ARRAY)
		json_end_array(writer);
	else
		json_end_object(writer);
}

/* Each reader on a value of any type: it reads, or it says so. */
static void
check_readers(const struct json_doc *doc, const struct json_value *value)
{
	struct cube_error err = {0};
	const char *text;
	int64_t integer;
	double real;
	bool boolean;

	(void)json_read_text(doc, value, &text, &err);
	(void)json_read_int(doc, value, -5, 5, &integer, &err);
	(void)json_read_real(doc, value, -5, 5, &real, &err);
	(void)json_read_bool(doc, value, &boolean, &err);
	FUZZ_MUST(json_fail(doc, value, &err, "why") == CUBE_ERR_INVALID);
	FUZZ_MUST(strstr(err.message, ": why") != NULL);
	FUZZ_MUST(utf8_valid_prefix(err.message, strlen(err.message)) == strlen(err.message));
}

static void
write_whole(const struct json_doc *doc, struct buf *out)
{
	struct json_writer *writer = json_writer_new(out, false);

	FUZZ_MUST(writer != NULL);
	FUZZ_MUST(doc->root != NULL && doc->root->parent == NULL && doc->root->next == NULL);
	check_and_write(doc, doc->root, 0, writer);
	json_writer_free(writer);
	FUZZ_MUST(!out->failed);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf once cleanup_buf = BUF_INIT((size_t)64 * 1024 * 1024);
	struct buf twice cleanup_buf = BUF_INIT((size_t)64 * 1024 * 1024);
	struct json_doc doc cleanup_json = {0};
	struct json_doc again cleanup_json = {0};
	const struct json_value *value;
	struct cube_error err = {0};

	if (json_parse((const char *)data, size, &doc, &err) != 0) {
		FUZZ_MUST(err.code == CUBE_ERR_INVALID);
		FUZZ_MUST(strncmp(err.message, "line ", 5) == 0);
		FUZZ_MUST(doc.root == NULL && doc.arena == NULL);
		return 0;
	}
	fuzz_accepted();
	write_whole(&doc, &once);
	for (value = doc.root; value != NULL;) {
		check_readers(&doc, value);
		value = value->type == JSON_OBJECT || value->type == JSON_ARRAY
				? value->as.first
				: value->next;
	}
	/* Dense texts may be refused once they are written without spaces. */
	if (json_parse(once.data, once.size, &again, &err) != 0) {
		FUZZ_MUST(strstr(err.message, "too many values") != NULL);
		return 0;
	}
	write_whole(&again, &twice);
	FUZZ_MUST(once.size == twice.size && memcmp(once.data, twice.data, once.size) == 0);
	return 0;
}

FUZZ_MAIN(seeds)
