/* tests/fuzz/docker_fuzz.c - docker.so against an engine that answers anything.
 *
 * Linked with --wrap of http_perform, http_wait and helper_get: the bytes of the input are
 * what the engine, or a credential helper, answers, and waiting moves the clock; all
 * above that is the real plugin, called through the core's checks. An input is one byte for the
 * call, then answers:
 *
 *     @STATUS API-VERSION
 *     the body, up to the next line that begins with @
 *
 * A status below 100 is an exchange that fails. A stream is fed in pieces, whose sizes
 * depend on its length. Whatever comes, the plugin keeps its contract: no INTERNAL, an
 * error that says why, events with ids that fit.
 */
#include "../../plugins/runtime/docker/auth.h"
#include "../../plugins/runtime/docker/clip.h"
#include "../../plugins/runtime/docker/docker.h"
#include "fuzz_lines.h"
#include "plugin/runtime.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/mman.h>

#define DEADLINE_MS 60000
#define WORKER_ID   "6f1c2a52-58d4-4b5e-9f0f-3a1c0a1b2c3d"
#define TASK_ID     "21b23589-5d2d-4731-b5c9-a97e9832d021"
#define PING        "@200 1.44\nOK\n"
#define INSPECTED                                                                       \
	"@200 -\n{\"Id\":\"0123456789abcdef\",\"State\":{\"Status\":\"exited\","        \
	"\"ExitCode\":137,\"OOMKilled\":true,\"Error\":\"\",\"StartedAt\":"             \
	"\"2026-03-01T12:00:00.123456789Z\",\"FinishedAt\":\"2026-03-01T12:00:01Z\"},"  \
	"\"Config\":{\"Labels\":{\"cube.task\":\"" TASK_ID "\",\"cube.attempt\":\"1\"," \
	"\"cube.worker\":\"" WORKER_ID "\",\"cube.ports\":\"80/tcp 53/udp\"}},"         \
	"\"NetworkSettings\":{\"Ports\":{\"80/tcp\":[{\"HostIp\":\"0.0.0.0\","          \
	"\"HostPort\":\"32768\"},{\"HostIp\":\"::\",\"HostPort\":\"32768\"}],"          \
	"\"53/udp\":null}}}\n"

static const struct fuzz_seed seeds[] = {
	FUZZ_SEED("i" PING INSPECTED),
	FUZZ_SEED("l" PING "@200 -\n[{\"Id\":\"abc\",\"State\":\"running\",\"Labels\":{"
		  "\"cube.task\":\"" TASK_ID "\",\"cube.attempt\":\"2\"}},{\"Id\":\"d\","
		  "\"State\":\"created\",\"Labels\":{}}]\n"),
	FUZZ_SEED("g" PING "@200 -\n\x01\0\0\0\0\0\0\x05hello\x02\0\0\0\0\0\0\x03"
		  "err\x03\0\0\0\0\0\0\x01!"),
	FUZZ_SEED("p" PING "@404 -\n{\"message\":\"No such image: x\"}\n@200 -\n"
		  "{\"status\":\"Pulling from library/x\",\"id\":\"latest\"}\r\n"
		  "{\"status\":\"Downloading\",\"progressDetail\":{\"current\":5,\"total\":9},"
		  "\"id\":\"a3ed95caeb02\"}\r\n{\"status\":\"Pull complete\",\"id\":"
		  "\"a3ed95caeb02\"}\r\n{\"errorDetail\":{\"message\":\"toomanyrequests\"},"
		  "\"error\":\"toomanyrequests\"}\r\n"),
	FUZZ_SEED("p" PING "@404 -\n{}\n@200 -\n{\"status\":\"x\"}\n\n@200 -\n{}\n"),
	FUZZ_SEED("r" PING "@201 -\n{\"Id\":\"0123456789abcdef\",\"Warnings\":[]}\n"
		  "@204 -\n\n" INSPECTED),
	FUZZ_SEED("r" PING "@409 -\n{\"message\":\"Conflict. The container name is already in "
		  "use\"}\n" INSPECTED "@204 -\n\n" INSPECTED),
	FUZZ_SEED("r" PING
		  "@201 -\n{\"Id\":\"ab\"}\n@500 -\n{\"message\":\"driver failed: port "
		  "is already allocated\"}\n@204 -\n\n"),
	FUZZ_SEED("s" PING "@409 -\n{\"message\":\"Container x is not running\"}\n"),
	FUZZ_SEED("d" PING "@500 -\n{\"message\":\"cannot be removed without force\"}\n"),
	FUZZ_SEED("b" PING "@200 -\n{\"CPUCfsQuota\":true,\"MemoryLimit\":true}\n"),
	FUZZ_SEED("b@400 1.24\n{\"message\":\"client version 1.44 is too new\"}\n@5 -\n\n"),
	FUZZ_SEED("e" PING
		  "@200 -\n{\"Type\":\"container\",\"Action\":\"die\",\"Actor\":{\"ID\":"
		  "\"a\",\"Attributes\":{\"cube.task\":\"" TASK_ID
		  "\"}}}\n{\"Action\":\"start\"}\n"
		  "{\"Action\":\"exec_start: x\"}\nnot json\n"),
	FUZZ_SEED("a{\"auths\":{\"https://registry.example:5000/v1/\":{\"auth\":\"dTpw\"},"
		  "\"localhost\":{\"identitytoken\":\"t\"}},\"credHelpers\":{\"docker.io\":"
		  "\"pass\"}}"),
	FUZZ_SEED("a@200 -\n{\"ServerURL\":\"x\",\"Username\":\"u\",\"Secret\":\"s\"}\n"
		  "@0 -\n{\"credsStore\":\"secretservice\"}"),
	FUZZ_SEED("c{\"a\":\"a long text\",\"b\\\"\":[\"\\u00e9\",\"x\"],\"c\":\"\\\\\"}"),
};

/* ---- the engine ---- */

static struct answers {
	pthread_mutex_t lock; /* events ask from a thread of their own */
	pthread_cond_t over;
	const uint8_t *at;
	const uint8_t *end;
	bool ended; /* asked for one more than there are */
} answers = {.lock = PTHREAD_MUTEX_INITIALIZER, .over = PTHREAD_COND_INITIALIZER};

static atomic_uint_fast64_t now_ms;

struct answer {
	long status;
	char version[16];
	const uint8_t *body;
	size_t size;
};

/* Where the next line that begins with @ begins; end if there is none. */
static const uint8_t *
next_answer(const uint8_t *at, const uint8_t *end)
{
	while (at < end) {
		const uint8_t *line = memchr(at, '\n', (size_t)(end - at));

		if (line == NULL || line + 1 >= end)
			return end;
		if (line[1] == '@')
			return line + 1;
		at = line + 1;
	}
	return end;
}

static bool
answer_take(struct answer *out)
{
	char *line;

	memset(out, 0, sizeof(*out));
	(void)pthread_mutex_lock(&answers.lock);
	if (answers.at >= answers.end || *answers.at != '@') {
		answers.ended = true;
		(void)pthread_cond_signal(&answers.over);
		(void)pthread_mutex_unlock(&answers.lock);
		return false;
	}
	line = fuzz_line(&answers.at, answers.end);
	(void)sscanf(line, "@%3ld %15s", &out->status, out->version);
	free(line);
	out->body = answers.at;
	/* A body may be empty: the very next line may be an answer. */
	if (answers.at < answers.end && *answers.at != '@')
		answers.at = next_answer(answers.at, answers.end);
	out->size = (size_t)(answers.at - out->body);
	(void)pthread_mutex_unlock(&answers.lock);
	return true;
}

static bool
feed(const struct http_stream *stream, const struct answer *answer)
{
	size_t piece = 1 + answer->size % 97;

	if (stream->begin != NULL && stream->begin(stream->ctx) != 0)
		return false;
	for (size_t at = 0; at < answer->size; at += piece) {
		size_t size = answer->size - at < piece ? answer->size - at : piece;
		char *exact = malloc(size);
		int rc;

		FUZZ_MUST(exact != NULL);
		memcpy(exact, answer->body + at, size);
		rc = stream->data(stream->ctx, exact, size);
		free(exact);
		if (rc != 0 || stream->tick(stream->ctx) != 0)
			return false;
	}
	return true;
}

int __wrap_http_perform(struct http_conn *conn, const struct http_request *request,
			struct http_reply *reply, struct cube_error *err);
int __wrap_helper_get(const char *name, const char *server, const struct helper_wait *wait,
		      struct buf *out, struct cube_error *err);
void __wrap_http_wait(struct http_conn *conn, uint32_t wait_ms);

void
__wrap_http_wait(struct http_conn *conn, uint32_t wait_ms)
{
	(void)conn;
	(void)atomic_fetch_add(&now_ms, wait_ms);
}

int
__wrap_http_perform(struct http_conn *conn, const struct http_request *request,
		    struct http_reply *reply, struct cube_error *err)
{
	struct answer answer;
	bool reads = strcmp(request->method, "GET") == 0;

	(void)conn;
	FUZZ_MUST(request->path[0] == '/');
	for (const char *at = request->path; *at != '\0'; at++)
		FUZZ_MUST(*at > ' ' && *at < 0x7f);
	memset(reply, 0, sizeof(*reply));
	buf_init(&reply->body,
		 request->limit_bytes == 0 ? (size_t)64 * 1024 : request->limit_bytes);
	if (!answer_take(&answer) || answer.status < 100)
		return cube_fail(err, reads ? CUBE_ERR_UNAVAILABLE : CUBE_ERR_TIMEOUT, 0,
				 "the script has no answer");
	reply->status = answer.status;
	memcpy(reply->api_version, answer.version, sizeof(reply->api_version));
	if (request->stream != NULL && answer.status >= 200 && answer.status < 300) {
		reply->stopped = !feed(request->stream, &answer);
		return 0;
	}
	buf_append(&reply->body, answer.body, answer.size);
	return reply->body.failed ? cube_fail(err, CUBE_ERR_UNAVAILABLE, 0, "too large") : 0;
}

int
__wrap_helper_get(const char *name, const char *server, const struct helper_wait *wait,
		  struct buf *out, struct cube_error *err)
{
	struct answer answer;

	(void)wait;
	FUZZ_MUST(name[0] != '\0' && server[0] != '\0');
	if (!answer_take(&answer) || answer.status < 100)
		return cube_fail(err, CUBE_ERR_NOT_FOUND, 0, "the script has no answer");
	buf_append(out, answer.body, answer.size);
	return out->failed ? cube_fail(err, CUBE_ERR_INVALID, 0, "too large") : 0;
}

/* ---- the core's side ---- */

static void
host_log(void *ctx, int level, const char *message)
{
	(void)ctx;
	(void)level;
	(void)message;
}

static uint64_t
host_now_ms(void *ctx)
{
	(void)ctx;
	return atomic_load(&now_ms);
}

static uint64_t
host_random(void *ctx)
{
	(void)ctx;
	return 7;
}

static int
on_progress(void *ctx, uint64_t done_bytes, uint64_t total_bytes, const char *what)
{
	(void)ctx;
	(void)done_bytes;
	(void)total_bytes;
	fuzz_check_text(what);
	return 0;
}

static int
on_container(void *ctx, const struct cube_container *container)
{
	(void)ctx;
	FUZZ_MUST(container->handle[0] != '\0');
	return 0;
}

static int
on_output(void *ctx, int stream, const void *bytes, size_t size)
{
	(void)ctx;
	FUZZ_MUST(bytes != NULL && (stream == 1 || stream == 2));
	FUZZ_MUST(size < FUZZ_SIZE_MAX);
	return 0;
}

static void
on_changed(void *ctx, const char *task_id)
{
	(void)ctx;
	FUZZ_MUST(strlen(task_id) < CUBE_ID_SIZE);
	FUZZ_MUST(utf8_valid_prefix(task_id, strlen(task_id)) == strlen(task_id));
}

static void
on_resync(void *ctx)
{
	(void)ctx;
}

static int
try_events(struct runtime *runtime, struct cube_error *err)
{
	const struct cube_runtime_events listener = {
		.struct_size = sizeof(listener), .changed = on_changed, .resync = on_resync};
	int rc = runtime_start(runtime, &listener, err);

	if (rc != 0)
		return rc;
	(void)pthread_mutex_lock(&answers.lock);
	while (!answers.ended)
		(void)pthread_cond_wait(&answers.over, &answers.lock);
	(void)pthread_mutex_unlock(&answers.lock);
	runtime_stop(runtime);
	return 0;
}

static int
call(struct runtime *runtime, char what, struct cube_error *err)
{
	static const char *const words[] = {"x", NULL};
	static const struct cube_port port = {.container_port = 80, .protocol = 6};
	static const struct cube_label label = {"cube.task", TASK_ID};
	const struct cube_task_spec spec = {.struct_size = sizeof(spec),
					    .attempt = 1,
					    .port_count = 1,
					    .label_count = 1,
					    .task_id = TASK_ID,
					    .name = "web",
					    .image = "registry.example:5000/a/b:1",
					    .args = words,
					    .ports = &port,
					    .labels = &label,
					    .memory_bytes = 1 << 26};
	const struct cube_log_request log = {
		.struct_size = sizeof(log), .streams = 3, .write = on_output};
	struct cube_container container = {.struct_size = sizeof(container)};
	uint32_t enforces = 0;

	switch (what) {
	case 'i':
		return runtime_inspect(runtime, "abc", DEADLINE_MS, &container, err);
	case 'l':
		return runtime_list(runtime, DEADLINE_MS, on_container, NULL, err);
	case 'g':
		return runtime_logs(runtime, "abc", &log, err);
	case 'p':
		return runtime_prepare(runtime, &spec, DEADLINE_MS, on_progress, NULL, err);
	case 'r':
		return runtime_run(runtime, &spec, DEADLINE_MS, &container, err);
	case 's':
		return runtime_signal(runtime, "abc", 15, DEADLINE_MS, err);
	case 'd':
		return runtime_remove(runtime, "abc", DEADLINE_MS, err);
	case 'e':
		return try_events(runtime, err);
	default:
		return runtime_probe(runtime, DEADLINE_MS, &enforces, err);
	}
}

extern const struct cube_plugin cube_plugin;

static void
try_call(char what)
{
	static const char *const options[] = {"/nowhere", "missing", "bridge", "", NULL};
	struct plugin_services services = {NULL, host_log, host_now_ms, host_random};
	struct plugin_host host;
	struct runtime *runtime = NULL;
	struct cube_error err = {0};
	int rc;

	atomic_store(&now_ms, 1000);
	plugin_host_init(&host, WORKER_ID, &services);
	FUZZ_MUST(runtime_open("docker", cube_plugin.ops.runtime, &host.host, options, &runtime,
			       &err) == 0);
	rc = call(runtime, what, &err);
	if (rc == 0) {
		fuzz_accepted();
	} else {
		fuzz_check_error(rc, &err);
		FUZZ_MUST(rc != CUBE_ERR_INTERNAL);
	}
	runtime_close(runtime);
}

/* ---- its pure parts ---- */

static void
try_auth(const uint8_t *data, size_t size)
{
	struct buf header cleanup_buf = BUF_INIT((size_t)128 * 1024);
	const struct helper_wait wait = {.deadline_ms = DEADLINE_MS};
	const char *const registries[] = {"docker.io", "registry.example:5000", "localhost"};
	struct cube_error err = {0};
	char path[64];
	int fd = memfd_create("docker_fuzz", MFD_CLOEXEC);

	FUZZ_MUST(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	for (size_t i = 0; i < 3; i++) {
		int rc = auth_header(path, registries[i], &wait, &header, &err);

		if (rc != 0)
			fuzz_check_error(rc, &err);
		else if (header.size > 0)
			FUZZ_MUST(strncmp(buf_text(&header), "X-Registry-Auth: ", 17) == 0 &&
				  strpbrk(buf_text(&header), "\r\n") == NULL);
		buf_reset(&header);
	}
	(void)close(fd);
}

/* What was JSON is JSON afterwards, and no string in it is longer than asked. */
static void
try_clip(const uint8_t *data, size_t size)
{
	struct json_doc doc cleanup_json = {0};
	struct json_doc clipped cleanup_json = {0};
	struct cube_error err = {0};
	char *text = malloc(size + 1);
	size_t after;

	FUZZ_MUST(text != NULL);
	memcpy(text, data, size);
	after = clip_strings(text, size, 4);
	FUZZ_MUST(after <= size);
	if (json_parse((const char *)data, size, &doc, &err) == 0 &&
	    doc.root->type == JSON_ARRAY) {
		FUZZ_MUST(json_parse(text, after, &clipped, &err) == 0);
		FUZZ_MUST(clipped.root->count == doc.root->count);
	}
	free(text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *end = data + size;

	if (size == 0)
		return 0;
	answers.at = next_answer(data, end);
	if (size > 1 && data[1] == '@')
		answers.at = data + 1;
	answers.end = end;
	answers.ended = false;
	if (*data == 'a')
		try_auth(data + 1, size - 1);
	else if (*data == 'c')
		try_clip(data + 1, size - 1);
	else
		try_call((char)*data);
	return 0;
}

FUZZ_MAIN(seeds)
