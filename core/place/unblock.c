/* place/unblock.c - what would make a task fit: each single change, tried.
 *
 * A node can be helped by one change only if it lacks one thing. So of each bucket the thing
 * that its rows lack first is taken away, and they are looked at once more: those that fit
 * then are what the change is worth. Where none fits, the node that lacks the fewest things
 * is named with all of them. One thread.
 */
#include "place/why.h"

#include "base/amount.h"
#include "model/constraint.h"
#include "place/limit.h"
#include "place/placer.h"
#include "place/relax.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAMES_MAX  2 /* nodes that a change names */
#define SAID_MAX   6 /* changes in the sentence; the list has all */
#define TEXT_LIMIT ((size_t)64 * 1024)

/* What a change would do for the rows of a bucket. */
struct help {
	uint32_t count; /* rows that it is enough for */
	uint32_t rows[NAMES_MAX];
	int64_t most_free; /* of cpu, memory or disk, among them; in rows[0] */
	uint32_t fewest;   /* of its like, with FIT_MAX_PER_NODE; in rows[0] */
};

/* What keeps a node that is not in contact from taking tasks beside that. */
static const char *
also(const struct asked *asked, const struct place_node *node)
{
	const struct why_owner *owner = asked->owner;

	if (owner == NULL || owner->also == NULL || node->status == NODE_CORDONED ||
	    node->status == NODE_DRAINING)
		return NULL;
	return owner->also(owner->ctx, node);
}

/* Would the node of row take tasks, if the one thing that keeps it from that were gone? */
static bool
opens(const struct asked *asked, uint32_t row, const struct bucket *bucket)
{
	const struct place_node *node = asked->placer->rows.node[row];

	if (bucket->misfit == FIT_RUNTIME)
		return true;
	if (!node->book && !node->info->runtime_ready)
		return false;
	if (node->status == NODE_CORDONED || node->status == NODE_DRAINING)
		return true;
	return also(asked, node) == NULL;
}

static void
note_help(const struct asked *asked, const struct bucket *bucket, uint32_t row,
	  struct help *help)
{
	const struct place_node *node = asked->placer->rows.node[row];
	bool amount = bucket->misfit >= FIT_CPU && bucket->misfit <= FIT_DISK;
	bool limit = bucket->misfit == FIT_MAX_PER_NODE;
	int64_t free_amount = amount ? census_free(asked->placer, row, bucket->misfit) : 0;
	uint32_t alike = limit ? group_on(asked->shape->limit, node) : 0;

	if ((amount && (help->count == 0 || free_amount > help->most_free)) ||
	    (limit && (help->count == 0 || alike < help->fewest))) {
		help->rows[0] = row;
		help->most_free = free_amount;
		help->fewest = alike;
	} else if (!amount && !limit && help->count < NAMES_MAX) {
		help->rows[help->count] = row;
	}
	help->count++;
}

static struct help
try_bucket(const struct asked *asked, const struct bucket *bucket)
{
	size_t place = (size_t)(bucket - asked->census.buckets);
	bool shut = bucket->misfit == FIT_NOT_READY || bucket->misfit == FIT_RUNTIME;
	struct relaxed relaxed;
	struct help help = {0};
	uint32_t row;

	relax_init(&relaxed, asked->shape);
	relax(&relaxed, bucket->misfit, bucket->detail);
	for (row = 0; row < asked->census.nodes; row++) {
		if (asked->census.of[row] != place || (shut && !opens(asked, row, bucket)))
			continue;
		if (relax_check(asked->placer, row, &relaxed, shut) == FIT_OK)
			note_help(asked, bucket, row, &help);
	}
	return help;
}

/* On how many nodes of the bucket it would fit, asking for so much of what they lack. */
static uint32_t
count_fitting(const struct asked *asked, const struct bucket *bucket, int64_t amount)
{
	size_t place = (size_t)(bucket - asked->census.buckets);
	struct relaxed relaxed;
	uint32_t count = 0;
	uint32_t row;

	relax_init(&relaxed, asked->shape);
	relax_amount(&relaxed, bucket->misfit, amount);
	for (row = 0; row < asked->census.nodes; row++) {
		if (asked->census.of[row] == place)
			count += relax_check(asked->placer, row, &relaxed, false) == FIT_OK;
	}
	return count;
}

/* ---- in words ---- */

/* "n2", "n2 or n7", "n2 or another of 14" */
static void
add_nodes(struct buf *out, const struct asked *asked, const struct help *help)
{
	buf_append_text(out, why_node(asked, help->rows[0]));
	if (help->count == 2) {
		buf_printf(out, " or %s", why_node(asked, help->rows[1]));
	} else if (help->count > 2) {
		buf_append_text(out, " or another of ");
		amount_add_count(out, help->count);
	}
}

static void
add_status_change(struct buf *out, const struct asked *asked, const struct bucket *bucket,
		  const struct help *help)
{
	switch ((enum node_status)bucket->detail) {
	case NODE_CORDONED:
		add_nodes(out, asked, help);
		buf_append_text(out, " were uncordoned");
		break;
	case NODE_DRAINING:
		add_nodes(out, asked, help);
		buf_append_text(out, " were uncordoned, which ends its drain");
		break;
	case NODE_JOINING:
		add_nodes(out, asked, help);
		buf_append_text(out, " had joined");
		break;
	case NODE_READY:
	case NODE_UNREACHABLE:
	case NODE_LOST:
		add_nodes(out, asked, help);
		buf_append_text(out, " were in contact again");
		break;
	}
}

static void
set_word(struct why_change *change, const char *word)
{
	(void)snprintf(change->word, sizeof(change->word), "%s", word);
}

/* Less of it; or, where there is nothing left to ask for, more of it free. */
static void
fill_amount(struct buf *out, const struct asked *asked, const struct bucket *bucket,
	    const struct help *help, struct why_change *change)
{
	static const char *const words[] = {"cpu", "memory", "disk"};
	static const char *const free_words[] = {"free-cpu", "free-memory", "free-disk"};
	size_t kind = (size_t)(bucket->misfit - FIT_CPU);
	int64_t wanted = census_wanted(asked->shape, bucket->misfit);

	if (help->most_free > 0) {
		set_word(change, words[kind]);
		change->amount = bucket->misfit == FIT_CPU ? help->most_free
							   : amount_bytes_down(help->most_free);
		change->count = count_fitting(asked, bucket, change->amount);
		buf_append_text(out, "it asked for at most ");
		why_add_amount(out, bucket->misfit, change->amount);
		if (bucket->misfit == FIT_DISK)
			buf_append_text(out, " of disk");
		return;
	}
	set_word(change, free_words[kind]);
	change->count = 1;
	/* A node whose capacity shrank may lack more than there are numbers for. */
	if (__builtin_sub_overflow(wanted, help->most_free, &change->amount))
		change->amount = INT64_MAX;
	buf_printf(out, "%s had ", why_node(asked, help->rows[0]));
	why_add_amount(out, bucket->misfit, change->amount);
	buf_append_text(out, bucket->misfit == FIT_MEMORY ? " more of memory free"
			     : bucket->misfit == FIT_DISK ? " more of disk free"
							  : " more free");
}

static void
fill_change(const struct asked *asked, const struct bucket *bucket, const struct help *help,
	    struct why_change *change)
{
	struct buf text = BUF_INIT(TEXT_LIMIT);

	change->count = help->count;
	(void)snprintf(change->node, sizeof(change->node), "%s",
		       why_node(asked, help->rows[0]));
	switch (bucket->misfit) {
	case FIT_NOT_READY:
		set_word(change,
			 bucket->detail == NODE_CORDONED || bucket->detail == NODE_DRAINING
				 ? "uncordon"
				 : "contact");
		add_status_change(&text, asked, bucket, help);
		break;
	case FIT_RUNTIME:
		set_word(change, "runtime");
		buf_append_text(&text, "the runtime of ");
		add_nodes(&text, asked, help);
		buf_append_text(&text, " were ready");
		break;
	case FIT_CPU:
	case FIT_MEMORY:
	case FIT_DISK:
		fill_amount(&text, asked, bucket, help, change);
		break;
	case FIT_PORT:
		set_word(change, "port");
		change->amount = asked->shape->ports[bucket->detail] & UINT16_MAX;
		buf_append_text(&text, "it did not want ");
		why_add_port(&text, asked->shape->ports[bucket->detail]);
		break;
	case FIT_CONSTRAINT:
		set_word(change, "constraint");
		change->amount = bucket->detail;
		buf_printf(&text, "it did not want %s",
			   asked->shape->constraints[bucket->detail].text);
		break;
	case FIT_MAX_PER_NODE:
		set_word(change, "max-per-node");
		change->amount = (int64_t)help->fewest + 1;
		change->count = count_fitting(asked, bucket, change->amount);
		buf_printf(&text, "its MaxPerNode were %u", help->fewest + 1);
		break;
	case FIT_OK:
		break;
	}
	why_text(change->text, buf_text(&text));
	buf_release(&text);
}

/* ---- where no single change is enough ---- */

static void
add_lacking(struct buf *out, const struct asked *asked, uint32_t row,
	    const struct bucket *lacking, const struct relaxed *relaxed)
{
	const struct place_node *node = asked->placer->rows.node[row];
	uint64_t missing;

	switch (lacking->misfit) {
	case FIT_NOT_READY:
		buf_printf(out, "is %s", node_status_name(node->status));
		break;
	case FIT_RUNTIME:
		buf_append_text(out, "has no runtime ready");
		break;
	case FIT_CPU:
	case FIT_MEMORY:
	case FIT_DISK:
		missing = (uint64_t)census_wanted(&relaxed->shape, lacking->misfit) -
			  (uint64_t)census_free(asked->placer, row, lacking->misfit);
		buf_append_text(out, "is ");
		why_add_amount(out, lacking->misfit,
			       missing <= INT64_MAX ? (int64_t)missing : INT64_MAX);
		buf_append_text(out, lacking->misfit == FIT_MEMORY ? " of memory short"
				     : lacking->misfit == FIT_DISK ? " of disk short"
								   : " short");
		break;
	case FIT_PORT:
		buf_append_text(out, "has ");
		why_add_port(out, relaxed->shape.ports[lacking->detail]);
		buf_append_text(out, " taken");
		break;
	case FIT_CONSTRAINT:
		buf_printf(out, "does not hold %s",
			   relaxed->shape.constraints[lacking->detail].text);
		break;
	case FIT_MAX_PER_NODE:
		buf_printf(out, "has %u of ", group_on(relaxed->shape.limit, node));
		limit_add_kind(out, relaxed->shape.limit);
		buf_append_text(out, " already");
		break;
	case FIT_OK:
		break;
	}
}

/* The next thing that row lacks, which is then taken away; FIT_OK: there is none. */
static struct bucket
next_lacking(const struct asked *asked, uint32_t row, struct relaxed *relaxed, bool *contact,
	     bool *open)
{
	const struct place_node *node = asked->placer->rows.node[row];
	struct bucket lacking = {.misfit = relax_check(asked->placer, row, relaxed, *open)};

	if (lacking.misfit == FIT_NOT_READY && *contact)
		lacking.misfit = FIT_RUNTIME;
	lacking.detail = census_detail(node, &relaxed->shape, lacking.misfit);
	if (lacking.misfit == FIT_NOT_READY)
		*contact = true;
	if (lacking.misfit == FIT_RUNTIME ||
	    (*contact && (node->book || node->info->runtime_ready)))
		*open = true;
	return lacking;
}

/* How many things row lacks, at most max; with out, where there are exactly max: names them. */
static uint32_t
count_lacking(const struct asked *asked, uint32_t row, uint32_t max, struct buf *out)
{
	const struct place_node *node = asked->placer->rows.node[row];
	struct relaxed relaxed;
	bool contact = false;
	bool open = false;
	uint32_t count = 0;

	relax_init(&relaxed, asked->shape);
	while (count < max) {
		struct bucket lacking = next_lacking(asked, row, &relaxed, &contact, &open);
		const char *more = lacking.misfit == FIT_NOT_READY ? also(asked, node) : NULL;

		if (lacking.misfit == FIT_OK)
			break;
		count++;
		if (out != NULL) {
			buf_append_text(out, count == 1 ? "" : count == max ? " and " : ", ");
			add_lacking(out, asked, row, &lacking, &relaxed);
			if (more != NULL)
				buf_printf(out, "%s%s", count + 1 == max ? " and " : ", ",
					   more);
		}
		count += more != NULL;
		relax(&relaxed, lacking.misfit, lacking.detail);
	}
	return count;
}

static void
add_nearest(struct buf *out, const struct asked *asked)
{
	uint32_t nearest = 0;
	uint32_t fewest = UINT32_MAX;
	uint32_t row;

	for (row = 0; row < asked->census.nodes && fewest > 2; row++) {
		uint32_t count = count_lacking(asked, row, fewest, NULL);

		if (count < fewest) {
			fewest = count;
			nearest = row;
		}
	}
	buf_printf(out, "No single change is enough: %s, the nearest, ",
		   why_node(asked, nearest));
	(void)count_lacking(asked, nearest, fewest, out);
	buf_append_text(out, ".");
}

/* ---- all of it ---- */

static void
add_sentence(struct buf *out, const struct why *why)
{
	size_t i;

	for (i = 0; i < why->change_count && i < SAID_MAX; i++)
		buf_printf(out, "%s%s", i == 0 ? "It would fit if " : ", or ",
			   why->changes[i].text);
	buf_append_text(out, ".");
}

static void
add_change(const struct asked *asked, const struct bucket *bucket, struct why *out)
{
	struct help help = try_bucket(asked, bucket);

	if (help.count > 0)
		fill_change(asked, bucket, &help, &out->changes[out->change_count++]);
}

int
why_unblock(const struct asked *asked, struct why *out)
{
	struct buf text = BUF_INIT(TEXT_LIMIT);
	uint32_t count;
	uint32_t next;
	size_t i;

	out->changes = calloc(asked->census.count + 1, sizeof(*out->changes));
	if (out->changes == NULL)
		return CUBE_ERR_NO_MEMORY;
	/* As the reasons stand: what most nodes lack comes first. */
	for (count = asked->census.nodes; count > 0; count = next) {
		next = 0;
		for (i = 0; i < asked->census.count; i++) {
			const struct bucket *bucket = &asked->census.buckets[i];

			if (bucket->count == count)
				add_change(asked, bucket, out);
			else if (bucket->count < count && bucket->count > next)
				next = bucket->count;
		}
	}
	if (out->change_count > 0)
		add_sentence(&text, out);
	else
		add_nearest(&text, asked);
	/* A sentence that is too long is none; the changes are there. */
	out->unblock = text.failed ? strdup("") : buf_take(&text, NULL);
	buf_release(&text);
	return out->unblock != NULL ? 0 : CUBE_ERR_NO_MEMORY;
}
