/* place/limit.c - see the header. Owns nothing: groups are counted. One thread. */
#include "place/limit.h"

#include "base/utf8.h"
#include "place/placer.h"

#include <string.h>

#define LIMIT_KEY_MAX ((size_t)256 * 1024) /* more than the two longest texts */
#define SHOWN_MAX     64                   /* bytes of a label, and of its value */

static const char name_prefix[] = "/name/";
static const char label_prefix[] = "/label/";

static const char *
label_value(const struct task_spec *spec, const char *key)
{
	uint32_t i;

	for (i = 0; i < spec->label_count; i++) {
		if (strcmp(spec->labels[i].key, key) == 0)
			return spec->labels[i].value;
	}
	return ""; /* never: the codec has looked */
}

void
limit_add_key(struct buf *out, const struct task_spec *spec)
{
	if (spec->max_per_node == 0)
		return;
	if (spec->max_per_label[0] != '\0') {
		/* No label's name has a line feed. */
		buf_append_text(out, label_prefix);
		buf_append_text(out, spec->max_per_label);
		buf_append_text(out, "\n");
		buf_append_text(out, label_value(spec, spec->max_per_label));
	} else if (spec->job[0] == '\0') {
		buf_append_text(out, name_prefix);
		buf_append_text(out, spec->name);
	}
}

struct group *
limit_get(struct placer *placer, const struct task_spec *spec)
{
	cleanup_buf struct buf key = BUF_INIT(LIMIT_KEY_MAX);

	if (spec->max_per_node == 0)
		return NULL;
	limit_add_key(&key, spec);
	if (key.failed) {
		placer->failed = CUBE_ERR_NO_MEMORY;
		return NULL;
	}
	return group_get(placer, buf_text(&key));
}

void
limit_add_kind(struct buf *out, const struct group *group)
{
	const char *key = group->job;
	const char *split;

	if (strncmp(key, label_prefix, sizeof(label_prefix) - 1) == 0) {
		key += sizeof(label_prefix) - 1;
		split = strchr(key, '\n');
		if (split != NULL)
			buf_printf(out, "label %.*s=%.*s",
				   (int)utf8_valid_prefix(key, split - key < SHOWN_MAX
								       ? (size_t)(split - key)
								       : SHOWN_MAX),
				   key,
				   (int)utf8_valid_prefix(split + 1,
							  strnlen(split + 1, SHOWN_MAX)),
				   split + 1);
	} else if (strncmp(key, name_prefix, sizeof(name_prefix) - 1) == 0) {
		buf_printf(out, "name %s", key + sizeof(name_prefix) - 1);
	} else {
		buf_printf(out, "job %s", key);
	}
}
