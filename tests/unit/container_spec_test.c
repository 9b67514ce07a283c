/* tests/unit/container_spec_test.c - what a runtime is handed of a task. */
#include "shell/container_spec.h"

#include "check_main.h"
#include "codec_help.h"

#include <netinet/in.h>

#define WORKER  "7d444840-9dc0-41d1-b245-5ffdce74fad2"
#define CLUSTER "9b2c1c1a-52f3-4be1-8f52-6a3f1f5a1c11"

/* The last one of that key counts, as in every runtime that puts them into a table. */
static const char *
label_of(const struct container_spec *made, const char *key)
{
	const char *value = NULL;

	for (uint32_t i = 0; i < made->spec.label_count; i++) {
		if (strcmp(made->spec.labels[i].key, key) == 0)
			value = made->spec.labels[i].value;
	}
	return value;
}

START_TEST(all_of_a_task_is_handed_on)
{
	struct task_spec *task =
		spec_of("{'ID':'" ID_1 "','Name':'web','Image':'nginx:1','Cpu':0.5,"
			"'Memory':67108864,'Disk':1024,'Cmd':['a','b'],'Entrypoint':['/x'],"
			"'Env':['A=1'],'Labels':{'tier':'front'},"
			"'ExposedPorts':{'80/tcp':{},'53/udp':{}},"
			"'PortBindings':{'80/tcp':'8080'}}",
			CODEC_STRICT);
	struct container_spec *made = container_spec_new(task, 7, CLUSTER, WORKER);
	const struct cube_task_spec *spec = &made->spec;

	ck_assert_ptr_nonnull(made);
	ck_assert_uint_eq(spec->struct_size, sizeof(*spec));
	ck_assert_uint_eq(spec->attempt, 7);
	ck_assert_str_eq(spec->task_id, ID_1);
	ck_assert_str_eq(spec->name, "web");
	ck_assert_str_eq(spec->image, "nginx:1");
	ck_assert_str_eq(spec->args[1], "b");
	ck_assert_ptr_null(spec->args[2]);
	ck_assert_str_eq(spec->entrypoint[0], "/x");
	ck_assert_str_eq(spec->env[0], "A=1");
	ck_assert_int_eq(spec->mcpu, 500);
	ck_assert_int_eq(spec->memory_bytes, 67108864);
	ck_assert_int_eq(spec->disk_bytes, 1024);
	ck_assert_uint_eq(spec->port_count, 2);
	for (uint32_t i = 0; i < 2; i++) {
		bool web = spec->ports[i].container_port == 80;

		ck_assert_uint_eq(spec->ports[i].host_port, web ? 8080 : 0);
		ck_assert_uint_eq(spec->ports[i].protocol, web ? IPPROTO_TCP : IPPROTO_UDP);
		ck_assert_str_eq(spec->ports[i].host_ip, "");
	}
	ck_assert_str_eq(label_of(made, "tier"), "front");
	container_spec_free(made);
	task_spec_put(task);
}
END_TEST

START_TEST(a_container_carries_whose_it_is)
{
	struct task_spec *task =
		spec_of("{'ID':'" ID_1 "','Name':'web','Image':'nginx'}", CODEC_STRICT);
	struct container_spec *made = container_spec_new(task, 4294967295, CLUSTER, WORKER);

	ck_assert_ptr_nonnull(made);
	ck_assert_uint_eq(made->spec.label_count, 5);
	ck_assert_str_eq(label_of(made, "cube.cluster"), CLUSTER);
	ck_assert_str_eq(label_of(made, "cube.worker"), WORKER);
	ck_assert_str_eq(label_of(made, "cube.task"), ID_1);
	ck_assert_str_eq(label_of(made, "cube.attempt"), "4294967295");
	ck_assert_str_eq(label_of(made, "cube.name"), "web");
	ck_assert_ptr_null(made->spec.args);
	ck_assert_ptr_null(made->spec.entrypoint);
	ck_assert_ptr_null(made->spec.env);
	ck_assert_uint_eq(made->spec.port_count, 0);
	container_spec_free(made);
	task_spec_put(task);
}
END_TEST

/* The codec refuses such a label; should one come past it, it is none of ours. */
START_TEST(no_label_of_a_task_stands_in_for_ours)
{
	static const struct task_label forged = {"cube.task", ID_2};
	struct task_spec *task =
		spec_of("{'ID':'" ID_1 "','Name':'web','Image':'nginx'}", CODEC_STRICT);
	struct container_spec *made;

	task->labels = &forged;
	task->label_count = 1;
	made = container_spec_new(task, 1, CLUSTER, WORKER);
	ck_assert_ptr_nonnull(made);
	ck_assert_str_eq(label_of(made, "cube.task"), ID_1);
	container_spec_free(made);
	task_spec_put(task);
}
END_TEST

static Suite *
suite(void)
{
	Suite *suite = suite_create("container spec");
	TCase *tests = tcase_create("container spec");

	tcase_add_test(tests, all_of_a_task_is_handed_on);
	tcase_add_test(tests, a_container_carries_whose_it_is);
	tcase_add_test(tests, no_label_of_a_task_stands_in_for_ours);
	suite_add_tcase(suite, tests);
	return suite;
}

CHECK_MAIN(suite)
