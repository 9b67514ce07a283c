/* worker/brain.h - what the files of the worker's brain share. Private to core/worker.
 *
 * A worker knows tasks, a task has attempts (at most one that is wanted, older ones that
 * are ending or kept for their logs). At most one job of the runtime is under way for a
 * task. A handler of a message only writes down what it learned and touches the task; at the
 * end of the step worker_reconcile looks at what is and what is wanted, and issues the next
 * job. Only there are attempts and tasks freed.
 * Memory that runs short in the middle of a step sets worker->failed, and worker_step then
 * returns that: the functions here have no error of their own unless they say so.
 */
#ifndef WORKER_BRAIN_H
#define WORKER_BRAIN_H

#include "base/heap.h"
#include "base/map.h"
#include "base/random.h"
#include "worker/worker.h"

#define WORKER_NEVER UINT64_MAX /* of a time: not set */

enum attempt_phase {
	PHASE_ORDERED = 0, /* not known to have a container: prepare, then run */
	PHASE_RUNNING,     /* has a container that was not seen to have ended */
	PHASE_ENDED
};

enum attempt_origin {
	ORIGIN_ORDERED = 0, /* by the manager: reported, acknowledged, subject to full sets */
	ORIGIN_LOCAL,       /* by the book's POST /tasks */
	ORIGIN_STRAY        /* listed, older than all in the journal: stopped and removed,
			     * neither journalled nor reported */
};

/* Of its health check; not journalled: after a start it is counted anew. */
struct attempt_health {
	uint64_t begun_ms; /* the newest check */
	uint64_t due_ms;   /* the next one; while one is under way, when it counts as lost */
	uint64_t number;   /* of the one under way; 0: none */
	uint32_t failures; /* in a row */
};

struct attempt {
	struct heap_item kept; /* ended, and there for its logs: when it ended (keep.c) */
	struct attempt *next;  /* of the same task, by number */
	struct worker_task *task;
	struct task_spec *spec; /* counted, never NULL */
	/* What is reported. attempt is its number, wanted what is wanted of it,
	 * container_id the runtime's handle ("" in PHASE_ORDERED). */
	struct task_status status;
	enum attempt_phase phase;
	enum attempt_origin origin;
	bool acked;                /* its end is durable with the manager */
	bool doomed;               /* we stop it ourselves: it ends Failed, with its reason */
	uint64_t batch;            /* of its last write */
	uint64_t changed;          /* report sequence of its last change */
	uint64_t mentioned;        /* the last full set that had it */
	struct task_status *saved; /* as of its last write; NULL: never written */
	struct task_status
		*shown; /* as of the last write but one that was durable; NULL: none */
	/* What follows is not journalled. */
	bool discard;               /* ended, acknowledged, and others are newer: remove it */
	bool prepared;              /* the next job is run */
	bool cancelled;             /* its prepare was told to give up */
	bool run_unknown;           /* it may have a container all the same: a run timed out, or
				     * it was seen and never started */
	bool cut_off;               /* no manager was heard for too long: it is being stopped */
	bool held;                  /* not started for the same reason */
	bool orphan;                /* a stray that no order has ever named */
	bool lingers;               /* has ended, but its container was seen alive: kill it */
	bool look;                  /* inspect it */
	bool signalled;             /* SIGTERM was sent */
	unsigned kills;             /* SIGKILLs sent */
	unsigned looks;             /* inspections since the signal */
	unsigned failures;          /* jobs in a row that did not come through */
	uint64_t kill_ms;           /* when the next SIGKILL is due */
	uint64_t look_ms;           /* when to inspect by the clock */
	uint64_t retry_ms;          /* no job before */
	uint64_t progress_ms;       /* when its progress may be shown again */
	uint64_t ordered_ms;        /* when the order came, or this worker started */
	uint64_t ended_ms;          /* its end, on the clock of keep.c */
	struct attempt *guard_next; /* of those with StopAfterDisconnect that live */
	struct attempt **guard_place;
	uint64_t settled; /* only a list with a greater job number knows more than we do */
	uint64_t listed;  /* job number of the last list that showed it */
	struct attempt_health health;
};

struct worker_task {
	struct heap_item timer; /* the next moment at which one of its attempts is due */
	char id[ID_SIZE];
	struct attempt *oldest; /* never NULL once it is in the map */
	enum worker_job job;    /* under way; 0: none */
	uint64_t job_number;
	uint32_t job_attempt;
	bool look; /* it changed while the job was under way */
};

/* A container with our label that no task of ours explains (orphan.c). */
struct orphan {
	char task_id[ID_SIZE];
	char handle[CUBE_HANDLE_SIZE];
	uint32_t attempt;
	uint32_t state;
	uint64_t first_ms; /* listed */
	uint64_t listed;   /* job number of the last list that showed it */
	bool sure;         /* it was not just on its way out */
};

struct poll {
	bool waits;
	void *token;
	struct revision since;
	uint64_t due_ms;
};

struct worker {
	struct worker_config config; /* its info is empty: the live one is below */
	struct random random;
	struct step *step; /* the one under way */
	bool failed;       /* memory ran short in it */
	bool quits;        /* the process ends: no poll waits any more */
	struct map *tasks;
	struct heap timers;
	uint64_t job_number; /* last given */
	uint64_t check_number;
	uint64_t unchecked_ms; /* when checks that were not carried out may be logged again */

	/* orders */
	bool format_known;
	struct revision desired; /* (generation, sequence) taken */
	struct revision desired_durable;
	uint64_t desired_batch;
	uint64_t full_sets; /* taken since the start */
	uint64_t full_ms;   /* the first of them */
	bool fenced;        /* an order was ignored in this step, and that was logged */

	/* node */
	struct node_info info;
	uint64_t info_batch; /* that made instance and cluster durable */
	bool journal_fails;  /* as it was when info.revision last grew */
	uint64_t contact_ms; /* a manager was heard */
	uint64_t join_ms;    /* when to join again */
	bool joining;
	unsigned join_failures;
	char join_trouble[TASK_REASON_SIZE]; /* last one logged */

	/* reports */
	uint64_t report_sequence;
	uint64_t answered_node; /* info.revision in the last answer to a poll */
	struct poll poll;
	uint64_t answer_batch; /* the last answer with news waits for its commit */

	/* disconnect.c; stamps are times of our own mono clock */
	uint64_t stamp;      /* newest given in this epoch; 0: none */
	uint64_t echo;       /* newest that came back, also to an earlier start; 0: none */
	uint64_t echo_saved; /* journalled */
	struct attempt *guarded;

	/* runtime */
	bool probed;       /* since it was last down */
	bool listed;       /* since it was last down */
	uint64_t down_job; /* last job number given when it was last down */
	bool list_done;    /* the first list was answered, well or not */
	bool adopted;      /* a list was answered well: jobs may be issued */
	bool list_wanted;  /* as soon as none is under way */
	bool was_down;     /* and that was logged */
	uint64_t probe_job;
	uint64_t list_job;
	uint64_t probe_ms;
	uint64_t list_ms;
	unsigned probe_failures;
	char overdue[TASK_REASON_SIZE]; /* the calls that hang, as told; "": none */
	struct map *orphans;            /* by handle */
	uint64_t orphan_ms;             /* when to list on their account */
	uint64_t list_asked_ms;
	uint64_t forgot_job;  /* job number when an attempt was last forgotten */
	size_t foreign_count; /* listed, of another cluster */

	/* keep.c */
	struct now start;
	struct heap kept;
	uint64_t last_ended_ms;
};

/* ---- attempt.c: the table of tasks and attempts ---- */

struct worker_task *worker_task_find(const struct worker *worker, const char *task_id);
/* The task of that id, made if need be; NULL: no memory. A new one must get an attempt. */
struct worker_task *worker_task_have(struct worker *worker, const char *task_id);
void worker_task_drop(struct worker *worker, struct worker_task *task); /* has no attempts */
struct attempt *worker_attempt_find(const struct worker_task *task, uint32_t number);
struct attempt *worker_attempt_newest(const struct worker_task *task); /* NULL: strays only */
/* In PHASE_ORDERED, not yet saved. Shares spec. NULL: no memory. */
struct attempt *
worker_attempt_new(struct worker *worker, struct worker_task *task, uint32_t number,
		   struct task_spec *spec, enum attempt_origin origin);
void worker_attempt_free(struct attempt *attempt);
bool worker_attempt_lives(const struct attempt *attempt); /* has, or may get, a container */
/* Journals it; _save also reports the change. A new order and a stop need no report: the
 * manager knows of them by our answer to the orders. */
void worker_attempt_write(struct worker *worker, struct attempt *attempt);
void worker_attempt_save(struct worker *worker, struct attempt *attempt);
/* Reports a change of its reason that need not survive a crash; the same text: none. */
__attribute__((format(printf, 3, 4))) void
worker_attempt_note(struct worker *worker, struct attempt *attempt, const char *fmt, ...);
void worker_attempt_stop(struct worker *worker, struct attempt *attempt);
/* Stopped as if that were wanted, but it ends Failed, for this reason. A stop that is wanted
 * meanwhile goes before. */
__attribute__((format(printf, 3, 4))) void
worker_attempt_doom(struct worker *worker, struct attempt *attempt, const char *fmt, ...);
bool worker_attempt_stops(const struct attempt *attempt); /* wanted, or doomed */
/* reason NULL: the one it has. */
void worker_attempt_end(struct worker *worker, struct attempt *attempt, enum task_state state,
			const char *reason);
/* Out of journal and memory; the task stays, also with no attempt left. */
void worker_attempt_forget(struct worker *worker, struct attempt *attempt);
void
worker_attempt_log(struct worker *worker, const struct attempt *attempt, enum log_level level,
		   const char *event, const char *key, const char *value);

/* ---- keep.c: what stays for its logs ---- */

void worker_keep_start(struct worker *worker);
void worker_keep_ended(struct worker *worker, struct attempt *attempt); /* just now */
/* It may stay from here on, or may no longer. */
void worker_keep(struct worker *worker, struct attempt *attempt);
void worker_keep_due(struct worker *worker); /* marks what is too old or too many */
uint64_t worker_keep_next(const struct worker *worker);

/* ---- journal.c ---- */

void worker_journal_put(struct worker *worker, struct attempt *attempt);
void worker_journal_delete(struct worker *worker, const struct attempt *attempt);
void worker_journal_meta(struct worker *worker, const char *key, const char *value);
void worker_journal_desired(struct worker *worker);

/* ---- desired.c, local.c ---- */

void worker_take_orders(struct worker *worker, struct worker_message *message);
/* For an attempt whose own is not known; NULL: no memory. */
struct task_spec *worker_unknown_spec(struct worker *worker, const char *task_id);
void worker_run_local(struct worker *worker, struct worker_message *message);
void worker_stop_local(struct worker *worker, struct worker_message *message);

/* ---- disconnect.c: StopAfterDisconnect ---- */

void worker_disconnect_start(struct worker *worker);
void worker_guard(struct worker *worker, struct attempt *attempt); /* it was ordered */
void worker_unguard(struct attempt *attempt);
uint64_t worker_stamp(struct worker *worker); /* for the answer that leaves now */
/* A poll gave stamp back, which came with an answer of that epoch. */
void worker_echo(struct worker *worker, uint64_t epoch, uint64_t stamp);
/* A poll may wait that long, or the echoes would be too old. */
uint32_t worker_echo_wait_ms(const struct worker *worker);
/* When it is to be stopped; WORKER_NEVER. */
uint64_t worker_cut_off_ms(const struct worker *worker, const struct attempt *attempt);
bool worker_is_cut_off(const struct worker *worker, const struct attempt *attempt);
/* It may not be started now. */
bool worker_is_held(const struct worker *worker, const struct attempt *attempt);
void worker_cut_off_signal(struct worker *worker, struct attempt *attempt);
/* It has ended: by that? Then its reason says so. */
bool worker_cut_off_end(struct attempt *attempt);

/* ---- reconcile.c: the next job of a task ---- */

/* The task, or all, will be reconciled at the end of this step. */
void worker_touch(struct worker *worker, struct worker_task *task);
void worker_touch_all(struct worker *worker);
/* Reconciles what was touched and what its timer has made due; frees what is forgotten. */
void worker_reconcile(struct worker *worker);

/* ---- outcome.c: what a job gave ---- */

void worker_job_done(struct worker *worker, struct worker_message *message);
void worker_attempt_gone(struct worker *worker, struct attempt *attempt);
void worker_progress(struct worker *worker, const struct worker_message *message);
void worker_changed(struct worker *worker, const struct worker_message *message);

/* ---- engine.c: is the runtime there ---- */

void worker_engine_start(struct worker *worker);
bool worker_engine_ready(const struct worker *worker);
void worker_engine_down(struct worker *worker, const struct cube_error *error);
void worker_engine_suspect(struct worker *worker); /* ask it */
void worker_engine_relist(struct worker *worker);  /* look at all */
void worker_engine_probed(struct worker *worker, const struct worker_message *message);
void worker_engine_listed(struct worker *worker, const struct worker_message *message);
void worker_engine_overdue(struct worker *worker, const struct worker_message *message);
void worker_engine_due(struct worker *worker);
uint64_t worker_engine_next(const struct worker *worker);
/* 0.5 s, doubling to 10 s, give or take a quarter. */
uint64_t
worker_backoff(struct worker *worker, unsigned failures, uint64_t first_ms, uint64_t max_ms);

/* ---- health.c: is it well ---- */

/* Begins its check if one is due. */
void worker_health_advance(struct worker *worker, struct attempt *attempt);
void worker_checked(struct worker *worker, const struct worker_message *message);

/* ---- adopt.c: what was listed against what is known ---- */

void worker_adopt(struct worker *worker, const struct worker_message *message);
void worker_claim_orphans(struct worker *worker, struct worker_task *task);

/* ---- orphan.c ---- */

/* The names that a container goes by here: those of its labels, if they name an attempt. */
void worker_orphan_name(const struct cube_container *container, char task_id[ID_SIZE],
			uint32_t *attempt);
void worker_orphan_log(struct worker *worker, const char *task_id, uint32_t attempt,
		       const char *handle, const char *action);
/* Listed, and nothing explains it. */
void worker_orphan_seen(struct worker *worker, const char *task_id, uint32_t attempt,
			const struct cube_container *container, uint64_t number);
void worker_orphans_listed(struct worker *worker, uint64_t number); /* that was all */
void worker_orphans_full_set(struct worker *worker);                /* the first one */
void
worker_orphan_claim(struct worker *worker, struct attempt *attempt, const struct order *order);
void worker_orphan_hint(struct worker *worker); /* an event of a task that nobody knows */
void worker_orphans_due(struct worker *worker);
void worker_orphans_free(struct worker *worker);

/* ---- report.c ---- */

void worker_poll(struct worker *worker, const struct worker_message *message);
void worker_poll_settle(struct worker *worker); /* answers it if there is reason to */
void worker_list(struct worker *worker, const struct worker_message *message);
void worker_get(struct worker *worker, const struct worker_message *message);

/* ---- node.c ---- */

/* The journal began to fail, or works again: the node has news. */
void worker_journal_watch(struct worker *worker);
void worker_node_changed(struct worker *worker);
void worker_node_reply(struct worker *worker, const struct worker_message *message);
void worker_manager_heard(struct worker *worker);
void worker_joined(struct worker *worker, const struct worker_message *message);
void worker_join_due(struct worker *worker);
uint64_t worker_join_next(const struct worker *worker);

/* ---- effect.c ---- */

struct worker_effect *worker_effect_new(struct worker *worker, enum worker_effect_kind kind,
					bool after_commit); /* NULL: no memory */
void worker_effect_send(struct worker *worker, struct worker_effect *effect);
__attribute__((format(printf, 4, 5))) void
worker_refuse(struct worker *worker, void *token, int status, const char *fmt, ...);
void worker_reply(struct worker *worker, void *token, int status);
/* With the attempt as it is after this step; NULL: none. */
void worker_reply_attempt(struct worker *worker, void *token, int status,
			  const struct attempt *attempt);
/* Marks the task as busy. */
void
worker_send_job(struct worker *worker, struct attempt *attempt, enum worker_job job, int signo);
uint64_t worker_send_query(struct worker *worker, enum worker_job job); /* list, probe */
void worker_send_cancel(struct worker *worker, const struct attempt *attempt);
/* host and port: where the checked port can be reached. */
void worker_send_check(struct worker *worker, const struct attempt *attempt, const char *host,
		       uint16_t port);

#endif
