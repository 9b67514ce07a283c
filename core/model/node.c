/* model/node.c - the life of what is known of nodes.
 *
 * A description is a value; its labels and stats are counted texts, so that a page of
 * GET /nodes and the brain hold the same ones. Owns nothing beyond that.
 */
#include "model/node.h"

#include "base/cleanup.h"
#include "base/json.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define LABELS_JSON_MAX ((size_t)64 * 1024 * 1024) /* over any request's */

const char *
node_status_name(enum node_status status)
{
	static const char *const names[] = {"joining",  "ready",       "cordoned",
					    "draining", "unreachable", "lost"};

	return (unsigned)status < sizeof(names) / sizeof(names[0]) ? names[status] : "unknown";
}

struct node_text *
node_text_new(const char *text, size_t size)
{
	struct node_text *made = malloc(sizeof(*made) + size + 1);

	if (made == NULL)
		return NULL;
	atomic_init(&made->references, 1);
	made->size = size;
	memcpy(made->text, text, size);
	made->text[size] = '\0';
	return made;
}

struct node_text *
node_text_get(struct node_text *text)
{
	if (text != NULL)
		(void)atomic_fetch_add_explicit(&text->references, 1, memory_order_relaxed);
	return text;
}

void
node_text_put(struct node_text *text)
{
	unsigned before;

	if (text == NULL)
		return;
	before = atomic_fetch_sub_explicit(&text->references, 1, memory_order_acq_rel);
	assert(before > 0);
	if (before == 1)
		free(text);
}

/* ---- labels ---- */

static int
label_compare(const void *left, const void *right)
{
	const struct task_label *a = left;
	const struct task_label *b = right;

	return strcmp(a->key, b->key);
}

/* The object of the sorted labels. */
static void
labels_write(struct buf *out, const struct task_label *labels, uint32_t count)
{
	struct json_writer *writer = json_writer_new(out, false);
	uint32_t i;

	if (writer == NULL) {
		out->failed = true;
		return;
	}
	json_begin_object(writer);
	for (i = 0; i < count; i++)
		json_put_text(writer, labels[i].key, labels[i].value);
	json_end_object(writer);
	json_writer_free(writer);
}

static const char *
text_put(char **at, const char *text, size_t size)
{
	char *put = *at;

	memcpy(put, text, size);
	put[size] = '\0';
	*at += size + 1;
	return put;
}

struct node_labels *
node_labels_new(const struct task_label *labels, uint32_t count)
{
	cleanup_buf struct buf json = BUF_INIT(LABELS_JSON_MAX);
	cleanup_free struct task_label *sorted = malloc((count + 1) * sizeof(*sorted));
	struct node_labels *made;
	size_t size = 0;
	uint32_t i;
	char *at;

	if (sorted == NULL)
		return NULL;
	if (count > 0)
		memcpy(sorted, labels, count * sizeof(*sorted));
	qsort(sorted, count, sizeof(*sorted), label_compare);
	labels_write(&json, sorted, count);
	if (json.failed)
		return NULL;
	for (i = 0; i < count; i++)
		size += strlen(sorted[i].key) + 1 + strlen(sorted[i].value) + 1;
	made = malloc(sizeof(*made) + count * sizeof(made->items[0]) + size + json.size + 1);
	if (made == NULL)
		return NULL;
	atomic_init(&made->references, 1);
	made->count = count;
	made->json_size = json.size;
	at = (char *)(made->items + count);
	for (i = 0; i < count; i++) {
		made->items[i].key = text_put(&at, sorted[i].key, strlen(sorted[i].key));
		made->items[i].value = text_put(&at, sorted[i].value, strlen(sorted[i].value));
	}
	made->json = text_put(&at, json.data, json.size);
	return made;
}

struct node_labels *
node_labels_get(struct node_labels *labels)
{
	if (labels != NULL)
		(void)atomic_fetch_add_explicit(&labels->references, 1, memory_order_relaxed);
	return labels;
}

void
node_labels_put(struct node_labels *labels)
{
	unsigned before;

	if (labels == NULL)
		return;
	before = atomic_fetch_sub_explicit(&labels->references, 1, memory_order_acq_rel);
	assert(before > 0);
	if (before == 1)
		free(labels);
}

const char *
node_labels_find(const struct node_labels *labels, const char *key)
{
	uint32_t from = 0;
	uint32_t to = labels != NULL ? labels->count : 0;

	while (from < to) {
		uint32_t middle = from + (to - from) / 2;
		int order = strcmp(key, labels->items[middle].key);

		if (order == 0)
			return labels->items[middle].value;
		if (order < 0)
			to = middle;
		else
			from = middle + 1;
	}
	return NULL;
}

bool
node_labels_equal(const struct node_labels *a, const struct node_labels *b)
{
	size_t size_a = a != NULL && a->count > 0 ? a->json_size : 0;
	size_t size_b = b != NULL && b->count > 0 ? b->json_size : 0;

	if (a == b || (size_a == 0 && size_b == 0))
		return true;
	return size_a == size_b && memcmp(a->json, b->json, size_a) == 0;
}

const char *
node_arch_name(const char *machine)
{
	/* The names of the ports of Go, which images are made for. */
	static const struct {
		const char *machine, *arch;
	} names[] = {{"x86_64", "amd64"}, {"aarch64", "arm64"}, {"armv7l", "arm"},
		     {"armv6l", "arm"},   {"i386", "386"},      {"i486", "386"},
		     {"i586", "386"},     {"i686", "386"},      {"loongarch64", "loong64"}};
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(machine, names[i].machine) == 0)
			return names[i].arch;
	}
	return machine;
}

/* ---- descriptions ---- */

bool
node_facts_equal(const struct node_info *a, const struct node_info *b)
{
	return a->mcpu == b->mcpu && a->memory_bytes == b->memory_bytes &&
	       a->disk_bytes == b->disk_bytes && strcmp(a->runtime, b->runtime) == 0 &&
	       strcmp(a->version, b->version) == 0 && strcmp(a->arch, b->arch) == 0 &&
	       strcmp(a->os, b->os) == 0 && node_labels_equal(a->labels, b->labels);
}

void
node_info_copy(struct node_info *to, const struct node_info *from)
{
	*to = *from;
	(void)node_labels_get(to->labels);
	(void)node_text_get(to->stats);
}

void
node_info_release(struct node_info *info)
{
	node_labels_put(info->labels);
	node_text_put(info->stats);
	info->labels = NULL;
	info->stats = NULL;
}

void
node_views_free(struct node_view *views, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		node_info_release(&views[i].info);
	free(views);
}
