/* tests/fuzz/worker_fuzz.c - the worker's brain on journals, orders and what a runtime says.
 *
 * An input is a script, one thing a line; its first byte says what:
 *
 *   =KEY VALUE   a record of the journal, before the start
 *   O JSON       PUT /desired           S JSON   POST /tasks
 *   P REV        a poll                 L, N     the list, its own description
 *   G, D ID      get, stop              j CODE   the manager's answer to joining
 *   R            the oldest job is done, as an engine would; R CODE: it fails with this
 *   V WORDS      it is done, and the runtime answers with this state, code, attempt, handle
 *   H CODE STATUS  the newest check of health has this error, or this status
 *   X CODE       the oldest container ends; c ID, z: look at one, at all; p: progress
 *   T MS         time goes by           E        the journal fails, or works again
 *   C            kill -9, and a new brain on what was durable
 *
 * A journal that is refused is refused in words; from then on no step may fail, each request
 * has exactly one reply, a task has at most one job under way, and what the brain wrote a
 * new brain can read.
 */
#include "../unit/worker_help.h"
#include "fuzz_lines.h"

#define STEPS_MAX 300 /* of one script: a failing journal keeps each of them */
#define NODE_ID   INSTANCE_1
#define TASK_X    "{\"ID\":\"" ID_1 "\",\"Name\":\"x\",\"Image\":\"x\",\"StopTimeout\":2}"
#define ORDERS(sequence, full, items)                                  \
	"O {\"Cluster\":\"" CLUSTER_1 "\",\"Worker\":\"" NODE_ID       \
	"\",\"Generation\":4,\"Sequence\":" sequence ",\"Full\":" full \
	",\"Acked\":\"65-3\",\"Tasks\":[" items "]}\n"
#define ORDER(attempt, wanted)                                                                \
	"{\"ID\":\"" ID_1 "\",\"Attempt\":" attempt ",\"Wanted\":" wanted ",\"Task\":" TASK_X \
	"}"
#define META                                                               \
	"=meta/cluster " CLUSTER_1 "\n=meta/desired 4-7\n=meta/format 1\n" \
	"=meta/instance " NODE_ID "\n"
#define RECORD(attempt, members)                                                    \
	"=attempt/" ID_1 "/0000000" attempt " {\"ID\":\"" ID_1 "\",\"Name\":\"x\"," \
	"\"Image\":\"x\",\"Wanted\":2,\"Attempt\":" attempt ",\"Acked\":false,"     \
	"\"Origin\":\"ordered\"," members "}\n"

static const struct fuzz_seed seeds[] = {
	FUZZ_SEED("R\nR\n" ORDERS(
		"1", "true",
		ORDER("1",
		      "2")) "P 0-0\nR\np 40%\nR\nP 65-1\n"
			    "X 3\nR\nL\nG " ID_1
			    "\n" ORDERS("2", "false", ORDER("2", "2")) "R\nR\nP 65-2\n" ORDERS(
				    "3", "false",
				    ORDER("2", "3")) "R\nT 1000\nR\nT 2000\nR\n"
						     "R\nR\nP 65-5\nT 5000\nC\nR\nR\nL"),
	FUZZ_SEED("R -6\nT 700\nR\nR\n" ORDERS(
		"1", "true",
		ORDER("1",
		      "2")) "R -2\nP 0-0\nT 1000\n" ORDERS("2", "true",
							   "") "L\nE\nS "
							       "{\"State\":2,\"Task\":" TASK_X
							       "}\nT 100\nE\nT 100\nN\nj "
							       "409\nj 0"),
	FUZZ_SEED("R\nR\nS {\"State\":2,\"Task\":" TASK_X "}\nR\nR\nL\nz\nR\nX 0\nR\nD " ID_1
		  "\nS {\"State\":3,\"Task\":{\"ID\":\"" ID_1 "\"}}\nR\nR\nC\nR\nR"),
	FUZZ_SEED(
		RECORD("1",
		       "\"State\":4,\"Phase\":\"ended\",\"ExitCode\":3,\"ContainerID\":\"c1\"")
			RECORD("2", "\"State\":2,\"Phase\":\"running\",\"ContainerID\":\"box-"
				    "6be4cb6b-2\","
				    "\"StartTime\":\"2026-03-01T12:00:00Z\"") META
		"P 64-9\nR\nV 2 0 2 box-6be4cb6b-2\nV 3 137 2 box-6be4cb6b-2\nP 65-0\nT 1000\n"
		"O {\"Cluster\":\"" CLUSTER_2 "\",\"Generation\":9,\"Sequence\":1}\n" ORDERS(
			"8", "true", ORDER("3", "2")) "R\nR\nR\nR\nL\nC\nL"),
	FUZZ_SEED("R\nR\nO {\"Cluster\":\"" CLUSTER_1 "\",\"Generation\":4,\"Sequence\":1,"
		  "\"Full\":true,\"Tasks\":[{\"ID\":\"" ID_1
		  "\",\"Attempt\":1,\"Wanted\":2,\"Task\":{\"Image\":\"x\",\"ExposedPorts\":"
		  "{\"80/tcp\":{}},\"Health\":{\"Http\":\"/\",\"Interval\":2,\"Threshold\":2}}"
		  "}]}\nR\nV 2 0 1 a\nT 2500\nH 0 500\nP 0-0\nT 2500\nH 0 200\nT 2500\nH -5 0\n"
		  "T 2500\nH -6 0\nT 2500\nH 0 404\nL\nR\nC\nR\nV 2 0 1 a\nR\nV 3 0 1 a\nL\nH "
		  "0 0"),
	FUZZ_SEED(RECORD("1", "\"State\":1,\"Phase\":\"ordered\"") META
		  "R\nV 1 0 1 a\nV 2 0 1 a\nc " ID_1 "\nV 3 0 1 a\nP 1-1\nL\n"),
};

struct script {
	struct rig *rig;
	uint64_t check; /* the newest; 0: none */
	uint32_t check_attempt;
	char check_task[ID_SIZE];
	uint8_t waits[STEPS_MAX + 8]; /* by token: not answered yet */
	intptr_t tokens;
};

static struct script *running; /* the rig's watch has no room for it */

/* The rig asserts as unit tests do. These two stand for check's own, which wants a test to
 * be running. */
void
_mark_point(const char *file, int line)
{
	(void)file;
	(void)line;
}

void
_ck_assert_failed(const char *file, int line, const char *expr, const char *msg, ...)
{
	(void)fprintf(stderr, "%s:%d: %s (%s)\n", file, line, expr, msg != NULL ? msg : "");
	abort();
}

/* ---- what comes out ---- */

static void
look(struct rig *rig, const struct worker_effect *effect)
{
	intptr_t token = (intptr_t)effect->token;
	size_t i;

	if (effect->kind == WORKER_EFFECT_REPLY) {
		FUZZ_MUST(token > 0 && token <= running->tokens);
		FUZZ_MUST(running->waits[token] == 1);
		running->waits[token] = 0;
		FUZZ_MUST(effect->status >= 200 && effect->status < 600);
		if (effect->status >= 400)
			fuzz_check_text(effect->message);
	}
	if (effect->kind == WORKER_EFFECT_CHECK) {
		FUZZ_MUST(effect->check > running->check || running->check == 0);
		FUZZ_MUST(effect->port != 0 && effect->host[0] != '\0');
		FUZZ_MUST(effect->spec->health.kind != HEALTH_NONE && effect->timeout_ms > 0);
		running->check = effect->check;
		running->check_attempt = effect->attempt;
		memcpy(running->check_task, effect->task_id, ID_SIZE);
	}
	if (effect->kind != WORKER_EFFECT_JOB || effect->task_id[0] == '\0')
		return;
	for (i = 0; i < rig->out_count; i++)
		FUZZ_MUST(rig->out[i]->kind != WORKER_EFFECT_JOB ||
			  strcmp(rig->out[i]->task_id, effect->task_id) != 0);
}

/* All but jobs and joins has been looked at. */
static void
drop_rest(struct rig *rig)
{
	size_t i = 0;

	while (i < rig->out_count) {
		if (rig->out[i]->kind == WORKER_EFFECT_JOB ||
		    rig->out[i]->kind == WORKER_EFFECT_JOIN)
			i++;
		else
			rig_forget_effect(rig, i);
	}
}

static bool
is_worn(const struct script *script)
{
	const struct rig *rig = script->rig;

	return script->tokens >= STEPS_MAX || rig->waiting_count >= STEPS_MAX ||
	       rig->out_count >= STEPS_MAX || rig->record_count >= STEPS_MAX ||
	       rig->box_count >= STEPS_MAX;
}

static void
send(struct script *script, struct worker_message *message)
{
	rig_send(script->rig, message);
	drop_rest(script->rig);
}

static struct worker_message *
request(struct script *script, enum worker_message_kind kind)
{
	struct worker_message *message = rig_message((int)kind, ++script->tokens);

	script->waits[script->tokens] = 1;
	return message;
}

/* ---- requests ---- */

static void
do_json(struct script *script, const char *line)
{
	struct json_doc doc cleanup_json = {0};
	struct cube_error err = {0};
	struct worker_message *message;
	int rc;

	if (strlen(line) < 2 || json_parse(line + 2, strlen(line + 2), &doc, &err) != 0)
		return;
	message = request(script, line[0] == 'O' ? WORKER_DESIRED : WORKER_RUN);
	rc = line[0] == 'O' ? orders_decode(&doc, &message->orders, &err)
			    : task_request_decode(&doc, doc.root, CODEC_LENIENT, ID_2,
						  &message->request, &err);
	if (rc == 0) {
		fuzz_accepted();
		send(script, message);
		return;
	}
	script->waits[script->tokens] = 0;
	worker_message_free(message);
}

static void
do_ask(struct script *script, enum worker_message_kind kind, const char *text)
{
	struct worker_message *message = request(script, kind);

	if (id_parse(text, message->task_id) != 0)
		memcpy(message->task_id, ID_1, ID_SIZE);
	if (revision_parse(text, &message->since) != 0)
		message->since = (struct revision){0, 0};
	message->wait_ms = (uint32_t)strlen(text) * 100;
	send(script, message);
}

/* ---- the runtime ---- */

static struct worker_effect *
oldest_job(const struct script *script)
{
	for (size_t i = 0; i < script->rig->out_count; i++)
		if (script->rig->out[i]->kind == WORKER_EFFECT_JOB)
			return script->rig->out[i];
	return NULL;
}

static void
do_job(struct script *script, const char *text)
{
	struct worker_effect *job = oldest_job(script);
	struct worker_message *message;
	long code = strtol(text, NULL, 10);

	if (job == NULL)
		return;
	if (code < 0 && code >= CUBE_ERR_INTERNAL)
		message = rig_outcome(job, (int)code, "so it is");
	else
		message = rig_engine(script->rig, job);
	rig_drop(script->rig, job);
	send(script, message);
}

/* "STATE CODE ATTEMPT HANDLE": what core/plugin/runtime.c lets through. */
static void
say_container(const struct worker_effect *job, const char *text, struct cube_container *out)
{
	unsigned state = 1;
	unsigned code = 0;
	unsigned attempt = 0;
	char handle[32] = "";

	(void)sscanf(text, "%u %u %u %31s", &state, &code, &attempt, handle);
	out->struct_size = sizeof(*out);
	out->state = 1 + (state + 2) % 3;
	out->exit_code = (int32_t)(code % 256);
	out->attempt = attempt;
	out->oom_killed = code == 137;
	(void)snprintf(out->task_id, sizeof(out->task_id), "%s",
		       job->task_id[0] != '\0' && attempt != 5 ? job->task_id : ID_1);
	(void)snprintf(out->cluster, sizeof(out->cluster), "%s",
		       attempt == 6 ? CLUSTER_2 : CLUSTER_1);
	(void)snprintf(out->handle, sizeof(out->handle), "%.*s",
		       (int)utf8_valid_prefix(handle, strlen(handle)), handle);
	if (out->handle[0] == '\0')
		memcpy(out->handle, "h", 2);
	out->port_count = 1;
	out->ports[0].container_port = 80;
	out->ports[0].host_port = (uint16_t)(1 + code % 65535);
	out->ports[0].protocol = 6;
}

static void
do_say(struct script *script, const char *text)
{
	struct worker_effect *job = oldest_job(script);
	struct cube_container *container;
	struct worker_message *message;

	if (job == NULL)
		return;
	message = rig_outcome(job, 0, "");
	container = calloc(1, sizeof(*container));
	FUZZ_MUST(container != NULL);
	say_container(job, text, container);
	if (job->job == WORKER_JOB_LIST) {
		message->containers = container;
		message->container_count = 1;
	} else if (job->job == WORKER_JOB_RUN || job->job == WORKER_JOB_INSPECT) {
		message->container = container;
	} else {
		free(container);
	}
	rig_drop(script->rig, job);
	send(script, message);
}

static void
do_check(struct script *script, const char *text)
{
	struct worker_message *message = rig_message(WORKER_CHECKED, 0);
	int code = 0;
	int status = 0;

	(void)sscanf(text, "%3d %3d", &code, &status);
	memcpy(message->task_id, script->check_task, ID_SIZE);
	message->attempt = script->check_attempt;
	message->check = script->check;
	message->status = status;
	if (code < 0 && code >= CUBE_ERR_INTERNAL)
		(void)cube_fail(&message->error, code, 0, "so it is");
	send(script, message);
}

static void
do_end(struct script *script, const char *text)
{
	struct rig *rig = script->rig;
	struct worker_message *message;

	for (size_t i = 0; i < rig->box_count; i++) {
		if (rig->boxes[i].state != CUBE_CONTAINER_RUNNING)
			continue;
		rig->boxes[i].state = CUBE_CONTAINER_EXITED;
		rig->boxes[i].exit_code = (int32_t)(strtoul(text, NULL, 10) % 256);
		message = rig_message(WORKER_CHANGED, 0);
		memcpy(message->task_id, rig->boxes[i].task_id, ID_SIZE);
		send(script, message);
		return;
	}
}

/* What comes without being asked for. */
static void
do_tell(struct script *script, const char *line, const char *rest)
{
	enum worker_message_kind kind = line[0] == 'c'   ? WORKER_CHANGED
					: line[0] == 'z' ? WORKER_RESYNC
					: line[0] == 'p' ? WORKER_PROGRESS
							 : WORKER_JOINED;
	struct worker_message *message = rig_message((int)kind, 0);

	if (kind == WORKER_JOINED) {
		message->status = 200 + (int)(strtoul(rest, NULL, 10) % 400);
		memcpy(message->cluster, CLUSTER_1, ID_SIZE);
	} else if (kind != WORKER_RESYNC) {
		memcpy(message->task_id, ID_1, ID_SIZE);
		message->attempt = 1;
	}
	(void)snprintf(message->reason, sizeof(message->reason), "%.*s",
		       (int)utf8_valid_prefix(rest, strnlen(rest, 200)), rest);
	send(script, message);
}

/* ---- the rest of the world ---- */

static void
do_sleep(struct script *script, const char *text)
{
	rig_sleep(script->rig,
		  strtoul(text, NULL, 10) % (script->rig->fault != NULL ? 1000 : 20000));
	drop_rest(script->rig);
}

static void
toggle_fault(struct script *script)
{
	struct rig *rig = script->rig;

	rig->fault = rig->fault == NULL ? "no space left on device" : NULL;
	if (rig->fault == NULL) {
		rig_commit(rig);
		send(script, rig_message(MESSAGE_WAKE, 0));
	}
}

static void
do_crash(struct script *script)
{
	memset(script->waits, 0, sizeof(script->waits));
	script->rig->fault = NULL;
	script->check = 0; /* their numbers begin anew */
	rig_crash(script->rig);
	drop_rest(script->rig);
}

static void
do_line(struct script *script, const char *line)
{
	const char *rest = strlen(line) > 2 ? line + 2 : "";

	if (line[0] == 'O' || line[0] == 'S')
		do_json(script, line);
	else if (line[0] == 'P')
		do_ask(script, WORKER_POLL, rest);
	else if (line[0] == 'L' || line[0] == 'N')
		do_ask(script, line[0] == 'L' ? WORKER_LIST : WORKER_NODE, rest);
	else if (line[0] == 'G' || line[0] == 'D')
		do_ask(script, line[0] == 'G' ? WORKER_GET : WORKER_STOP, rest);
	else if (line[0] == 'R')
		do_job(script, rest);
	else if (line[0] == 'V')
		do_say(script, rest);
	else if (line[0] == 'H')
		do_check(script, rest);
	else if (line[0] == 'X')
		do_end(script, rest);
	else if (line[0] == 'T')
		do_sleep(script, rest);
	else if (line[0] == 'E')
		toggle_fault(script);
	else if (line[0] == 'C')
		do_crash(script);
	else if (line[0] != '\0' && strchr("czpj", line[0]) != NULL)
		do_tell(script, line, rest);
}

/* As rig_boot, on records that may be refused. */
static bool
boot(struct rig *rig)
{
	struct cube_error err = {0};
	struct step step;
	int rc;

	rig->config.epoch++;
	FUZZ_MUST(worker_new(&rig->config, &rig->worker, &err) == 0);
	qsort(rig->records, rig->record_count, sizeof(rig->records[0]), rig_compare);
	rc = 0;
	for (size_t i = 0; i < rig->record_count && rc == 0; i++) {
		struct cube_record record = {.key = rig->records[i].key,
					     .value = rig->records[i].value,
					     .value_size = rig->records[i].size,
					     .revision = 1};

		rc = worker_load(rig->worker, &record, &err);
	}
	rig_begin(rig, &step);
	if (rc == 0)
		rc = worker_start(rig->worker, &step, &err);
	if (rc != 0) {
		fuzz_check_error(rc, &err);
		FUZZ_MUST(rc == CUBE_ERR_INTERNAL || rc == CUBE_ERR_INVALID);
		step_release(&step);
		return false;
	}
	rig_end(rig, &step);
	return true;
}

static void
store_line(struct rig *rig, char *line)
{
	char *space = strchr(line, ' ');

	if (space == NULL || space == line + 1)
		return;
	*space = '\0';
	rig_put(rig, line + 1, space + 1);
}

static void
finish(struct script *script)
{
	if (script->rig->fault != NULL)
		toggle_fault(script);
	send(script, rig_message(MESSAGE_QUIT, 0));
	FUZZ_MUST(memchr(script->waits, 1, sizeof(script->waits)) == NULL);
	do_crash(script);
	do_ask(script, WORKER_LIST, "");
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *end = data + size;
	struct script script = {.rig = rig_prepare()};
	char *line;

	running = &script;
	script.rig->watch = look;
	script.rig->config.joins = size % 2 == 0;
	while (data < end && *data == '=' && (line = fuzz_line(&data, end)) != NULL) {
		if (script.rig->record_count < STEPS_MAX)
			store_line(script.rig, line);
		free(line);
	}
	if (boot(script.rig)) {
		fuzz_accepted();
		drop_rest(script.rig);
		while (!is_worn(&script) && (line = fuzz_line(&data, end)) != NULL) {
			do_line(&script, line);
			free(line);
		}
		finish(&script);
	}
	rig_free(script.rig);
	return 0;
}

FUZZ_MAIN(seeds)
