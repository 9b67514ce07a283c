/* tests/unit/prober_rig.h - a prober between a brain that only records its answers, and
 * services to be checked: each a listening socket and a thread that takes one connection after
 * the other and does the same with each. */
#ifndef PROBER_RIG_H
#define PROBER_RIG_H

#include "shell/prober.h"

#include "base/clock.h"
#include "http/fetch.h"

#include "check_main.h"
#include "codec_help.h"
#include "store_script.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define ANSWERS_MAX 4096
#define HELD_MAX    1024

static struct prober *prober;
static struct store *store;
static struct loop *loop;
static pthread_t loop_thread;

/* ---- the brain ---- */

struct got {
	uint64_t check;
	uint32_t attempt;
	int code;
	int status;
	char words[248];
};

static struct {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct got answers[ANSWERS_MAX];
	size_t count;
} brain_got = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static inline int
brain_start(void *brain, struct step *step, struct cube_error *err)
{
	(void)brain;
	(void)step;
	(void)err;
	return 0;
}

static inline int
brain_step(void *brain, struct message *message, struct step *step, struct cube_error *err)
{
	struct worker_message *answer = (struct worker_message *)(void *)message;
	struct got *got;

	(void)brain;
	(void)step;
	(void)err;
	ck_assert_int_eq(message->kind, WORKER_CHECKED);
	ck_assert_str_eq(answer->task_id, ID_1);
	(void)pthread_mutex_lock(&brain_got.lock);
	ck_assert_uint_lt(brain_got.count, ANSWERS_MAX);
	got = &brain_got.answers[brain_got.count++];
	got->check = answer->check;
	got->attempt = answer->attempt;
	got->code = answer->error.code;
	got->status = answer->status;
	(void)snprintf(got->words, sizeof(got->words), "%s",
		       answer->error.code != 0 ? answer->error.message : "");
	(void)pthread_cond_broadcast(&brain_got.changed);
	(void)pthread_mutex_unlock(&brain_got.lock);
	worker_message_free(answer);
	return 0;
}

static inline struct message *
brain_wake(void *brain)
{
	(void)brain;
	return NULL;
}

static inline void
brain_free(struct message *message)
{
	worker_message_free((struct worker_message *)(void *)message);
}

static inline void
release(void *ctx, struct outbox_item *item)
{
	(void)ctx;
	item->free(item);
}

static inline void *
loop_thread_run(void *arg)
{
	struct cube_error err;

	(void)arg;
	ck_assert_int_eq(loop_run(loop, &err), 0);
	return NULL;
}

/* Until so many answers are there; the newest of them. */
static inline struct got
await(size_t count)
{
	struct timespec until;
	struct got newest;

	(void)clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += 60;
	(void)pthread_mutex_lock(&brain_got.lock);
	while (brain_got.count < count)
		ck_assert_msg(pthread_cond_timedwait(&brain_got.changed, &brain_got.lock,
						     &until) == 0,
			      "%zu of %zu answers in 60 s", brain_got.count, count);
	newest = brain_got.answers[brain_got.count - 1];
	(void)pthread_mutex_unlock(&brain_got.lock);
	return newest;
}

static inline size_t
count_of(int code, int status)
{
	size_t count = 0;

	(void)pthread_mutex_lock(&brain_got.lock);
	for (size_t i = 0; i < brain_got.count; i++)
		count += brain_got.answers[i].code == code &&
			 brain_got.answers[i].status == status;
	(void)pthread_mutex_unlock(&brain_got.lock);
	return count;
}

/* ---- the services ---- */

struct service {
	const char *answer; /* to each request; NULL: none */
	size_t padding;     /* bytes of body after it */
	bool at_once;       /* without waiting for a request */
	bool holds;         /* the connection stays open */
	bool six;
	int fd;
	uint16_t port;
	pthread_t thread;
	atomic_bool ends;
	char request[1024]; /* the last one */
	int held[HELD_MAX];
	size_t held_count;
	atomic_size_t taken;
};

static inline void
answer_one(struct service *service, int fd)
{
	static const char padding[4096];
	ssize_t size = 0;

	if (!service->at_once && service->answer != NULL)
		size = recv(fd, service->request, sizeof(service->request) - 1, 0);
	service->request[size > 0 ? size : 0] = '\0';
	if (service->answer != NULL)
		(void)send(fd, service->answer, strlen(service->answer), MSG_NOSIGNAL);
	for (size_t left = service->padding; left > 0;) {
		size_t some = left < sizeof(padding) ? left : sizeof(padding);

		if (send(fd, padding, some, MSG_NOSIGNAL) <= 0)
			break;
		left -= some;
	}
	if (service->holds && service->held_count < HELD_MAX)
		service->held[service->held_count++] = fd;
	else
		(void)close(fd);
}

static inline void *
service_run(void *arg)
{
	struct service *service = arg;
	int fd;

	while ((fd = accept(service->fd, NULL, NULL)) >= 0) {
		if (atomic_load(&service->ends)) {
			(void)close(fd);
			break;
		}
		atomic_fetch_add(&service->taken, 1);
		answer_one(service, fd);
	}
	return NULL;
}

static inline void
service_bind(struct service *service)
{
	struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_addr = in6addr_loopback};
	struct sockaddr_in four = {.sin_family = AF_INET,
				   .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct sockaddr *address =
		service->six ? (struct sockaddr *)&six : (struct sockaddr *)&four;
	socklen_t size = service->six ? sizeof(six) : sizeof(four);

	service->fd = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_int_ge(service->fd, 0);
	ck_assert_int_eq(bind(service->fd, address, size), 0);
	ck_assert_int_eq(getsockname(service->fd, address, &size), 0);
	service->port = ntohs(service->six ? six.sin6_port : four.sin_port);
}

static inline void
service_start(struct service *service)
{
	service_bind(service);
	ck_assert_int_eq(listen(service->fd, 4096), 0);
	ck_assert_int_eq(pthread_create(&service->thread, NULL, service_run, service), 0);
}

static inline void
service_end(struct service *service)
{
	atomic_store(&service->ends, true);
	(void)shutdown(service->fd, SHUT_RDWR);
	(void)pthread_join(service->thread, NULL);
	(void)close(service->fd);
	for (size_t i = 0; i < service->held_count; i++)
		(void)close(service->held[i]);
}

/* ---- checks ---- */

#define HTTP(path) "'Health':{'Http':'" path "'}"
#define TCP        "'Health':{'Tcp':'80/tcp'}"

static inline struct worker_effect *
check_of(const char *health, const char *host, uint16_t port, uint32_t timeout_ms)
{
	struct worker_effect *effect = calloc(1, sizeof(*effect));
	char text[2048];

	ck_assert_ptr_nonnull(effect);
	(void)snprintf(text, sizeof(text),
		       "{'ID':'" ID_1 "','Image':'x','ExposedPorts':{'80/tcp':{}},%s}", health);
	effect->kind = WORKER_EFFECT_CHECK;
	effect->item.free = worker_effect_free;
	effect->spec = spec_of(text, CODEC_STRICT);
	effect->check = 7;
	effect->attempt = 3;
	effect->timeout_ms = timeout_ms;
	effect->port = port;
	(void)snprintf(effect->task_id, sizeof(effect->task_id), "%s", ID_1);
	(void)snprintf(effect->host, sizeof(effect->host), "%s", host);
	return effect;
}

/* What becomes of one check of a service that is there. */
static inline struct got
checked(struct service *service, const char *health, uint32_t timeout_ms)
{
	size_t before = brain_got.count;
	struct got got;

	service_start(service);
	prober_take(prober, check_of(health, service->six ? "::1" : "127.0.0.1", service->port,
				     timeout_ms));
	got = await(before + 1);
	ck_assert_uint_eq(got.check, 7);
	ck_assert_uint_eq(got.attempt, 3);
	service_end(service);
	return got;
}

/* Entries of a folder of /proc/self. */
static inline size_t
entries(const char *folder)
{
	DIR *dir = opendir(folder);
	size_t count = 0;

	ck_assert_ptr_nonnull(dir);
	while (readdir(dir) != NULL)
		count++;
	(void)closedir(dir);
	return count;
}

static inline void
setup(void)
{
	const struct loop_brain brain = {.start = brain_start,
					 .step = brain_step,
					 .wake = brain_wake,
					 .free_message = brain_free};
	struct cube_error err;

	brain_got.count = 0;
	script_reset(NULL, 0);
	ck_assert_int_eq(fetch_init(&err), 0);
	ck_assert_int_eq(store_open("script", &script_ops, NULL, NULL, &store, &err), 0);
	ck_assert_int_eq(loop_new(&brain, store, release, NULL, NULL, &loop, &err), 0);
	ck_assert_int_eq(prober_new(loop, &prober, &err), 0);
	ck_assert_int_eq(pthread_create(&loop_thread, NULL, loop_thread_run, NULL), 0);
}

static inline void
teardown(void)
{
	prober_free(prober);
	loop_stop(loop, clock_now().mono_ms + 2000);
	(void)pthread_join(loop_thread, NULL);
	loop_free(loop);
	store_close(store);
}

#endif
