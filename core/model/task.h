/* model/task.h - a task: what its owner asked for, and what has become of it.
 *
 * The specification never changes once it is decoded, so it is shared and counted:
 * the brain, a page of a list and an order on its way to a worker hold the same one.
 * The status is a plain value with one owner. States and numbers are the wire's
 * (0 Pending 1 Scheduled 2 Running 3 Completed 4 Failed).
 */
#ifndef MODEL_TASK_H
#define MODEL_TASK_H

#include "base/id.h"
#include "base/timestamp.h"
#include "model/constraint.h"

#include <cube/runtime.h>

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define NAME_SIZE        64 /* of a task, a node, a job: [a-zA-Z0-9][a-zA-Z0-9_.-]{0,62} and a NUL */
#define TASK_REASON_SIZE 248
#define TASK_PORTS_MAX   CUBE_PORTS_MAX
#define TASK_LIST_MAX    1000 /* labels, environment entries, arguments a task */

enum task_state {
	TASK_PENDING = 0,
	TASK_SCHEDULED = 1,
	TASK_RUNNING = 2,
	TASK_COMPLETED = 3,
	TASK_FAILED = 4
};
#define TASK_STATES 5

enum task_wanted {
	TASK_WANTED_RUN = 2,
	TASK_WANTED_STOP = 3
};

enum restart_mode {
	RESTART_DEFAULT = 0, /* "": on-failure, at most 3 */
	RESTART_NO,
	RESTART_ON_FAILURE,
	RESTART_ALWAYS,
	RESTART_UNLESS_STOPPED
};

enum health_kind {
	HEALTH_NONE = 0,
	HEALTH_HTTP, /* GET path must answer 200 */
	HEALTH_TCP   /* a connection must be taken */
};

/* How the worker sees whether a running task is well: on the host port of a container port,
 * every interval, beginning start_period after the start. threshold failures in a row end
 * the attempt. */
struct task_health {
	enum health_kind kind;
	uint16_t port; /* container port, TCP */
	const char *path;
	uint32_t interval_s;
	uint32_t timeout_s;
	uint32_t threshold;
	uint32_t start_period_s;
};

enum node_lost_policy {
	NODE_LOST_RESCHEDULE = 0, /* it is placed again elsewhere */
	NODE_LOST_WAIT            /* it stays where it is until its node returns */
};

/* A container port that is to be reachable on the node. */
struct task_port {
	uint16_t container_port;
	uint16_t protocol;  /* IPPROTO_TCP, IPPROTO_UDP */
	uint16_t host_port; /* 0: any free one */
};

struct task_label {
	const char *key;
	const char *value;
};

/* Immutable, counted, one allocation with all its texts. Absent texts are "". */
struct task_spec {
	atomic_uint references;
	bool id_given; /* by the client; else cube made it */
	char id[ID_SIZE];
	char name[NAME_SIZE];
	const char *image;
	int64_t mcpu;
	int64_t memory_bytes;
	int64_t disk_bytes;
	const char *const *entrypoint; /* NULL-ended; NULL: the image's own */
	const char *const *args;       /* Cmd; NULL-ended; NULL: the image's own */
	const char *const *env;        /* NULL-ended; NULL: none */
	const struct task_port *ports; /* exposed and bound ones, by port and protocol */
	uint32_t port_count;
	uint32_t label_count;
	uint32_t constraint_count;
	const struct task_label *labels;
	const struct task_constraint
		*constraints; /* of the nodes that it may run on; all hold */
	const char *job;
	const char *health_check;  /* the short form, as given; "" */
	struct task_health health; /* of either form */
	enum restart_mode restart_mode;
	int32_t restart_max;  /* on-failure:N; -1: not said */
	int32_t max_restarts; /* MaxRestarts, from 1; -1: not said */
	enum node_lost_policy on_node_lost;
	uint32_t stop_after_disconnect_s; /* 0: never */
	uint32_t priority;                /* 0..100 */
	/* At most so many alike on a node; 0: any number. Alike: of the same job, or of the
	 * same name if it has none; with max_per_label, of the same value of that label. */
	uint32_t max_per_node;
	const char *max_per_label; /* one of its labels; "": none */
	uint32_t stop_timeout_s;   /* default 10 */
	/* The members of the Task object that the owner gave, as canonical JSON without the
	 * braces ("\"ID\":...,..."), made once: replies, orders and records paste it. Equal
	 * specifications have equal text (the ID is part of it). */
	const char *json;
	size_t json_size;
	uint64_t hash; /* of json: a repeated submit is told from another task by it */
};

struct task_spec *
task_spec_get(struct task_spec *spec);      /* [any] one more owner; returns spec */
void task_spec_put(struct task_spec *spec); /* [any] one less; NULL is fine */

/* Host ports in use, counted like a specification and never changed. */
struct port_list {
	atomic_uint references;
	uint32_t count;
	struct cube_port ports[]; /* count of them */
};

struct port_list *
port_list_new(const struct cube_port *ports, uint32_t count); /* NULL: no memory */
struct port_list *port_list_get(struct port_list *list);      /* NULL gives NULL */
void port_list_put(struct port_list *list);
bool port_list_equal(const struct port_list *a, const struct port_list *b);

/* What has become of a task (the manager's view) or of one attempt (a worker's report). */
struct task_status {
	enum task_state state;
	enum task_wanted wanted;
	bool final; /* nothing more will happen by itself */
	bool has_exit_code;
	bool oom_killed;
	bool port_taken;   /* an attempt that could not start: a host port was taken there */
	bool disconnected; /* one that its worker stopped: no manager was heard */
	uint32_t attempt;  /* 0: never placed */
	uint32_t restart_count;
	int32_t exit_code;
	int64_t start_ms; /* Unix time; 0: not yet, as for the next two */
	int64_t finish_ms;
	int64_t restart_at_ms; /* while it waits to start again */
	uint32_t restarts; /* since it was last well for ten minutes, with the one waited for */
	int32_t restarts_max; /* of those, as the policy says; -1: no limit */
	uint64_t sequence;    /* order of submission, from 1 */
	char node[NAME_SIZE];
	char container_id[CUBE_HANDLE_SIZE];
	char reason[TASK_REASON_SIZE];
	struct port_list *host_ports; /* NULL: none known */
};

struct task {
	struct task_spec *spec;
	struct task_status status;
};

/* A copy shares the specification and the ports. */
void task_copy(struct task *to, const struct task *from);
void task_release(struct task *task);
void task_status_copy(struct task_status *to, const struct task_status *from);
void task_status_release(struct task_status *status);
void tasks_free(struct task *tasks, size_t count); /* releases each and frees the array */

const char *task_state_name(enum task_state state); /* "Pending", ... */
bool name_is_valid(const char *name);

/* printf into a reason, cut at the end of a character if it is too long. */
__attribute__((format(printf, 2, 3))) void
task_reason(struct task_status *status, const char *fmt, ...);

#endif
