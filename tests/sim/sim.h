/* sim.h - what the files of the simulator share.
 *
 * The simulator runs the real brains of one manager and of N workers on a virtual clock.
 * Between them stand its own network, its own container engines, its users and its adversary,
 * all driven by one generator, so that a seed is a whole history and repeats itself. Nothing
 * here is a thread, a socket or the real time. main drives clock; an event is handed to
 * process (a brain with its loop and its store), network, engine, users or adversary; truth
 * watches what is committed, what leaves the brains and what the engines do, and ends the run
 * when an invariant of the design does not hold. One process runs one seed at a time.
 */
#ifndef SIM_SIM_H
#define SIM_SIM_H

#include "base/map.h"
#include "base/random.h"
#include "manager/manager.h"
#include "plugin/load.h"
#include "plugin/store.h"
#include "shell/commit.h"
#include "worker/worker.h"

#include <setjmp.h>

#define SIM_MANAGER    (-1)
#define SIM_USERS      (-2)
#define SIM_NODES_MAX  64
#define PLACED_KEPT    16 /* attempts of a task whose placement is remembered */
#define SIM_DISK_BYTES (INT64_C(100) << 30) /* of each machine */
#define MS             UINT64_C(1000)       /* of virtual time, which counts microseconds */
#define SECOND         (1000 * MS)
#define SIM_NEVER      UINT64_MAX

enum event_kind {
	EVENT_WAKE = 1, /* of a process */
	EVENT_BOOT,     /* a process starts */
	EVENT_COMMIT,   /* a try of its store */
	EVENT_SLOW,     /* its commit takes long */
	EVENT_REQUEST,  /* a call arrives */
	EVENT_REPLY,    /* its answer arrives */
	EVENT_DEADLINE, /* its caller waits no longer */
	EVENT_JOB,      /* an engine carries out a job */
	EVENT_OVERDUE,  /* it hangs, and its worker hears so */
	EVENT_JOB_DONE, /* and its answer arrives */
	EVENT_END,      /* a container ends by itself */
	EVENT_HINT,     /* the runtime says that something changed */
	EVENT_CHECKED,  /* a check of health is answered */
	EVENT_USER,     /* somebody wants something */
	EVENT_TROUBLE,  /* the adversary's next move */
	EVENT_HEAL_ENGINE,
	EVENT_DUE, /* an obligation: a container is to be dead by now */
	EVENT_HEAL,
	EVENT_JUDGE /* the end: is the desired state reached? */
};

struct event_item {
	uint64_t time_us;
	uint64_t serial;
	enum event_kind kind;
	int node;
	uint64_t incarnation; /* of the process; 0: any */
	uint64_t number;
	void *item; /* owned, by kind */
};

struct clock {
	uint64_t now_us;
	uint64_t serial;
	struct event_item *items; /* a heap */
	size_t count;
	size_t capacity;
};

/* What the adversary of this seed is like; chances are of 10,000. */
struct plan {
	unsigned lose_request;
	unsigned lose_reply;
	unsigned twice;
	unsigned ghost;        /* arrives long after its caller gave up */
	uint64_t delay_us;     /* at most, mostly */
	uint64_t cut_every_us; /* SIM_NEVER: never; as for those below */
	uint64_t cut_for_us;
	unsigned cut_one_way;
	uint64_t kill_manager_us;
	uint64_t kill_worker_us;
	uint64_t down_for_us;
	unsigned kill_at_commit;
	unsigned commit_fails;
	unsigned commit_timeout;
	unsigned commit_hangs;
	uint64_t commit_us;
	uint64_t disk_full_us;
	uint64_t disk_for_us;
	uint64_t engine_down_us;
	uint64_t engine_for_us;
	uint64_t job_us;
	unsigned job_fails;
	unsigned job_timeout;
	unsigned job_slow;
	unsigned job_hangs;
	unsigned hint_lost;
	unsigned hint_twice;
	uint64_t vanish_us;
	uint64_t murder_us; /* a container is killed */
	uint64_t reboot_us; /* of a machine */
	uint64_t wall_jump_us;
	uint64_t pause_us; /* a process stands still for a while */
	uint64_t plant_us; /* a container of another cluster, or of nobody */
	uint64_t user_us;
	uint64_t operator_us; /* cordon, drain, remove */
	unsigned behave_ill;  /* of a task's containers */
	unsigned codec;       /* goes through the wire's format */
	uint32_t node_timeout_ms;
	bool has_events;
	bool joins;
	bool burns;    /* one machine is never seen again */
	bool few_kept; /* trimming is reached */
};

enum behaviour {
	BEHAVE_SERVICE = 0, /* runs until it is stopped */
	BEHAVE_JOB,         /* ends well after a while */
	BEHAVE_FLAKY,       /* a service that crashes now and then */
	BEHAVE_BROKEN,      /* crashes soon, always */
	BEHAVE_STUBBORN     /* a service that does not heed SIGTERM */
};

struct truth_task {
	char id[ID_SIZE];
	unsigned index;
	struct task_spec *spec; /* counted */
	enum behaviour behaviour;
	unsigned asks; /* its constraint, from 1; 0: none */
	/* what the users know */
	bool sent;
	bool acked;
	bool stop_sent;
	bool stop_acked;
	/* what is committed */
	bool recorded;
	bool buried; /* it has a tombstone */
	bool stop_wanted;
	bool final;
	bool held;
	bool placed;           /* by the batch that is looked at */
	uint64_t placed_batch; /* that it was placed by, newest */
	enum task_state state;
	uint32_t attempt;
	uint32_t restarts;
	int node; /* -1: none */
	bool has_event;
	enum task_state event_state;
	/* of attempt % PLACED_KEPT: when it was decided, at the earliest */
	uint64_t placed_us[PLACED_KEPT];
	/* what has truly happened */
	uint32_t exited_well; /* an attempt that ended with 0 by itself; 0: none */
	uint64_t exited_us;
};

/* Its worker has taken an order by which this attempt, and all before it, may not start. */
struct bar {
	struct bar *next;
	uint32_t attempt;
	uint64_t since_us;
	char task_id[ID_SIZE];
};

/* By then this container is to be dead, if nothing hinders its worker. */
struct due {
	uint64_t container;
	uint64_t since_us;
	uint64_t grace_us;
	int invariant;
	const char *why;
};

struct container {
	struct container *next;
	char task_id[ID_SIZE];
	char cluster[ID_SIZE];
	char handle[CUBE_HANDLE_SIZE];
	uint64_t number;
	uint32_t attempt;
	uint32_t state;
	int32_t exit_code;
	uint32_t oom_killed;
	int64_t started_ms; /* of the machine's wall clock */
	int64_t finished_ms;
	uint64_t started_us;
	bool stubborn;
	bool ghost;   /* started for a worker process that was dead by then */
	bool foreign; /* of another cluster: nobody of ours may touch it */
	bool planted; /* of ours by its label, and of no task */
	bool ends_well;
	struct truth_task *task; /* NULL: not a user's */
};

/* A brain with its clock, its loop and its store. */
struct process {
	struct sim *sim;
	int node; /* SIM_MANAGER, or the worker's index */
	char name[16];
	bool up;
	uint64_t paused_us;   /* it stands still until then: stopped, or swapped out */
	uint64_t incarnation; /* of this start, from 1 */
	void *brain;
	/* store; outlives the process */
	struct plugin_host host;
	struct store *store;
	struct random store_random;
	uint64_t disk_full_until_us;
	/* clock of the machine */
	uint64_t mono_zero_us; /* virtual time at which its mono clock was 0 */
	int rate_ppm;
	int64_t wall_ms; /* at mono 0 */
	/* loop, as core/shell/loop.c */
	struct step step;
	struct commit_batch *open;
	struct commit_batch *flying;
	uint64_t open_since_us;
	uint64_t flying_since_us; /* first change of the batch that flies */
	uint64_t durable;
	uint64_t wake_ms;
	uint64_t wake_event_us; /* the soonest EVENT_WAKE that is queued */
	char fault[256];
	unsigned commit_tries;
	bool commit_unknown;
	bool killed;        /* in a step: dies when it is over */
	struct debt *debts; /* answers that its brain owes */
	/* truth about it */
	uint64_t dead_us;   /* it was last not up */
	uint64_t faulty_us; /* its store last failed */
};

struct machine {
	struct process process; /* the worker */
	/* network to and from the manager */
	uint64_t cut_to_us; /* until then nothing passes */
	uint64_t cut_from_us;
	/* engine */
	struct container *containers;
	bool engine_down;
	uint64_t engine_trouble_us; /* it was last not doing what it was told */
	struct bar *bars;           /* attempts that may not start any more */
	struct job *jobs;           /* under way */
	int64_t mcpu;
	int64_t memory_bytes;
	struct node_labels *labels;
	bool burnt; /* never comes back */
	/* truth */
	uint64_t heard_us;    /* an answer of it reached this manager process; 0: none */
	uint64_t answered_us; /* the same, of any manager process */
	uint64_t gap_us;      /* when its last long silence ended, or it was removed */
	bool recorded;
	bool closed; /* cordoned or draining, as committed */
	uint64_t closed_batch;
	uint64_t removed_batch; /* took its record away; 0: it has one, or never had */
	uint64_t unready_us; /* the manager was told that its runtime is not ready; 0: it is */
	uint64_t placed_batch; /* scratch: has new placements in it */
	bool put_back;
};

/* A request to one of the brains. It is delivered once, twice, late or never. */
struct call {
	struct call *next; /* of all that wait for their answer */
	struct call **place;
	uint64_t serial;
	int from;
	int to;
	int kind;  /* enum manager_effect_kind of the manager's; else below */
	bool done; /* the caller waits no longer */
	unsigned references;
	uint64_t incarnation;          /* of the caller */
	struct manager_effect *effect; /* owned; of a manager's call */
	struct node_info info;         /* of a join */
	/* of a user's */
	int asked; /* enum manager_message_kind */
	struct truth_task *tasks[8];
	unsigned task_count;
	int machine;
	uint64_t number;
};

enum {
	CALL_JOIN = 100,
	CALL_USER
};

/* One delivery of a call, as long as the brain has not answered it: its token. */
struct debt {
	struct debt *next;
	struct debt **place;
	struct call *call;
};

struct reply {
	struct call *call;
	struct message *message;       /* for the brain that called */
	struct manager_effect *effect; /* for a user; NULL: no answer */
};

struct job {
	struct job *next;
	struct job **place;
	unsigned references;
	struct worker_effect *effect;
	uint64_t incarnation;
	uint64_t issued_us;
	int node;
	bool hangs;
	bool carried_out;
	bool cancelled; /* a prepare that was given up; or its worker died before it was sent */
	struct worker_message *done;
};

#define TRACE_LINES 60
#define TRACE_WIDTH 256

struct trace {
	uint64_t hash;
	uint64_t events;
	bool verbose;
	char lines[TRACE_LINES][TRACE_WIDTH];
	size_t next;
};

struct sim_options {
	uint64_t seed;
	unsigned nodes;
	unsigned hours_x100; /* of virtual time, in hundredths of an hour */
	bool verbose;
	bool unwilling; /* the scheduler: it may leave pending what would fit */
	const struct plugin *scheduler;
	const char *const *scheduler_options;
	const struct plugin *memory;
};

struct sim_counts {
	uint64_t polls;
	uint64_t submits;
	uint64_t stops;
	uint64_t starts;
	uint64_t kills;
	uint64_t cuts;
	uint64_t placements;
	uint64_t commits;
};

struct sim {
	const struct sim_options *options;
	struct random random;
	struct clock clock;
	struct plan plan;
	struct trace trace;
	struct sim_counts counts;
	bool calm; /* no faults any more */
	uint64_t heal_us;
	uint64_t end_us;
	struct process manager;
	struct machine machines[SIM_NODES_MAX];
	unsigned node_count;
	uint64_t call_serial;
	struct call *calls; /* that wait */
	struct map *tasks;  /* of struct truth_task, by id */
	struct truth_task **by_index;
	size_t task_count;
	size_t task_capacity;
	uint64_t container_number;
	uint64_t last_event; /* the number of the newest history entry that is committed */
	uint64_t freed_us;   /* room was last given back, by what is committed */
	uint64_t watched;    /* the newest of which a user has heard */
	uint64_t nodes_call; /* the list at whose moment the nodes were last seen, and then: */
	uint32_t nodes_total;
	enum node_status nodes_status[SIM_NODES_MAX];
	unsigned nodes_recorded;
	jmp_buf failed;
	char failure[1024];
};

/* ---- chance ---- */

static inline uint64_t
below(struct sim *sim, uint64_t bound)
{
	return bound == 0 ? 0 : random_below(&sim->random, bound);
}

static inline bool
chance(struct sim *sim, unsigned of_10000)
{
	return of_10000 != 0 && random_below(&sim->random, 10000) < of_10000;
}

/* The same, but never once faults have stopped. */
static inline bool
mishap(struct sim *sim, unsigned of_10000)
{
	return !sim->calm && chance(sim, of_10000);
}

void *sim_alloc(size_t count, size_t size); /* zeroed; never NULL */

/* ---- clock.c ---- */

void clock_put(struct sim *sim, uint64_t at_us, struct event_item item); /* takes item.item */
bool clock_take(struct sim *sim, struct event_item *out); /* false: there is none */
void clock_release(struct sim *sim);

/* ---- trace.c ---- */

/* Into the hash, and one of the last lines. */
__attribute__((format(printf, 2, 3))) void trace_line(struct sim *sim, const char *fmt, ...);
/* Only for people: not in the hash. */
__attribute__((format(printf, 2, 3))) void trace_note(struct sim *sim, const char *fmt, ...);
void trace_print(const struct sim *sim);
/* An invariant does not hold: ends the run. */
__attribute__((format(printf, 3, 4), noreturn)) void
sim_violated(struct sim *sim, int invariant, const char *fmt, ...);

/* ---- process.c ---- */

struct process *sim_process(struct sim *sim, int node);
void process_init(struct process *process, struct sim *sim, int node);
void process_boot(struct process *process);
void process_kill(struct process *process);
void process_release(struct process *process);
void process_deliver(struct process *process, struct message *message); /* takes message */
void process_wake(struct process *process);
void process_commit(struct process *process);
void process_slow(struct process *process);
void process_died(struct process *process); /* adversary.c: and when it comes back */
struct now process_now(const struct process *process);
/* The virtual time at which its mono clock shows that. */
uint64_t process_at(const struct process *process, uint64_t mono_ms);
/* The text of a key as it is committed, to be freed; NULL: there is none. */
char *process_stored(struct process *process, const char *key);

/* ---- network.c ---- */

struct call *call_new(struct sim *sim, int from, int to, int kind);
void call_send(struct sim *sim, struct call *call, uint32_t timeout_ms); /* takes call */
void call_forget(struct sim *sim, uint64_t contact); /* the manager's, of this contact */
/* The call that token stands for is answered: call_put it. */
struct call *debt_pay(void *token);
void call_put(struct call *call);
void network_request(struct sim *sim, const struct event_item *event);
void network_reply(struct sim *sim, const struct event_item *event);
void network_deadline(struct sim *sim, const struct event_item *event);
/* Takes what it is given. */
void network_answer(struct sim *sim, struct call *call, struct message *message,
		    struct manager_effect *effect);
void network_died(struct process *process); /* what it owed will not come */
void network_event_free(struct event_item *event);
void network_release(struct sim *sim);

/* ---- manager_side.c, worker_side.c ---- */

int manager_side_open(struct process *process, struct cube_error *err);
void manager_side_release(struct process *process, struct outbox_item *item);
/* Of an exchange that brought no answer. */
struct manager_message *manager_side_fault(const struct call *call, int fault);
struct manager_message *manager_side_request(struct sim *sim, const struct call *call);
/* The answer of a worker to one of its calls. */
struct manager_message *
manager_side_answer(struct sim *sim, const struct call *call, struct worker_effect *reply);

int worker_side_open(struct process *process, struct cube_error *err);
void worker_side_release(struct process *process, struct outbox_item *item);
struct worker_message *worker_side_request(struct sim *sim, const struct call *call);
struct worker_message *worker_side_joined(const struct manager_effect *reply, int fault);

/* ---- engine.c ---- */

struct container *engine_find(struct machine *machine, uint64_t number);
struct container *
engine_find_attempt(struct machine *machine, const char *task_id, uint32_t attempt);
struct container *engine_find_handle(struct machine *machine, const char *handle);
struct container *engine_create(struct machine *machine, const char *task_id, uint32_t attempt,
				const char *cluster);
void engine_show(const struct container *container, struct cube_container *out);
void engine_start(struct machine *machine, struct container *container, const struct job *job,
		  bool ghost);
void engine_exit(struct machine *machine, struct container *container, int code, bool oom);
void engine_remove(struct machine *machine, struct container *container);
struct container *engine_plant(struct machine *machine, bool foreign);
void engine_end(struct sim *sim, const struct event_item *event);
void engine_hint(struct machine *machine, const char *task_id); /* NULL: look at all */
void engine_check(struct machine *machine, struct worker_effect *effect);
/* Until then no worker can be blamed for what its engine does not do. */
void engine_trouble(struct machine *machine, uint64_t until_us);
void engine_release(struct machine *machine);

/* ---- jobs.c ---- */

void engine_take(struct machine *machine, struct worker_effect *effect);
void engine_cancel(struct machine *machine, struct worker_effect *effect);
void engine_job(struct sim *sim, const struct event_item *event);
void engine_let_go(struct machine *machine); /* what hangs is carried out now */
void engine_overdue(struct sim *sim, const struct event_item *event);
void engine_job_done(struct sim *sim, const struct event_item *event);
void engine_died(struct machine *machine); /* its worker: what of its jobs goes on */
void job_put(struct job *job);

/* ---- users.c ---- */

void users_act(struct sim *sim);
/* reply NULL: none came. */
void users_take(struct sim *sim, struct call *call, const struct manager_effect *reply);
struct manager_message *users_message(struct sim *sim, const struct call *call);
void users_calm(struct sim *sim); /* what was cordoned is opened again */

/* ---- placing.c ---- */

void placing_describe(struct machine *machine); /* its labels; they never change */
/* Constraints and MaxPerNode, or neither, among the members of a Task. */
void placing_text(struct sim *sim, struct truth_task *task, struct buf *out);
/* Do they hold on node, by what is committed, for task beside what is there? batch: the one
 * that placed it there, 0: none has. */
bool
placing_allows(const struct sim *sim, const struct truth_task *task, int node, uint64_t batch);

/* ---- adversary.c ---- */

void plan_make(struct sim *sim);
void adversary_start(struct sim *sim);
void adversary_act(struct sim *sim, const struct event_item *event);
void adversary_heal(struct sim *sim);
bool network_is_cut(struct sim *sim, int from, int to);

/* ---- records.c: what is committed; truth.c: the rest of it ---- */

/* The batch of this process is in its store. */
void truth_committed(struct process *process, const struct commit_batch *batch);
/* What leaves the manager and the workers. */
void truth_manager_effect(struct sim *sim, const struct manager_effect *effect,
			  const struct call *call);
void truth_orders_answered(struct machine *machine, const struct orders *orders);
void truth_job(struct machine *machine, const struct worker_effect *effect);
/* What the manager hears of it: an answer; what it says of its runtime. */
void truth_heard(struct machine *machine, const struct manager_message *answer);
void truth_told(struct machine *machine, bool runtime_ready);
/* What the engines do. */
/* Of a job of that time. */
void truth_starts(struct machine *machine, struct container *container, uint64_t issued_us);
void truth_due(struct sim *sim, const struct event_item *event);
void truth_judge(struct sim *sim); /* judge.c: is the desired state reached? */

struct truth_task *truth_find(struct sim *sim, const char *id);
bool truth_is_live(const struct truth_task *task); /* Scheduled or Running, as committed */

#endif
