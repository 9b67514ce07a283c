/* cube/node_change.c - see the header.
 *
 * A drain is the manager's work and goes on without us. What is shown of it is read from the
 * tasks that were on the node when it began: each is told of once, when it runs elsewhere or
 * is over, and what has found no place when the node is empty, at the end. Main thread.
 */
#include "node_change.h"

#include "base/clock.h"
#include "base/vec.h"
#include "find.h"
#include "model/task.h"
#include "table.h"
#include "wait.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STATE_SCHEDULED 1
#define STATE_RUNNING   2

/* A task that was on the node. */
struct moving {
	char id[ID_SIZE];
	char name[NAME_SIZE];
	bool told;
	uint32_t seen; /* the round in which it was still there */
};

struct drain {
	const struct api *api;
	const char *name;
	struct moving *tasks;
	size_t count;
	size_t capacity;
	uint32_t round;
	bool failed; /* memory was short */
};

int
node_path(const char *name, char *path, size_t size, struct cube_error *err)
{
	if (!name_is_valid(name))
		return cube_fail(err, CUBE_ERR_NOT_FOUND, 0, "'%.64s' is not a node's name",
				 name);
	(void)snprintf(path, size, "/nodes/%s", name);
	return 0;
}

bool
node_is_change(const char *word)
{
	static const char *const words[] = {"cordon", "uncordon", "drain", "rm"};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcmp(word, words[i]) == 0)
			return true;
	}
	return false;
}

/* ---- what moves ---- */

static int
by_id(const void *a, const void *b)
{
	return strcmp(((const struct moving *)a)->id, ((const struct moving *)b)->id);
}

/* A task that is on the node: known after the first round, in which it is put down. */
static int
note_task(void *ctx, const struct json_value *task)
{
	struct drain *drain = ctx;
	struct moving key = {.seen = 0};
	struct moving *found;

	if (id_parse(member_text(task, "ID", ""), key.id) < 0)
		return 0;
	if (drain->round > 1) {
		found = drain->count > 0
				? bsearch(&key, drain->tasks, drain->count, sizeof(key), by_id)
				: NULL;
		if (found != NULL)
			found->seen = drain->round;
		return 0;
	}
	found = vec_reserve(drain->tasks, &drain->capacity, drain->count + 1, sizeof(*found));
	if (found == NULL) {
		drain->failed = true;
		return 1;
	}
	drain->tasks = found;
	key.seen = drain->round;
	(void)snprintf(key.name, sizeof(key.name), "%s", member_text(task, "Name", ""));
	drain->tasks[drain->count++] = key;
	return 0;
}

/* Which of the tasks are still on the node. */
static int
look(struct drain *drain, struct cube_error *err)
{
	char query[128] = "";
	int rc = api_query_add(query, sizeof(query), "node", drain->name, err);

	if (rc == 0)
		rc = api_query_add(query, sizeof(query), "state", "1,2", err);
	if (rc == 0) {
		drain->round++;
		rc = api_tasks(drain->api, query, note_task, drain, err);
	}
	if (drain->failed)
		return cube_fail(err, CUBE_ERR_NO_MEMORY, 0, "out of memory");
	if (rc == 0 && drain->round == 1 && drain->count > 1)
		qsort(drain->tasks, drain->count, sizeof(*drain->tasks), by_id);
	return rc;
}

static void
print_line(const struct moving *task, const char *what, const char *text)
{
	(void)printf("%.8s ", task->id);
	text_print(stdout, task->name);
	(void)printf(" %s", what);
	text_print(stdout, text);
	(void)fputc('\n', stdout);
	(void)fflush(stdout);
}

/* What has become of one that left; last: for a place is no longer waited. */
static int
tell(const struct drain *drain, struct moving *task, bool last, struct cube_error *err)
{
	struct answer answer;
	const char *node;
	int64_t state;
	int rc = get_task(drain->api, task->id, &answer, err);

	if (rc == CUBE_ERR_NOT_FOUND) { /* it has ended, and is no longer listed */
		task->told = true;
		return 0;
	}
	if (rc != 0)
		return rc;
	node = member_text(answer.doc.root, "Node", "");
	state = member_int(answer.doc.root, "State", -1);
	task->told = true;
	if (member_bool(answer.doc.root, "Final"))
		print_line(task, "has ended", "");
	else if (state == STATE_RUNNING && strcmp(node, drain->name) != 0)
		print_line(task, "runs on ", node);
	else if (last && state != STATE_SCHEDULED)
		print_line(task, "waits: ", member_text(answer.doc.root, "Reason", ""));
	else
		task->told = false;
	answer_release(&answer);
	return 0;
}

/* 1: there is more to tell. */
static int
tell_all(struct drain *drain, bool last, struct cube_error *err)
{
	int more = 0;

	for (size_t i = 0; i < drain->count; i++) {
		struct moving *task = &drain->tasks[i];
		int rc;

		if (task->told || (!last && task->seen == drain->round))
			continue;
		rc = tell(drain, task, last, err);
		if (rc != 0)
			return rc;
		if (!task->told)
			more = 1;
	}
	return more;
}

/* 1: it drains; 0: it is over, and how many tasks its deadline stopped. */
static int
state_of(const struct drain *drain, int64_t *stopped, struct cube_error *err)
{
	char path[API_PATH_SIZE];
	struct answer answer;
	bool cordoned;
	bool drains;
	int rc = node_path(drain->name, path, sizeof(path), err);

	if (rc == 0)
		rc = api_call(drain->api, "GET", path, NULL, 0, &answer, err);
	if (rc != 0)
		return rc;
	drains = member_bool(answer.doc.root, "Draining");
	cordoned = member_bool(answer.doc.root, "Cordoned");
	*stopped = member_int(answer.doc.root, "DrainStopped", 0);
	answer_release(&answer);
	if (!drains && !cordoned)
		return cube_fail(err, CUBE_ERR_CONFLICT, 0,
				 "the drain was given up: node %s has been uncordoned",
				 drain->name);
	return drains;
}

/* One look. 1: it goes on. */
static int
follow_once(struct drain *drain, int64_t *stopped, struct cube_error *err)
{
	/* First the node: what is seen of its tasks is never older than that it is empty. */
	int rc = state_of(drain, stopped, err);
	int told;

	if (rc < 0)
		return rc;
	told = look(drain, err);
	if (told == 0)
		told = tell_all(drain, rc == 0, err);
	return told < 0 || rc == 0 ? told : rc;
}

static int
follow(struct drain *drain, struct cube_error *err)
{
	uint64_t heard_ms = clock_now().mono_ms;
	int64_t stopped = 0;
	int rc;

	while ((rc = follow_once(drain, &stopped, err)) != 0) {
		uint64_t now_ms = clock_now().mono_ms;

		if (rc > 0)
			heard_ms = now_ms;
		else if (rc != CUBE_ERR_UNAVAILABLE || now_ms - heard_ms > WAIT_DEAF_MS)
			return rc;
		wait_ms(500);
	}
	if (stopped == 0)
		return 0;
	complain("cube node",
		 "%" PRId64 " task%s had to be stopped when the deadline was over: see `cube "
		 "status`",
		 stopped, stopped == 1 ? "" : "s");
	return 1;
}

/* ---- the request ---- */

static int
send_change(const struct api *api, const struct node_change *change, struct cube_error *err)
{
	char path[API_PATH_SIZE];
	char body[64] = "";
	struct answer answer;
	int rc = node_path(change->name, path, sizeof(path), err);

	if (rc != 0)
		return rc;
	if (strcmp(change->word, "rm") == 0) {
		rc = api_call(api, "DELETE", path, NULL, 0, &answer, err);
	} else {
		size_t used = strlen(path);

		(void)snprintf(path + used, sizeof(path) - used, "/%s", change->word);
		if (change->has_deadline)
			(void)snprintf(body, sizeof(body), "{\"Deadline\": %" PRIu64 "}",
				       change->deadline_ms / 1000);
		rc = api_call(api, "POST", path, body, strlen(body), &answer, err);
	}
	if (rc == 0)
		answer_release(&answer);
	return rc;
}

int
node_change(const struct api *api, const struct node_change *change, struct cube_error *err)
{
	struct drain drain = {.api = api, .name = change->name};
	bool follows = strcmp(change->word, "drain") == 0 && change->waits;
	char path[API_PATH_SIZE];
	int rc = node_path(change->name, path, sizeof(path), err);

	/* What is there before the first one moves. */
	if (rc == 0 && follows)
		rc = look(&drain, err);
	if (rc == 0)
		rc = send_change(api, change, err);
	if (rc == 0 && follows)
		rc = follow(&drain, err);
	free(drain.tasks);
	if (rc >= 0)
		(void)printf("%s\n", change->name);
	return rc;
}
