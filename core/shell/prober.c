/* shell/prober.c - see prober.h.
 *
 * The limit of sockets is a part of the files that this process may have open, so that checks
 * of services that hang leave room for all else. What the network says of a peer is put into
 * a person's words here; whether an answer is a good one is the brain's to say. What fails for
 * want of our own means (files, ports, memory) tells nothing of the service. Owns the client
 * and, through it, each check until it is answered.
 */
#include "shell/prober.h"

#include "http/client.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#define CHECKS_MAX   ((rlim_t)1000) /* under way at once */
#define TURN_WAIT_MS 30000
#define SETTLE_MS    100 /* time for docker's proxy to find that nobody listens behind it */
#define BODY_LIMIT   ((size_t)4096)

struct prober {
	struct http_client *client;
	struct loop *loop;
};

struct check {
	struct http_call call; /* first */
	struct loop *loop;
	struct worker_effect *effect;
};

static struct worker_message *
answer_new(const struct worker_effect *effect)
{
	struct worker_message *message = worker_message_new(WORKER_CHECKED);

	if (message == NULL)
		return NULL; /* the brain does not wait for it for ever */
	memcpy(message->task_id, effect->task_id, sizeof(message->task_id));
	message->attempt = effect->attempt;
	message->check = effect->check;
	return message;
}

static bool
is_ours(int number)
{
	return number == EMFILE || number == ENFILE || number == ENOBUFS || number == ENOMEM ||
	       number == EADDRNOTAVAIL;
}

/* Without the address in front, which the brain says in its own way; as a part of a
 * sentence. */
static void
take_error(struct cube_error *out, const struct http_call *call)
{
	const struct cube_error *error = &call->error;
	const char *words = error->message;
	size_t size = strlen(call->url);
	char text[sizeof(error->message)];

	if (strncmp(words, call->url, size) == 0 && strncmp(words + size, ": ", 2) == 0)
		words += size + 2;
	if (error->code == CUBE_ERR_UNAVAILABLE && error->sys_errno != 0)
		words = strerror(error->sys_errno);
	(void)snprintf(text, sizeof(text), "%s", words);
	if (isupper((unsigned char)text[0]) && islower((unsigned char)text[1]))
		text[0] = (char)tolower((unsigned char)text[0]);
	(void)cube_fail(out, is_ours(error->sys_errno) ? CUBE_ERR_NO_MEMORY : error->code,
			error->sys_errno, "%s", text);
}

/* [client's thread] */
static void
check_done(struct http_call *call)
{
	struct check *check = (struct check *)(void *)call;
	struct worker_message *message = answer_new(check->effect);

	if (message != NULL) {
		message->status = call->status;
		if (call->error.code != 0 && !(call->cut && call->status != 0))
			take_error(&message->error, call);
		loop_post_answer(check->loop, &message->message);
	}
	call->free(call);
}

static void
check_free(struct http_call *call)
{
	struct check *check = (struct check *)(void *)call;

	worker_effect_free(&check->effect->item);
	http_call_release(call);
	free(check);
}

static void
check_fill(struct check *check)
{
	static const char *const fields[] = {"User-Agent: cube-worker", "Connection: close",
					     NULL};
	const struct worker_effect *effect = check->effect;
	struct http_call *call = &check->call;
	bool six = strchr(effect->host, ':') != NULL;

	(void)snprintf(call->url, sizeof(call->url), "http://%s%s%s:%u", six ? "[" : "",
		       effect->host, six ? "]" : "", effect->port);
	call->timeout_ms = effect->timeout_ms;
	call->connect_timeout_ms = effect->timeout_ms;
	call->limit_bytes = BODY_LIMIT;
	call->alone = true;
	call->done = check_done;
	call->free = check_free;
	if (effect->spec->health.kind == HEALTH_TCP) {
		call->connect_only = true;
		call->settle_ms = SETTLE_MS;
	} else {
		call->target = effect->spec->health.path;
		call->fields = fields;
	}
}

static void
refuse(struct prober *prober, struct worker_effect *effect)
{
	struct worker_message *message = answer_new(effect);

	if (message != NULL) {
		(void)cube_fail(&message->error, CUBE_ERR_NO_MEMORY, 0, "out of memory");
		loop_post_answer(prober->loop, &message->message);
	}
	worker_effect_free(&effect->item);
}

void
prober_take(struct prober *prober, struct worker_effect *effect)
{
	struct check *check = (struct check *)(void *)http_call_new(sizeof(struct check));

	if (check == NULL) {
		refuse(prober, effect);
		return;
	}
	check->loop = prober->loop;
	check->effect = effect;
	check_fill(check);
	http_client_call(prober->client, &check->call);
}

static size_t
checks_max(void)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur / 4 > CHECKS_MAX)
		return (size_t)CHECKS_MAX;
	return files.rlim_cur >= 8 ? (size_t)files.rlim_cur / 4 : 2;
}

int
prober_new(struct loop *loop, struct prober **out, struct cube_error *err)
{
	struct prober *prober = calloc(1, sizeof(*prober));
	int rc;

	if (prober == NULL)
		return cube_fail(err, CUBE_ERR_NO_MEMORY, 0, "out of memory");
	prober->loop = loop;
	rc = http_client_new_limited(checks_max(), TURN_WAIT_MS, &prober->client, err);
	if (rc < 0) {
		free(prober);
		return rc;
	}
	*out = prober;
	return 0;
}

void
prober_free(struct prober *prober)
{
	if (prober == NULL)
		return;
	http_client_free(prober->client);
	free(prober);
}
