/* check/choices.c - the same calls on the same inputs give the same choices: on two instances
 * that take turns, in another process at another time, and with scores asked for in between.
 * A generator or a clock that is not the host's shows. Runs in the child of a check. */
#include "checks.h"
#include "policy.h"

#include <poll.h>
#include <string.h>
#include <time.h>

#define STORY_NODES   100
#define STORY_CHOICES 120
#define SHAPES        4

/* One instance, and a cluster that its choices fill. */
struct story {
	struct life life;
	struct cluster cluster;
	uint32_t step;
};

static void
story_begin(struct story *story, struct trial *trial, int instance)
{
	memset(story, 0, sizeof(*story));
	cluster_init(&story->cluster, trial, STORY_NODES, 3, AREA_TAIL);
	life_init(&story->life, trial, instance);
	life_open(&story->life);
}

static void
story_end(struct story *story)
{
	life_drop(&story->life);
	life_release(&story->life);
	cluster_release(&story->cluster);
}

/* Tasks of a few shapes in turn; each shape has its own wishes and group for ever. */
static void
set_task(struct cluster *cluster, uint32_t step)
{
	uint32_t kind = step % SHAPES;

	areas_unlock(&cluster->areas);
	cluster->demand->shape = kind + 1;
	cluster->demand->mcpu = 100 * (int64_t)(kind + 1);
	cluster->demand->memory_bytes = ((int64_t)64 << 20) << kind;
	cluster->demand->priority = kind * 30;
	cluster_set_group(cluster, kind % 2);
	cluster_settle(cluster);
	areas_lock(&cluster->areas);
}

static uint32_t
story_next(struct story *story)
{
	uint32_t row;

	set_task(&story->cluster, story->step);
	story->life.host.now_ms += 250;
	row = policy_choice(&story->life, &story->cluster);
	if (row != POLICY_NOTHING)
		cluster_take(&story->cluster, row);
	story->step++;
	return row;
}

static void
compare(struct trial *trial, uint32_t step, uint32_t first, uint32_t second, const char *why)
{
	if (first != second)
		trial_fail(
			trial,
			"is not deterministic: its choice number %u is row %d once and row %d "
			"%s; only host->random and host->now_ms repeat themselves",
			step + 1, (int)first, (int)second, why);
}

/* Number 0 says how many choices follow. */
void
check_remember(struct trial *trial)
{
	uint64_t *choices = trial->subject->choices;
	struct story story;

	story_begin(&story, trial, 1);
	for (uint32_t i = 0; i < STORY_CHOICES; i++)
		choices[1 + i] = story_next(&story);
	choices[0] = STORY_CHOICES;
	story_end(&story);
}

/* Clocks of a second's grain are seen too: the second must be another one. */
static void
await_another_second(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	(void)poll(NULL, 0, (int)((1000000000 - now.tv_nsec) / 1000000) + 1);
}

void
check_recall(struct trial *trial)
{
	const uint64_t *choices = trial->subject->choices;
	struct story story;

	if (choices[0] != STORY_CHOICES)
		trial_skip(trial, "there are no choices to compare with");
	await_another_second();
	story_begin(&story, trial, 1);
	while (story.step < STORY_CHOICES) {
		uint32_t step = story.step;

		compare(trial, step, (uint32_t)choices[1 + step], story_next(&story),
			"at another time");
	}
	story_end(&story);
}

void
check_same(struct trial *trial)
{
	struct story stories[2];

	for (int i = 0; i < 2; i++)
		story_begin(&stories[i], trial, i + 1);
	while (stories[0].step < STORY_CHOICES) {
		uint32_t step = stories[0].step;
		uint32_t first = story_next(&stories[0]);

		compare(trial, step, first, story_next(&stories[1]), "on a second instance");
	}
	for (int i = 0; i < 2; i++)
		story_end(&stories[i]);
}

/* Scores that nobody uses: of all eligible rows and of a few. What they draw from the host's
 * generator is put back. */
static void
score_for_nothing(struct story *story)
{
	struct check_host *host = &story->life.host;
	struct random random = host->random;
	struct cluster *cluster = &story->cluster;
	struct cube_error err;
	uint32_t rows[STORY_NODES];
	uint32_t n = policy_eligible(cluster, rows);

	if (n > 0) {
		(void)policy_score(&story->life, cluster, rows, n, &err);
		(void)policy_score(&story->life, cluster, rows + n / 2, n - n / 2, &err);
	}
	host->random = random;
}

void
check_score_between(struct trial *trial)
{
	struct story plain;
	struct story asked;

	story_begin(&plain, trial, 1);
	story_begin(&asked, trial, 2);
	while (plain.step < STORY_CHOICES) {
		uint32_t step = plain.step;
		uint32_t first = story_next(&plain);
		uint32_t second;

		set_task(&asked.cluster, asked.step + 1);
		score_for_nothing(&asked);
		second = story_next(&asked);
		if (first != second)
			trial_fail(trial,
				   "score changes self: choice number %u is row %d, and row %d "
				   "when score was called in between",
				   step + 1, (int)first, (int)second);
	}
	story_end(&plain);
	story_end(&asked);
}
