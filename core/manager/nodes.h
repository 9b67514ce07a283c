/* manager/nodes.h - the nodes that the manager knows, and what it thinks of each.
 *
 * A node is a worker by name. What passes between it and the manager is a contact, whose
 * number every effect and answer carries, so that an answer from before a change of address
 * or instance is told apart. Private to core/manager.
 */
#ifndef MANAGER_NODES_H
#define MANAGER_NODES_H

#include "base/heap.h"
#include "base/map.h"
#include "model/node.h"
#include "model/orders.h"
#include "place/placer.h"

struct manager;
struct entry;

#define STRAYS_MAX 64 /* more are stopped after these */

/* One kind of request to a worker: at most one is under way. */
struct exchange {
	bool in_flight;
	uint32_t failures; /* in a row */
	uint64_t retry_ms; /* mono: not before */
};

struct node {
	struct heap_item due; /* first: when to look at it again */
	struct node *drive_next;
	struct node *drain_next; /* of those that drain */
	bool driven;             /* it is in the chain of those to look at in this step */
	struct node_info info;
	struct place_node place;       /* its status, and what is taken of it */
	bool listed;                   /* by --workers, and not yet named by itself */
	char reason[TASK_REASON_SIZE]; /* why it is not ready */
	bool recorded;
	uint64_t record_hash;

	/* what an operator wants of it; kept in its record */
	bool cordoned;
	bool draining;
	uint64_t drain_deadline_s; /* as it was given */
	int64_t drain_until_ms;    /* Unix time, for people and for the record */
	uint64_t drain_due_ms;     /* mono: what is left then is stopped */
	uint32_t drain_stopped;    /* by the deadline of the newest drain */
	char drain_task[ID_SIZE];  /* the one that moves; "": none */
	uint64_t drain_task_ms;    /* mono: since when it waits for a place; 0: it does not */
	uint64_t drain_look_ms;    /* mono: not before, nothing fits elsewhere */
	uint64_t drain_from;       /* order_sequence of the last one looked at */

	/* its silence (manager/liveness.h) */
	uint64_t alive_ms; /* mono, of the last answer of any kind: also "my store fails" */
	bool heard;        /* in this process, and since it was lost */
	bool counted;      /* in liveness.counted */
	bool silent;       /* in liveness.silent */
	uint64_t absence;  /* of the newest loss, until it says hello again; 0: none */
	uint64_t sweep_ms; /* mono, while lost: when more of its tasks may be withdrawn */
	uint64_t down_ms;  /* mono: since when its runtime is not ready; 0: it is */
	uint64_t stamp;    /* the newest that its worker gave in this contact; 0: none */
	uint64_t stamp_ms; /* mono, of its receipt; at first, of the contact's beginning */
	uint64_t stale_reports;

	/* the contact */
	uint64_t contact;    /* 0: none */
	size_t slot;         /* in nodes.slots */
	uint64_t contact_ms; /* mono, of the last answer; at first, of the beginning */
	uint64_t info_ms;    /* mono, of the last description */
	int64_t seen_ms;     /* Unix time; 0: never */
	bool hello_wanted;
	bool known;   /* it has described itself in this contact */
	bool refused; /* it is, or obeys, another's; reason says so */
	bool claimed; /* it has taken the full orders of this manager process */
	bool synced;  /* of the book's: it has told once what it has */
	struct exchange hello;
	struct exchange orders;
	struct exchange poll;
	uint64_t poll_sent_ms; /* mono */

	/* orders */
	uint64_t sequence; /* the newest given out */
	uint64_t sent;     /* the newest in a request, answered or not */
	uint64_t acked;    /* the newest that the worker has */
	bool full_wanted;  /* its whole set, and no others */
	bool full_in_flight;
	/* of the book's: tasks that it runs and that are not its own (any more) */
	char (*strays)[ID_SIZE]; /* malloced, STRAYS_MAX of them; NULL: none yet */
	size_t stray_count;
	struct entry *first; /* what it is to hold, by order_sequence */
	struct entry *last;

	/* reports */
	struct revision reported; /* taken in up to here */
	uint64_t answers;         /* full ones taken in: see entry.seen */
	bool ack_wanted;          /* an ended attempt waits for our word */
	bool ack_in_flight;
	uint64_t ack_due_ms;

	struct entry *held; /* tasks that wait to start again and keep their room here */
};

struct nodes {
	struct map *by_name;
	struct map *by_instance;
	struct node **slots; /* NULL: free */
	size_t slot_count;
	size_t slot_capacity;
	size_t slots_free; /* of slot_count */
	struct heap due;
	struct node *drive;    /* to look at before this step ends */
	struct node *draining; /* all that drain */
	uint64_t next_contact;
	uint64_t next_key;
	/* The newest orders given to any node that is gone: the same worker may come back,
	 * and refuses orders that are older than what it has. */
	uint64_t sequence_gone;
};

int nodes_init(struct nodes *nodes); /* 0 or CUBE_ERR_NO_MEMORY */
void nodes_release(struct nodes *nodes);

/* A node of this description, without contact. Takes what info points at, also on
 * failure; the name is free. NULL: no memory. */
struct node *nodes_add(struct manager *manager, struct node_info *info);
void nodes_remove(struct manager *manager, struct node *node); /* it has no tasks */
struct node *nodes_find(const struct manager *manager, const char *name);
struct node *nodes_find_instance(const struct manager *manager, const char *instance);
uint64_t nodes_new_contact(struct manager *manager, const struct node *node);
struct node *nodes_find_contact(const struct manager *manager, uint64_t contact);

/* Takes what info points at. Name and address stay as the node has them. */
void node_describe(struct manager *manager, struct node *node, struct node_info *info);
/* 0, or CUBE_ERR_NO_MEMORY. The name is free. */
int node_rename(struct manager *manager, struct node *node, const char *name);
/* Status by what is known and by the time: notes and logs a change. */
void node_refresh(struct manager *manager, struct node *node);
/* Contact within the node time-out: another worker may not take its name. */
bool node_is_live(const struct manager *manager, const struct node *node);
void node_drive(struct manager *manager, struct node *node); /* look at it in this step */
void
node_view_of(const struct manager *manager, const struct node *node, struct node_view *out);

static inline struct node *
node_of(struct place_node *place)
{
	return (struct node *)((char *)place - offsetof(struct node, place));
}

#endif
