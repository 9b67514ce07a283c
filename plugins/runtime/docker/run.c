/* run.c - the calls of one container: run, signal, remove, inspect; and list.
 *
 * What an answer of the engine means to the core:
 *   no connection, or no version in common          UNAVAILABLE
 *   a read that is garbage, cut short, too large    UNAVAILABLE
 *   a change whose answer is so, or never came      TIMEOUT: the core looks
 *   the engine is ill (engine_is_ill)               UNAVAILABLE; a container that was
 *                                                   created waits for the next run
 *   create: 404 no such image                       NOT_FOUND
 *   create, start: other 4xx and 5xx, such as a program that is not in the image, a
 *   network that does not exist, too many CPUs      INVALID: the task's fault
 *   start: the host port is taken                   CONFLICT
 *   start: someone has removed the container        NOT_FOUND
 *   create: the name is taken                       if by this very attempt, it is
 *                                                   started and returned; else INVALID,
 *                                                   also if nothing is there by that name
 *                                                   after a few tries
 * After a start that failed for the task's sake the container is removed again, so that
 * nothing stays that no task owns. Podman 4.3 says 500 where Docker says 409. [task]
 */
#include "docker.h"

#include "base/cleanup.h"
#include "container.h"
#include "create.h"
#include "image.h"

#include <signal.h>
#include <string.h>

#define INSPECT_BYTES                                                          \
	((size_t)8 * 1024 * 1024) /* it repeats the task's whole spec, escaped \
				   */
#define LIST_BYTES    ((size_t)64 * 1024 * 1024)
#define BODY_BYTES    ((size_t)8 * 1024 * 1024)
#define PATH_BYTES    512
#define WORDS_BYTES   1024
#define TRIES         6   /* while a name is taken by something not to be seen */
#define FIRST_WAIT_MS 100 /* before the second; doubles */
#define NOT_SEEN      1
#define STALE         2 /* it can never start, and was removed: make another */

/* ---- small calls ---- */

__attribute__((format(printf, 7, 8))) static int
call(struct docker *docker, const char *method, size_t limit_bytes, uint64_t deadline_ms,
     struct http_reply *reply, struct cube_error *err, const char *fmt, ...)
{
	char path[PATH_BYTES];
	const struct http_request request = {.method = method,
					     .path = path,
					     .limit_bytes = limit_bytes,
					     .deadline_ms = deadline_ms};
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(path, sizeof(path), fmt, args);
	va_end(args);
	return engine_call(docker->engine, NULL, &request, reply, err);
}

static bool
says(const struct http_reply *reply, const char *words)
{
	char said[WORDS_BYTES];

	engine_words(reply, said, sizeof(said));
	return strcasestr(said, words) != NULL;
}

static int
check_handle(const char *handle, struct cube_error *err)
{
	if (container_handle_ok(handle))
		return 0;
	return cube_fail(err, CUBE_ERR_INVALID, 0, "\"%.80s\" is no container's id", handle);
}

/* The class of a refusal that is nothing special to the call. */
static int
refusal(const struct http_reply *reply)
{
	return reply->status >= 400 && reply->status < 500 ? CUBE_ERR_INVALID
							   : CUBE_ERR_UNAVAILABLE;
}

/* Fills doc with what the engine says of a container, by id or name. reply keeps the text. */
static int
inspect(struct docker *docker, const char *handle, uint64_t deadline_ms,
	struct http_reply *reply, struct json_doc *doc, struct cube_error *err)
{
	int rc = call(docker, "GET", INSPECT_BYTES, deadline_ms, reply, err,
		      "/containers/%s/json", handle);

	if (rc != 0)
		return rc;
	if (reply->status == 404)
		return engine_refused(reply, CUBE_ERR_NOT_FOUND, err, "inspect");
	if (reply->status != 200)
		return engine_refused(reply, refusal(reply), err, "inspect %.12s", handle);
	return engine_parse(reply, "an inspect", CUBE_ERR_UNAVAILABLE, doc, err);
}

int
run_inspect(void *self, const char *handle, uint64_t deadline_ms, struct cube_container *out,
	    struct cube_error *err)
{
	cleanup_reply struct http_reply reply = {0};
	cleanup_json struct json_doc doc = {0};
	int rc;

	rc = check_handle(handle, err);
	if (rc == 0)
		rc = inspect(self, handle, deadline_ms, &reply, &doc, err);
	if (rc == 0)
		rc = container_read(doc.root, out, err);
	return rc;
}

/* ---- run ---- */

/* After a failed start; what cannot be removed now shows up in list. */
static void
discard(struct docker *docker, const char *id, uint64_t deadline_ms)
{
	cleanup_reply struct http_reply reply = {0};
	struct cube_error ignored;

	(void)call(docker, "DELETE", 0, deadline_ms, &reply, &ignored,
		   "/containers/%s?v=1&force=1", id);
}

/* An engine that was killed in the middle of a start shows the container as created, and
 * refuses each later start of it for what it left behind; or for its removal, if that was
 * begun. */
static bool
is_stale(const struct http_reply *reply)
{
	return says(reply, ": already exists") || says(reply, "id already in use") ||
	       says(reply, "marked for removal") || says(reply, "failed to start shim: mkdir");
}

static int
start(struct docker *docker, const char *id, uint64_t deadline_ms, struct cube_error *err)
{
	cleanup_reply struct http_reply reply = {0};
	int code = CUBE_ERR_INVALID;
	int rc;

	rc = call(docker, "POST", 0, deadline_ms, &reply, err, "/containers/%s/start", id);
	if (rc != 0)
		return rc;
	if (reply.status == 204 || reply.status == 304)
		return 0;
	if (engine_is_ill(&reply))
		return engine_refused(&reply, CUBE_ERR_UNAVAILABLE, err, "start");
	if (reply.status < 400)
		return cube_fail(err, CUBE_ERR_TIMEOUT, 0,
				 "the engine answered a start with status %ld", reply.status);
	if (is_stale(&reply)) {
		(void)engine_refused(&reply, CUBE_ERR_UNAVAILABLE, err, "start");
		discard(docker, id, deadline_ms);
		return STALE;
	}
	if (says(&reply, "port is already allocated") || says(&reply, "address already in use"))
		code = CUBE_ERR_CONFLICT;
	else if (reply.status == 404 &&
		 (says(&reply, "no such container") || says(&reply, "no container with")))
		code = CUBE_ERR_NOT_FOUND; /* someone removed it meanwhile */
	(void)engine_refused(&reply, code, err, "start");
	discard(docker, id, deadline_ms);
	return code;
}

static bool
is_of(const struct cube_container *container, const struct cube_task_spec *spec)
{
	return strcmp(container->task_id, spec->task_id) == 0 &&
	       container->attempt == spec->attempt;
}

/* Starts it unless it ran before, and reads it. */
static int
bring_up(struct docker *docker, const struct cube_task_spec *spec, const char *id, bool fresh,
	 uint64_t deadline_ms, struct cube_container *out, struct cube_error *err)
{
	struct cube_container found = {.struct_size = sizeof(found)};
	cleanup_reply struct http_reply reply = {0};
	cleanup_json struct json_doc doc = {0};
	int rc = 0;

	if (fresh)
		rc = start(docker, id, deadline_ms, err);
	if (rc == CUBE_ERR_UNAVAILABLE)
		err->code = rc = CUBE_ERR_TIMEOUT; /* the container is there all the same */
	if (rc != 0)
		return rc;
	rc = inspect(docker, id, deadline_ms, &reply, &doc, err);
	if (rc == 0)
		rc = container_read(doc.root, &found, err);
	if (rc == 0 && !is_of(&found, spec))
		rc = cube_fail(err, CUBE_ERR_UNAVAILABLE, 0,
			       "the engine takes container %.12s for another task's", id);
	if (rc == 0)
		return container_read(doc.root, out, err);
	/* It was started, and more is not known. */
	err->code = CUBE_ERR_TIMEOUT;
	return CUBE_ERR_TIMEOUT;
}

/* The name is taken: is it this very attempt's, of a run that was repeated? NOT_SEEN: there
 * is nothing by that name. */
static int
adopt(struct docker *docker, const struct cube_task_spec *spec, const char *name,
      uint64_t deadline_ms, struct cube_container *out, struct cube_error *err)
{
	cleanup_reply struct http_reply reply = {0};
	cleanup_json struct json_doc doc = {0};
	struct cube_container found = {.struct_size = sizeof(found)};
	const char *worker;
	int rc;

	rc = inspect(docker, name, deadline_ms, &reply, &doc, err);
	if (rc == CUBE_ERR_NOT_FOUND)
		return NOT_SEEN;
	if (rc != 0)
		return rc;
	rc = container_read(doc.root, &found, err);
	if (rc != 0)
		return rc;
	worker = container_label(doc.root, "cube.worker");
	if (worker == NULL || strcmp(worker, docker->host->identity) != 0 ||
	    !is_of(&found, spec))
		return cube_fail(err, CUBE_ERR_INVALID, 0,
				 "the container name %s is taken by %.12s, which is %s; "
				 "remove or rename it",
				 name, found.handle,
				 worker == NULL ? "none of cube's"
						: "another worker's or task's");
	return bring_up(docker, spec, found.handle, found.state == CUBE_CONTAINER_CREATED,
			deadline_ms, out, err);
}

static bool
is_name_conflict(const struct http_reply *reply)
{
	return reply->status == 409 ||
	       (reply->status == 500 && says(reply, "is already in use by"));
}

/* The id of a container just made. */
static int
read_id(struct http_reply *reply, char out[CUBE_HANDLE_SIZE], struct cube_error *err)
{
	cleanup_json struct json_doc doc = {0};
	const char *id;
	int rc;

	rc = engine_parse(reply, "a create", CUBE_ERR_TIMEOUT, &doc, err);
	if (rc != 0)
		return rc;
	id = engine_text(doc.root, "Id");
	if (id == NULL || !container_handle_ok(id))
		return cube_fail(err, CUBE_ERR_TIMEOUT, 0,
				 "the engine does not say which container it made");
	(void)snprintf(out, CUBE_HANDLE_SIZE, "%s", id);
	return 0;
}

static int
create(struct docker *docker, const struct cube_task_spec *spec, const char *name,
       uint64_t deadline_ms, struct http_reply *reply, struct cube_error *err)
{
	cleanup_buf struct buf body = BUF_INIT(BODY_BYTES);
	char path[PATH_BYTES];
	struct http_request request = {
		.method = "POST", .path = path, .deadline_ms = deadline_ms};
	int rc;

	rc = create_body(docker, spec, &body, err);
	if (rc != 0)
		return rc;
	(void)snprintf(path, sizeof(path), "/containers/create?name=%s", name);
	request.body = buf_text(&body);
	request.body_size = body.size;
	return engine_call(docker->engine, NULL, &request, reply, err);
}

/* One try. NOT_SEEN, STALE: another may go better. */
static int
try_run(struct docker *docker, const struct cube_task_spec *spec, const char *name,
	uint64_t deadline_ms, struct cube_container *out, struct cube_error *err)
{
	cleanup_reply struct http_reply reply = {0};
	char id[CUBE_HANDLE_SIZE];
	int code = CUBE_ERR_INVALID;
	int rc;

	rc = create(docker, spec, name, deadline_ms, &reply, err);
	if (rc != 0)
		return rc;
	if (is_name_conflict(&reply))
		return adopt(docker, spec, name, deadline_ms, out, err);
	if (reply.status >= 400) {
		if (reply.status == 404)
			code = CUBE_ERR_NOT_FOUND;
		else if (engine_is_ill(&reply))
			code = CUBE_ERR_UNAVAILABLE;
		return engine_refused(&reply, code, err, "create");
	}
	rc = read_id(&reply, id, err);
	if (rc != 0)
		return rc;
	return bring_up(docker, spec, id, true, deadline_ms, out, err);
}

/* False: the deadline is nearer than that. */
static bool
wait_a_while(struct docker *docker, uint32_t wait_ms, uint64_t deadline_ms)
{
	struct cube_error ignored;
	struct http_conn *conn;

	if (docker->host->now_ms(docker->host->ctx) + wait_ms >= deadline_ms)
		return false;
	conn = engine_take(docker->engine, &ignored);
	if (conn == NULL)
		return false;
	http_wait(conn, wait_ms);
	engine_give(docker->engine, conn);
	return true;
}

int
run_run(void *self, const struct cube_task_spec *spec, uint64_t deadline_ms,
	struct cube_container *out, struct cube_error *err)
{
	char name[CREATE_NAME_SIZE];
	uint32_t wait_ms = FIRST_WAIT_MS;
	int rc;

	rc = image_check(spec->image, err);
	if (rc != 0)
		return rc;
	create_name(spec, name);
	/* An engine that was busy when an earlier run gave up may still be at its create:
	 * the name is taken then, and the container not yet to be seen. The same while
	 * one is being removed. */
	for (int tries = 1;; tries++) {
		bool last;

		rc = try_run(self, spec, name, deadline_ms, out, err);
		if (rc != NOT_SEEN && rc != STALE)
			return rc;
		last = tries == TRIES || !wait_a_while(self, wait_ms, deadline_ms);
		if (last && rc == STALE)
			return err->code;
		if (last)
			return cube_fail(err, CUBE_ERR_INVALID, 0,
					 "the container name %s is taken, but the engine shows "
					 "no container by that name",
					 name);
		wait_ms *= 2;
	}
}

/* ---- signal, remove ---- */

int
run_signal(void *self, const char *handle, int signo, uint64_t deadline_ms,
	   struct cube_error *err)
{
	cleanup_reply struct http_reply reply = {0};
	int rc;

	rc = check_handle(handle, err);
	if (rc == 0)
		rc = call(self, "POST", 0, deadline_ms, &reply, err,
			  "/containers/%s/kill?signal=%d", handle, signo);
	if (rc != 0)
		return rc;
	/* Not running is as good as signalled. */
	if (reply.status < 300 || reply.status == 409 || says(&reply, "is not running") ||
	    says(&reply, "can only kill running containers"))
		return 0;
	if (reply.status == 404)
		return engine_refused(&reply, CUBE_ERR_NOT_FOUND, err, "signal %d", signo);
	return engine_refused(&reply, refusal(&reply), err, "signal %d", signo);
}

int
run_remove(void *self, const char *handle, uint64_t deadline_ms, struct cube_error *err)
{
	cleanup_reply struct http_reply reply = {0};
	int rc;

	rc = check_handle(handle, err);
	if (rc == 0)
		rc = call(self, "DELETE", 0, deadline_ms, &reply, err,
			  "/containers/%s?v=1&force=0", handle);
	if (rc != 0)
		return rc;
	if (reply.status < 300 || reply.status == 404)
		return 0;
	if (reply.status == 409 && says(&reply, "is already in progress"))
		return 0;
	if (reply.status == 409 || says(&reply, "cannot be removed without force"))
		return engine_refused(&reply, CUBE_ERR_CONFLICT, err, "remove");
	return engine_refused(&reply, refusal(&reply), err, "remove");
}

/* ---- list ---- */

int
run_list(void *self, uint64_t deadline_ms,
	 int (*visit)(void *ctx, const struct cube_container *c), void *ctx,
	 struct cube_error *err)
{
	cleanup_buf struct buf filters = BUF_INIT(1024);
	cleanup_buf struct buf escaped = BUF_INIT(PATH_BYTES);
	cleanup_reply struct http_reply reply = {0};
	cleanup_json struct json_doc doc = {0};
	const struct json_value *entry;
	struct cube_container found;
	struct docker *docker = self;
	int rc;

	buf_printf(&filters, "{\"label\":[\"cube.worker=%s\"]}", docker->host->identity);
	http_escape(&escaped, buf_text(&filters), "");
	if (escaped.failed)
		return cube_fail(err, CUBE_ERR_NO_MEMORY, 0, "no memory for a list");
	rc = call(docker, "GET", LIST_BYTES, deadline_ms, &reply, err,
		  "/containers/json?all=1&filters=%s", buf_text(&escaped));
	if (rc != 0)
		return rc;
	if (reply.status != 200)
		return engine_refused(&reply, refusal(&reply), err, "list");
	rc = engine_parse(&reply, "a list", CUBE_ERR_UNAVAILABLE, &doc, err);
	if (rc != 0)
		return rc;
	if (doc.root->type != JSON_ARRAY)
		return cube_fail(err, CUBE_ERR_UNAVAILABLE, 0,
				 "the engine's answer to a list is no array");
	/* All or none: a list that lacks one would have it declared vanished. */
	for (entry = doc.root->as.first; entry != NULL; entry = entry->next)
		if (container_read_listed(entry, &found, err) != 0)
			return err->code;
	for (entry = doc.root->as.first; entry != NULL; entry = entry->next) {
		if (container_read_listed(entry, &found, err) != 0)
			return err->code;
		if (visit(ctx, &found) != 0)
			break;
	}
	return 0;
}
