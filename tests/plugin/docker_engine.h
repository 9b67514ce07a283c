/* docker_engine.h - a real engine for the tests of docker.so: the one at
 * $CUBE_TEST_DOCKER_SOCKET, which has the image cube-test/busybox, else one that
 * tests/flow/lib/dockerd starts for the test; and the calls they have in common. */
#ifndef TEST_DOCKER_ENGINE_H
#define TEST_DOCKER_ENGINE_H

#include "../unit/check_main.h"
#include "docker_client.h"

#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define CALL_MS 60000

static char folder[] = "/tmp/cube-engine.XXXXXX";
static char engine_socket[128];
static bool is_own; /* the engine is ours to stop */

static struct client client;
static struct client_task task;
static struct cube_container out;
static struct cube_error err;

#define says(text) (strstr(err.message, (text)) != NULL)

/* ---- the engine ---- */

static inline int
dockerd(const char *verb)
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		(void)execl("tests/flow/lib/dockerd", "dockerd", verb, folder, (char *)NULL);
		_exit(127);
	}
	return pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status)
		       ? WEXITSTATUS(status)
		       : -1;
}

static inline void
find_engine(void)
{
	const char *given = getenv("CUBE_TEST_DOCKER_SOCKET");

	if (given != NULL && given[0] != '\0') {
		(void)snprintf(engine_socket, sizeof(engine_socket), "%s", given);
		return;
	}
	ck_assert_ptr_nonnull(mkdtemp(folder));
	ck_assert_msg(dockerd("start") == 0, "tests/flow/lib/dockerd start failed");
	is_own = true;
	(void)snprintf(engine_socket, sizeof(engine_socket), "%s/s", folder);
}

static inline void
leave_engine(void)
{
	if (is_own)
		(void)dockerd("stop");
}

/* ---- a client, and an empty worker before and after ---- */

static inline void
open_with(struct client *with, const char *network)
{
	ck_assert_msg(client_open(with, &err, "socket", engine_socket, "network", network,
				  "pull", "missing", NULL) == 0,
		      "%s", err.message);
}

struct found {
	int count;
	struct cube_container last[16];
};

static inline int
keep(void *ctx, const struct cube_container *container)
{
	struct found *found = ctx;

	if (found->count < 16)
		found->last[found->count] = *container;
	found->count++;
	return 0;
}

static inline int
list(struct found *found)
{
	memset(found, 0, sizeof(*found));
	ck_assert_msg(client.ops->list(client.self, client_in(CALL_MS), keep, found, &err) == 0,
		      "%s", err.message);
	return found->count;
}

static inline void
inspect(const char *handle)
{
	out.struct_size = sizeof(out);
	ck_assert_msg(
		client.ops->inspect(client.self, handle, client_in(CALL_MS), &out, &err) == 0,
		"%s", err.message);
}

static inline void
pause_briefly(void)
{
	(void)nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
}

static inline void
await_end(const char *handle)
{
	uint64_t until = client_in(CALL_MS);

	inspect(handle);
	while (out.state != CUBE_CONTAINER_EXITED && client_now() < until) {
		pause_briefly();
		inspect(handle);
	}
	ck_assert_uint_eq(out.state, CUBE_CONTAINER_EXITED);
}

/* A test that failed may have left something. */
static inline void
clear(void)
{
	struct found found;

	(void)list(&found);
	for (int i = 0; i < found.count && i < 16; i++) {
		const char *handle = found.last[i].handle;

		(void)client.ops->signal(client.self, handle, SIGKILL, client_in(CALL_MS),
					 &err);
		if (found.last[i].state != CUBE_CONTAINER_CREATED)
			await_end(handle);
		(void)client.ops->remove(client.self, handle, client_in(CALL_MS), &err);
	}
	ck_assert_int_eq(list(&found), 0);
}

static inline void
set_up(void)
{
	open_with(&client, "bridge");
	client_task(&task, NULL);
	clear();
}

static inline void
tear_down(void)
{
	clear();
	client_close(&client);
}

static inline int
run_on(struct client *with, const char *script)
{
	task.args[0] = "sh";
	task.args[1] = "-c";
	task.args[2] = script;
	task.args[3] = NULL;
	task.spec.args = task.args;
	out.struct_size = sizeof(out);
	return with->ops->run(with->self, &task.spec, client_in(CALL_MS), &out, &err);
}

static inline void
run(const char *script)
{
	ck_assert_msg(run_on(&client, script) == 0, "%s", err.message);
}

#endif
