/* tests/plugin/load_test.c - what the loader takes, what it refuses, and in which words. The
 * plugins are those of this build and tests/fake, each of which makes one mistake. */
#include "../unit/check_main.h"
#include "fixture.h"
#include "plugin/load.h"
#include "plugin/outcome.h"
#include "plugin/scheduler.h"

#include <fcntl.h>
#include <sys/stat.h>

struct refusal {
	const char *file; /* in BUILD */
	int code;
	const char *words[3];
};

static const struct refusal refusals[] = {
	{"tests/fake/no_symbol_plugin.so",
	 CUBE_ERR_INVALID,
	 {"not a cube plugin", "undefined symbol: cube_plugin"}},
	{"tests/fake/function_plugin.so",
	 CUBE_ERR_INVALID,
	 {"not a cube plugin", "no struct cube_plugin"}},
	{"tests/fake/other_abi_plugin.so",
	 CUBE_ERR_INVALID,
	 {"built for cube's plugin ABI 2", "with ABI 1", "build it again"}},
	{"tests/fake/unknown_kind_plugin.so", CUBE_ERR_INVALID, {"a plugin of kind 9"}},
	{"tests/fake/small_plugin.so", CUBE_ERR_INVALID, {"40 bytes long", "has 56"}},
	{"tests/fake/boastful_plugin.so",
	 CUBE_ERR_INVALID,
	 {"says it is 896 bytes long", "set struct_size to its sizeof"}},
	{"tests/fake/small_ops_plugin.so",
	 CUBE_ERR_INVALID,
	 {"struct cube_scheduler_ops says it is 40 bytes long", "has 48"}},
	{"tests/fake/no_score_plugin.so",
	 CUBE_ERR_INVALID,
	 {"the required function score of a scheduler is missing"}},
	{"tests/fake/no_ops_plugin.so", CUBE_ERR_INVALID, {"has no ops"}},
	{"tests/fake/bad_name_plugin.so",
	 CUBE_ERR_INVALID,
	 {"its name is missing or not [a-z0-9-]"}},
	{"tests/fake/no_name_plugin.so",
	 CUBE_ERR_INVALID,
	 {"its name is missing or not [a-z0-9-]"}},
	{"tests/fake/no_version_plugin.so", CUBE_ERR_INVALID, {"it has no version"}},
	{"tests/fake/twice_plugin.so", CUBE_ERR_INVALID, {"declares option mode twice"}},
	{"tests/fake", CUBE_ERR_INVALID, {"not a cube plugin", "it is a folder"}},
	{"tests/fake/not_there.so", CUBE_ERR_NOT_FOUND, {"No such file"}},
};

START_TEST(a_plugin_that_does_not_fit_is_refused_with_its_file_and_why)
{
	const struct refusal *refusal = &refusals[_i];
	struct plugin *plugin = NULL;
	struct cube_error err;
	char path[PATH_MAX];

	fixture_build_path(refusal->file, path);
	ck_assert_int_eq(
		plugin_load(path, CUBE_PLUGIN_SCHEDULER, "--scheduler", NULL, &plugin, &err),
		refusal->code);
	ck_assert_int_eq(err.code, refusal->code);
	ck_assert_ptr_null(plugin);
	fixture_contains(err.message, path);
	for (size_t i = 0; i < 3 && refusal->words[i] != NULL; i++)
		fixture_contains(err.message, refusal->words[i]);
}
END_TEST

START_TEST(a_plugin_of_another_kind_is_named_with_its_kind)
{
	struct plugin *plugin = NULL;
	struct cube_error err;
	char path[PATH_MAX];

	fixture_build_path("plugins/scheduler/roundrobin.so", path);
	ck_assert_int_eq(
		plugin_load(path, CUBE_PLUGIN_RUNTIME, "--runtime", NULL, &plugin, &err),
		CUBE_ERR_INVALID);
	fixture_contains(err.message,
			 "roundrobin.so is a scheduler; --runtime wants a runtime");
	/* A bare name finds it too, to be able to say so. */
	fixture_build_path("plugins", path);
	ck_assert_int_eq(plugin_load("roundrobin", CUBE_PLUGIN_RUNTIME, "--runtime", path,
				     &plugin, &err),
			 CUBE_ERR_INVALID);
	fixture_contains(err.message,
			 "roundrobin.so is a scheduler; --runtime wants a runtime");
}
END_TEST

static void
write_file(const char *path, const void *bytes, size_t size)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, bytes, size), (ssize_t)size);
	ck_assert_int_eq(close(fd), 0);
}

START_TEST(a_bare_name_is_found_with_and_without_its_ending)
{
	static const char *const names[] = {"roundrobin", "roundrobin.so"};
	char folder[PATH_MAX];

	fixture_build_path("plugins", folder);
	for (size_t i = 0; i < 2; i++) {
		struct plugin *plugin = NULL;
		struct cube_error err;

		ck_assert_int_eq(plugin_load(names[i], CUBE_PLUGIN_SCHEDULER, "--scheduler",
					     folder, &plugin, &err),
				 0);
		ck_assert_str_eq(plugin->info.name, "roundrobin");
		fixture_contains(plugin->path, "plugins/scheduler/roundrobin.so");
		plugin_unload(plugin);
	}
}
END_TEST

START_TEST(the_plugin_dir_comes_before_the_path_and_the_path_before_the_rest)
{
	char plugins[PATH_MAX];
	char folder[] = "/tmp/cube-load-XXXXXX";
	char file[64];
	char list[128];
	struct plugin *plugin = NULL;
	struct cube_error err;

	fixture_build_path("plugins", plugins);
	ck_assert_ptr_nonnull(mkdtemp(folder));
	(void)snprintf(file, sizeof(file), "%s/roundrobin.so", folder);
	write_file(file, "not one", 7);
	(void)snprintf(list, sizeof(list), "/nowhere::%s", folder);
	ck_assert_int_eq(setenv("CUBE_PLUGIN_PATH", list, 1), 0);
	ck_assert_int_eq(plugin_load("roundrobin", CUBE_PLUGIN_SCHEDULER, "--scheduler",
				     plugins, &plugin, &err),
			 0);
	plugin_unload(plugin);
	ck_assert_int_eq(plugin_load("roundrobin", CUBE_PLUGIN_SCHEDULER, "--scheduler", NULL,
				     &plugin, &err),
			 CUBE_ERR_INVALID);
	fixture_contains(err.message, file);
	ck_assert_int_eq(unsetenv("CUBE_PLUGIN_PATH"), 0);
	(void)unlink(file);
	(void)rmdir(folder);
}
END_TEST

START_TEST(a_plugin_that_is_nowhere_is_refused_with_where_it_was_looked_for)
{
	struct plugin *plugin = NULL;
	struct cube_error err;

	ck_assert_int_eq(setenv("CUBE_PLUGIN_PATH", "/first:/second", 1), 0);
	ck_assert_int_eq(
		plugin_load("absent", CUBE_PLUGIN_STORE, "--store", "/given", &plugin, &err),
		CUBE_ERR_NOT_FOUND);
	fixture_contains(err.message, "--store: no plugin absent.so");
	fixture_contains(err.message, "store/absent.so in /given, /first, /second");
	fixture_contains(err.message, CUBE_PLUGIN_DIR);
	ck_assert_int_eq(unsetenv("CUBE_PLUGIN_PATH"), 0);
	ck_assert_int_eq(plugin_load("", CUBE_PLUGIN_STORE, "--store", NULL, &plugin, &err),
			 CUBE_ERR_INVALID);
	fixture_contains(err.message, "--store: the plugin's name is empty");
}
END_TEST

START_TEST(a_file_that_is_no_library_or_half_of_one_is_refused)
{
	char path[] = "/tmp/cube-load-XXXXXX";
	struct plugin *plugin = NULL;
	struct cube_error err;
	int fd = mkstemp(path);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(close(fd), 0);
	ck_assert_int_eq(plugin_load(path, 0, NULL, NULL, &plugin, &err), CUBE_ERR_INVALID);
	fixture_contains(err.message, "not a cube plugin: it is no shared library");
	write_file(path, "#!/bin/sh\n", 10);
	ck_assert_int_eq(plugin_load(path, 0, NULL, NULL, &plugin, &err), CUBE_ERR_INVALID);
	fixture_contains(err.message, "not a cube plugin: it is no shared library");
	write_file(path, "\177ELF\2\1\1", 7);
	ck_assert_int_eq(plugin_load(path, 0, NULL, NULL, &plugin, &err), CUBE_ERR_INVALID);
	fixture_contains(err.message, path);
	fixture_contains(err.message, "not a cube plugin: it is cut short");
	(void)unlink(path);
}
END_TEST

START_TEST(a_plugin_of_a_later_minor_abi_works)
{
	struct plugin *plugin =
		fixture_load("tests/fake/larger_plugin.so", CUBE_PLUGIN_SCHEDULER);
	struct fixture_host host;
	const char *options[] = {NULL};
	struct scheduler *scheduler = NULL;
	struct cube_error err;
	uint64_t keys[3] = {1, 2, 3};
	uint64_t eligible = 7;
	struct cube_nodes nodes = {.struct_size = sizeof(nodes), .count = 3, .key = keys};
	struct cube_demand demand = {.struct_size = sizeof(demand), .eligible = &eligible};
	uint32_t row = 99;

	ck_assert_uint_eq(plugin->info.abi_minor, CUBE_ABI_MINOR + 1);
	ck_assert_int_eq(scheduler_open("larger", plugin->info.ops.scheduler,
					fixture_host_init(&host), options, &scheduler, &err),
			 0);
	ck_assert_int_eq(scheduler_place(scheduler, &nodes, &demand, &row, &err), 0);
	ck_assert_uint_eq(row, 2);
	scheduler_close(scheduler);
	plugin_unload(plugin);
}
END_TEST

START_TEST(a_plugin_of_an_earlier_minor_abi_works_and_is_asked_nothing_newer)
{
	struct plugin *plugin =
		fixture_load("tests/fake/earlier_plugin.so", CUBE_PLUGIN_SCHEDULER);
	struct fixture_host host;
	const char *options[] = {NULL};
	struct scheduler *scheduler = NULL;
	struct cube_error err;
	uint64_t keys[3] = {1, 2, 3};
	uint64_t eligible = 7;
	struct cube_nodes nodes = {.struct_size = sizeof(nodes), .count = 3, .key = keys};
	struct cube_demand demand = {.struct_size = sizeof(demand), .eligible = &eligible};
	uint32_t row = 99;

	ck_assert_uint_eq(plugin->info.abi_minor, 0);
	ck_assert_int_eq(scheduler_open("earlier", plugin->info.ops.scheduler,
					fixture_host_init(&host), options, &scheduler, &err),
			 0);
	ck_assert_ptr_null(scheduler_spread_label(scheduler));
	ck_assert_int_eq(scheduler_place(scheduler, &nodes, &demand, &row, &err), 0);
	ck_assert_uint_eq(row, 1);
	scheduler_close(scheduler);
	plugin_unload(plugin);
}
END_TEST

struct later {
	uint32_t struct_size;
	uint32_t known;
	uint64_t added;
};

START_TEST(a_struct_of_an_earlier_minor_abi_is_filled_up_with_zeros)
{
	const struct later theirs = {8, 5, 0xdeadbeef}; /* whose added is not theirs to give */
	struct later ours;
	struct cube_error err;

	memset(&ours, 0xff, sizeof(ours));
	ck_assert_int_eq(outcome_copy("x", &theirs, &ours, sizeof(ours), 8, &err), 0);
	ck_assert_uint_eq(ours.struct_size, 8);
	ck_assert_uint_eq(ours.known, 5);
	ck_assert_uint_eq(ours.added, 0);
	ck_assert(!CUBE_HAS(struct later, &ours, added));
	ck_assert_int_eq(outcome_copy("x", &theirs, &ours, sizeof(ours), 9, &err),
			 CUBE_ERR_INVALID);
}
END_TEST

START_TEST(a_plugin_is_described_without_calling_it)
{
	struct plugin *plugin = fixture_load("tests/fake/untouched_plugin.so", 0);
	struct buf out = BUF_INIT(4096);

	plugin_describe(plugin, &out);
	fixture_contains(buf_text(&out), "name     untouched\n");
	fixture_contains(buf_text(&out), "kind     scheduler\n");
	fixture_contains(buf_text(&out), "version  1\n");
	fixture_contains(buf_text(&out), "summary  a fake\n");
	fixture_contains(buf_text(&out), "abi      1.1\n");
	fixture_contains(buf_text(&out), "tests/fake/untouched_plugin.so\n");
	fixture_contains(buf_text(&out), "options  (--scheduler-opt KEY=VALUE)\n");
	fixture_contains(buf_text(&out), "  path=VALUE  where to look (required)\n");
	fixture_contains(buf_text(&out), "  mode=slow   slow or fast\n");
	buf_release(&out);
	plugin_unload(plugin);
	plugin = fixture_load("plugins/scheduler/roundrobin.so", 0);
	plugin_describe(plugin, &out);
	fixture_contains(buf_text(&out), "options  none\n");
	buf_release(&out);
	plugin_unload(plugin);
}
END_TEST

START_TEST(every_plugin_of_this_build_loads_as_its_kind)
{
	static const struct {
		const char *file;
		enum cube_plugin_kind kind;
		const char *name;
	} plugins[] = {
		{"plugins/scheduler/roundrobin.so", CUBE_PLUGIN_SCHEDULER, "roundrobin"},
		{"plugins/scheduler/greedy.so", CUBE_PLUGIN_SCHEDULER, "greedy"},
		{"plugins/scheduler/epvm.so", CUBE_PLUGIN_SCHEDULER, "epvm"},
		{"plugins/scheduler/binpack.so", CUBE_PLUGIN_SCHEDULER, "binpack"},
		{"plugins/scheduler/spread.so", CUBE_PLUGIN_SCHEDULER, "spread"},
		{"plugins/store/memory.so", CUBE_PLUGIN_STORE, "memory"},
		{"plugins/store/sqlite.so", CUBE_PLUGIN_STORE, "sqlite"},
		{"plugins/runtime/docker.so", CUBE_PLUGIN_RUNTIME, "docker"},
		{"plugins/runtime/process.so", CUBE_PLUGIN_RUNTIME, "process"},
	};

	for (size_t i = 0; i < sizeof(plugins) / sizeof(plugins[0]); i++) {
		struct plugin *plugin = fixture_load(plugins[i].file, plugins[i].kind);

		ck_assert_str_eq(plugin->info.name, plugins[i].name);
		plugin_unload(plugin);
	}
}
END_TEST

static Suite *
suite(void)
{
	Suite *made = suite_create("load");
	TCase *tcase = tcase_create("load");

	tcase_add_loop_test(tcase, a_plugin_that_does_not_fit_is_refused_with_its_file_and_why,
			    0, (int)(sizeof(refusals) / sizeof(refusals[0])));
	tcase_add_test(tcase, a_plugin_of_another_kind_is_named_with_its_kind);
	tcase_add_test(tcase, a_bare_name_is_found_with_and_without_its_ending);
	tcase_add_test(tcase,
		       the_plugin_dir_comes_before_the_path_and_the_path_before_the_rest);
	tcase_add_test(tcase, a_plugin_that_is_nowhere_is_refused_with_where_it_was_looked_for);
	tcase_add_test(tcase, a_file_that_is_no_library_or_half_of_one_is_refused);
	tcase_add_test(tcase, a_plugin_of_a_later_minor_abi_works);
	tcase_add_test(tcase,
		       a_plugin_of_an_earlier_minor_abi_works_and_is_asked_nothing_newer);
	tcase_add_test(tcase, a_struct_of_an_earlier_minor_abi_is_filled_up_with_zeros);
	tcase_add_test(tcase, a_plugin_is_described_without_calling_it);
	tcase_add_test(tcase, every_plugin_of_this_build_loads_as_its_kind);
	suite_add_tcase(made, tcase);
	return made;
}

CHECK_MAIN(suite)
