/* tests/unit/codec_help.h - JSON in tests: written with ' for ", so that it can be read. */
#ifndef CODEC_HELP_H
#define CODEC_HELP_H

#include "model/codec.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define ID_1 "6be4cb6b-61d1-40cb-bc7b-9cacefefa60c"
#define ID_2 "21b23589-5d2d-4731-b5c9-a97e9832d021"

struct parsed {
	char *text;
	struct json_doc doc;
};

static inline struct parsed
parsed_new(const char *quoted)
{
	struct parsed parsed = {.text = strdup(quoted)};
	struct cube_error err;
	char *at;
	int rc;

	ck_assert_ptr_nonnull(parsed.text);
	for (at = parsed.text; *at != '\0'; at++) {
		if (*at == '\'')
			*at = '"';
	}
	rc = json_parse(parsed.text, strlen(parsed.text), &parsed.doc, &err);
	ck_assert_msg(rc == 0, "%s: %s", quoted, err.message);
	return parsed;
}

static inline void
parsed_free(struct parsed *parsed)
{
	json_release(&parsed->doc);
	free(parsed->text);
}

/* Both hold as much of a text as the other: needle, written with ' for ". */
static inline bool
text_has(const char *text, const char *quoted)
{
	char *needle = strdup(quoted);
	char *at;
	bool has;

	ck_assert_ptr_nonnull(needle);
	for (at = needle; *at != '\0'; at++) {
		if (*at == '\'')
			*at = '"';
	}
	has = strstr(text, needle) != NULL;
	free(needle);
	return has;
}

#define ck_assert_has(text, quoted) \
	ck_assert_msg(text_has((text), (quoted)), "no %s in: %s", (quoted), (text))
#define ck_assert_lacks(text, quoted) \
	ck_assert_msg(!text_has((text), (quoted)), "%s is in: %s", (quoted), (text))

/* What an encoder writes, as a text to be freed. */
#define WRITTEN(call)                                                       \
	__extension__({                                                     \
		struct buf out_ = BUF_INIT(1 << 20);                        \
		struct json_writer *writer = json_writer_new(&out_, false); \
		char *text_;                                                \
		ck_assert_ptr_nonnull(writer);                              \
		call;                                                       \
		json_writer_free(writer);                                   \
		text_ = buf_take(&out_, NULL);                              \
		ck_assert_ptr_nonnull(text_);                               \
		text_;                                                      \
	})

/* A specification that must decode. */
static inline struct task_spec *
spec_of(const char *quoted, enum codec_mode mode)
{
	struct parsed parsed = parsed_new(quoted);
	struct task_spec *spec = NULL;
	struct cube_error err;
	int rc = task_spec_decode(&parsed.doc, parsed.doc.root, mode, ID_1, &spec, &err);

	ck_assert_msg(rc == 0, "%s: %s", quoted, err.message);
	parsed_free(&parsed);
	return spec;
}

#endif
