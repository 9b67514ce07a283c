/* cube/sim/generate.c - draws jobs, and fits the time of their arrival to the load.
 *
 * A first walk over all tasks, which takes a fraction of a second for a million, adds up how
 * long the gaps are and what is asked for how long; from that follows over which time the
 * jobs are to arrive, and each walk after that gives the same tasks with their times. Owns
 * the state of that walk. Main thread.
 */
#include "generate.h"

#include "fixed.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DURATION_MIN_US  SIM_SECOND_US
#define DURATION_MAX_US  (UINT64_C(29) * 24 * SIM_HOUR_US)
#define JOB_TASKS_MAX    10000
#define SURVEY_TASKS     100000 /* when it is not said how many */
#define SPAN_DEFAULT_US  SIM_HOUR_US
#define SPAN_MAX_US      (SIM_TIME_MAX_US / 10)
#define LOAD_UNIT        UINT64_C(1000) /* of a thousandth */
#define LOAD_WHOLE       UINT64_C(1000000)
#define STEPS_AN_OCTAVE  8
#define BUCKETS          ((size_t)64 * STEPS_AN_OCTAVE)
#define BURST_JOBS       50 /* a busy or a quiet time, on average */
#define CONSTRAINED      6  /* of a hundred jobs */
#define CONSTRAINT_BYTES (2 * NAME_SIZE + 24)

struct job {
	uint64_t number;
	uint64_t left;         /* tasks to come */
	uint64_t position_q32; /* of its arrival, in gaps */
	int64_t mcpu;
	int64_t memory_bytes;
	int64_t disk_bytes;
	uint64_t duration_us;
	uint32_t priority;
	char name[24];
	char constraints[CONSTRAINT_BYTES];
};

struct sim_generator {
	struct sim_plan plan;
	uint64_t job_tasks_max;
	uint64_t mcpu_max;
	uint64_t memory_max;
	uint64_t disk_max;
	uint64_t positions_q32; /* of the last job's arrival */
	/* the walk */
	struct random random;
	uint64_t given; /* tasks */
	bool busy;
	struct job job;
};

/* ---- a job ---- */

static bool
one_in(struct random *random, uint64_t of_hundred)
{
	return random_below(random, 100) < of_hundred;
}

/* The gap before a job, 1 on average. In a busy time it is a quarter of that. */
static uint64_t
draw_gap(struct sim_generator *generator)
{
	struct random *random = &generator->random;
	uint64_t gap = (uint64_t)fixed_exponential_q32(random);

	if (!generator->plan.bursty)
		return gap;
	if (random_below(random, BURST_JOBS) == 0)
		generator->busy = !generator->busy;
	return generator->busy ? gap / 4 : gap * 7 / 4;
}

static uint64_t
draw_size(struct sim_generator *generator)
{
	struct random *random = &generator->random;

	if (one_in(random, 75))
		return 1;
	return fixed_pareto(random, Q32_OF(0.5), 2, generator->job_tasks_max);
}

static uint64_t
draw_duration(struct random *random)
{
	uint64_t duration;

	if (one_in(random, 2))
		return fixed_pareto(random, Q32_OF(0.7), SIM_HOUR_US, DURATION_MAX_US);
	duration = fixed_lognormal(random, UINT64_C(494) * SIM_SECOND_US, Q32_OF(1.55));
	if (duration < DURATION_MIN_US)
		return DURATION_MIN_US;
	return duration < DURATION_MAX_US ? duration : DURATION_MAX_US;
}

static uint64_t
at_most(uint64_t value, uint64_t max)
{
	return value < max ? value : max;
}

static void
draw_amounts(struct sim_generator *generator, struct job *job)
{
	struct random *random = &generator->random;
	uint64_t mcpu = fixed_pareto(random, Q32_OF(1.2), at_most(100, generator->mcpu_max),
				     generator->mcpu_max);
	uint64_t per_core = fixed_lognormal(random, UINT64_C(3) << 30, Q32_OF(0.8));
	uint64_t disk = fixed_lognormal(random, UINT64_C(1) << 30, Q32_OF(1.5));
	uint64_t memory = (uint64_t)((wide)per_core * mcpu / 1000);

	job->mcpu = (int64_t)fixed_coarse(mcpu, 2);
	job->memory_bytes = (int64_t)fixed_coarse(at_most(memory, generator->memory_max), 2);
	job->disk_bytes = (int64_t)fixed_coarse(at_most(disk, generator->disk_max), 1);
}

/* One of the labels of some node. */
static void
draw_constraint(struct sim_generator *generator, struct job *job)
{
	struct random *random = &generator->random;
	const bool wanted = one_in(random, CONSTRAINED);
	const struct sim_nodes *nodes = generator->plan.cluster->groups;
	uint64_t node = random_below(random, generator->plan.cluster->nodes);
	const struct sim_label *label;

	job->constraints[0] = '\0';
	while (node >= nodes->count) {
		node -= nodes->count;
		nodes++;
	}
	if (!wanted || nodes->label_count == 0)
		return;
	label = &nodes->labels[random_below(random, nodes->label_count)];
	(void)snprintf(job->constraints, sizeof(job->constraints), "node.labels.%s==\"%s\"",
		       label->key, label->values[node % label->count]);
}

static void
draw_job(struct sim_generator *generator)
{
	struct job *job = &generator->job;
	struct random *random = &generator->random;
	uint64_t tier;

	job->number++;
	job->position_q32 += draw_gap(generator);
	job->left = draw_size(generator);
	draw_amounts(generator, job);
	job->duration_us = draw_duration(random);
	tier = random_below(random, 100);
	job->priority = tier < 25 ? 10 : tier < 85 ? 50 : 90;
	draw_constraint(generator, job);
	job->name[0] = '\0';
	if (job->left > 1)
		(void)snprintf(job->name, sizeof(job->name), "job-%" PRIu64, job->number);
}

/* ---- the walk ---- */

void
sim_generator_rewind(struct sim_generator *generator)
{
	random_seed(&generator->random, generator->plan.seed);
	generator->given = 0;
	generator->busy = false;
	memset(&generator->job, 0, sizeof(generator->job));
}

int
sim_generator_next(struct sim_generator *generator, struct sim_arrival *out)
{
	struct job *job = &generator->job;
	uint64_t jitter;

	if (generator->given == generator->plan.tasks)
		return 0;
	if (job->left == 0)
		draw_job(generator);
	job->left--;
	generator->given++;
	jitter = random_below(&generator->random, 513); /* 3/4 to 5/4, in 2^-10 */
	out->at_us = (uint64_t)((wide)job->position_q32 * generator->plan.span_us /
				generator->positions_q32);
	out->duration_us = (uint64_t)((wide)job->duration_us * (768 + jitter) >> 10);
	out->mcpu = job->mcpu;
	out->memory_bytes = job->memory_bytes;
	out->disk_bytes = job->disk_bytes;
	out->priority = job->priority;
	out->job = job->name;
	out->constraints = job->constraints;
	return 1;
}

double
sim_generator_done(const struct sim_generator *generator)
{
	return (double)generator->given / (double)generator->plan.tasks;
}

/* ---- the load ---- */

/* What is asked for, by how long it is held: bucket i has durations of about 2^(i / steps) ms.
 */
struct survey {
	struct {
		uint64_t mcpu;
		uint64_t mebibytes;
		wide mcpu_ms;
		wide mebibyte_ms;
	} buckets[BUCKETS];
};

static void
survey_add(struct survey *survey, const struct sim_arrival *task)
{
	uint64_t ms = task->duration_us / 1000;
	uint64_t mebibytes = (uint64_t)task->memory_bytes >> 20;
	size_t i = (size_t)(fixed_log2_q32(ms > 0 ? ms : 1) * STEPS_AN_OCTAVE / Q32);

	survey->buckets[i].mcpu += (uint64_t)task->mcpu;
	survey->buckets[i].mebibytes += mebibytes;
	survey->buckets[i].mcpu_ms += (wide)ms * (uint64_t)task->mcpu;
	survey->buckets[i].mebibyte_ms += (wide)ms * mebibytes;
}

/* How much is held at the end of a span in which it arrives at any moment alike, each amount
 * for so long. */
static wide
held(uint64_t amount, wide amount_ms, uint64_t span_ms)
{
	if (amount == 0 || amount_ms / amount >= span_ms)
		return amount;
	return amount_ms / span_ms;
}

/* The load of the dominant resource, in millionths. */
static uint64_t
load_over(const struct survey *survey, const struct sim_cluster *cluster, uint64_t span_us)
{
	const uint64_t span_ms = span_us / 1000 > 0 ? span_us / 1000 : 1;
	const uint64_t mebibytes = (uint64_t)cluster->memory_bytes >> 20;
	wide cpu = 0;
	wide memory = 0;

	for (size_t i = 0; i < BUCKETS; i++) {
		cpu += held(survey->buckets[i].mcpu, survey->buckets[i].mcpu_ms, span_ms);
		memory += held(survey->buckets[i].mebibytes, survey->buckets[i].mebibyte_ms,
			       span_ms);
	}
	cpu = cpu * LOAD_WHOLE / (uint64_t)cluster->mcpu;
	memory = memory * LOAD_WHOLE / (mebibytes > 0 ? mebibytes : 1);
	return (uint64_t)(cpu > memory ? cpu : memory);
}

/* Walks over plan.tasks tasks; their times are not known yet. */
static void
take_survey(struct sim_generator *generator, struct survey *survey)
{
	struct sim_arrival task;

	generator->job_tasks_max = at_most(generator->plan.tasks / 100, JOB_TASKS_MAX);
	if (generator->job_tasks_max < 2)
		generator->job_tasks_max = 2;
	generator->positions_q32 = 1;
	memset(survey, 0, sizeof(*survey));
	sim_generator_rewind(generator);
	while (sim_generator_next(generator, &task) == 1)
		survey_add(survey, &task);
	generator->positions_q32 =
		generator->job.position_q32 > 0 ? generator->job.position_q32 : 1;
	sim_generator_rewind(generator);
}

/* The longest span that has at least the load. */
static uint64_t
span_for(const struct survey *survey, const struct sim_cluster *cluster, uint64_t load)
{
	uint64_t low = SIM_SECOND_US;
	uint64_t high = SPAN_MAX_US;

	while (high - low > SIM_SECOND_US) {
		uint64_t middle = low + (high - low) / 2;

		if (load_over(survey, cluster, middle) >= load)
			low = middle;
		else
			high = middle;
	}
	return low;
}

/* Works out what the plan leaves open: how many tasks, or over which time. */
static int
fit_plan(struct sim_generator *generator, struct survey *survey, struct cube_error *err)
{
	struct sim_plan *plan = &generator->plan;
	const uint64_t load = (plan->load > 0 ? plan->load : SIM_LOAD_DEFAULT) * LOAD_UNIT;
	uint64_t tasks;

	if (plan->tasks == 0) {
		plan->tasks = SURVEY_TASKS;
		take_survey(generator, survey);
		tasks = load_over(survey, plan->cluster, plan->span_us);
		tasks = (uint64_t)((wide)SURVEY_TASKS * load / (tasks > 0 ? tasks : 1));
		plan->tasks = at_most(tasks > 0 ? tasks : 1, SIM_TASKS_MAX);
	}
	take_survey(generator, survey);
	if (plan->span_us > 0)
		return 0;
	plan->span_us = SPAN_DEFAULT_US;
	if (load_over(survey, plan->cluster, SIM_SECOND_US) >= load)
		plan->span_us = span_for(survey, plan->cluster, load);
	else if (plan->load > 0)
		return cube_fail(err, CUBE_ERR_INVALID, 0,
				 "--tasks %" PRIu64 " are too few to load this cluster to "
				 "%u.%u %%: more tasks, fewer nodes, or --hours",
				 plan->tasks, plan->load / 10, plan->load % 10);
	return 0;
}

/* A job fits into the largest node at least twice. */
static void
set_limits(struct sim_generator *generator)
{
	const struct sim_cluster *cluster = generator->plan.cluster;
	const struct sim_nodes *largest = cluster->groups;

	for (size_t i = 1; i < cluster->count; i++) {
		if (cluster->groups[i].mcpu > largest->mcpu)
			largest = &cluster->groups[i];
	}
	generator->mcpu_max = largest->mcpu > 1 ? (uint64_t)largest->mcpu / 2 : 1;
	generator->memory_max = (uint64_t)largest->memory_bytes / 2;
	generator->disk_max = (uint64_t)largest->disk_bytes / 4;
}

int
sim_generator_new(const struct sim_plan *plan, struct sim_generator **out,
		  struct cube_error *err)
{
	struct sim_generator *generator = calloc(1, sizeof(*generator));
	struct survey *survey = malloc(sizeof(*survey));

	assert(plan->tasks > 0 || plan->span_us > 0);
	if (generator == NULL || survey == NULL) {
		free(generator);
		free(survey);
		return cube_fail(err, CUBE_ERR_NO_MEMORY, 0, "out of memory");
	}
	generator->plan = *plan;
	set_limits(generator);
	if (fit_plan(generator, survey, err) != 0) {
		free(generator);
		free(survey);
		return err->code;
	}
	free(survey);
	*out = generator;
	return 0;
}

void
sim_generator_free(struct sim_generator *generator)
{
	free(generator);
}

uint64_t
sim_generator_tasks(const struct sim_generator *generator)
{
	return generator->plan.tasks;
}

uint64_t
sim_generator_span_us(const struct sim_generator *generator)
{
	return generator->plan.span_us;
}
