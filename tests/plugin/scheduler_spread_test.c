/* tests/plugin/scheduler_spread_test.c - spread.so: the tasks of a job differ by at most one
 * between nodes, and with a label between its values, wherever there is room for more. */
#include "../unit/check_main.h"
#include "scheduler_fixture.h"

#define FILE_NAME "plugins/scheduler/spread.so"

static const char *const by_zone[] = {"label=zone"};

/* Nodes of many sizes, partly in use by others; domains 1 to `domains`, each on some node. */
static void
random_cluster(struct cluster *cluster, struct random *random, uint32_t count, uint32_t domains)
{
	cluster_init(cluster, count);
	for (uint32_t row = 0; row < count; row++) {
		int64_t size = 500 + (int64_t)random_below(random, 8000);

		node_set(cluster, row, size, size, size);
		cluster->free_mcpu[row] -= (int64_t)random_below(random, (uint64_t)size);
		cluster->free_memory[row] -= (int64_t)random_below(random, (uint64_t)size);
		cluster->tasks[row] = (uint32_t)random_below(random, 30);
		if (domains > 0)
			cluster->domain[row] =
				row < domains ? row + 1
					      : 1 + (uint32_t)random_below(random, domains);
	}
	cluster->demand.mcpu = 50 + (int64_t)random_below(random, 400);
	cluster->demand.memory_bytes = 50 + (int64_t)random_below(random, 400);
}

/* Most tasks on any row of the domain (0: of all), less the fewest where more would fit. */
static uint32_t
difference(const struct cluster *cluster, uint32_t domain)
{
	uint32_t most = 0;
	uint32_t least = UINT32_MAX;

	for (uint32_t row = 0; row < cluster->nodes.count; row++) {
		uint32_t peers = cluster->peers[row];

		if (domain != 0 && cluster->domain[row] != domain)
			continue;
		most = peers > most ? peers : most;
		if (scheduler_bit(cluster->eligible, row) && peers < least)
			least = peers;
	}
	return least < most ? most - least : 0;
}

/* The same between domains; one has room if a row of it has. */
static uint32_t
domain_difference(const struct cluster *cluster, uint32_t domains)
{
	uint32_t most = 0;
	uint32_t least = UINT32_MAX;

	for (uint32_t domain = 1; domain <= domains; domain++) {
		uint32_t peers = cluster->domain_peers[domain];

		most = peers > most ? peers : most;
		for (uint32_t row = 0; row < cluster->nodes.count; row++) {
			if (cluster->domain[row] == domain && peers < least &&
			    scheduler_bit(cluster->eligible, row))
				least = peers;
		}
	}
	return least < most ? most - least : 0;
}

START_TEST(nodes_never_differ_by_more_than_one_where_there_is_room)
{
	struct stage stage = {.scheduler = NULL};
	struct cluster *cluster = &stage.cluster;
	struct random random;
	uint32_t filled = 0;

	random_seed(&random, 31);
	stage_open(&stage, FILE_NAME, 1);
	ck_assert_ptr_null(scheduler_spread_label(stage.scheduler));
	for (int round = 0; round < 300; round++) {
		uint32_t count = 1 + (uint32_t)random_below(&random, 60);

		random_cluster(cluster, &random, count, 0);
		for (int i = 0; i < 400; i++) {
			if (cluster_fit(cluster) == 0) {
				filled++;
				break;
			}
			cluster_take(cluster, place(&stage));
			(void)cluster_fit(cluster);
			ck_assert_uint_le(difference(cluster, 0), 1);
		}
	}
	ck_assert_uint_gt(filled, 100); /* full nodes were among them */
	stage_close(&stage);
}
END_TEST

START_TEST(domains_never_differ_by_more_than_one_nor_the_nodes_of_one)
{
	struct stage stage = {.scheduler = NULL};
	struct cluster *cluster = &stage.cluster;
	struct random random;

	random_seed(&random, 32);
	stage_open_with(&stage, FILE_NAME, 1, by_zone, 1);
	ck_assert_str_eq(scheduler_spread_label(stage.scheduler), "zone");
	for (int round = 0; round < 300; round++) {
		uint32_t domains = 1 + (uint32_t)random_below(&random, DOMAINS_MAX - 1);
		uint32_t count = domains + (uint32_t)random_below(&random, 40);

		random_cluster(cluster, &random, count, domains);
		cluster_tell_domains(cluster);
		for (int i = 0; i < 300 && cluster_fit(cluster) > 0; i++) {
			cluster_take(cluster, place(&stage));
			(void)cluster_fit(cluster);
			ck_assert_uint_le(domain_difference(cluster, domains), 1);
			for (uint32_t domain = 1; domain <= domains; domain++)
				ck_assert_uint_le(difference(cluster, domain), 1);
		}
	}
	stage_close(&stage);
}
END_TEST

START_TEST(nodes_without_the_label_come_after_all_that_have_it)
{
	struct stage stage = {.scheduler = NULL};
	struct cluster *cluster = &stage.cluster;

	stage_open_with(&stage, FILE_NAME, 4, by_zone, 1);
	cluster_tell_domains(cluster);
	for (uint32_t row = 1; row < 4; row++)
		cluster->domain[row] = row == 3 ? 2 : 1;
	cluster->domain_peers[1] = cluster->domain_peers[2] = UINT32_MAX - 1;
	cluster->peers[1] = cluster->peers[2] = cluster->peers[3] = UINT32_MAX;
	ck_assert_uint_ne(place(&stage), 0);
	for (uint32_t row = 1; row < 4; row++)
		set_eligible(cluster, row, 0);
	ck_assert_uint_eq(place(&stage), 0);
	/* A number that is beyond the counts is no reason to read there. */
	cluster->domain[1] = DOMAINS_MAX;
	cluster->peers[1] = 0;
	ck_assert_double_eq(floor(cost_of(&stage, 1)), floor(cost_of(&stage, 0)));
	stage_close(&stage);
}
END_TEST

START_TEST(the_domain_comes_before_the_node_and_the_node_before_the_load)
{
	struct stage stage = {.scheduler = NULL};
	struct cluster *cluster = &stage.cluster;

	stage_open_with(&stage, FILE_NAME, 3, by_zone, 1);
	cluster_tell_domains(cluster);
	/* Domain 1 has a thousand tasks on other nodes, domain 2 has one fewer, on row 2. */
	cluster->domain[0] = cluster->domain[1] = 1;
	cluster->domain[2] = 2;
	cluster->domain_peers[1] = 1000;
	cluster->domain_peers[2] = 999;
	cluster->peers[2] = 999;
	ck_assert_uint_eq(place(&stage), 2);
	/* As many: then the node's own decide, though it is full to the brim. */
	cluster->domain_peers[2] = 1000;
	cluster->peers[0] = 1;
	cluster->peers[1] = 0;
	cluster->free_mcpu[1] = cluster->free_memory[1] = 0;
	cluster->tasks[1] = UINT32_MAX;
	ck_assert_uint_eq(place(&stage), 1);
	/* As many there too: the least loaded. */
	cluster->peers[1] = 1;
	ck_assert_uint_eq(place(&stage), 0);
	stage_close(&stage);
}
END_TEST

START_TEST(large_counts_are_still_told_apart)
{
	struct stage stage = {.scheduler = NULL};
	struct cluster *cluster = &stage.cluster;

	stage_open_with(&stage, FILE_NAME, 2, by_zone, 1);
	cluster_tell_domains(cluster);
	cluster->domain[0] = 1;
	cluster->domain[1] = 2;
	cluster->domain_peers[1] = 1000000;
	cluster->domain_peers[2] = 999999;
	cluster->peers[1] = 65535;
	cluster->demand.mcpu = cluster->demand.memory_bytes = 0;
	cluster->tasks[1] = UINT32_MAX;
	cluster->free_mcpu[1] = cluster->free_memory[1] = 0;
	ck_assert_uint_eq(place(&stage), 1);
	cluster->domain[0] = 2;
	cluster->peers[0] = 65535;
	cluster->peers[1] = 65534;
	ck_assert_uint_eq(place(&stage), 1);
	/* Without the label, any count. */
	stage_close(&stage);
	stage_open(&stage, FILE_NAME, 2);
	cluster->peers[0] = UINT32_MAX;
	cluster->peers[1] = UINT32_MAX - 1;
	cluster->tasks[1] = UINT32_MAX;
	cluster->free_mcpu[1] = cluster->free_memory[1] = 0;
	ck_assert_uint_eq(place(&stage), 1);
	stage_close(&stage);
}
END_TEST

START_TEST(a_task_without_a_job_goes_to_the_least_loaded_node)
{
	struct stage stage = {.scheduler = NULL};
	struct cluster *cluster = &stage.cluster;

	stage_open_with(&stage, FILE_NAME, 5, by_zone, 1);
	cluster->demand.group = 0;
	cluster->demand.peers = NULL;
	cluster->free_mcpu[1] = 3000;
	cluster->free_memory[3] = 3500;
	cluster->free_memory[4] = 3990;
	cluster->tasks[0] = 30;
	ck_assert_uint_eq(place(&stage), 2);
	/* Tasks that ask for nothing are spread all the same. */
	cluster_init(cluster, 5);
	cluster->demand = (struct cube_demand){.struct_size = sizeof(cluster->demand),
					       .eligible = cluster->eligible};
	for (int i = 0; i < 500; i++)
		cluster_take(cluster, place(&stage));
	for (uint32_t row = 0; row < 5; row++)
		ck_assert_uint_eq(cluster->tasks[row], 100);
	stage_close(&stage);
}
END_TEST

START_TEST(a_demand_of_the_first_abi_is_spread_by_node)
{
	struct stage stage = {.scheduler = NULL};
	struct cluster *cluster = &stage.cluster;

	stage_open_with(&stage, FILE_NAME, 2, by_zone, 1);
	cluster->demand.struct_size = offsetof(struct cube_demand, domain_peers);
	/* What is behind the end of an older struct is anything. */
	cluster->demand.domain_peers = (const uint32_t *)8;
	cluster->demand.domain_count = UINT32_MAX;
	cluster->domain[0] = cluster->domain[1] = 5;
	cluster->peers[0] = 1;
	ck_assert_uint_eq(place(&stage), 1);
	stage_close(&stage);
}
END_TEST

START_TEST(a_label_that_cannot_be_one_is_refused)
{
	char pair[160] = "label=";

	refuses(FILE_NAME, "label=zone=a", "wants the name of one label");
	refuses(FILE_NAME, "label=zone,rack", "wants the name of one label");
	refuses(FILE_NAME, "label=node.labels.zone",
		"label=node.labels.zone: wants the name of one label of the nodes alone");
	refuses(FILE_NAME, "label=zo\nne", "wants the name of one label");
	memset(pair + 6, 'z', 129);
	refuses(FILE_NAME, pair, "wants a label of at most 128 bytes");
}
END_TEST

START_TEST(a_cube_that_tells_no_labels_is_told_so)
{
	struct fixture_host fixture;
	struct cube_host host = *fixture_host_init(&fixture);
	struct plugin *plugin = fixture_load(FILE_NAME, CUBE_PLUGIN_SCHEDULER);
	const char *with[] = {"zone", NULL};
	const char *without[] = {"", NULL};
	struct cube_error err;
	void *self = NULL;

	host.abi_minor = 0;
	ck_assert_int_eq(plugin->info.ops.scheduler->open(&host, with, &self, &err),
			 CUBE_ERR_UNSUPPORTED);
	fixture_contains(err.message, "label=zone: this cube tells no labels to schedulers");
	ck_assert_int_eq(plugin->info.ops.scheduler->open(&host, without, &self, &err), 0);
	plugin->info.ops.scheduler->close(self);
	plugin_unload(plugin);
}
END_TEST

static Suite *
suite(void)
{
	Suite *made = suite_create("spread");
	TCase *tests = tcase_create("spread");

	tcase_add_test(tests, nodes_never_differ_by_more_than_one_where_there_is_room);
	tcase_add_test(tests, domains_never_differ_by_more_than_one_nor_the_nodes_of_one);
	tcase_add_test(tests, nodes_without_the_label_come_after_all_that_have_it);
	tcase_add_test(tests, the_domain_comes_before_the_node_and_the_node_before_the_load);
	tcase_add_test(tests, large_counts_are_still_told_apart);
	tcase_add_test(tests, a_task_without_a_job_goes_to_the_least_loaded_node);
	tcase_add_test(tests, a_demand_of_the_first_abi_is_spread_by_node);
	tcase_add_test(tests, a_label_that_cannot_be_one_is_refused);
	tcase_add_test(tests, a_cube_that_tells_no_labels_is_told_so);
	suite_add_tcase(made, tests);
	return made;
}

CHECK_MAIN(suite)
