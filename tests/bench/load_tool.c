/* tests/bench/load_tool.c - as many durable submissions as a manager takes.
 *
 *     load_tool PORT CONNECTIONS TASKS SECONDS [LIMIT]
 *
 * Each keep-alive connection to 127.0.0.1:PORT sends one POST /tasks, of one task or of an
 * array of TASKS, waits for its 201 and sends the next; no task has the ID of another. Ends
 * after SECONDS, or when LIMIT tasks were sent. Prints one JSON object: what was taken, how
 * fast, how long an answer took, and the processor time of this program, which shares the
 * machine with the manager. One thread with epoll and bodies made beforehand, so that it costs
 * little.
 */
#include "base/buf.h"
#include "base/clock.h"
#include "base/random.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define CONNECTIONS_MAX 512
#define TASKS_MAX       10000
#define SAMPLES_MAX     4000000
#define HEAD_MAX        4096
#define PREFIX_DIGITS   12 /* of an ID: this run's; the other 12 count */

static const char event_text[] =
	"{\"ID\":\"00000000-0000-4000-8000-%012u\",\"State\":2,"
	"\"Timestamp\":\"2024-01-01T00:00:00Z\",\"Task\":{\"ID\":\"%s-%012u\","
	"\"Name\":\"bench\",\"Image\":\"/bin/true\",\"Cmd\":[\"--mode\",\"bench\"],"
	"\"Env\":[\"REGION=eu-west-1\"],\"Cpu\":0.1,\"Memory\":16777216,"
	"\"RestartPolicy\":\"no\"}}";

struct connection {
	int fd;
	char *request; /* head and body; the same length every time */
	size_t request_size;
	size_t sent;
	size_t *ids;         /* where in request the counting digits of each ID are */
	char head[HEAD_MAX]; /* of the answer, as far as it came */
	size_t head_size;
	size_t body_left; /* once the head is whole */
	bool head_whole;
	int status;
	double began;
};

struct load {
	struct sockaddr_in to;
	struct connection connections[CONNECTIONS_MAX];
	unsigned connection_count;
	unsigned tasks; /* a request */
	uint64_t next_id;
	uint64_t limit;
	double end;
	int epoll;
	unsigned busy; /* connections with a request under way */
	uint64_t taken, refused, reconnects;
	float *samples_ms;
	size_t sample_count;
	char refusal[256];
};

static double
seconds(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

_Noreturn static void
die(const char *what)
{
	(void)fprintf(stderr, "load_tool: %s: %s\n", what, strerror(errno));
	exit(EXIT_FAILURE);
}

static void
connection_open(struct load *load, struct connection *connection)
{
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = connection};
	int on = 1;

	connection->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (connection->fd < 0 ||
	    connect(connection->fd, (struct sockaddr *)&load->to, sizeof(load->to)) != 0)
		die("connect");
	(void)setsockopt(connection->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (epoll_ctl(load->epoll, EPOLL_CTL_ADD, connection->fd, &event) != 0)
		die("epoll_ctl");
}

/* The request with room for the IDs, and where they go. */
static void
connection_build(struct load *load, struct connection *connection, const char *prefix)
{
	struct buf body = BUF_INIT((size_t)16 << 20);
	struct buf all = BUF_INIT((size_t)17 << 20);
	size_t id_at = sizeof("\"Task\":{\"ID\":\"") - 1 + strlen(prefix) + 1;
	size_t head_size;

	connection->ids = calloc(load->tasks, sizeof(*connection->ids));
	if (connection->ids == NULL)
		die("calloc");
	buf_append(&body, "[", load->tasks > 1);
	for (unsigned i = 0; i < load->tasks; i++) {
		size_t start = body.size;

		buf_append(&body, ",", i > 0);
		start = body.size;
		buf_printf(&body, event_text, i, prefix, i);
		if (body.failed)
			break;
		connection->ids[i] =
			(size_t)(strstr(body.data + start, "\"Task\":") - body.data) + id_at;
	}
	buf_append(&body, "]", load->tasks > 1);
	buf_printf(&all,
		   "POST /tasks HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: "
		   "application/json\r\nContent-Length: %zu\r\n\r\n",
		   body.size);
	head_size = all.size;
	buf_append(&all, body.data, body.size);
	if (body.failed || all.failed)
		die("a body of this many tasks");
	for (unsigned i = 0; i < load->tasks; i++)
		connection->ids[i] += head_size;
	connection->request = buf_take(&all, &connection->request_size);
	buf_release(&body);
}

static void
write_digits(char *at, uint64_t number)
{
	for (int i = PREFIX_DIGITS; i-- > 0; number /= 10)
		at[i] = (char)('0' + number % 10);
}

/* Sends what the socket takes; true when all is on its way. */
static bool
connection_push(struct load *load, struct connection *connection)
{
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = connection};

	while (connection->sent < connection->request_size) {
		ssize_t n = send(connection->fd, connection->request + connection->sent,
				 connection->request_size - connection->sent,
				 MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n < 0 && errno == EAGAIN) {
			event.events = EPOLLIN | EPOLLOUT;
			break;
		}
		if (n < 0)
			die("send");
		connection->sent += (size_t)n;
	}
	/* A single task always fits: the socket need not be asked about. */
	if (load->tasks > 1 &&
	    epoll_ctl(load->epoll, EPOLL_CTL_MOD, connection->fd, &event) != 0)
		die("epoll_ctl");
	return connection->sent == connection->request_size;
}

static void
connection_next(struct load *load, struct connection *connection)
{
	double now = seconds();

	if (now >= load->end || (load->limit != 0 && load->next_id >= load->limit))
		return;
	for (unsigned i = 0; i < load->tasks; i++)
		write_digits(connection->request + connection->ids[i], load->next_id++);
	connection->began = now;
	connection->sent = 0;
	connection->head_size = 0;
	connection->head_whole = false;
	load->busy++;
	(void)connection_push(load, connection);
}

/* An answer is whole. */
static void
connection_done(struct load *load, struct connection *connection)
{
	bool closes = strcasestr(connection->head, "Connection: close") != NULL;

	load->busy--;
	if (connection->status == 201)
		load->taken += load->tasks;
	else
		load->refused += load->tasks;
	if (load->sample_count < SAMPLES_MAX)
		load->samples_ms[load->sample_count++] =
			(float)((seconds() - connection->began) * 1e3);
	if (closes) {
		(void)close(connection->fd);
		load->reconnects++;
		connection_open(load, connection);
	}
	connection_next(load, connection);
}

/* Looks for the end of the head in what has come; what lies behind it is body. */
static void
head_take(struct load *load, struct connection *connection, const char *data, size_t size)
{
	size_t room = HEAD_MAX - 1 - connection->head_size;
	size_t before = connection->head_size;
	const char *end;
	const char *length;

	memcpy(connection->head + before, data, size < room ? size : room);
	connection->head_size += size < room ? size : room;
	connection->head[connection->head_size] = '\0';
	end = strstr(connection->head, "\r\n\r\n");
	if (end == NULL && size < room)
		return;
	length = strcasestr(connection->head, "Content-Length:");
	if (end == NULL || length == NULL || strncmp(connection->head, "HTTP/1.1 ", 9) != 0) {
		(void)fprintf(stderr, "load_tool: not understood: %.200s\n", connection->head);
		exit(EXIT_FAILURE);
	}
	connection->status = (int)strtol(connection->head + 9, NULL, 10);
	connection->body_left = (size_t)strtoull(length + 15, NULL, 10);
	connection->head_whole = true;
	if (connection->status != 201 && load->refusal[0] == '\0')
		(void)snprintf(load->refusal, sizeof(load->refusal), "%d %.200s",
			       connection->status, end + 4);
	size -= (size_t)(end + 4 - connection->head) - before;
	connection->body_left -= size;
}

static void
connection_pull(struct load *load, struct connection *connection)
{
	static char data[1 << 18];
	ssize_t n = recv(connection->fd, data, sizeof(data), MSG_DONTWAIT);

	if (n < 0 && errno == EAGAIN)
		return;
	if (n < 0)
		die("recv");
	if (n == 0) {
		if (connection->head_size > 0 || load->busy == 0) {
			errno = ECONNRESET;
			die("an answer broke off");
		}
		/* The server gave the connection up as the request was sent. */
		(void)close(connection->fd);
		load->reconnects++;
		load->busy--;
		connection_open(load, connection);
		connection_next(load, connection);
		return;
	}
	if (!connection->head_whole)
		head_take(load, connection, data, (size_t)n);
	else
		connection->body_left -= (size_t)n;
	if (connection->head_whole && connection->body_left == 0)
		connection_done(load, connection);
}

static void
load_run(struct load *load)
{
	struct epoll_event events[64];

	for (unsigned i = 0; i < load->connection_count; i++)
		connection_next(load, &load->connections[i]);
	while (load->busy > 0) {
		int n = epoll_wait(load->epoll, events, 64, 30000);

		if (n < 0 && errno != EINTR)
			die("epoll_wait");
		if (n == 0) {
			errno = ETIMEDOUT;
			die("no answer for 30 s");
		}
		for (int i = 0; i < n; i++) {
			struct connection *connection = events[i].data.ptr;

			if (events[i].events & EPOLLOUT)
				(void)connection_push(load, connection);
			if (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR))
				connection_pull(load, connection);
		}
	}
}

static int
compare_floats(const void *a, const void *b)
{
	float x = *(const float *)a;
	float y = *(const float *)b;

	return (x > y) - (x < y);
}

static void
load_print(struct load *load, double elapsed)
{
	struct rusage used;
	size_t last = load->sample_count > 0 ? load->sample_count - 1 : 0;

	(void)getrusage(RUSAGE_SELF, &used);
	qsort(load->samples_ms, load->sample_count, sizeof(float), compare_floats);
	printf("{\"taken\": %llu, \"refused\": %llu, \"reconnects\": %llu, \"seconds\": %.3f, "
	       "\"rate\": %.0f, \"median_ms\": %.3f, \"p99_ms\": %.3f, \"cpu_s\": %.3f}\n",
	       (unsigned long long)load->taken, (unsigned long long)load->refused,
	       (unsigned long long)load->reconnects, elapsed, (double)load->taken / elapsed,
	       (double)load->samples_ms[last / 2], (double)load->samples_ms[last * 99 / 100],
	       (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
		       (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6);
	if (load->refusal[0] != '\0')
		(void)fprintf(stderr, "load_tool: refused: %s\n", load->refusal);
}

static unsigned
argument(const char *text, unsigned max)
{
	char *end;
	unsigned long value = strtoul(text, &end, 10);

	if (*end != '\0' || value == 0 || value > max) {
		(void)fprintf(stderr, "load_tool: %s: a number from 1 to %u\n", text, max);
		exit(2);
	}
	return (unsigned)value;
}

int
main(int argc, char **argv)
{
	static struct load load;
	struct random random;
	uint64_t seed;
	char prefix[32];
	double start;

	if (argc < 5 || argc > 6) {
		(void)fprintf(stderr,
			      "usage: load_tool PORT CONNECTIONS TASKS SECONDS [LIMIT]\n");
		return 2;
	}
	load.to.sin_family = AF_INET;
	load.to.sin_port = htons((uint16_t)argument(argv[1], UINT16_MAX));
	load.to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	load.connection_count = argument(argv[2], CONNECTIONS_MAX);
	load.tasks = argument(argv[3], TASKS_MAX);
	load.limit = argc == 6 ? argument(argv[5], 100000000) : 0;
	load.epoll = epoll_create1(EPOLL_CLOEXEC);
	load.samples_ms = malloc(SAMPLES_MAX * sizeof(float));
	if (load.epoll < 0 || load.samples_ms == NULL)
		die("start");
	clock_random(&seed, sizeof(seed));
	random_seed(&random, seed);
	seed = random_next(&random);
	(void)snprintf(prefix, sizeof(prefix), "%08x-%04x-4000-8000",
		       (unsigned)(seed & 0xffffffff), (unsigned)(seed >> 32 & 0xffff));
	for (unsigned i = 0; i < load.connection_count; i++) {
		connection_build(&load, &load.connections[i], prefix);
		connection_open(&load, &load.connections[i]);
	}
	start = seconds();
	load.end = start + argument(argv[4], 3600);
	load_run(&load);
	load_print(&load, seconds() - start);
	for (unsigned i = 0; i < load.connection_count; i++) {
		free(load.connections[i].request);
		free(load.connections[i].ids);
		(void)close(load.connections[i].fd);
	}
	free(load.samples_ms);
	return load.refused > 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
