/* model/node.c - the life of what is known of nodes.
 *
 * A description is a value; its labels and stats are counted texts, so that a page of
 * GET /nodes and the brain hold the same ones. Owns nothing beyond that.
 */
#include "model/node.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

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

void
node_info_copy(struct node_info *to, const struct node_info *from)
{
	*to = *from;
	(void)node_text_get(to->labels);
	(void)node_text_get(to->stats);
}

void
node_info_release(struct node_info *info)
{
	node_text_put(info->labels);
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
