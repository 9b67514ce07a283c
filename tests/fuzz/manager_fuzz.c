/* tests/fuzz/manager_fuzz.c - the manager's brain on stored records and messages of strangers.
 *
 * An input is a script, one thing a line; its first byte says what:
 *
 *   =KEY VALUE   a record of the store, before the start
 *   S JSON       POST /tasks            J JSON   POST /nodes
 *   H JSON       a worker's description, as the answer to a HELLO; B: it is the book's
 *   O STATUS     the answer to orders   P REVISION FULL JSON   the answer to a poll
 *   F            no answer to any of these
 *   G, D, Y ID   get, stop, history     N, X NAME   a node, and its removal; L: the list
 *   K, U NAME    cordon and uncordon    Q SECONDS   drain, by then
 *   Z ID         why; V JSON: why, of tasks that are not submitted
 *   W SINCE      events, and waiting for them
 *   T MS         time goes by           E        the store fails, or works again
 *   C            kill -9, and a new brain on what was durable
 *
 * Texts go through the decoders that the shell has before the brain. A store that is
 * refused is refused in words; from then on no step may fail, each request has exactly one
 * reply, and what the brain wrote a new brain can read.
 */
#include "../unit/manager_world.h"
#include "fuzz_lines.h"

#define TOKENS_MAX 16384
#define TASK_1     "21b23589-5d2d-4731-b5c9-a97e9832d021"
#define TASK_2     "6be4cb6b-61d1-40cb-bc7b-9cacefefa60c"
#define NODE_1                                                                                \
	"{\"Name\":\"n1\",\"Api\":\"http://10.0.0.7:5556\",\"Instance\":\"aaaaaaaa-"          \
	"aaaa-4aaa-8aaa-aaaaaaaaaaaa\",\"Cores\":2,\"Memory\":4194304,\"Disk\":1000000000,"   \
	"\"Runtime\":\"docker\",\"RuntimeReady\":true,\"Enforces\":[\"cpu\"],\"Revision\":3," \
	"\"Labels\":{\"arch\":\"arm64\"}}"
#define META "=meta/batch 7\n=meta/cluster " CLUSTER_1 "\n=meta/format 1\n=meta/generation 3\n"

static const struct fuzz_seed seeds[] = {
	FUZZ_SEED(
		"J " NODE_1 "\nH " NODE_1 "\nS {\"State\":2,\"Task\":{\"ID\":\"" TASK_1
		"\",\"Image\":\"x\",\"Memory\":1048576,\"PortBindings\":{\"80/"
		"tcp\":\"8080\"}}}\n"
		"T 100\nO 200\nP 9-1 1 []\nP 9-2 0 [{\"ID\":\"" TASK_1
		"\",\"State\":2,\"Attempt\":1,\"ContainerID\":\"c\",\"HostPorts\":{\"80/tcp\":"
		"[{\"HostIp\":\"\",\"HostPort\":\"8080\"}]}}]\nL\nG " TASK_1 "\nZ " TASK_1
		"\nP 9-3 0 [{\"ID\":\"" TASK_1
		"\",\"State\":4,\"Attempt\":1,\"ExitCode\":3}]\nT 1000\nO 200\nY " TASK_1
		"\nC"),
	FUZZ_SEED("J " NODE_1 "\nH " NODE_1 "\nS [{\"State\":2,\"Task\":{\"ID\":\"" TASK_1
		  "\",\"Image\":\"x\"}},{\"State\":2,\"Task\":{\"ID\":\"" TASK_2
		  "\",\"Image\":\"y\",\"Cpu\":64}},{\"State\":3,\"Task\":{\"ID\":\"" TASK_2
		  "\"}}]\nZ " TASK_2
		  "\nV [{\"State\":2,\"Task\":{\"Image\":\"x\",\"Memory\":5000000000,"
		  "\"Constraints\":[\"arch==arm64\",\"!exists gpu\"],\"MaxPerNode\":1,"
		  "\"ExposedPorts\":{\"80/tcp\":{}},\"PortBindings\":{\"80/tcp\":\"80\"}}},"
		  "{\"State\":2,\"Task\":{\"Image\":\"y\",\"Job\":\"j\"}}]\nZ " TASK_1
		  "\nO 409\nF\nT 40000\nH " NODE_1
		  "\nO 200\nX n1\nN n1\nK n1\nU n1\nQ 30\nW 4\nD " TASK_1
		  "\nW 0\nW 3\nW 18446744073709551615\nT 31000\nX n1\nC\nW 1\nL"),
	FUZZ_SEED("J " NODE_1 "\nB\nS {\"State\":2,\"Task\":{\"ID\":\"" TASK_1
		  "\",\"Image\":\"x\"}}\nO 201\nP 0-0 1 [{\"ID\":\"" TASK_1
		  "\",\"State\":2,\"RestartCount\":0}]\nE\nS "
		  "{\"State\":2,\"Task\":{\"ID\":\"" TASK_2
		  "\",\"Image\":\"x\"}}\nL\nE\nT 6000\nD " TASK_1 "\nO 204\nP 0-0 1 []"),
	FUZZ_SEED(
		"=event/0000000000000001 {\"Entries\":[{\"Task\":\"" TASK_1
		"\",\"Time\":\"2026-03-01T12:00:00.737Z\",\"State\":0,\"Attempt\":0,\"Node\":"
		"\"\","
		"\"Reason\":\"\"}]}\n=event/0000000000000002 {\"Entries\":[{\"Task\":\"" TASK_1
		"\",\"Time\":\"2026-03-01T12:00:01Z\",\"State\":1,\"Attempt\":1,\"Node\":"
		"\"n1\","
		"\"Reason\":\"\"}]}\n" META "=node/n1 " NODE_1 "\n=task/" TASK_1
		" {\"ID\":\"" TASK_1
		"\",\"Name\":\"x\",\"Image\":\"x\",\"Cpu\":0.5,\"State\":1,"
		"\"Wanted\":2,\"Attempt\":1,\"Node\":\"n1\",\"Sequence\":1,\"Brain\":{"
		"\"Submitted\":"
		"\"2026-03-01T12:00:00.7Z\",\"SpecHash\":\"d24dd9541b255aa6\"}}\n=task/" TASK_2
		" {\"ID\":\"" TASK_2
		"\",\"Name\":\"y\",\"Image\":\"y\",\"State\":4,\"Wanted\":2,"
		"\"Final\":true,\"ExitCode\":1,\"Sequence\":2}\nH " NODE_1
		"\nO 200\nP 8-1 1 []\n"
		"T 5000\nG " TASK_1 "\nC\nL"),
	FUZZ_SEED("=done/" TASK_1 " {\"SpecHash\":\"d24dd9541b255aa6\",\"State\":4,\"At\":"
		  "\"2026-03-01T12:00:00.737Z\",\"ExitCode\":3}\n=done/" TASK_2
		  " {\"SpecHash\":\"0000000000000001\",\"State\":3,\"At\":"
		  "\"2026-03-02T12:00:00Z\"}\n" META "=meta/sequence 12\n=task/" TASK_2
		  " {\"ID\":\"" TASK_2
		  "\",\"Name\":\"y\",\"Image\":\"y\",\"State\":3,\"Wanted\":2,"
		  "\"Final\":true,\"Sequence\":2,\"Brain\":{\"Ended\":"
		  "\"2026-03-01T12:00:01Z\"}}\nS {\"State\":2,\"Task\":{\"ID\":\"" TASK_1
		  "\",\"Image\":\"x\"}}\nG " TASK_1 "\nD " TASK_1 "\nT 61000\nG " TASK_2
		  "\nY " TASK_2 "\nT 86400000\nC\nL"),
	FUZZ_SEED("J " NODE_1 "\nH " NODE_1 "\nO 200\nS {\"State\":2,\"Task\":{\"ID\":\"" TASK_1
		  "\",\"Image\":\"x\"}}\nD " TASK_1
		  "\nS {\"State\":2,\"Task\":{\"ID\":\"" TASK_2
		  "\",\"Image\":\"y\"}}\nD " TASK_2 "\nP 9-1 1 [{\"ID\":\"" TASK_1
		  "\",\"State\":2,\"Attempt\":1}]\nS {\"State\":2,\"Task\":{\"ID\":\"" TASK_1
		  "\",\"Image\":\"x\"}}\nC\nS {\"State\":2,\"Task\":{\"ID\":\"" TASK_1
		  "\",\"Image\":\"z\"}}\nT 70000\nL"),
	FUZZ_SEED(META
		  "=node/n1 " NODE_1 "\n=task/" TASK_1 " {\"ID\":\"" TASK_1
		  "\",\"Name\":\"x\",\"Image\":\"x\",\"State\":2,\"Wanted\":3,\"Attempt\":2,"
		  "\"Node\":"
		  "\"n1\",\"Sequence\":9,\"PortBindings\":{\"80/tcp\":\"80\"}}\nT 70000\nL"),
};

enum ask {
	ASK_NONE, /* a token of something else */
	ASK_WAITS,
	ASK_ANSWERED
};

struct script {
	struct world *world;
	uint8_t asks[TOKENS_MAX];
};

/* ---- what comes out ---- */

/* Every node is counted once. */
static void
check_why(const struct why *why)
{
	uint32_t sum = why->fits;
	size_t i;

	for (i = 0; i < why->reason_count; i++) {
		FUZZ_MUST(why->reasons[i].count > 0 && why->reasons[i].word[0] != '\0');
		if (why->reasons[i].text[0] != '\0')
			fuzz_check_text(why->reasons[i].text);
		sum += why->reasons[i].count;
	}
	FUZZ_MUST(sum == why->nodes);
	FUZZ_MUST(why->summary[0] != '\0');
	fuzz_check_text(why->summary);
	if (why->unblock != NULL)
		fuzz_check_text(why->unblock);
}

static void
check_reply(struct script *script, const struct manager_effect *reply)
{
	uintptr_t token = (uintptr_t)reply->token;

	FUZZ_MUST(token > 0 && token <= script->world->next_token && token < TOKENS_MAX);
	FUZZ_MUST(script->asks[token] == ASK_WAITS);
	script->asks[token] = ASK_ANSWERED;
	FUZZ_MUST(reply->status >= 200 && reply->status < 600);
	if (reply->status >= 400)
		fuzz_check_text(reply->message);
	for (size_t i = 0; i < reply->why_count; i++)
		check_why(&reply->whys[i]);
}

/* Replies are looked at and dropped, what goes to workers stays for the answers. */
static void
take_replies(struct script *script)
{
	struct manager_effect *reply;

	while ((reply = world_take(script->world, MANAGER_EFFECT_REPLY, 0)) != NULL) {
		check_reply(script, reply);
		effect_free(reply);
	}
	while ((reply = world_take(script->world, MANAGER_EFFECT_FORGET, 0)) != NULL)
		effect_free(reply);
}

static void
send(struct script *script, struct manager_message *message)
{
	struct world *world = script->world;
	int i;

	world_step(world, message);
	for (i = 0; i < 100 && world->wake_ms <= world->now.mono_ms; i++)
		world_wake(world);
	FUZZ_MUST(i < 100);
	take_replies(script);
}

static struct manager_message *
request(struct script *script, enum manager_message_kind kind)
{
	struct manager_message *message = world_message(script->world, kind);

	script->asks[script->world->next_token] = ASK_WAITS;
	return message;
}

/* ---- clients ---- */

static void
do_submit(struct script *script, enum manager_message_kind kind, const struct json_doc *doc)
{
	bool many = doc->root->type == JSON_ARRAY;
	size_t count = many ? doc->root->count : 1;
	const struct json_value *value = many && count > 0 ? doc->root->as.first : doc->root;
	struct manager_message *message = request(script, kind);
	struct cube_error err = {0};

	message->requests = calloc(count + 1, sizeof(*message->requests));
	FUZZ_MUST(message->requests != NULL);
	for (; message->request_count < count; value = value->next) {
		if (task_request_decode(doc, value, CODEC_STRICT, TASK_2,
					&message->requests[message->request_count], &err) != 0)
			break;
		message->request_count++;
	}
	if (message->request_count < count || count == 0) {
		script->asks[script->world->next_token] = ASK_ANSWERED; /* by the shell */
		manager_message_free(message);
		return;
	}
	send(script, message);
}

static void
do_join(struct script *script, const struct json_doc *doc)
{
	struct manager_message *message = request(script, MANAGER_JOIN);
	struct cube_error err = {0};

	if (node_info_decode(doc, doc->root, CODEC_LENIENT, &message->info, &err) != 0) {
		script->asks[script->world->next_token] = ASK_ANSWERED;
		manager_message_free(message);
		return;
	}
	send(script, message);
}

static void
do_ask(struct script *script, enum manager_message_kind kind, const char *text)
{
	struct manager_message *message = request(script, kind);

	message->filter.limit = 10;
	message->has_deadline = text[0] >= '0' && text[0] <= '9';
	message->deadline_s = strtoull(text, NULL, 10);
	if (id_parse(text, message->task_id) != 0)
		memcpy(message->task_id, TASK_1, ID_SIZE);
	(void)snprintf(message->node, sizeof(message->node), "%s",
		       name_is_valid(text) ? text : "n1");
	send(script, message);
}

static void
do_watch(struct script *script, const char *text)
{
	struct manager_message *message = request(script, MANAGER_EVENTS);

	message->watch.since = strtoull(text, NULL, 10);
	message->watch.wait_ms = (uint32_t)(message->watch.since % 3 * 1000);
	message->watch.limit = message->watch.since % 5;
	if (message->watch.since % 7 == 3)
		memcpy(message->task_id, TASK_1, ID_SIZE);
	send(script, message);
}

/* ---- workers ---- */

static struct manager_message *
answer_to(struct script *script, enum manager_effect_kind effect_kind,
	  enum manager_message_kind kind)
{
	struct manager_effect *effect = world_take(script->world, effect_kind, 0);
	struct manager_message *message;

	if (effect == NULL)
		return NULL;
	message = world_message(script->world, kind);
	message->contact = effect->contact;
	message->book = effect->book;
	message->orders_sequence = effect->orders.sequence;
	effect_free(effect);
	return message;
}

static void
do_hello(struct script *script, const struct json_doc *doc, bool book)
{
	struct manager_message *message =
		answer_to(script, MANAGER_EFFECT_HELLO, MANAGER_HELLO_DONE);
	struct cube_error err = {0};

	if (message == NULL)
		return;
	message->book = book;
	message->status = 200;
	if (!book && (doc == NULL || node_info_decode(doc, doc->root, CODEC_LENIENT,
						      &message->info, &err) != 0)) {
		message->fault = CUBE_ERR_INVALID;
		message->status = 0;
	}
	send(script, message);
}

static void
do_orders(struct script *script, const char *text)
{
	struct manager_message *message =
		answer_to(script, MANAGER_EFFECT_ORDERS, MANAGER_ORDERS_DONE);

	if (message == NULL)
		return;
	message->status = 100 + (int)(strtoul(text, NULL, 10) % 500);
	send(script, message);
}

/* "9-1 0 [...]" */
static void
do_poll(struct script *script, const char *text)
{
	struct manager_message *message =
		answer_to(script, MANAGER_EFFECT_POLL, MANAGER_POLL_DONE);
	char revision[REVISION_SIZE];
	size_t size = strcspn(text, " ");
	struct json_doc doc cleanup_json = {0};
	struct cube_error err = {0};
	struct reports *reports;

	if (message == NULL)
		return;
	reports = &message->reports;
	message->status = 200;
	text += size;
	(void)snprintf(revision, sizeof(revision), "%.*s", (int)size, text - size);
	if (*text == ' ' && strlen(text) > 3 &&
	    json_parse(text + 3, strlen(text + 3), &doc, &err) == 0 &&
	    reports_decode(&doc, reports, &err) == 0) {
		reports->full = text[1] == '1';
		reports->generation = text[2] == ' ' ? 4 : 1;
		reports->sequence = size;
		reports->node_revision = size;
		if (revision_parse(revision, &reports->revision) != 0)
			reports->revision = (struct revision){9, size};
		fuzz_accepted();
	} else {
		message->fault = CUBE_ERR_INVALID;
		message->status = 0;
	}
	send(script, message);
}

static void
do_fault(struct script *script)
{
	struct manager_message *message =
		answer_to(script, MANAGER_EFFECT_POLL, MANAGER_POLL_DONE);

	if (message == NULL)
		message = answer_to(script, MANAGER_EFFECT_ORDERS, MANAGER_ORDERS_DONE);
	if (message == NULL)
		message = answer_to(script, MANAGER_EFFECT_HELLO, MANAGER_HELLO_DONE);
	if (message == NULL)
		return;
	message->fault = CUBE_ERR_UNAVAILABLE;
	(void)snprintf(message->reason, sizeof(message->reason), "refused");
	send(script, message);
}

/* ---- the rest of the world ---- */

static void
do_sleep(struct script *script, const char *text)
{
	struct world *world = script->world;
	uint64_t end_ms = world->now.mono_ms + strtoul(text, NULL, 10) % 100000;

	/* A fleet that has nothing to say is asked at most so often. */
	for (int i = 0; i < 200 && world->wake_ms <= end_ms; i++) {
		if (world->wake_ms > world->now.mono_ms) {
			world->now.wall_ms += (int64_t)(world->wake_ms - world->now.mono_ms);
			world->now.mono_ms = world->wake_ms;
		}
		world_wake(world);
	}
	world->now.wall_ms += (int64_t)(end_ms - world->now.mono_ms);
	world->now.mono_ms = end_ms;
	take_replies(script);
}

static void
toggle_fault(struct script *script)
{
	struct world *world = script->world;

	if (world->fault == NULL) {
		world->fault = "no space left on device";
		return;
	}
	world->fault = NULL;
	world_commit(world);
	world_wake(world);
	take_replies(script);
}

/* Requests that hang in the dead brain are never answered. */
static void
do_crash(struct script *script)
{
	world_crash(script->world);
	memset(script->asks, ASK_NONE, sizeof(script->asks));
	take_replies(script);
}

static void
do_json(struct script *script, const char *line)
{
	struct json_doc doc cleanup_json = {0};
	struct cube_error err = {0};

	if (strlen(line) < 2 || json_parse(line + 2, strlen(line + 2), &doc, &err) != 0) {
		if (line[0] == 'H')
			do_hello(script, NULL, false);
	} else if (line[0] == 'S') {
		do_submit(script, MANAGER_SUBMIT, &doc);
	} else if (line[0] == 'V') {
		do_submit(script, MANAGER_WHY, &doc);
	} else if (line[0] == 'J') {
		do_join(script, &doc);
	} else {
		do_hello(script, &doc, false);
	}
}

static void
do_line(struct script *script, const char *line)
{
	static const struct {
		char letter;
		enum manager_message_kind kind;
	} asks[] = {{'G', MANAGER_GET},         {'D', MANAGER_STOP},
		    {'Y', MANAGER_HISTORY},     {'N', MANAGER_NODE},
		    {'X', MANAGER_NODE_REMOVE}, {'L', MANAGER_LIST},
		    {'K', MANAGER_NODE_CORDON}, {'U', MANAGER_NODE_UNCORDON},
		    {'Q', MANAGER_NODE_DRAIN},  {'Z', MANAGER_WHY}};
	const char *rest = strlen(line) > 2 ? line + 2 : "";

	for (size_t i = 0; i < sizeof(asks) / sizeof(asks[0]); i++)
		if (line[0] == asks[i].letter)
			do_ask(script, asks[i].kind, rest);
	if (strchr("SVJH", line[0]) != NULL)
		do_json(script, line);
	else if (line[0] == 'B')
		do_hello(script, NULL, true);
	else if (line[0] == 'O')
		do_orders(script, rest);
	else if (line[0] == 'P')
		do_poll(script, rest);
	else if (line[0] == 'F')
		do_fault(script);
	else if (line[0] == 'W')
		do_watch(script, rest);
	else if (line[0] == 'T')
		do_sleep(script, rest);
	else if (line[0] == 'E')
		toggle_fault(script);
	else if (line[0] == 'C')
		do_crash(script);
}

/* All is asked, all is answered, and what was written can be read. */
static void
finish(struct script *script)
{
	if (script->world->fault != NULL)
		toggle_fault(script);
	/* Who waits for events is answered by the end at the latest. */
	send(script, world_message(script->world, (enum manager_message_kind)MESSAGE_QUIT));
	FUZZ_MUST(memchr(script->asks, ASK_WAITS, sizeof(script->asks)) == NULL);
	do_crash(script);
	do_ask(script, MANAGER_LIST, "");
	do_ask(script, MANAGER_NODES, "");
}

static void
store_line(struct world *world, char *line)
{
	char *space = strchr(line, ' ');

	if (space == NULL || space == line + 1)
		return;
	*space = '\0';
	world_store(world, line + 1, space + 1);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *end = data + size;
	struct script script = {.world = world_new()};
	struct cube_error err = {0};
	char *line;
	int rc;

	script.world->config.keep_tasks = 1;
	script.world->config.keep_tasks_s = 60;
	while (data < end && *data == '=' && (line = fuzz_line(&data, end)) != NULL) {
		store_line(script.world, line);
		free(line);
	}
	rc = world_try_start(script.world, &err);
	if (rc != 0) {
		fuzz_check_error(rc, &err);
		FUZZ_MUST(rc == CUBE_ERR_INTERNAL || rc == CUBE_ERR_INVALID);
		world_free(script.world);
		return 0;
	}
	fuzz_accepted();
	take_replies(&script);
	while (script.world->next_token < TOKENS_MAX / 2 &&
	       (line = fuzz_line(&data, end)) != NULL) {
		do_line(&script, line);
		free(line);
	}
	finish(&script);
	world_free(script.world);
	return 0;
}

FUZZ_MAIN(seeds)
