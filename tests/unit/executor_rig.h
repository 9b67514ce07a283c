/* tests/unit/executor_rig.h - an executor with a runtime of a few lines on one side and, on
 * the other, a loop whose brain only collects the answers.
 *
 * A call of the runtime waits at the gate while calls of its kind are held, and counts how
 * many are under way. A prepare that waits there asks its progress every 10 ms, as it must,
 * unless it is deaf. Safe from any thread.
 */
#ifndef EXECUTOR_RIG_H
#define EXECUTOR_RIG_H

#include "shell/executor.h"

#include "base/clock.h"

#include "check_main.h"
#include "codec_help.h"
#include "store_script.h"

#include <netinet/in.h>
#include <time.h>

#define WORKER  "7d444840-9dc0-41d1-b245-5ffdce74fad2"
#define CLUSTER "9b2c1c1a-52f3-4be1-8f52-6a3f1f5a1c11"

#define ANSWERS_MAX 1024

/* Beside enum worker_job. */
#define CALL_LOGS 15

static struct {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	unsigned held; /* bits: 1 << enum worker_job, or CALL_LOGS */
	bool deaf;     /* a prepare at the gate does not ask its progress */
	int result;    /* of all calls; 0: they go well */
	unsigned begun[16];
	unsigned under_way;
	unsigned most; /* under way at once */
	uint64_t deadline_ms;
	uint64_t begun_ms;
	size_t list_count; /* containers that a list shows */
	size_t log_pieces; /* of 1 KiB that logs write */
	pthread_t log_thread;
	struct worker_message *answers[ANSWERS_MAX];
	size_t answer_count;
	char progress[TASK_REASON_SIZE];
	unsigned progress_count;
	char overdue[TASK_REASON_SIZE]; /* what was told last */
	bool starves;
	unsigned overdue_count;
} fake = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static struct runtime *runtime;
static struct executor *executor;
static struct loop *loop;
static struct store *store;
static pthread_t loop_thread;

/* ---- waiting ---- */

static inline void
fake_wait_ms(long ms)
{
	struct timespec until;

	(void)clock_gettime(CLOCK_REALTIME, &until);
	until.tv_nsec += ms * 1000000;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	(void)pthread_cond_timedwait(&fake.changed, &fake.lock, &until);
}

/* Until what holds, for 20 s at most. */
#define AWAIT(what)                                                  \
	do {                                                         \
		uint64_t end_ms_ = clock_now().mono_ms + 20000;      \
		(void)pthread_mutex_lock(&fake.lock);                \
		while (!(what) && clock_now().mono_ms < end_ms_)     \
			fake_wait_ms(100);                           \
		ck_assert_msg((what), "waited 20 s for: %s", #what); \
		(void)pthread_mutex_unlock(&fake.lock);              \
	} while (0)

/* What still holds after ms. */
#define STAYS(what, ms)                                         \
	do {                                                    \
		uint64_t end_ms_ = clock_now().mono_ms + (ms);  \
		(void)pthread_mutex_lock(&fake.lock);           \
		while ((what) && clock_now().mono_ms < end_ms_) \
			fake_wait_ms(20);                       \
		ck_assert_msg((what), "no more: %s", #what);    \
		(void)pthread_mutex_unlock(&fake.lock);         \
	} while (0)

static inline void
hold(unsigned kinds)
{
	(void)pthread_mutex_lock(&fake.lock);
	fake.held = kinds;
	(void)pthread_cond_broadcast(&fake.changed);
	(void)pthread_mutex_unlock(&fake.lock);
}

#define JOB(kind) (1u << (kind))

/* ---- the runtime ---- */

static inline int
fake_call(unsigned kind, uint64_t deadline_ms, cube_progress *progress, void *ctx,
	  struct cube_error *err)
{
	int rc;

	(void)pthread_mutex_lock(&fake.lock);
	fake.begun[kind]++;
	fake.deadline_ms = deadline_ms;
	fake.begun_ms = clock_now().mono_ms;
	if (++fake.under_way > fake.most)
		fake.most = fake.under_way;
	(void)pthread_cond_broadcast(&fake.changed);
	rc = fake.result;
	while ((fake.held & JOB(kind)) != 0) {
		fake_wait_ms(10);
		if (progress != NULL && !fake.deaf) {
			(void)pthread_mutex_unlock(&fake.lock);
			rc = progress(ctx, 1500000, 3000000, "layer 1") != 0
				     ? CUBE_ERR_UNAVAILABLE
				     : rc;
			(void)pthread_mutex_lock(&fake.lock);
			if (rc == CUBE_ERR_UNAVAILABLE)
				break;
		}
	}
	fake.under_way--;
	(void)pthread_cond_broadcast(&fake.changed);
	(void)pthread_mutex_unlock(&fake.lock);
	return rc == 0 ? 0 : cube_fail(err, rc, 0, "scripted");
}

static inline int
fake_open(const struct cube_host *host, const char *const *options, void **self,
	  struct cube_error *err)
{
	(void)host;
	(void)options;
	(void)err;
	*self = &fake;
	return 0;
}

static inline void
fake_close(void *self)
{
	(void)self;
}

static inline int
fake_probe(void *self, uint64_t deadline_ms, uint32_t *enforces, struct cube_error *err)
{
	(void)self;
	*enforces = CUBE_ENFORCES_CPU;
	return fake_call(WORKER_JOB_PROBE, deadline_ms, NULL, NULL, err);
}

static inline int
fake_prepare(void *self, const struct cube_task_spec *spec, uint64_t deadline_ms,
	     cube_progress *progress, void *ctx, struct cube_error *err)
{
	(void)self;
	(void)spec;
	return fake_call(WORKER_JOB_PREPARE, deadline_ms, progress, ctx, err);
}

static inline void
fake_container(const char *task_id, uint32_t attempt, struct cube_container *out)
{
	out->state = CUBE_CONTAINER_RUNNING;
	out->attempt = attempt;
	(void)snprintf(out->task_id, sizeof(out->task_id), "%s", task_id);
	(void)snprintf(out->handle, sizeof(out->handle), "box");
}

static inline int
fake_run(void *self, const struct cube_task_spec *spec, uint64_t deadline_ms,
	 struct cube_container *out, struct cube_error *err)
{
	(void)self;
	fake_container(spec->task_id, spec->attempt, out);
	return fake_call(WORKER_JOB_RUN, deadline_ms, NULL, NULL, err);
}

static inline int
fake_signal(void *self, const char *handle, int signo, uint64_t deadline_ms,
	    struct cube_error *err)
{
	(void)self;
	(void)handle;
	(void)signo;
	return fake_call(WORKER_JOB_SIGNAL, deadline_ms, NULL, NULL, err);
}

static inline int
fake_remove(void *self, const char *handle, uint64_t deadline_ms, struct cube_error *err)
{
	(void)self;
	(void)handle;
	return fake_call(WORKER_JOB_REMOVE, deadline_ms, NULL, NULL, err);
}

static inline int
fake_inspect(void *self, const char *handle, uint64_t deadline_ms, struct cube_container *out,
	     struct cube_error *err)
{
	(void)self;
	(void)handle;
	fake_container(ID_1, 1, out);
	return fake_call(WORKER_JOB_INSPECT, deadline_ms, NULL, NULL, err);
}

static inline int
fake_list(void *self, uint64_t deadline_ms,
	  int (*visit)(void *ctx, const struct cube_container *container), void *ctx,
	  struct cube_error *err)
{
	struct cube_container container = {.struct_size = sizeof(container)};

	(void)self;
	fake_container(ID_1, 1, &container);
	for (size_t i = 0; i < fake.list_count; i++) {
		if (visit(ctx, &container) != 0)
			break;
	}
	return fake_call(WORKER_JOB_LIST, deadline_ms, NULL, NULL, err);
}

static inline int
fake_logs(void *self, const char *handle, const struct cube_log_request *request,
	  struct cube_error *err)
{
	char piece[1024];

	(void)self;
	(void)handle;
	memset(piece, 'x', sizeof(piece));
	fake.log_thread = pthread_self();
	for (size_t i = 0; i < fake.log_pieces; i++) {
		if (request->write(request->ctx, 1, piece, sizeof(piece)) != 0)
			break;
	}
	return fake_call(CALL_LOGS, 0, NULL, NULL, err);
}

/* ---- the brain ---- */

static inline int
collect(void *brain, struct message *message, struct step *step, struct cube_error *err)
{
	struct worker_message *done = (struct worker_message *)(void *)message;

	(void)brain;
	(void)step;
	(void)err;
	(void)pthread_mutex_lock(&fake.lock);
	if (message->kind == WORKER_PROGRESS) {
		(void)snprintf(fake.progress, sizeof(fake.progress), "%s", done->reason);
		fake.progress_count++;
	}
	if (message->kind == WORKER_OVERDUE) {
		(void)snprintf(fake.overdue, sizeof(fake.overdue), "%s", done->reason);
		fake.starves = done->starves;
		fake.overdue_count++;
	}
	if (message->kind == WORKER_JOB_DONE && fake.answer_count < ANSWERS_MAX)
		fake.answers[fake.answer_count++] = done;
	else
		worker_message_free(done);
	(void)pthread_cond_broadcast(&fake.changed);
	(void)pthread_mutex_unlock(&fake.lock);
	return 0;
}

static inline int
begin(void *brain, struct step *step, struct cube_error *err)
{
	(void)brain;
	(void)step;
	(void)err;
	return 0;
}

static inline struct message *
wake(void *brain)
{
	(void)brain;
	return NULL;
}

static inline void
free_message(struct message *message)
{
	worker_message_free((struct worker_message *)(void *)message);
}

static inline void
no_release(void *ctx, struct outbox_item *item)
{
	(void)ctx;
	item->free(item);
}

static inline void *
run_loop(void *arg)
{
	struct cube_error err;

	(void)arg;
	(void)loop_run(loop, &err);
	return NULL;
}

/* ---- driving it ---- */

static inline void
rig_begin(uint32_t max_parallel)
{
	const struct cube_runtime_ops ops = {
		.struct_size = sizeof(ops),
		.max_parallel = max_parallel,
		.open = fake_open,
		.close = fake_close,
		.probe = fake_probe,
		.prepare = fake_prepare,
		.run = fake_run,
		.signal = fake_signal,
		.remove = fake_remove,
		.inspect = fake_inspect,
		.list = fake_list,
		.logs = fake_logs,
	};
	const struct loop_brain brain = {
		.start = begin, .step = collect, .wake = wake, .free_message = free_message};
	struct cube_error err;

	fake.held = 0;
	fake.deaf = false;
	fake.result = 0;
	memset(fake.begun, 0, sizeof(fake.begun));
	fake.most = 0;
	fake.list_count = 1;
	fake.log_pieces = 1;
	fake.answer_count = 0;
	fake.progress_count = 0;
	script_reset(NULL, 0);
	ck_assert_int_eq(store_open("script", &script_ops, NULL, NULL, &store, &err), 0);
	ck_assert_int_eq(runtime_open("fake", &ops, NULL, NULL, &runtime, &err), 0);
	ck_assert_int_eq(loop_new(&brain, store, no_release, NULL, NULL, &loop, &err), 0);
	ck_assert_int_eq(executor_new(runtime, WORKER, loop, &executor, &err), 0);
	ck_assert_int_eq(pthread_create(&loop_thread, NULL, run_loop, NULL), 0);
}

/* The rest, once the executor has been stopped. */
static inline void
rig_close(void)
{
	loop_stop(loop, clock_now().mono_ms + 5000);
	(void)pthread_join(loop_thread, NULL);
	loop_free(loop);
	runtime_close(runtime);
	store_close(store);
	for (size_t i = 0; i < fake.answer_count; i++)
		worker_message_free(fake.answers[i]);
}

static inline void
rig_end(void)
{
	hold(0);
	ck_assert(executor_stop(executor, clock_now().mono_ms + 20000));
	rig_close();
}

/* One job; number names it. */
static inline void
submit_for(enum worker_job job, uint64_t number, uint32_t attempt, uint32_t timeout_ms)
{
	struct worker_effect *effect = calloc(1, sizeof(*effect));

	ck_assert_ptr_nonnull(effect);
	effect->kind = WORKER_EFFECT_JOB;
	effect->item.free = worker_effect_free;
	effect->job = job;
	effect->job_number = number;
	effect->attempt = attempt;
	effect->timeout_ms = timeout_ms;
	effect->signo = 15;
	(void)snprintf(effect->task_id, ID_SIZE, "%s", ID_1);
	(void)snprintf(effect->cluster, ID_SIZE, "%s", CLUSTER);
	(void)snprintf(effect->handle, sizeof(effect->handle), "box");
	if (job == WORKER_JOB_PREPARE || job == WORKER_JOB_RUN)
		effect->spec = spec_of("{'ID':'" ID_1 "','Name':'web','Image':'nginx'}",
				       CODEC_LENIENT);
	executor_take(executor, effect);
}

static inline void
submit(enum worker_job job, uint64_t number, uint32_t attempt)
{
	submit_for(job, number, attempt, 60000);
}

static inline void
cancel_prepare(uint32_t attempt)
{
	struct worker_effect *effect = calloc(1, sizeof(*effect));

	ck_assert_ptr_nonnull(effect);
	effect->kind = WORKER_EFFECT_CANCEL;
	effect->item.free = worker_effect_free;
	effect->attempt = attempt;
	(void)snprintf(effect->task_id, ID_SIZE, "%s", ID_1);
	executor_take(executor, effect);
}

/* The answer to job number; it must be the only one. */
static inline const struct worker_message *
answer_of(uint64_t number)
{
	const struct worker_message *found = NULL;

	AWAIT(fake.answer_count > 0);
	(void)pthread_mutex_lock(&fake.lock);
	for (size_t i = 0; i < fake.answer_count; i++) {
		if (fake.answers[i]->job_number == number) {
			ck_assert_msg(found == NULL, "job %u was answered twice",
				      (unsigned)number);
			found = fake.answers[i];
		}
	}
	(void)pthread_mutex_unlock(&fake.lock);
	ck_assert_msg(found != NULL, "job %u was not answered", (unsigned)number);
	return found;
}

#endif
