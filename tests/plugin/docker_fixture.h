/* docker_fixture.h - what the tests of docker.so against the fake engine have in common: the
 * engine, the opened plugin, one task, one container's answers, and the calls. */
#ifndef TEST_DOCKER_FIXTURE_H
#define TEST_DOCKER_FIXTURE_H

#include "../fake/docker_daemon.h"
#include "../unit/check_main.h"
#include "docker_client.h"

#include <netinet/in.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ID        "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define CREATE    "POST /containers/create"
#define START     "POST /containers/" ID "/start"
#define INSPECT   "GET /containers/" ID "/json"
#define DELETE    "DELETE /containers/" ID
#define CREATED   "{\"Id\":\"" ID "\",\"Warnings\":[]}"
#define LABELS    "\"cube.worker\":\"" CLIENT_WORKER "\",\"cube.cluster\":\"" CLIENT_CLUSTER "\""
#define OWNED     LABELS ",\"cube.task\":\"" CLIENT_TASK "\",\"cube.attempt\":\"1\""
#define STATE(of) "{\"Id\":\"" ID "\",\"State\":{" of "},\"Config\":{\"Labels\":{" OWNED "}}}"
#define RUNNING   STATE("\"Status\":\"running\",\"StartedAt\":\"2024-05-06T07:08:09.5Z\"")

static struct daemon *daemon_;
static struct client client;
static struct client_task task;
static struct cube_container out;
static struct cube_error err;

static inline void
set_up(void)
{
	daemon_ = daemon_start("1.41");
	client_task(&task, (const char *const[]){"sleep", "9", NULL});
	memset(&out, 0, sizeof(out));
	out.struct_size = sizeof(out);
	memset(&err, 0, sizeof(err));
	ck_assert_int_eq(client_open(&client, &err, "socket", daemon_socket(daemon_), NULL), 0);
}

static inline void
tear_down(void)
{
	client_close(&client);
	daemon_stop(daemon_);
}

static inline int
run(void)
{
	return client.ops->run(client.self, &task.spec, client_in(5000), &out, &err);
}

static inline int
inspect(void)
{
	return client.ops->inspect(client.self, ID, client_in(5000), &out, &err);
}

static inline int
count_one(void *ctx, const struct cube_container *container)
{
	(void)container;
	++*(int *)ctx;
	return 0;
}

static inline int
list(int *visited)
{
	*visited = 0;
	return client.ops->list(client.self, client_in(5000), count_one, visited, &err);
}

static inline int
probe(void)
{
	uint32_t enforces;

	return client.ops->probe(client.self, client_in(5000), &enforces, &err);
}

/* create and start go well */
static inline void
say_all_is_well(void)
{
	daemon_says(daemon_, CREATE, 201, CREATED);
	daemon_says(daemon_, START, 204, "");
	daemon_says(daemon_, INSPECT, 200, RUNNING);
}

#define says(text) (strstr(err.message, (text)) != NULL)

#endif
