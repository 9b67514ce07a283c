/* tests/unit/why_random_test.c - the reasons of every waiting task of 10,000 random clusters.
 *
 * Beside the placer stands a plain account of the same cluster: what each node has, what stands
 * on it, and a check written anew, thing by thing, from nothing else. By it the counts add up,
 * each node stands under what it truly lacks first, each proposal makes the task fit once
 * it is carried out, and where no single change is said to be enough none of them is.
 */
#include "check_main.h"
#include "place/why.h"
#include "why_plain.h"

#define CLUSTERS 10000
#define PARTS    10

static size_t asked;      /* waiting tasks, over all */
static size_t proposed;   /* changes carried out */
static size_t hopeless;   /* tasks that no single change helps */
static size_t words_seen; /* bit a word of the table below */

/* ---- asking ---- */

static const char *
also(void *ctx, const struct place_node *node)
{
	(void)ctx;
	return ((const struct plain_node *)((const char *)node -
					    offsetof(struct plain_node, node)))
			       ->outside
		       ? "is cordoned"
		       : NULL;
}

static struct why
ask(struct place_task *task, struct place_node *own)
{
	static const struct why_owner owner = {.also = also};
	struct why why;

	memset(&why, 0, sizeof(why));
	ck_assert_int_eq(why_explain(&placer, task, own, &owner, &why), 0);
	return why;
}

static uint32_t
index_of(const char *name)
{
	for (uint32_t i = 0; i < node_count; i++) {
		if (strcmp(nodes[i].info.name, name) == 0)
			return i;
	}
	ck_abort_msg("no node %s", name);
	return 0;
}

static const char *const words[] = {
	"joining",   "unreachable", "lost",   "cordoned", "draining", "runtime",     "label",
	"attribute", "cpu",         "memory", "disk",     "port",     "max-per-node"};
#define WORDS (sizeof(words) / sizeof(words[0]))

static void
check_reason(const struct plain_task *task, const struct why_reason *reason, bool *named)
{
	uint32_t truly = 0;
	size_t word = 0;

	while (word < WORDS && strcmp(words[word], reason->word) != 0)
		word++;
	ck_assert_msg(word < WORDS, "a reason is called %s", reason->word);
	words_seen |= (size_t)1 << word;
	ck_assert_uint_gt(reason->count, 0);
	ck_assert_uint_eq(reason->named,
			  reason->count < WHY_NODES_MAX ? reason->count : WHY_NODES_MAX);
	for (uint32_t i = 0; i < reason->named; i++) {
		uint32_t index = index_of(reason->nodes[i]);
		struct plain_lack lack = plain_check(index, task, &as_it_is);

		ck_assert_msg(lack.word != NULL && strcmp(lack.word, reason->word) == 0,
			      "%s lacks %s first, and stands under %s", reason->nodes[i],
			      lack.word != NULL ? lack.word : "nothing", reason->word);
		ck_assert_msg(!named[index], "%s is named twice", reason->nodes[i]);
		named[index] = true;
	}
	/* Ports and constraints have a reason each: those of the first that is named. */
	for (uint32_t i = 0; i < node_count; i++) {
		struct plain_lack lack = plain_check(i, task, &as_it_is);
		struct plain_lack first =
			plain_check(index_of(reason->nodes[0]), task, &as_it_is);

		truly += lack.word != NULL && strcmp(lack.word, reason->word) == 0 &&
			 lack.detail == first.detail;
	}
	ck_assert_uint_eq(reason->count, truly);
}

static void
check_reasons(const struct plain_task *task, const struct why *why)
{
	bool named[NODES_MAX] = {false};
	uint32_t sum = why->fits;
	uint32_t fits = 0;

	ck_assert_uint_eq(why->nodes, node_count);
	for (uint32_t i = 0; i < node_count; i++)
		fits += plain_check(i, task, &as_it_is).word == NULL;
	ck_assert_uint_eq(why->fits, fits);
	for (size_t i = 0; i < why->reason_count; i++) {
		check_reason(task, &why->reasons[i], named);
		sum += why->reasons[i].count;
		ck_assert(i == 0 || why->reasons[i].count <= why->reasons[i - 1].count);
	}
	ck_assert_uint_eq(sum, why->nodes);
}

static bool
is_of_node(const struct why_change *change)
{
	return strncmp(change->word, "free-", 5) == 0 ||
	       strcmp(change->word, "uncordon") == 0 || strcmp(change->word, "contact") == 0 ||
	       strcmp(change->word, "runtime") == 0;
}

/* Does a task of this specification fit, by the placer and with the clusters's nodes as they
 * are by now? */
static void
must_fit(const struct task_spec *spec, const struct why_change *change)
{
	struct place_task task = {.spec = spec};
	struct why why = ask(&task, NULL);

	ck_assert_msg(why.fits > 0, "it would fit if %s, and it does not", change->text);
	/* Of several nodes that could be opened one was; the rest is as many as it says. */
	ck_assert_uint_eq(why.fits, is_of_node(change) ? 1 : change->count);
	why_release(&why);
	proposed++;
}

static void
change_task(const struct plain_task *task, const struct why_change *change)
{
	struct plain_task other = *task;
	struct task_spec *spec = &other.spec;
	uint32_t i;

	spec->ports = other.ports;
	spec->constraints = other.constraints;
	if (strcmp(change->word, "cpu") == 0) {
		spec->mcpu = change->amount;
	} else if (strcmp(change->word, "memory") == 0) {
		spec->memory_bytes = change->amount;
	} else if (strcmp(change->word, "disk") == 0) {
		spec->disk_bytes = change->amount;
	} else if (strcmp(change->word, "max-per-node") == 0) {
		spec->max_per_node = (uint32_t)change->amount;
	} else if (strcmp(change->word, "constraint") == 0) {
		ck_assert_int_lt(change->amount, spec->constraint_count);
		for (i = (uint32_t)change->amount; i + 1 < spec->constraint_count; i++)
			other.constraints[i] = other.constraints[i + 1];
		spec->constraint_count--;
	} else {
		ck_assert_str_eq(change->word, "port");
		for (i = 0; other.ports[i].host_port != change->amount; i++)
			ck_assert_uint_lt(i + 1, spec->port_count);
		for (; i + 1 < spec->port_count; i++)
			other.ports[i] = other.ports[i + 1];
		spec->port_count--;
	}
	/* It asks for something still: to ask for nothing always helps. */
	ck_assert(change->amount > 0 || strcmp(change->word, "constraint") == 0);
	must_fit(spec, change);
}

static void
change_node(const struct plain_task *task, const struct why_change *change)
{
	struct plain_node *node = &nodes[index_of(change->node)];
	struct plain_node before = *node;

	if (strcmp(change->word, "uncordon") == 0 || strcmp(change->word, "contact") == 0) {
		ck_assert_int_eq(strcmp(change->word, "uncordon") == 0,
				 node->node.status == NODE_CORDONED ||
					 node->node.status == NODE_DRAINING);
		ck_assert(!node->outside);
		node->node.status = NODE_READY;
	} else if (strcmp(change->word, "runtime") == 0) {
		node->info.runtime_ready = true;
	} else if (strcmp(change->word, "free-cpu") == 0) {
		node->node.used_mcpu -= change->amount;
	} else if (strcmp(change->word, "free-memory") == 0) {
		node->node.used_memory_bytes -= change->amount;
	} else {
		ck_assert_str_eq(change->word, "free-disk");
		node->node.used_disk_bytes -= change->amount;
	}
	placer_update_node(&placer, &node->node, false);
	must_fit(&task->spec, change);
	node->info.runtime_ready = before.info.runtime_ready;
	node->node = before.node;
	placer_update_node(&placer, &node->node, false);
}

static void
check_changes(const struct plain_task *task, const struct why *why)
{
	ck_assert_int_eq(why->change_count > 0, plain_helps(task));
	ck_assert_ptr_nonnull(why->unblock);
	if (why->change_count == 0) {
		ck_assert(strncmp(why->unblock, "No single change is enough: ", 28) == 0);
		/* Two things at least, of one node. */
		ck_assert_msg(strstr(why->unblock, " and ") != NULL, "%s", why->unblock);
		hopeless++;
		return;
	}
	ck_assert(strncmp(why->unblock, "It would fit if ", 16) == 0);
	for (size_t i = 0; i < why->change_count; i++) {
		const struct why_change *change = &why->changes[i];

		ck_assert(i >= 6 || strstr(why->unblock, change->text) != NULL);
		if (is_of_node(change))
			change_node(task, change);
		else
			change_task(task, change);
	}
}

/* The line of a list names as many nodes as there are. */
static void
check_waiting(struct plain_task *task)
{
	struct why why = ask(&task->place, NULL);
	size_t work = 0;

	asked++;
	check_reasons(task, &why);
	ck_assert_uint_eq(why.fits, 0);
	ck_assert_ptr_nonnull(task->place.shape);
	ck_assert_str_eq(why.summary, why_waiting(&placer, task->place.shape, &work));
	if (node_count > 0)
		check_changes(task, &why);
	else
		ck_assert_ptr_null(why.unblock);
	why_release(&why);
}

/* One that is placed: as if it were not there; and then it is there again. */
static void
check_placed(struct plain_task *task)
{
	struct plain_node *own = &nodes[task->on];
	struct place_node before = own->node;
	bool grown = placer.rows.any_grown;
	int on = task->on;
	struct why why = ask(&task->place, &own->node);

	task->on = -1;
	check_reasons(task, &why);
	task->on = on;
	ck_assert_mem_eq(&before, &own->node, sizeof(before));
	ck_assert_int_eq(grown, placer.rows.any_grown);
	ck_assert_int_eq(placer.rows.free_mcpu[before.row],
			 own->info.mcpu - plain_used((uint32_t)on, 0));
	ck_assert_uint_eq(why.considered, why.fits);
	ck_assert_uint_eq(why.cost_count, why.fits < WHY_COSTS_MAX ? why.fits : WHY_COSTS_MAX);
	for (size_t i = 0; i < why.cost_count; i++) {
		const struct plain_node *node = &nodes[index_of(why.costs[i].node)];
		double cost = (double)node->node.key +
			      100.0 * (node->node.task_count - (node == own));

		ck_assert_double_eq(why.costs[i].cost, cost);
		ck_assert(i == 0 || cost > why.costs[i - 1].cost);
	}
	why_release(&why);
}

static void
walk(uint64_t first, uint64_t count)
{
	for (uint64_t seed = first; seed < first + count; seed++) {
		cluster_make(seed);
		for (uint32_t i = 0; i < task_count; i++) {
			if (tasks[i].on < 0)
				check_waiting(&tasks[i]);
			else
				check_placed(&tasks[i]);
		}
		ck_assert_int_eq(placer.failed, 0);
		cluster_end();
	}
}

START_TEST(every_reason_is_true_and_every_proposal_helps)
{
	walk((uint64_t)_i * (CLUSTERS / PARTS) + 1, CLUSTERS / PARTS);
	/* All of it came, and often. */
	ck_assert_uint_eq(words_seen, ((size_t)1 << WORDS) - 1);
	ck_assert_uint_gt(asked, CLUSTERS / PARTS);
	ck_assert_uint_gt(proposed, CLUSTERS / PARTS);
	ck_assert_uint_gt(hopeless, CLUSTERS / PARTS / 10);
}
END_TEST

static Suite *
suite_make(void)
{
	Suite *suite = suite_create("why_random");
	TCase *tests = tcase_create("why");

	tcase_set_timeout(tests, 120);
	tcase_add_loop_test(tests, every_reason_is_true_and_every_proposal_helps, 0, PARTS);
	suite_add_tcase(suite, tests);
	return suite;
}

CHECK_MAIN(suite_make)
