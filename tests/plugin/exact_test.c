/* tests/plugin/exact_test.c - kept costs choose as plain rescoring does.
 *
 * Random clusters with churn: tasks come and end, nodes join, leave, get cordoned, change their
 * capacity, labels and load. Before each placement the test builds the cluster anew from what
 * it knows itself, asks a second instance of the plugin about all nodes that fit, and wants the
 * placer to choose the same one. CUBE_TEST_PLACEMENTS: how many for each plugin. */
#include "../unit/check_main.h"
#include "fixture.h"
#include "place/placer.h"

#include <math.h>
#include <stdio.h>

#define NODES_MAX  192
#define TASKS_MAX  3000
#define SPECS      40
#define JOBS       6
#define ZONES      5
#define PLACEMENTS 1000000ul

struct box {                     /* a node */
	struct place_node place; /* first */
	struct node_info info;
	int zone; /* -1: no label */
	bool there;
	uint32_t tasks;
	int64_t mcpu;
	int64_t memory;
	int64_t disk;
	uint32_t jobs[JOBS + 1];
	bool ports[SPECS];
};

struct job {                     /* a task */
	struct place_task place; /* first */
	struct box *box;         /* NULL: it waits, or is none */
	int spec;
	bool there;
};

struct kind { /* what tasks ask for */
	struct task_spec spec;
	struct task_port port;
	struct task_constraint constraint;
	char text[24];
	char pieces[24];
	char job[16];
	int group; /* 0: none */
	int zone;  /* -1: any; else not in that one */
};

struct ground {
	struct random random;
	struct placer placer;
	struct scheduler *plain;
	struct kind kinds[SPECS];
	struct node_labels *zones[ZONES];
	struct box boxes[NODES_MAX];
	struct job jobs[TASKS_MAX];
	uint64_t keys;
	uint64_t sequence;
	bool domains;
	/* the cluster as the test knows it */
	struct cube_nodes view;
	uint64_t key[NODES_MAX];
	uint32_t tasks[NODES_MAX];
	int64_t total[3][NODES_MAX];
	int64_t left[3][NODES_MAX];
	float busy[NODES_MAX];
	uint32_t domain[NODES_MAX];
	uint32_t peers[NODES_MAX];
	uint32_t domain_peers[ZONES + 1];
	uint64_t eligible[(NODES_MAX + 63) / 64];
	unsigned long placed;
	unsigned long refused;
};

/* check's own assertions write to a pipe each time: too slow for millions. */
#define must(what)                                 \
	do {                                       \
		if (!(what))                       \
			ck_abort_msg("%s", #what); \
	} while (0)

static uint64_t
below(struct ground *ground, uint64_t bound)
{
	return random_below(&ground->random, bound);
}

static bool
chance(struct ground *ground, uint64_t of)
{
	return below(ground, of) == 0;
}

/* ---- what happens to the cluster ---- */

static void
describe(struct ground *ground, struct box *box)
{
	static const int64_t cores[] = {0, 2000, 4000, 4000, 8000, 16000};

	box->info.mcpu = cores[below(ground, 6)];
	box->info.memory_bytes = (int64_t)below(ground, 5) * 4096;
	box->info.disk_bytes = (int64_t)(1 + below(ground, 3)) * 10000;
	box->info.cpu_busy = chance(ground, 3) ? NAN : (float)below(ground, 101) / 100;
	box->zone = chance(ground, 6) ? -1 : (int)below(ground, ZONES);
	box->info.labels = box->zone < 0 ? NULL : ground->zones[box->zone];
}

static void
join(struct ground *ground, struct box *box)
{
	memset(box, 0, sizeof(*box));
	describe(ground, box);
	box->info.runtime_ready = true;
	box->there = true;
	box->place.info = &box->info;
	box->place.status = chance(ground, 10) ? NODE_JOINING : NODE_READY;
	box->place.key = ground->keys++ * 7919 % 1000003;
	must(placer_add_node(&ground->placer, &box->place) == 0);
	placer_update_node(&ground->placer, &box->place, true);
}

static void
account(struct ground *ground, struct job *job, struct box *box, int sign)
{
	const struct kind *kind = &ground->kinds[job->spec];

	box->tasks += (uint32_t)sign;
	box->mcpu += sign * kind->spec.mcpu;
	box->memory += sign * kind->spec.memory_bytes;
	box->disk += sign * kind->spec.disk_bytes;
	box->jobs[kind->group] += (uint32_t)sign;
	if (kind->spec.port_count != 0)
		box->ports[job->spec] = sign > 0;
}

static void
end(struct ground *ground, struct job *job)
{
	if (job->box != NULL) {
		placer_unreserve(&ground->placer, &job->box->place, &job->place);
		account(ground, job, job->box, -1);
	} else {
		placer_unwait(&ground->placer, &job->place);
	}
	placer_forget(&ground->placer, &job->place);
	memset(job, 0, sizeof(*job));
}

static void
leave(struct ground *ground, struct box *box)
{
	for (int i = 0; i < TASKS_MAX; i++) {
		if (ground->jobs[i].there && ground->jobs[i].box == box)
			end(ground, &ground->jobs[i]);
	}
	placer_remove_node(&ground->placer, &box->place);
	box->there = false;
}

static void
change_node(struct ground *ground)
{
	struct box *box = &ground->boxes[below(ground, NODES_MAX)];

	if (!box->there) {
		if (chance(ground, 3))
			join(ground, box);
		return;
	}
	switch (below(ground, 12)) {
	case 0:
		leave(ground, box);
		return;
	case 1:
		box->place.status = NODE_CORDONED;
		break;
	case 2:
		box->info.runtime_ready = !box->info.runtime_ready;
		break;
	case 3:
		describe(ground, box);
		break;
	case 4:
	case 5:
		box->info.cpu_busy = (float)below(ground, 101) / 100;
		break;
	default:
		box->place.status = NODE_READY;
		break;
	}
	placer_update_node(&ground->placer, &box->place, true);
}

static void
submit(struct ground *ground, size_t count)
{
	int kind = (int)below(ground, SPECS);

	for (size_t i = 0; i < count; i++) {
		struct job *job = &ground->jobs[below(ground, TASKS_MAX)];

		if (job->there)
			continue;
		job->there = true;
		job->spec = kind;
		job->place.spec = &ground->kinds[kind].spec;
		job->place.sequence = ++ground->sequence;
		placer_wait(&ground->placer, &job->place);
	}
}

static void
churn(struct ground *ground)
{
	if (chance(ground, 8))
		change_node(ground);
	for (uint64_t i = below(ground, 120); i > 0; i--) {
		struct job *job = &ground->jobs[below(ground, TASKS_MAX)];

		if (job->there && job->box != NULL)
			end(ground, job);
	}
	submit(ground, 1 + below(ground, chance(ground, 20) ? 300 : 4));
}

/* ---- what the test knows ---- */

static bool
fits(const struct ground *ground, const struct box *box, int spec)
{
	const struct task_spec *wanted = &ground->kinds[spec].spec;

	return box->place.status == NODE_READY && box->info.runtime_ready &&
	       (wanted->mcpu == 0 || wanted->mcpu <= box->info.mcpu - box->mcpu) &&
	       (wanted->memory_bytes == 0 ||
		wanted->memory_bytes <= box->info.memory_bytes - box->memory) &&
	       (wanted->disk_bytes == 0 ||
		wanted->disk_bytes <= box->info.disk_bytes - box->disk) &&
	       (wanted->port_count == 0 || !box->ports[spec]) &&
	       (wanted->constraint_count == 0 || ground->kinds[spec].zone != box->zone) &&
	       (wanted->max_per_node == 0 ||
		box->jobs[ground->kinds[spec].group] < wanted->max_per_node);
}

static void
look(struct ground *ground, int spec, uint32_t *count)
{
	int group = ground->kinds[spec].group;

	*count = 0;
	memset(ground->eligible, 0, sizeof(ground->eligible));
	memset(ground->domain_peers, 0, sizeof(ground->domain_peers));
	for (int i = 0; i < NODES_MAX; i++) {
		const struct box *box = &ground->boxes[i];
		uint32_t row = box->place.row;
		const int64_t total[] = {box->info.mcpu, box->info.memory_bytes,
					 box->info.disk_bytes};
		const int64_t used[] = {box->mcpu, box->memory, box->disk};

		if (!box->there)
			continue;
		++*count;
		must(row < NODES_MAX);
		ground->key[row] = box->place.key;
		ground->tasks[row] = box->tasks;
		for (int r = 0; r < 3; r++) {
			ground->total[r][row] = total[r];
			ground->left[r][row] = total[r] - used[r];
		}
		ground->busy[row] = box->info.cpu_busy;
		ground->domain[row] = ground->domains ? (uint32_t)(box->zone + 1) : 0;
		ground->peers[row] = box->jobs[group];
		ground->domain_peers[ground->domain[row]] += box->jobs[group];
		if (fits(ground, box, spec))
			ground->eligible[row / 64] |= UINT64_C(1) << (row % 64);
	}
	ground->view.count = *count;
}

/* The row that plain rescoring wants. */
static uint32_t
expected(struct ground *ground, int spec, const struct place_node *avoid)
{
	const struct kind *kind = &ground->kinds[spec];
	struct cube_demand demand = {.struct_size = sizeof(demand),
				     .shape = (uint32_t)spec + 1,
				     .mcpu = kind->spec.mcpu,
				     .memory_bytes = kind->spec.memory_bytes,
				     .disk_bytes = kind->spec.disk_bytes,
				     .priority = kind->spec.priority,
				     .eligible = ground->eligible};
	struct cube_error err;
	uint32_t count;
	uint32_t row = SCHEDULER_NOTHING;
	bool avoided;

	look(ground, spec, &count);
	must(count == ground->placer.rows.view.count);
	if (kind->group != 0) {
		demand.group = (uint32_t)kind->group;
		demand.peers = ground->peers;
		demand.domain_peers = ground->domains ? ground->domain_peers : NULL;
		demand.domain_count = ground->domains ? ZONES + 1 : 0;
	}
	avoided = avoid != NULL && scheduler_bit(ground->eligible, avoid->row);
	if (avoided)
		bit_put(ground->eligible, avoid->row, false);
	must(scheduler_place(ground->plain, &ground->view, &demand, &row, &err) == 0);
	if (row == SCHEDULER_NOTHING && avoided) {
		bit_put(ground->eligible, avoid->row, true);
		must(scheduler_place(ground->plain, &ground->view, &demand, &row, &err) == 0);
	}
	return row;
}

/* None sleeps that fits somewhere. */
static void
look_at_those_who_wait(struct ground *ground)
{
	for (int i = 0; i < TASKS_MAX; i++) {
		const struct job *job = &ground->jobs[i];

		if (!job->there || job->box != NULL)
			continue;
		for (int n = 0; n < NODES_MAX; n++) {
			if (ground->boxes[n].there &&
			    fits(ground, &ground->boxes[n], job->spec))
				ck_abort_msg("after %lu placements task %d sleeps and fits",
					     ground->placed, i);
		}
	}
}

static void
place_one(struct ground *ground, struct place_task *task)
{
	struct job *job = (struct job *)task;
	struct box *box = &ground->boxes[below(ground, NODES_MAX)];
	const struct place_node *avoid = box->there && chance(ground, 20) ? &box->place : NULL;
	uint32_t row = expected(ground, job->spec, avoid);
	size_t work = 0;
	struct place_node *node = placer_choose(&ground->placer, task, avoid, &work);

	must(ground->placer.fault[0] == '\0');
	if (row == SCHEDULER_NOTHING) {
		must(node == NULL);
		ground->refused++;
		return;
	}
	must(node != NULL);
	if (node->row != row)
		ck_abort_msg("placement %lu: kept costs want row %u, all say %u",
			     ground->placed, node->row, row);
	placer_unwait(&ground->placer, task);
	placer_reserve(&ground->placer, node, task);
	job->box = (struct box *)node;
	account(ground, job, job->box, 1);
	ground->placed++;
}

/* ---- its life ---- */

static void
constrain(struct ground *ground, struct kind *kind)
{
	struct cube_error err;

	kind->zone = (int)below(ground, ZONES);
	(void)snprintf(kind->text, sizeof(kind->text), "zone!=z%d", kind->zone);
	ck_assert_int_eq(constraint_parse(kind->text, kind->pieces, &kind->constraint, &err),
			 0);
	kind->spec.constraints = &kind->constraint;
	kind->spec.constraint_count = 1;
}

static void
make_kinds(struct ground *ground)
{
	for (int i = 0; i < SPECS; i++) {
		struct kind *kind = &ground->kinds[i];

		kind->group = chance(ground, 3) ? 0 : 1 + (int)below(ground, JOBS);
		if (kind->group != 0)
			(void)snprintf(kind->job, sizeof(kind->job), "j%d", kind->group);
		kind->spec.job = kind->job;
		kind->spec.mcpu = (int64_t)below(ground, 8) * 125;
		kind->spec.memory_bytes = (int64_t)below(ground, 6) * 200;
		kind->spec.disk_bytes = chance(ground, 4) ? (int64_t)below(ground, 500) : 0;
		kind->spec.priority = (uint32_t)below(ground, 3) * 50;
		kind->port = (struct task_port){80, 6, (uint16_t)(1000 + i)};
		kind->spec.ports = &kind->port;
		kind->spec.port_count = chance(ground, 6);
		kind->spec.max_per_label = "";
		if (kind->group != 0 && chance(ground, 5))
			kind->spec.max_per_node = 1 + (uint32_t)below(ground, 3);
		if (chance(ground, 4))
			constrain(ground, kind);
	}
	for (int i = 0; i < ZONES; i++) {
		char value[16];
		struct task_label label = {"zone", value};

		(void)snprintf(value, sizeof(value), "z%d", i);
		ground->zones[i] = node_labels_new(&label, 1);
		ck_assert_ptr_nonnull(ground->zones[i]);
	}
}

static unsigned long
placements(void)
{
	const char *text = getenv("CUBE_TEST_PLACEMENTS");

	return text != NULL ? strtoul(text, NULL, 10) : PLACEMENTS;
}

static void
run(struct ground *ground)
{
	for (int i = 0; i < NODES_MAX / 2; i++)
		join(ground, &ground->boxes[i]);
	while (ground->placed < placements()) {
		struct place_task *task;
		uint64_t some = below(ground, 64);

		churn(ground);
		while (some-- > 0 && (task = placer_first(&ground->placer)) != NULL)
			place_one(ground, task);
		must(ground->placer.failed == 0);
		if (chance(ground, 50)) {
			while ((task = placer_first(&ground->placer)) != NULL)
				place_one(ground, task);
			look_at_those_who_wait(ground);
		}
	}
	ck_assert_uint_gt(ground->refused, 0);
}

/* Two instances: one behind the placer, one to ask about all rows. */
static void
stage(const char *file, const char *const *pairs, size_t pair_count, size_t bytes_max)
{
	struct ground *ground = calloc(1, sizeof(*ground));
	struct plugin *plugin = fixture_load(file, CUBE_PLUGIN_SCHEDULER);
	const char **options = fixture_options(plugin, pairs, pair_count);
	struct scheduler *scheduler;
	struct fixture_host host;
	struct cube_error err;

	ck_assert_ptr_nonnull(ground);
	random_seed(&ground->random, 20);
	(void)fixture_host_init(&host);
	ck_assert_int_eq(scheduler_open(plugin->info.name, plugin->info.ops.scheduler,
					&host.host.host, options, &scheduler, &err),
			 0);
	ck_assert_int_eq(scheduler_open(plugin->info.name, plugin->info.ops.scheduler,
					&host.host.host, options, &ground->plain, &err),
			 0);
	ck_assert(scheduler_is_pure(scheduler));
	ground->domains = scheduler_spread_label(scheduler) != NULL;
	ck_assert_int_eq(placer_init(&ground->placer, scheduler), 0);
	if (bytes_max != 0)
		ground->placer.kept.bytes_max = bytes_max;
	ground->view = (struct cube_nodes){.struct_size = sizeof(ground->view),
					   .key = ground->key,
					   .tasks = ground->tasks,
					   .total_mcpu = ground->total[0],
					   .free_mcpu = ground->left[0],
					   .total_memory_bytes = ground->total[1],
					   .free_memory_bytes = ground->left[1],
					   .total_disk_bytes = ground->total[2],
					   .free_disk_bytes = ground->left[2],
					   .cpu_busy = ground->busy,
					   .domain = ground->domain};
	make_kinds(ground);
	run(ground);
	placer_release(&ground->placer);
	scheduler_close(scheduler);
	scheduler_close(ground->plain);
	for (int i = 0; i < ZONES; i++)
		node_labels_put(ground->zones[i]);
	free(options);
	plugin_unload(plugin);
	free(ground);
}

static const char *const policies[] = {"epvm", "binpack", "greedy", "spread"};

START_TEST(kept_costs_choose_what_rescoring_all_nodes_chooses)
{
	char file[64];

	(void)snprintf(file, sizeof(file), "plugins/scheduler/%s.so", policies[_i]);
	stage(file, NULL, 0, 0);
}
END_TEST

START_TEST(so_they_do_where_rows_depend_on_their_domain)
{
	static const char *const label[] = {"label=zone"};

	stage("plugins/scheduler/spread.so", label, 1, 0);
}
END_TEST

START_TEST(so_they_do_when_there_is_room_for_few_shapes)
{
	stage("plugins/scheduler/epvm.so", NULL, 0, (size_t)16 * 1024);
}
END_TEST

static Suite *
suite(void)
{
	Suite *suite = suite_create("exact");
	TCase *tests = tcase_create("exact");

	tcase_set_timeout(tests, 120);
	tcase_add_loop_test(tests, kept_costs_choose_what_rescoring_all_nodes_chooses, 0,
			    (int)(sizeof(policies) / sizeof(policies[0])));
	tcase_add_test(tests, so_they_do_where_rows_depend_on_their_domain);
	tcase_add_test(tests, so_they_do_when_there_is_room_for_few_shapes);
	suite_add_tcase(suite, tests);
	return suite;
}

CHECK_MAIN(suite)
