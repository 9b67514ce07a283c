/* model/why.h - why a task waits, or is where it is: what GET /tasks/{id}/why answers.
 *
 * Every node is counted once: it fits, or it stands in the reason of the first thing that
 * it lacks; so fits and the counts add up to nodes, always. A change is one thing that alone
 * would make the task fit; each has been tried. Texts are for people, the words of reasons
 * and changes, the amounts and the nodes for programs. The reasons are as many as there are
 * kinds of what may be lacking, never as many as nodes.
 */
#ifndef MODEL_WHY_H
#define MODEL_WHY_H

#include "base/json.h"
#include "model/task.h"

#define WHY_NODES_MAX 10 /* named in one reason */
#define WHY_COSTS_MAX 5
#define WHY_WORD_SIZE 16
#define WHY_TEXT_SIZE 512

struct why_reason {
	/* joining, unreachable, lost, cordoned, draining, runtime, label, attribute, cpu,
	 * memory, disk, port, max-per-node */
	char word[WHY_WORD_SIZE];
	uint32_t count; /* nodes */
	uint32_t named;
	char nodes[WHY_NODES_MAX][NAME_SIZE]; /* the first named of them */
	char text[WHY_TEXT_SIZE];             /* "wants 512 MiB; most free n3 490 MiB ..." */
};

struct why_change {
	/* cpu, memory, disk: ask for at most amount (thousandths of a core, bytes); port:
	 * without host port amount; constraint: without the one of text; max-per-node: amount;
	 * uncordon, contact, runtime: a node takes tasks again */
	char word[WHY_WORD_SIZE];
	int64_t amount;
	char node[NAME_SIZE]; /* where it would fit; of several the first */
	uint32_t count;       /* nodes of which this is true, each by itself */
	char text[WHY_TEXT_SIZE];
};

struct why_cost {
	char node[NAME_SIZE];
	double cost; /* lowest wins; may be infinite */
};

struct why {
	char task_id[ID_SIZE]; /* "" for one that was not submitted */
	char name[NAME_SIZE];
	enum task_state state;
	char node[NAME_SIZE];        /* where it is, or would go; "": nowhere */
	char summary[WHY_TEXT_SIZE]; /* one sentence, without a point */
	uint32_t nodes;
	uint32_t fits; /* of these */
	struct why_reason *reasons;
	size_t reason_count;
	struct why_change *changes; /* only while it fits nowhere */
	size_t change_count;
	char *unblock; /* the changes in a sentence, or that none is enough; NULL: no word */
	char scheduler[NAME_SIZE];
	uint32_t considered;                  /* nodes that the scheduler has a cost for */
	struct why_cost costs[WHY_COSTS_MAX]; /* the best, the best first */
	size_t cost_count;
};

/* text, cut at the end of a character if it is too long. */
void why_text(char out[WHY_TEXT_SIZE], const char *text);
void why_release(struct why *why); /* what it points at; it is then all zero */
void why_free(struct why *why);    /* NULL is fine */

void why_encode(struct json_writer *writer, const struct why *why);
/* Leniently: a later manager may say more. On failure there is nothing to release. */
int why_decode(const struct json_doc *doc, const struct json_value *value, struct why *out,
	       struct cube_error *err);

#endif
