/* manager/message.h - what the manager's brain is told, and what it sends out.
 *
 * Messages are made by the shell (HTTP handlers, the fleet) and owned by the brain once
 * it has them; effects are made by the brain and owned by the shell once released.
 * token is the shell's: it comes back unchanged in exactly one reply.
 */
#ifndef MANAGER_MESSAGE_H
#define MANAGER_MESSAGE_H

#include "model/codec.h"
#include "model/history.h"
#include "model/step.h"
#include "model/why.h"

struct event;

enum manager_message_kind {
	/* requests of clients; each gets exactly one EFFECT_REPLY with its token */
	MANAGER_SUBMIT = MESSAGE_FIRST, /* requests[]: run and stop, all or none */
	MANAGER_STOP,                   /* task_id */
	MANAGER_LIST,                   /* filter */
	MANAGER_GET,                    /* task_id */
	MANAGER_HISTORY,                /* task_id */
	/* task_id; or, if there are any, requests[]: why those would wait, or where they would
	 * go, if they were submitted. The reply has the first ones, at least one: the rest is
	 * asked for again */
	MANAGER_WHY,
	MANAGER_EVENTS, /* watch; task_id and node, if not "": of these alone */
	MANAGER_NODES,
	MANAGER_NODE,        /* node */
	MANAGER_JOIN,        /* info: a worker registers or changes */
	MANAGER_NODE_REMOVE, /* node */
	/* node; each is answered with the node as it is then */
	MANAGER_NODE_CORDON,   /* it takes nothing new */
	MANAGER_NODE_UNCORDON, /* it does again; a drain ends */
	MANAGER_NODE_DRAIN,    /* deadline: its tasks are moved, one after another */
	/* what the fleet got for an effect; contact names the effect's node */
	MANAGER_HELLO_DONE,  /* fault, or info and book */
	MANAGER_ORDERS_DONE, /* fault, or status; orders_sequence; reports of tasks refused */
	MANAGER_POLL_DONE    /* fault, or status and reports */
};

/* What a list shows: everything that is set must hold. */
struct task_filter {
	uint32_t states; /* bit per state; 0: all */
	char name[NAME_SIZE];
	char node[NAME_SIZE];
	char job[NAME_SIZE];
	char prefix[ID_SIZE];    /* of the id, lower case */
	const char *label_key;   /* malloced, owned by the message; NULL: none */
	const char *label_value; /* NULL: any value */
	uint64_t after;          /* sequence: those behind it */
	size_t limit;            /* at most this many; 1..1000. Fewer may come, with more */
};

#define WATCH_FROM_NOW UINT64_MAX

/* What of the events is asked for. */
struct watch_query {
	uint64_t since; /* those behind this number; 0: from the oldest kept; or WATCH_FROM_NOW
			 */
	uint32_t wait_ms; /* how long the answer may wait for one to show; 0: not at all */
	size_t limit;     /* at most so many; 1..1000 */
};

struct manager_message {
	struct message message;
	void *token;
	struct task_request *requests; /* malloced, request_count of them */
	size_t request_count;
	char task_id[ID_SIZE];
	char node[NAME_SIZE];
	bool has_deadline; /* of a drain; without: the one under way, else an hour */
	uint64_t deadline_s;
	struct task_filter filter;
	struct watch_query watch;
	struct node_info info;
	/* of the fleet */
	uint64_t contact;
	int fault;                     /* 0, or a negative enum cube_err: no HTTP answer */
	int status;                    /* HTTP status of the answer */
	char reason[TASK_REASON_SIZE]; /* of a fault or of a status that is not 200 */
	bool book;                     /* the peer speaks the book's protocol only */
	uint64_t orders_sequence;
	struct reports reports;
};

struct manager_message *
manager_message_new(enum manager_message_kind kind); /* NULL: no memory */
void manager_message_free(struct manager_message *message);

enum manager_effect_kind {
	MANAGER_EFFECT_REPLY,  /* to token */
	MANAGER_EFFECT_HELLO,  /* GET api/node -> MANAGER_HELLO_DONE */
	MANAGER_EFFECT_ORDERS, /* PUT api/desired -> MANAGER_ORDERS_DONE */
	MANAGER_EFFECT_POLL,   /* GET api/tasks?since=&wait= -> MANAGER_POLL_DONE */
	MANAGER_EFFECT_FORGET  /* this contact ends: give up what is under way, unanswered */
};

struct manager_effect {
	struct outbox_item item;
	enum manager_effect_kind kind;
	/* reply */
	void *token;
	int status;                         /* HTTP */
	char message[CUBE_HANDLE_SIZE * 3]; /* of a status from 400 on */
	struct task *tasks;                 /* submit, get, list */
	size_t task_count;
	bool more; /* list, events: there are others behind the last */
	/* list: the number of the newest event that it shows; events: where to go on */
	uint64_t revision;
	struct node_view *nodes;
	size_t node_count;
	struct history_entry *history;
	size_t history_count;
	struct why *whys;
	size_t why_count;
	struct event **events; /* each shared and counted: manager/events.h */
	size_t event_count;
	char cluster[ID_SIZE]; /* join: the cluster joined */
	/* to a worker */
	uint64_t contact;
	char api[NODE_API_SIZE];
	bool book; /* translate for a peer of the book's protocol */
	struct orders orders;
	struct revision since;
	uint64_t stamp; /* poll: the newest that this worker gave; 0: none in this contact */
	uint32_t wait_ms;
	uint32_t timeout_ms; /* for the whole exchange */
};

void manager_effect_free(struct outbox_item *effect);

#endif
