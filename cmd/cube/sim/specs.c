/* cube/sim/specs.c - finds or makes the specification of a task that arrives.
 *
 * The key is a text of all that decides about its place. The constraints of a trace are
 * separated by semicolons, and parsed by the manager's own code. Owns specifications and
 * jobs. Main thread.
 */
#include "specs.h"

#include "base/map.h"
#include "model/constraint.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NUMBERS_SIZE 96 /* of five of them in a key */

static int
no_memory(struct cube_error *err)
{
	return cube_fail(err, CUBE_ERR_NO_MEMORY, 0, "out of memory");
}

static void
spec_free(void *value)
{
	struct sim_spec *spec = value;

	if (spec == NULL)
		return;
	free(spec->constraints);
	free(spec->pieces);
	free(spec->key);
	free(spec);
}

static void
job_free(void *value)
{
	struct sim_job *job = value;

	if (job == NULL)
		return;
	free(job->state.nodes_with);
	free(job->name);
	free(job);
}

int
sim_specs_init(struct sim_specs *specs)
{
	memset(specs, 0, sizeof(*specs));
	specs->specs = map_new();
	specs->jobs = map_new();
	return specs->specs != NULL && specs->jobs != NULL ? 0 : CUBE_ERR_NO_MEMORY;
}

void
sim_specs_release(struct sim_specs *specs)
{
	if (specs->specs != NULL)
		map_free(specs->specs, spec_free);
	if (specs->jobs != NULL)
		map_free(specs->jobs, job_free);
	memset(specs, 0, sizeof(*specs));
}

/* ---- constraints ---- */

/* Where the constraint at text ends: at a semicolon outside of quotes, or at the end. */
static size_t
constraint_size(const char *text)
{
	bool quoted = false;
	size_t size = 0;

	for (; text[size] != '\0' && (quoted || text[size] != ';'); size++) {
		if (quoted && text[size] == '\\' && text[size + 1] != '\0')
			size++;
		else
			quoted = quoted != (text[size] == '"');
	}
	return size;
}

/* text: of size bytes and a NUL, which *out borrows as it does pieces. */
static int
parse_one(const char *text, size_t size, char *pieces, struct task_constraint *out,
	  size_t number, struct cube_error *err)
{
	if (size >= CONSTRAINT_SIZE)
		return cube_fail(err, CUBE_ERR_INVALID, 0,
				 "constraint %zu is longer than %d bytes", number,
				 CONSTRAINT_SIZE - 1);
	if (constraint_parse(text, pieces, out, err) != 0)
		return error_wrap(err, "constraint %zu", number);
	out->text = text;
	return 0;
}

static int
parse_constraints(struct sim_spec *spec, const char *text, struct cube_error *err)
{
	const size_t size = strlen(text);
	char *own;
	uint32_t count = 0;

	if (text[0] == '\0')
		return 0;
	/* The text in parts, and behind it what the parser makes of them: as much again. */
	spec->constraints = calloc(CONSTRAINTS_MAX, sizeof(*spec->constraints));
	spec->pieces = calloc(2, size + 2);
	if (spec->constraints == NULL || spec->pieces == NULL)
		return no_memory(err);
	own = spec->pieces;
	(void)memcpy(own, text, size + 1);
	for (size_t from = 0; from < size; count++) {
		const size_t part = constraint_size(own + from);

		if (count == CONSTRAINTS_MAX)
			return cube_fail(err, CUBE_ERR_INVALID, 0,
					 "a task has at most %d constraints", CONSTRAINTS_MAX);
		own[from + part] = '\0';
		if (parse_one(own + from, part, own + size + 2 + from,
			      &spec->constraints[count], count + 1, err) != 0)
			return err->code;
		from += part + 1;
	}
	spec->spec.constraints = spec->constraints;
	spec->spec.constraint_count = count;
	return 0;
}

/* ---- jobs and specifications ---- */

static struct sim_job *
job_get(struct sim_specs *specs, const char *name)
{
	struct sim_job *job = map_get(specs->jobs, name);

	if (job != NULL) {
		job->users++;
		return job;
	}
	job = calloc(1, sizeof(*job));
	if (job == NULL)
		return NULL;
	job->name = strdup(name);
	if (job->name == NULL || map_put(specs->jobs, job->name, job) != 0) {
		job_free(job);
		return NULL;
	}
	job->users = 1;
	return job;
}

static void
job_put(struct sim_specs *specs, struct sim_job *job, struct sim_measure *measure)
{
	if (job == NULL || --job->users > 0)
		return;
	sim_measure_job_gone(measure, &job->state);
	(void)map_remove(specs->jobs, job->name);
	job_free(job);
}

static char *
make_key(const struct sim_arrival *arrival)
{
	const size_t job = strlen(arrival->job);
	const size_t constraints = strlen(arrival->constraints);
	char *key = malloc(NUMBERS_SIZE + job + constraints);

	if (key != NULL)
		(void)snprintf(key, NUMBERS_SIZE + job + constraints,
			       "%" PRIx64 "/%" PRIx64 "/%" PRIx64 "/%x/%zx/%s%s",
			       (uint64_t)arrival->mcpu, (uint64_t)arrival->memory_bytes,
			       (uint64_t)arrival->disk_bytes, arrival->priority, job,
			       arrival->job, arrival->constraints);
	return key;
}

/* Takes key, also when it fails. */
static int
spec_new(struct sim_specs *specs, const struct sim_arrival *arrival, char *key,
	 struct sim_spec **out, struct cube_error *err)
{
	struct sim_spec *spec = calloc(1, sizeof(*spec));

	if (spec == NULL) {
		free(key);
		return no_memory(err);
	}
	spec->key = key;
	spec->spec.mcpu = arrival->mcpu;
	spec->spec.memory_bytes = arrival->memory_bytes;
	spec->spec.disk_bytes = arrival->disk_bytes;
	spec->spec.priority = arrival->priority;
	spec->spec.job = "";
	spec->spec.max_per_label = "";
	if (parse_constraints(spec, arrival->constraints, err) != 0) {
		spec_free(spec);
		return err->code;
	}
	if (arrival->job[0] != '\0') {
		spec->job = job_get(specs, arrival->job);
		if (spec->job == NULL) {
			spec_free(spec);
			return no_memory(err);
		}
		spec->spec.job = spec->job->name;
	}
	if (map_put(specs->specs, spec->key, spec) != 0) {
		if (spec->job != NULL)
			spec->job->users--;
		spec_free(spec);
		return no_memory(err);
	}
	*out = spec;
	return 0;
}

static bool
is_last(const struct sim_specs *specs, const struct sim_arrival *arrival)
{
	const struct task_spec *last;

	if (specs->last == NULL || specs->last->constraints != NULL)
		return false;
	last = &specs->last->spec;
	return last->mcpu == arrival->mcpu && last->memory_bytes == arrival->memory_bytes &&
	       last->disk_bytes == arrival->disk_bytes && last->priority == arrival->priority &&
	       arrival->constraints[0] == '\0' && strcmp(last->job, arrival->job) == 0;
}

int
sim_specs_get(struct sim_specs *specs, const struct sim_arrival *arrival, struct sim_spec **out,
	      struct cube_error *err)
{
	struct sim_spec *spec = specs->last;
	char *key;

	if (!is_last(specs, arrival)) {
		key = make_key(arrival);
		if (key == NULL)
			return no_memory(err);
		spec = map_get(specs->specs, key);
		if (spec != NULL)
			free(key);
		else if (spec_new(specs, arrival, key, &spec, err) != 0)
			return err->code;
	}
	assert(spec != NULL);
	spec->users++;
	specs->last = spec;
	*out = spec;
	return 0;
}

void
sim_specs_put(struct sim_specs *specs, struct sim_spec *spec, struct sim_measure *measure)
{
	if (--spec->users > 0)
		return;
	if (specs->last == spec)
		specs->last = NULL;
	job_put(specs, spec->job, measure);
	(void)map_remove(specs->specs, spec->key);
	spec_free(spec);
}
