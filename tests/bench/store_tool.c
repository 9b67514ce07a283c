/* tests/bench/store_tool.c - how fast is a store?
 *
 *     store_tool sqlite.so path=/var/tmp/bench.db
 *
 * Commits of 1, 64 and 1,024 writes with 1 KiB values under random keys, then a scan of all
 * of them, then the same store opened again. Prints one line a measurement. The file is left
 * for who wants to look at it; start with one that is not there.
 */
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/random.h"
#include "plugin/options.h"
#include "plugin/store.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define VALUE_BYTES 1024
#define BATCH_MAX   1024

struct bench {
	struct random random;
	struct plugin_host host;
	struct plugin *plugin;
	const char **options;
	struct store *store;
};

static void
bench_log(void *ctx, int level, const char *message)
{
	(void)ctx;
	fprintf(stderr, "%d %s\n", level, message);
}

static uint64_t
bench_now_ms(void *ctx)
{
	(void)ctx;
	return clock_now().mono_ms;
}

static uint64_t
bench_random(void *ctx)
{
	struct bench *bench = ctx;

	return random_next(&bench->random);
}

static double
seconds(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void
die(const struct cube_error *err)
{
	fprintf(stderr, "store_tool: %s\n", err->message);
	exit(1);
}

static void
open_store(struct bench *bench)
{
	struct cube_error err;

	if (store_open(bench->plugin->info.name, bench->plugin->info.ops.store,
		       &bench->host.host, bench->options, &bench->store, &err) != 0)
		die(&err);
}

static void
measure_commits(struct bench *bench, size_t batch, double budget_s)
{
	static char keys[BATCH_MAX][64];
	static char value[VALUE_BYTES];
	static struct cube_write writes[BATCH_MAX];
	double start = seconds();
	double elapsed;
	size_t commits = 0;

	memset(value, 'v', sizeof(value));
	do {
		struct cube_error err;
		uint64_t revision;

		for (size_t i = 0; i < batch; i++) {
			(void)snprintf(keys[i], sizeof(keys[i]), "task/%016llx%016llx",
				       (unsigned long long)random_next(&bench->random),
				       (unsigned long long)random_next(&bench->random));
			writes[i] = (struct cube_write){.key = keys[i],
							.value = value,
							.value_size = sizeof(value),
							.if_revision = CUBE_REVISION_ANY};
		}
		if (store_commit(bench->store, writes, batch, &revision, &err) != 0)
			die(&err);
		commits++;
		elapsed = seconds() - start;
	} while (elapsed < budget_s);
	printf("%s: %4zu writes a commit: %8.0f commits/s %8.0f writes/s\n",
	       store_name(bench->store), batch, (double)commits / elapsed,
	       (double)(commits * batch) / elapsed);
}

static int
count_visit(void *ctx, const struct cube_record *record)
{
	size_t *count = ctx;

	(void)record;
	(*count)++;
	return 0;
}

static void
measure_scan(struct bench *bench)
{
	struct cube_error err;
	double start = seconds();
	size_t count = 0;

	if (store_scan(bench->store, "", "", count_visit, &count, &err) != 0)
		die(&err);
	printf("%s: scan of %zu records: %.3f s\n", store_name(bench->store), count,
	       seconds() - start);
}

static void
print_memory(const char *when)
{
	FILE *status = fopen("/proc/self/status", "re");
	char line[128];

	while (status != NULL && fgets(line, sizeof(line), status) != NULL) {
		if (strncmp(line, "RssAnon:", 8) == 0 || strncmp(line, "VmRSS:", 6) == 0)
			printf("%s: %s", when, line);
	}
	if (status != NULL)
		(void)fclose(status);
}

int
main(int argc, char **argv)
{
	struct bench bench = {.store = NULL};
	struct plugin_services services = {&bench, bench_log, bench_now_ms, bench_random};
	struct cube_error err;
	uint64_t seed;
	double start;

	if (argc < 2) {
		fprintf(stderr, "usage: store_tool PLUGIN [KEY=VALUE...]\n");
		return 2;
	}
	clock_random(&seed, sizeof(seed));
	random_seed(&bench.random, seed);
	plugin_host_init(&bench.host, "bench", &services);
	print_memory("start");
	if (plugin_load(argv[1], CUBE_PLUGIN_STORE, "store_tool", NULL, &bench.plugin, &err) !=
		    0 ||
	    options_resolve(bench.plugin->info.name, "", bench.plugin->info.options,
			    (const char *const *)argv + 2, (size_t)argc - 2, &bench.options,
			    &err) != 0)
		die(&err);
	open_store(&bench);
	print_memory("open");
	measure_commits(&bench, 1, 3);
	measure_commits(&bench, 64, 1);
	measure_commits(&bench, 1024, 1);
	print_memory("written");
	measure_scan(&bench);
	store_close(bench.store);
	start = seconds();
	open_store(&bench);
	printf("%s: opened again in %.3f s\n", store_name(bench.store), seconds() - start);
	measure_scan(&bench);
	print_memory("scanned");
	store_close(bench.store);
	free(bench.options);
	plugin_unload(bench.plugin);
	return 0;
}
