/* check/store_safe.c - what a store that says DURABLE has after it was closed, or killed in the
 * middle of its life; and a long run of random commits beside a model. Runs in the child of a
 * check. */
#include "base/random.h"
#include "checks.h"
#include "keeper.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define KEYS         30
#define COMMITS      300
#define WRITES_MAX   8
#define REOPEN_EVERY 50
#define TEXT_SIZE    1024

static bool
is_durable(const struct trial *trial)
{
	return (trial->subject->plugin->info.ops.store->flags & CUBE_STORE_DURABLE) != 0;
}

void
check_reopen(struct trial *trial)
{
	struct cube_write writes[] = {put("a", "1"), put("b", "2"), put("c", "3")};
	struct cube_write gone = del("b");
	struct cube_write known = put_if("c", "4", CUBE_REVISION_NONE);
	struct cube_write next = put("d", "");
	struct keeper keeper;
	uint64_t last = 0;
	uint64_t revision;

	if (!is_durable(trial))
		trial_skip(trial, "it does not say DURABLE");
	keeper_open(&keeper, trial);
	(void)keeper_commit(&keeper, writes, 3);
	for (int i = 0; i < 5; i++)
		last = keeper_commit(&keeper, &gone, 1);
	keeper_close(&keeper);
	trial_scene(trial, "what was committed before it was closed and opened");
	keeper_open(&keeper, trial);
	keeper_expect(&keeper, "", "", "a=1 c=3");
	keeper_refused(&keeper, &known, 1, CUBE_ERR_CONFLICT);
	/* Also where the newest record was deleted. */
	revision = keeper_commit(&keeper, &next, 1);
	if (revision <= last)
		trial_fail(trial, "revisions go back: %llu after close and open, %llu before",
			   (unsigned long long)revision, (unsigned long long)last);
	keeper_close(&keeper);
}

/* A process that commits and is killed without a word. */
static void
commit_and_die(struct trial *trial, const struct cube_write *writes, size_t count)
{
	int status = 0;
	pid_t child = fork();

	if (child == 0) {
		struct keeper keeper;

		keeper_open(&keeper, trial);
		(void)keeper_commit(&keeper, writes, count);
		(void)kill(getpid(), SIGKILL);
		_exit(1);
	}
	if (child < 0)
		trial_skip(trial, "fork: %s", strerror(errno));
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	if (trial->slip->verdict != VERDICT_NONE)
		_exit(0); /* the child has said what is wrong */
	if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL)
		trial_fail(trial, "a process that used it has ended in another way than by the "
				  "signal that was sent");
	trial_returned(trial);
}

void
check_killed(struct trial *trial)
{
	struct cube_write first[] = {put("a", "1"), put("b", "2")};
	struct cube_write second[] = {put("a", "3"), del("b"), put("c", "4")};
	struct keeper keeper;

	if (!is_durable(trial))
		trial_skip(trial, "it does not say DURABLE");
	commit_and_die(trial, first, 2);
	commit_and_die(trial, second, 3);
	trial_scene(trial, "what a process committed before it was killed");
	keeper_open(&keeper, trial);
	keeper_expect(&keeper, "", "", "a=3 c=4");
	keeper_close(&keeper);
}

/* ---- a model beside it ---- */

struct model {
	bool is_there[KEYS];
	int value[KEYS];
	uint64_t revision[KEYS];
};

struct batch {
	struct cube_write writes[WRITES_MAX];
	char keys[WRITES_MAX][2][8];
	char values[WRITES_MAX][16];
	bool written[KEYS]; /* by the last write to it */
	size_t count;
	bool conflicts;
};

static void
name_key(int key, char name[8])
{
	(void)snprintf(name, 8, "k%02d", key);
}

static void
add_range(struct batch *batch, struct random *random, int key, struct model *next)
{
	int end = key + 1 + (int)random_below(random, 5);
	size_t at = batch->count++;

	name_key(key, batch->keys[at][0]);
	name_key(end, batch->keys[at][1]);
	batch->writes[at] = del_range(batch->keys[at][0], batch->keys[at][1]);
	for (int i = key; i < end && i < KEYS; i++) {
		next->is_there[i] = false;
		batch->written[i] = false;
	}
}

static void
add_write(struct batch *batch, struct random *random, const struct model *before,
	  struct model *next)
{
	int key = (int)random_below(random, KEYS);
	size_t at = batch->count++;
	struct cube_write *write = &batch->writes[at];
	bool deletes = random_below(random, 5) == 0;

	name_key(key, batch->keys[at][0]);
	next->value[key] = (int)random_below(random, 100000);
	(void)snprintf(batch->values[at], sizeof(batch->values[at]), "%d", next->value[key]);
	*write = deletes ? del(batch->keys[at][0]) : put(batch->keys[at][0], batch->values[at]);
	next->is_there[key] = !deletes;
	batch->written[key] = !deletes;
	if (random_below(random, 3) == 0) {
		uint64_t is =
			before->is_there[key] ? before->revision[key] : CUBE_REVISION_NONE;
		bool wrong = random_below(random, 6) == 0;

		write->if_revision = wrong ? is + 1 : is;
		batch->conflicts = batch->conflicts || wrong;
	}
}

static void
write_model(const struct model *model, char text[TEXT_SIZE])
{
	size_t used = 0;

	text[0] = '\0';
	for (int key = 0; key < KEYS; key++) {
		char name[8];

		if (!model->is_there[key])
			continue;
		name_key(key, name);
		used += (size_t)snprintf(text + used, TEXT_SIZE - used, "%s%s=%d",
					 used > 0 ? " " : "", name, model->value[key]);
	}
}

static void
commit_some(struct keeper *keeper, struct random *random, struct model *model)
{
	struct batch batch = {.count = 0};
	struct model next = *model;
	size_t wanted = 1 + (size_t)random_below(random, WRITES_MAX);
	uint64_t revision;

	while (batch.count < wanted) {
		if (random_below(random, 8) == 0)
			add_range(&batch, random, (int)random_below(random, KEYS), &next);
		else
			add_write(&batch, random, model, &next);
	}
	if (batch.conflicts) {
		keeper_refused(keeper, batch.writes, batch.count, CUBE_ERR_CONFLICT);
		return;
	}
	revision = keeper_commit(keeper, batch.writes, batch.count);
	for (int key = 0; key < KEYS; key++) {
		if (batch.written[key])
			next.revision[key] = revision;
	}
	*model = next;
}

void
check_model(struct trial *trial)
{
	struct model model = {.value = {0}};
	struct random random;
	struct keeper keeper;
	char text[TEXT_SIZE];

	random_seed(&random, 11);
	keeper_open(&keeper, trial);
	for (int i = 1; i <= COMMITS; i++) {
		trial_scene(trial, "random commit number %d", i);
		commit_some(&keeper, &random, &model);
		if (i % 10 == 0) {
			write_model(&model, text);
			keeper_expect(&keeper, "", "", text);
		}
		if (i % REOPEN_EVERY == 0 && is_durable(trial)) {
			keeper_close(&keeper);
			keeper_open(&keeper, trial);
			keeper_expect(&keeper, "", "", text);
		}
	}
	keeper_close(&keeper);
}
