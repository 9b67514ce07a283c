/* model/node.h - what a worker says of itself, and what the manager knows of it. */
#ifndef MODEL_NODE_H
#define MODEL_NODE_H

#include "model/task.h"

#define NODE_API_SIZE   128 /* http://host:port */
#define NODE_STATS_MAX  ((size_t)32 * 1024)
#define NODE_LABELS_MAX 64
#define NODE_FACT_SIZE  32

enum node_status {
	NODE_JOINING = 0, /* listed or joined, no contact yet */
	NODE_READY,
	NODE_CORDONED,
	NODE_DRAINING,
	NODE_UNREACHABLE,
	NODE_LOST
};

const char *node_status_name(enum node_status status); /* "joining", "ready", ... */

/* A worker's own description is the body of POST /nodes and of the worker's GET /node. Its
 * labels and stats are shared and counted, so a copy is cheap. */
struct node_text {
	atomic_uint references;
	size_t size;
	char text[]; /* JSON, valid, NUL-terminated */
};

struct node_text *node_text_new(const char *text, size_t size); /* NULL: no memory */
struct node_text *node_text_get(struct node_text *text);
void node_text_put(struct node_text *text);

/* A node's labels, sorted, and as JSON. Never changed; one allocation. */
struct node_labels {
	atomic_uint references;
	uint32_t count;
	size_t json_size;
	const char *json;          /* an object of texts, in the order of items */
	struct task_label items[]; /* by key */
};

/* Copies labels, which are in any order and whose keys differ. NULL: no memory. */
struct node_labels *node_labels_new(const struct task_label *labels, uint32_t count);
struct node_labels *node_labels_get(struct node_labels *labels); /* NULL gives NULL */
void node_labels_put(struct node_labels *labels);
/* The value; NULL: it is not there. labels may be NULL. */
const char *node_labels_find(const struct node_labels *labels, const char *key);
bool node_labels_equal(const struct node_labels *a, const struct node_labels *b);

/* A machine's architecture by the name that images go by: amd64 for x86_64, arm64 for
 * aarch64; others as they are. */
const char *node_arch_name(const char *machine);

struct node_info {
	char name[NAME_SIZE];
	char instance[ID_SIZE]; /* "" for a worker that speaks only the book's protocol */
	char cluster[ID_SIZE];  /* the cluster it has joined; "": none yet */
	char api[NODE_API_SIZE];
	int64_t mcpu; /* capacity for tasks */
	int64_t memory_bytes;
	int64_t disk_bytes;
	char runtime[NAME_SIZE];
	bool runtime_ready;
	char runtime_reason[TASK_REASON_SIZE]; /* if not ready: why; else what hangs there */
	uint32_t enforces;                     /* enum cube_runtime_enforces */
	uint64_t revision;                     /* of this description; grows within an epoch */
	char version[32];
	uint64_t stale_orders; /* refused or ignored since its start: a later one was known */
	float cpu_busy;        /* 0..1; NaN: not known */
	char arch[NODE_FACT_SIZE];  /* as images have it: "amd64"; "": not told */
	char os[NODE_FACT_SIZE];    /* "linux" */
	struct node_labels *labels; /* NULL: none */
	struct node_text *stats;    /* the Stats object; NULL: not known */
};

/* Do both have the same capacity and all else that constraints look at, but for the name? */
bool node_facts_equal(const struct node_info *a, const struct node_info *b);
void node_info_copy(struct node_info *to, const struct node_info *from);
void node_info_release(struct node_info *info);

/* What GET /nodes answers. */
struct node_view {
	struct node_info info;
	enum node_status status;
	uint32_t task_count;
	int64_t allocated_mcpu;
	int64_t allocated_memory_bytes;
	int64_t allocated_disk_bytes;
	int64_t last_seen_ms;          /* Unix time; 0: never */
	char reason[TASK_REASON_SIZE]; /* why it is not ready; "" */
	bool cordoned;                 /* takes nothing new; also while it is not in contact */
	bool draining;
	int64_t drain_until_ms; /* Unix time: when what is left is stopped; 0: not draining */
	uint32_t drain_stopped; /* tasks stopped by the deadline of the newest drain */
	uint64_t stale_reports; /* of attempts that are no longer, since the manager's start */
};

void node_views_free(struct node_view *views, size_t count);

#endif
