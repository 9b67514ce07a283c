/* docker_client.h - docker.so in a test's hands: loaded, opened, and a task to run.
 *
 * The host's clock is real, its identity CLIENT_WORKER. The plugin is the one of the
 * build that the test belongs to.
 */
#ifndef TEST_DOCKER_CLIENT_H
#define TEST_DOCKER_CLIENT_H

#include <cube/runtime.h>

#define CLIENT_WORKER  "11111111-1111-4111-8111-111111111111"
#define CLIENT_CLUSTER "22222222-2222-4222-8222-222222222222"
#define CLIENT_TASK    "33333333-3333-4333-8333-333333333333"
#define CLIENT_IMAGE   "cube-test/busybox"

struct client {
	void *dl;
	const struct cube_plugin *plugin;
	const struct cube_runtime_ops *ops;
	void *self;
	struct cube_host host;
	const char *options[16];
};

/* Pairs of key and value, then NULL. 0 or what open returned; a plugin that cannot be
 * loaded aborts. */
__attribute__((sentinel)) int client_open(struct client *client, struct cube_error *err, ...);
void client_close(struct client *client);

/* The host's clock, now or in so many ms. */
uint64_t client_now(void);
uint64_t client_in(uint64_t ms);

/* The one task of these tests, ready to be changed. */
struct client_task {
	struct cube_task_spec spec;
	struct cube_label labels[8];
	struct cube_port ports[8];
	const char *args[8];
};

void client_task(struct client_task *task, const char *const *args); /* NULL: none */

#endif
