/* worker/message.h - what the worker's brain is told, and what it sends out.
 *
 * Messages are made by the shell (HTTP handlers, executor) and owned by the brain
 * once it has them; effects the other way round. token is the shell's: it comes back
 * unchanged in exactly one reply. Jobs for the runtime carry (task, attempt); each gets
 * exactly one WORKER_JOB_DONE. The brain never has two jobs under way for one task.
 * A check of health gets a WORKER_CHECKED with its number, or none: then it is lost, and the
 * brain goes on without it.
 */
#ifndef WORKER_MESSAGE_H
#define WORKER_MESSAGE_H

#include "model/codec.h"
#include "model/step.h"

enum worker_message_kind {
	/* requests; each gets exactly one reply with its token */
	WORKER_DESIRED = MESSAGE_FIRST, /* orders */
	WORKER_POLL,                    /* since, wait_ms */
	WORKER_LIST,                    /* all it knows */
	WORKER_GET,                     /* task_id, attempt (0: the newest) */
	WORKER_RUN,                     /* request: the book's POST /tasks */
	WORKER_STOP,                    /* task_id: the book's DELETE */
	WORKER_NODE,                    /* its own description */
	/* from the runtime's side */
	WORKER_JOB_DONE, /* job, task_id, attempt, error, container */
	WORKER_PROGRESS, /* task_id, attempt, reason: how far a prepare is */
	WORKER_CHANGED,  /* task_id: look at it */
	WORKER_RESYNC,   /* look at all */
	/* A call of the runtime hangs, or has come back: job, job_number, task_id, attempt.
	 * reason: what is to be said of all that hang; "": none does any more. */
	WORKER_OVERDUE,
	/* from the shell */
	WORKER_JOINED, /* error or status, reason, cluster: what POST /nodes gave */
	WORKER_CHECKED /* task_id, attempt, check; error, or of an HTTP answer its status.
			* NO_MEMORY: it was not carried out, and nothing was learned */
};

enum worker_job {
	WORKER_JOB_PREPARE = 1,
	WORKER_JOB_RUN,
	WORKER_JOB_SIGNAL,
	WORKER_JOB_REMOVE,
	WORKER_JOB_INSPECT,
	WORKER_JOB_LIST, /* no task: containers */
	WORKER_JOB_PROBE /* no task: enforces */
};

struct worker_message {
	struct message message;
	void *token;
	struct orders orders;
	struct revision since;
	uint32_t wait_ms;
	uint64_t stamp; /* poll: ours, echoed; 0: none */
	char task_id[ID_SIZE];
	uint32_t attempt;
	struct task_request request;
	enum worker_job job;
	uint64_t job_number;               /* of the effect it answers */
	uint64_t check;                    /* likewise */
	struct cube_error error;           /* code 0: it went well */
	struct cube_container *container;  /* malloced; run and inspect that went well */
	struct cube_container *containers; /* malloced; list */
	size_t container_count;
	uint32_t enforces;
	bool hangs;   /* overdue: the call named is beyond its deadline; else it is only long */
	bool starves; /* overdue: no call can be made any more */
	int status;
	char reason[TASK_REASON_SIZE];
	char cluster[ID_SIZE];
};

struct worker_message *worker_message_new(enum worker_message_kind kind); /* NULL: no memory */
void worker_message_free(struct worker_message *message);

enum worker_effect_kind {
	WORKER_EFFECT_REPLY,
	WORKER_EFFECT_JOB,    /* for the executor, or the preparer */
	WORKER_EFFECT_CANCEL, /* give up the prepare of (task, attempt) as soon as it can be */
	WORKER_EFFECT_JOIN,   /* POST info to the manager's /nodes -> WORKER_JOINED */
	WORKER_EFFECT_CHECK   /* task_id, attempt, check; spec->health at host, port */
};

struct worker_effect {
	struct outbox_item item;
	enum worker_effect_kind kind;
	/* reply */
	void *token;
	int status;                         /* HTTP */
	char message[CUBE_HANDLE_SIZE * 3]; /* of a status from 400 on */
	struct task *tasks;
	size_t task_count;
	struct revision revision; /* poll, list */
	bool full;
	uint64_t generation; /* newest orders journalled */
	uint64_t sequence;
	uint64_t node_revision;
	uint64_t stamp;        /* poll: for the manager to echo */
	struct node_info info; /* WORKER_NODE, JOIN; the shell adds Stats, which it samples */
	uint32_t live_tasks;   /* WORKER_NODE: have, or may get, a container */
	/* job */
	enum worker_job job;
	uint64_t job_number;
	char task_id[ID_SIZE];
	uint32_t attempt;
	struct task_spec *spec; /* counted; prepare, run and check */
	char cluster[ID_SIZE];  /* for the label of run */
	char handle[CUBE_HANDLE_SIZE];
	int signo;
	uint32_t timeout_ms; /* until the call's deadline, from when it starts; check too */
	/* check */
	uint64_t check;
	char host[sizeof(((struct cube_port *)0)->host_ip)];
	uint16_t port;
};

void worker_effect_free(struct outbox_item *effect);

#endif
