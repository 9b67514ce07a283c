/* The worker's brain against a seeded adversary: crashes between any two steps, commits
 * that come late or fail, jobs that fail, time out with and without effect or answer late,
 * lost replies, containers that end by themselves, and such that nobody knows, of this
 * cluster and of another. What must hold is asserted at every release; at the end the faults
 * stop and all that is wanted must run, and only that; then the manager falls silent, which
 * ends the one task that asks for it. */
#include "base/random.h"
#include "check_main.h"
#include "worker_help.h"

#define TASKS        5
#define ATTEMPTS_MAX 200
#define STEPS        400
#define SEEDS        500
#define LONGER       10 /* times as many, with CUBE_TEST_LONG */
#define ORDERS_MAX   1000
#define POLL_TOKEN   100000
#define LATE_MAX     64
#define GHOSTS_MAX   12
#define GUARDED      0 /* the task with StopAfterDisconnect */
#define GUARD_S      10

struct asked {                   /* what one PUT said */
	uint32_t attempt[TASKS]; /* 0: not in it */
	enum task_wanted wanted[TASKS];
	bool left_out[TASKS]; /* stopped by not being in a full set */
};

static struct world {
	struct rig *rig;
	struct random random;
	char ids[TASKS][ID_SIZE];
	/* the manager */
	uint32_t attempt[TASKS]; /* current; 0: none yet */
	enum task_wanted wanted[TASKS];
	bool ended[TASKS]; /* it has heard so of the current one */
	struct asked asked[ORDERS_MAX];
	uint64_t sequence;
	struct revision known;
	uint64_t stamp; /* that came with it */
	unsigned ghosts;
	unsigned foreign; /* of those, of another cluster */
	/* what the worker has promised: attempts up to here never start any more */
	uint32_t barred[TASKS];
	uint32_t told_to_stop[TASKS]; /* by name */
	bool started[TASKS][ATTEMPTS_MAX];
	/* answers on their way */
	struct worker_message *late[LATE_MAX];
	size_t late_count;
	uint64_t seed;
} world;

static uint64_t
below(uint64_t bound)
{
	return random_below(&world.random, bound);
}

static bool
chance(unsigned percent)
{
	return below(100) < percent;
}

static int
task_of(const char *id)
{
	int i;

	for (i = 0; i < TASKS; i++)
		if (strcmp(world.ids[i], id) == 0)
			return i;
	ck_abort_msg("seed %lu: unknown task %s", (unsigned long)world.seed, id);
	return -1;
}

#define HOLDS(condition, ...)                                                           \
	do {                                                                            \
		if (!(condition)) {                                                     \
			(void)fprintf(stderr, "%s\n", world.rig->log);                  \
			(void)fprintf(stderr, "seed %lu: ", (unsigned long)world.seed); \
			ck_abort_msg(__VA_ARGS__);                                      \
		}                                                                       \
	} while (0)

/* ---- containers that nobody knows ---- */

static bool
is_ghost(const char *id)
{
	return strncmp(id, "99999999-", 9) == 0;
}

static void
add_ghost(struct rig *rig)
{
	struct box *box;
	char id[ID_SIZE];

	if (world.ghosts == GHOSTS_MAX)
		return;
	(void)snprintf(id, sizeof(id), "99999999-0000-4000-8000-%012x", world.ghosts++);
	box = rig_add_box(rig, id, 1 + (uint32_t)below(3), 1 + (uint32_t)below(3));
	(void)snprintf(box->handle, sizeof(box->handle), "ghost-%u", world.ghosts);
	if (chance(30)) {
		(void)snprintf(box->cluster, ID_SIZE, "%s", CLUSTER_2);
		world.foreign++;
	}
	if (chance(50))
		rig_changed(rig, id);
}

static void
check_ghost(struct rig *rig, const struct worker_effect *effect)
{
	const struct box *box = rig_box(rig, effect->task_id, effect->attempt);

	HOLDS(effect->job != WORKER_JOB_PREPARE && effect->job != WORKER_JOB_RUN,
	      "it starts what nobody ordered");
	HOLDS(box == NULL || strcmp(box->cluster, CLUSTER_2) != 0,
	      "it touches another cluster's");
}

/* ---- what must hold whenever something leaves the worker ---- */

static void
check_job(struct rig *rig, const struct worker_effect *effect)
{
	size_t i;
	int task;

	if (effect->job == WORKER_JOB_LIST || effect->job == WORKER_JOB_PROBE)
		return;
	for (i = 0; i < rig->out_count; i++)
		HOLDS(rig->out[i]->kind != WORKER_EFFECT_JOB ||
			      strcmp(rig->out[i]->task_id, effect->task_id) != 0,
		      "two jobs of a task");
	for (i = 0; i < world.late_count; i++)
		HOLDS(strcmp(world.late[i]->task_id, effect->task_id) != 0,
		      "a job of a task before the last was answered");
	if (is_ghost(effect->task_id))
		check_ghost(rig, effect);
	if (effect->job != WORKER_JOB_PREPARE && effect->job != WORKER_JOB_RUN)
		return;
	task = task_of(effect->task_id);
	HOLDS(effect->attempt > world.barred[task], "attempt %u starts after its stop",
	      effect->attempt);
	HOLDS(rig_attempt(rig, effect->task_id, effect->attempt) != NULL,
	      "attempt %u starts and is not in the journal", effect->attempt);
}

static void
check_report(struct rig *rig, const struct task *task)
{
	const struct task_status *status = &task->status;
	const char *record = rig_attempt(rig, task->spec->id, status->attempt);
	const struct box *box = rig_box(rig, task->spec->id, status->attempt);
	char state[24];

	(void)snprintf(state, sizeof(state), "\"State\":%d,", (int)status->state);
	HOLDS(record != NULL && strstr(record, state) != NULL,
	      "told %s of attempt %u, the journal has %s", state, status->attempt,
	      record != NULL ? record : "nothing");
	HOLDS(strstr(status->reason, "vanished") == NULL, "nothing ever vanished");
	HOLDS(!status->disconnected || task_of(task->spec->id) == GUARDED,
	      "one that never asked for it was cut off");
	HOLDS(!status->disconnected || status->state < TASK_COMPLETED ||
		      strstr(status->reason, "no manager was heard") != NULL,
	      "cut off, and it says: %s", status->reason);
	if (status->has_exit_code)
		HOLDS(box != NULL && box->state == CUBE_CONTAINER_EXITED &&
			      box->exit_code == status->exit_code,
		      "a false exit code was told");
	else if (status->state >= TASK_COMPLETED)
		HOLDS(status->state == TASK_COMPLETED &&
			      (box == NULL || box->state != CUBE_CONTAINER_RUNNING),
		      "attempt %u was said to have ended: %s", status->attempt, status->reason);
}

/* A 200 to orders is a promise about all that they stop. */
static void
check_promise(const struct worker_effect *effect)
{
	const struct asked *asked = &world.asked[(intptr_t)effect->token];
	int i;

	if (effect->status != 200)
		return;
	for (i = 0; i < TASKS; i++) {
		uint32_t bar = asked->attempt[i];

		if (bar == 0)
			continue;
		if (asked->wanted[i] == TASK_WANTED_RUN)
			bar--;
		if (bar > world.barred[i])
			world.barred[i] = bar;
		if (asked->wanted[i] == TASK_WANTED_STOP && !asked->left_out[i])
			world.told_to_stop[i] = asked->attempt[i];
	}
}

static void
watch(struct rig *rig, const struct worker_effect *effect)
{
	size_t i;

	if (effect->kind == WORKER_EFFECT_JOB)
		check_job(rig, effect);
	if (effect->kind != WORKER_EFFECT_REPLY)
		return;
	for (i = 0; i < effect->task_count; i++)
		check_report(rig, &effect->tasks[i]);
	if ((intptr_t)effect->token < ORDERS_MAX)
		check_promise(effect);
}

/* ---- the engine, which may do it and say nothing ---- */

static void
check_start(struct rig *rig, const struct worker_effect *effect)
{
	int task = task_of(effect->task_id);
	const struct box *own = rig_box(rig, effect->task_id, effect->attempt);
	size_t i;

	if (own != NULL && own->state != CUBE_CONTAINER_CREATED)
		return; /* it only finds it */
	HOLDS(effect->attempt < ATTEMPTS_MAX, "too many attempts");
	HOLDS(!world.started[task][effect->attempt], "attempt %u of task %d starts twice",
	      effect->attempt, task);
	world.started[task][effect->attempt] = true;
	for (i = 0; i < rig->box_count; i++)
		HOLDS(strcmp(rig->boxes[i].task_id, effect->task_id) != 0 ||
			      rig->boxes[i].state != CUBE_CONTAINER_RUNNING,
		      "attempt %u starts while %u of its task lives", effect->attempt,
		      rig->boxes[i].attempt);
}

static struct worker_message *
engine(struct rig *rig, const struct worker_effect *effect)
{
	if (effect->job == WORKER_JOB_RUN && !rig->down)
		check_start(rig, effect);
	return rig_engine(rig, effect);
}

static struct worker_message *
adverse(struct rig *rig, const struct worker_effect *effect)
{
	if (chance(75))
		return engine(rig, effect);
	if (chance(30))
		return rig_outcome(effect, CUBE_ERR_UNAVAILABLE, "connection refused");
	if (chance(50))
		worker_message_free(engine(rig, effect)); /* done, and not said */
	else if (effect->job == WORKER_JOB_RUN && !rig->down &&
		 rig_box(rig, effect->task_id, effect->attempt) == NULL)
		(void)rig_add_box(rig, effect->task_id, effect->attempt,
				  CUBE_CONTAINER_CREATED);
	return rig_outcome(effect, CUBE_ERR_TIMEOUT, "no answer");
}

static void
do_some_job(struct rig *rig)
{
	size_t jobs = rig_count(rig, WORKER_EFFECT_JOB);
	size_t pick;
	size_t i;

	if (jobs == 0)
		return;
	pick = below(jobs);
	for (i = 0; i < rig->out_count; i++) {
		struct worker_message *message;

		if (rig->out[i]->kind != WORKER_EFFECT_JOB || pick-- > 0)
			continue;
		rig->obeys_term = chance(70);
		message = adverse(rig, rig->out[i]);
		rig_forget_effect(rig, i);
		if (chance(30) && world.late_count < LATE_MAX)
			world.late[world.late_count++] = message;
		else
			rig_send(rig, message);
		return;
	}
}

static void
deliver_late(struct rig *rig, size_t index)
{
	struct worker_message *message = world.late[index];

	world.late[index] = world.late[--world.late_count];
	rig_send(rig, message);
}

/* ---- the manager ---- */

static void
guard(struct worker_message *message)
{
	struct order *order = &message->orders.items[message->orders.count - 1];
	char text[200];

	if (order->spec == NULL)
		return;
	task_spec_put(order->spec);
	(void)snprintf(text, sizeof(text),
		       "{'ID':'%s','Name':'web','Image':'x','StopAfterDisconnect':%d}",
		       world.ids[GUARDED], GUARD_S);
	order->spec = spec_of(text, CODEC_LENIENT);
}

/* With the newest stamp that came, or one that is long over. */
static void
send_poll(struct rig *rig, uint32_t wait_ms, bool doubtful)
{
	struct worker_message *message = rig_message(WORKER_POLL, POLL_TOKEN);

	message->since = world.known;
	message->wait_ms = wait_ms;
	message->stamp = world.stamp;
	if (doubtful && chance(10))
		message->stamp = world.stamp - below(world.stamp + 1);
	rig_send(rig, message);
}

static void
send_orders(struct rig *rig, bool full)
{
	struct worker_message *message;
	struct asked *asked;
	int i;

	HOLDS(world.sequence + 1 < ORDERS_MAX, "too many orders");
	world.sequence++;
	message = orders_new(1, world.sequence, full, (intptr_t)world.sequence);
	message->orders.acked = world.known;
	asked = &world.asked[world.sequence];
	for (i = 0; i < TASKS; i++) {
		/* What has ended, and was acknowledged so, is ordered no more. */
		if (world.attempt[i] == 0 || world.ended[i] || (!full && chance(40)))
			continue;
		asked->attempt[i] = world.attempt[i];
		asked->wanted[i] = world.wanted[i];
		/* A stop is also to be in a full set no longer. */
		asked->left_out[i] = full && !rig->auto_commit &&
				     world.wanted[i] == TASK_WANTED_STOP && chance(50);
		if (asked->left_out[i])
			continue;
		orders_add(message, world.ids[i], world.attempt[i], world.wanted[i]);
		if (i == GUARDED)
			guard(message);
	}
	rig_send(rig, message);
}

static void
decide(void)
{
	int i = (int)below(TASKS);

	if (world.attempt[i] == 0 || (world.ended[i] && chance(60)) || chance(10)) {
		if (world.attempt[i] + 1 >= ATTEMPTS_MAX)
			return;
		world.attempt[i]++;
		world.wanted[i] = TASK_WANTED_RUN;
		world.ended[i] = false;
	} else if (chance(40)) {
		world.wanted[i] = TASK_WANTED_STOP;
	}
}

/* What came back, but for the jobs, which wait to be done. */
static void
receive(struct rig *rig, bool lossy)
{
	size_t i;
	size_t j;

	for (i = 0; i < rig->out_count;) {
		const struct worker_effect *effect = rig->out[i];

		if (effect->kind == WORKER_EFFECT_JOB) {
			i++;
			continue;
		}
		if (effect->kind == WORKER_EFFECT_REPLY &&
		    effect->token == (void *)(intptr_t)POLL_TOKEN && !(lossy && chance(20))) {
			world.known = effect->revision;
			HOLDS(effect->stamp != 0 && effect->stamp <= rig->now.mono_ms,
			      "a stamp of no clock");
			world.stamp = effect->stamp;
			for (j = 0; j < effect->task_count; j++) {
				const struct task *told = &effect->tasks[j];
				int task = task_of(told->spec->id);

				if (told->status.attempt == world.attempt[task] &&
				    told->status.state >= TASK_COMPLETED)
					world.ended[task] = true;
			}
		}
		rig_forget_effect(rig, i);
	}
}

/* ---- the run ---- */

static void
crash(struct rig *rig)
{
	size_t i;

	/* What was under way at the engine goes on there, or does not. */
	for (i = 0; i < rig->out_count; i++)
		if (rig->out[i]->kind == WORKER_EFFECT_JOB && chance(50))
			worker_message_free(engine(rig, rig->out[i]));
	while (world.late_count > 0)
		worker_message_free(world.late[--world.late_count]);
	rig_crash(rig);
}

static void
end_some_box(struct rig *rig)
{
	struct box *box;

	if (rig->box_count == 0)
		return;
	box = &rig->boxes[below(rig->box_count)];
	if (box->state != CUBE_CONTAINER_RUNNING || is_ghost(box->task_id))
		return;
	box->state = CUBE_CONTAINER_EXITED;
	box->exit_code = (int)below(4);
	if (chance(80))
		rig_changed(rig, box->task_id);
	else if (chance(50))
		rig_send(rig, rig_message(WORKER_RESYNC, 0));
}

static void
one_step(struct rig *rig)
{
	uint64_t dice = below(100);

	if (dice < 40)
		do_some_job(rig);
	else if (dice < 48 && world.late_count > 0)
		deliver_late(rig, below(world.late_count));
	else if (dice < 58)
		decide();
	else if (dice < 68)
		send_orders(rig, chance(30));
	else if (dice < 78)
		send_poll(rig, (uint32_t)below(3000), true);
	else if (dice < 84)
		end_some_box(rig);
	else if (dice < 92)
		rig_sleep(rig, below(3000));
	else if (dice < 95)
		crash(rig);
	else if (dice < 97)
		rig->down = !rig->down;
	else if (dice < 98)
		rig->fault = rig->fault == NULL ? "disk full" : NULL;
	else if (chance(70))
		rig_changed(rig, world.ids[below(TASKS)]);
	else
		add_ghost(rig);
	if (rig->waiting_count > RIG_MAX / 2)
		rig->fault = NULL;
	if (rig->fault == NULL && chance(60))
		rig_commit(rig);
	receive(rig, true);
}

static void
do_all_jobs(struct rig *rig)
{
	size_t i;

	for (i = 0; i < rig->out_count;) {
		struct worker_message *message;

		if (rig->out[i]->kind != WORKER_EFFECT_JOB) {
			i++;
			continue;
		}
		message = engine(rig, rig->out[i]);
		rig_forget_effect(rig, i);
		rig_send(rig, message);
		i = 0;
	}
}

/* No more faults: what is wanted must come about. */
static void
heal(struct rig *rig)
{
	int i;

	rig->fault = NULL;
	rig->down = false;
	rig->obeys_term = true;
	rig->auto_commit = true;
	rig_commit(rig);
	while (world.late_count > 0)
		deliver_late(rig, 0);
	rig_send(rig, rig_message(WORKER_RESYNC, 0)); /* a lost event was said to be lost */
	for (i = 0; i < 90; i++) {
		do_all_jobs(rig);
		if (i % 10 == 0)
			send_orders(rig, true);
		send_poll(rig, 500, false);
		rig_sleep(rig, 1000);
		receive(rig, false);
	}
	do_all_jobs(rig);
}

static void
check_end(struct rig *rig)
{
	unsigned foreign = 0;
	size_t i;
	int task;

	for (task = 0; task < TASKS; task++) {
		const struct box *box = rig_box(rig, world.ids[task], world.attempt[task]);

		if (world.attempt[task] == 0)
			continue;
		if (world.wanted[task] == TASK_WANTED_RUN && !world.ended[task])
			HOLDS(box != NULL && box->state == CUBE_CONTAINER_RUNNING,
			      "attempt %u of task %d is wanted and does not run",
			      world.attempt[task], task);
		if (world.wanted[task] == TASK_WANTED_STOP)
			HOLDS(box == NULL || box->state != CUBE_CONTAINER_RUNNING,
			      "attempt %u of task %d was stopped and runs", world.attempt[task],
			      task);
		/* One that ended before it heard of the stop is kept for its logs. */
		if (world.told_to_stop[task] == world.attempt[task])
			HOLDS(box == NULL && rig_attempt(rig, world.ids[task],
							 world.attempt[task]) == NULL,
			      "attempt %u of task %d was stopped, acknowledged and is still "
			      "there",
			      world.attempt[task], task);
	}
	for (i = 0; i < rig->box_count; i++) {
		if (is_ghost(rig->boxes[i].task_id)) {
			HOLDS(strcmp(rig->boxes[i].cluster, CLUSTER_2) == 0,
			      "a container that nobody knows is still there");
			foreign++;
			continue;
		}
		HOLDS(rig->boxes[i].state != CUBE_CONTAINER_RUNNING ||
			      rig->boxes[i].attempt ==
				      world.attempt[task_of(rig->boxes[i].task_id)],
		      "attempt %u still runs", rig->boxes[i].attempt);
	}
	HOLDS(foreign == world.foreign, "another cluster's container is gone");
	HOLDS(rig_count(rig, WORKER_EFFECT_JOB) == 0, "it does not come to rest");
}

/* No manager any more. */
static void
check_silence(struct rig *rig)
{
	uint32_t attempt = world.attempt[GUARDED];
	const struct box *box;
	int i;

	for (i = 0; i <= GUARD_S; i++) {
		rig_sleep(rig, 1000);
		do_all_jobs(rig);
	}
	box = attempt != 0 ? rig_box(rig, world.ids[GUARDED], attempt) : NULL;
	HOLDS(box == NULL || box->state != CUBE_CONTAINER_RUNNING,
	      "attempt %u runs, and no manager is heard", attempt);
	for (i = 0; i < TASKS; i++) {
		box = rig_box(rig, world.ids[i], world.attempt[i]);
		if (i != GUARDED && world.attempt[i] != 0 && !world.ended[i] &&
		    world.wanted[i] == TASK_WANTED_RUN)
			HOLDS(box != NULL && box->state == CUBE_CONTAINER_RUNNING,
			      "task %d ended for want of a manager", i);
	}
}

static void
run_seed(uint64_t seed)
{
	struct rig *rig = rig_prepare();
	int i;

	memset(&world, 0, sizeof(world));
	world.seed = seed;
	world.rig = rig;
	random_seed(&world.random, seed);
	for (i = 0; i < TASKS; i++)
		(void)snprintf(world.ids[i], ID_SIZE, "%08x-0000-4000-8000-000000000000",
			       i + 1);
	rig->watch = watch;
	rig->config.seed = seed;
	rig->config.runtime_has_events = seed % 3 != 0;
	rig->config.keep_ended = (uint32_t)below(4);
	rig->config.keep_attempts = (uint32_t)below(3);
	rig->config.orphan_grace_ms = below(20000);
	rig->auto_commit = false;
	rig_boot(rig);
	for (i = 0; i < STEPS; i++)
		one_step(rig);
	heal(rig);
	check_end(rig);
	check_silence(rig);
	rig_free(rig);
}

static bool
is_long(void)
{
	const char *text = getenv("CUBE_TEST_LONG");

	return text != NULL && text[0] != '\0' && strcmp(text, "0") != 0;
}

START_TEST(whatever_happens_no_attempt_starts_twice_and_all_that_is_wanted_runs)
{
	const uint64_t share = (uint64_t)SEEDS * (is_long() ? LONGER : 1) / 10;
	const char *only = getenv("SEED");
	uint64_t seed;

	if (only != NULL) {
		run_seed(strtoull(only, NULL, 10));
		return;
	}
	for (seed = (uint64_t)_i * share; seed < (uint64_t)(_i + 1) * share; seed++)
		run_seed(seed);
}
END_TEST

static Suite *
suite(void)
{
	Suite *suite = suite_create("worker random");
	TCase *random = tcase_create("random");

	tcase_set_timeout(random, is_long() ? 120 * LONGER : 120);
	tcase_add_loop_test(
		random, whatever_happens_no_attempt_starts_twice_and_all_that_is_wanted_runs, 0,
		10);
	suite_add_tcase(suite, random);
	return suite;
}

CHECK_MAIN(suite)
