/* cube status (ps) - tasks as a table, or one of them in detail with its history. */
#include "api.h"
#include "command.h"
#include "find.h"
#include "table.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const struct cli_option options[] = {
	{.name = "all", .letter = 'a', .help = "also those that have ended"},
	{.name = "job", .arg = "JOB", .help = "only the tasks of this job"},
	{.name = "node", .arg = "NAME", .help = "only the tasks on this node"},
	OPTION_OUTPUT,
	OPTION_MANAGER,
	OPTION_HELP,
	{.name = NULL},
};

static const struct cli_program program = {
	.name = "cube status",
	.summary = "show tasks",
	.operands = "[TASK]",
	.options = options,
	.notes = "Without TASK: those that have not ended, in the order of submission; with "
		 "it: all "
		 "about it, and what has happened to it.",
};

static const char *
state_name(const struct json_value *task)
{
	static const char *const names[] = {"Pending", "Scheduled", "Running", "Completed",
					    "Failed"};
	int64_t state = member_int(task, "State", -1);

	if (member_int(task, "Wanted", 2) == 3 && state >= 0 && state <= 2)
		return "Stopping";
	return state >= 0 && state <= 4 ? names[state] : "?";
}

static void
state_format(const struct json_value *task, char *out, size_t size)
{
	int64_t code = member_int(task, "ExitCode", 0);

	if (code != 0)
		(void)snprintf(out, size, "%s (%" PRId64 ")", state_name(task), code);
	else
		(void)snprintf(out, size, "%s", state_name(task));
}

/* "8080->80/tcp 53->53/udp" */
static void
ports_format(const struct json_value *task, char *out, size_t size)
{
	const struct json_value *ports = json_get(task, "HostPorts");
	size_t used = 0;

	out[0] = '\0';
	if (ports == NULL || ports->type != JSON_OBJECT)
		return;
	for (const struct json_value *at = ports->as.first; at != NULL; at = at->next) {
		const struct json_value *first =
			at->type == JSON_ARRAY && at->count > 0 ? at->as.first : NULL;
		int n = snprintf(out + used, size - used, "%s%s->%s", used == 0 ? "" : " ",
				 member_text(first, "HostPort", "?"), at->key);

		if (n < 0 || (size_t)n >= size - used)
			return;
		used += (size_t)n;
	}
}

/* Since when it is as it is. */
static const char *
since(const struct json_value *task)
{
	return member_text(task, member_bool(task, "Final") ? "FinishTime" : "StartTime", "");
}

/* ---- the list ------------------------------------------------------------------------ */

struct listing {
	enum output_form form;
	bool all;
	size_t count;
	size_t hidden;
	struct table table;
	struct json_writer *writer;
	struct buf json;
};

static int
list_task(void *ctx, const struct json_value *task)
{
	struct listing *listing = ctx;
	const char *id = member_text(task, "ID", "");
	char short_id[9];
	char state[32];
	char age[24];
	char ports[64];
	char reason[80];

	if (!listing->all && member_bool(task, "Final")) {
		listing->hidden++;
		return 0;
	}
	listing->count++;
	if (listing->form == OUTPUT_NAME) {
		text_print(stdout, id);
		(void)fputc('\n', stdout);
		return 0;
	}
	if (listing->form == OUTPUT_JSON) {
		json_value_write(listing->writer, task);
		return 0;
	}
	(void)snprintf(short_id, sizeof(short_id), "%.8s", id);
	state_format(task, state, sizeof(state));
	age_format(since(task), age, sizeof(age));
	ports_format(task, ports, sizeof(ports));
	(void)snprintf(reason, sizeof(reason), "%.70s", member_text(task, "Reason", ""));
	table_add(&listing->table,
		  (const char *const[]){short_id, member_text(task, "Name", ""), state,
					member_text(task, "Node", ""), age, ports,
					member_text(task, "Image", ""), reason});
	return 0;
}

/* Adds key=value to a query, percent-encoding all but the plainest. */
static void
query_add(char *query, size_t size, const char *key, const char *value)
{
	size_t used = strlen(query);

	if (value == NULL)
		return;
	used += (size_t)snprintf(query + used, size - used, "%s%s=", used == 0 ? "" : "&", key);
	for (; *value != '\0' && used + 4 < size; value++) {
		bool plain = strchr("%&=+?# ", *value) == NULL && *value > ' ';

		used += (size_t)snprintf(query + used, size - used, plain ? "%c" : "%%%02X",
					 plain ? *value : (unsigned char)*value);
	}
}

static int
list(const struct api *api, const struct cli_values *values, enum output_form form,
     struct cube_error *err)
{
	static const char *const heads[] = {"ID",    "NAME",  "STATE",  "NODE", "AGE",
					    "PORTS", "IMAGE", "REASON", NULL};
	struct listing listing = {
		.form = form, .all = cli_flag(values, "all"), .json = BUF_INIT(256u << 20)};
	char query[512] = "";
	int rc;

	query_add(query, sizeof(query), "job", cli_text(values, "job"));
	query_add(query, sizeof(query), "node", cli_text(values, "node"));
	if (form == OUTPUT_TABLE)
		table_init(&listing.table, heads);
	if (form == OUTPUT_JSON) {
		listing.writer = json_writer_new(&listing.json, true);
		if (listing.writer == NULL)
			return cube_fail(err, CUBE_ERR_NO_MEMORY, 0, "out of memory");
		json_begin_array(listing.writer);
	}
	rc = api_tasks(api, query, list_task, &listing, err);
	if (form == OUTPUT_TABLE) {
		struct cube_error ignored;
		int printed = listing.count > 0 || rc < 0
				      ? table_print(&listing.table, rc < 0 ? stderr : stdout,
						    &ignored)
				      : table_print(&listing.table, stdout, err);

		if (rc == 0 && listing.count == 0 && listing.hidden > 0)
			(void)fprintf(stderr,
				      "no task is live; %zu have ended: cube status -a\n",
				      listing.hidden);
		if (rc == 0 && printed < 0)
			rc = cube_fail(err, CUBE_ERR_NO_MEMORY, 0, "out of memory");
	}
	if (form == OUTPUT_JSON) {
		json_end_array(listing.writer);
		json_writer_free(listing.writer);
		if (rc == 0 && listing.json.failed)
			rc = cube_fail(err, CUBE_ERR_NO_MEMORY, 0, "the list is too long");
		else if (rc == 0)
			(void)fwrite(listing.json.data, 1, listing.json.size, stdout);
		buf_release(&listing.json);
	}
	return rc;
}

/* ---- one task ------------------------------------------------------------------------ */

static void
print_amounts(const struct json_value *task)
{
	char text[64];

	(void)snprintf(text, sizeof(text), "%g", member_real(task, "Cpu", 0));
	detail_print(stdout, "Cpu:", strcmp(text, "0") == 0 ? "no limit" : text);
	(void)snprintf(text, sizeof(text), "%.1f MiB",
		       (double)member_int(task, "Memory", 0) / (1 << 20));
	detail_print(stdout, "Memory:", member_int(task, "Memory", 0) == 0 ? "no limit" : text);
}

static void
print_detail(const struct json_value *task)
{
	static const struct {
		const char *label, *key;
	} texts[] = {{"ID:", "ID"},
		     {"Name:", "Name"},
		     {"Image:", "Image"},
		     {"Node:", "Node"},
		     {"Reason:", "Reason"},
		     {"Container:", "ContainerID"},
		     {"Started:", "StartTime"},
		     {"Finished:", "FinishTime"}};
	char text[256];

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		const char *value = member_text(task, texts[i].key, "");

		if (strcmp(value, "0001-01-01T00:00:00Z") == 0)
			value = "";
		if (i == 3) {
			state_format(task, text, sizeof(text));
			detail_print(stdout, "State:", text);
		}
		if (value[0] != '\0')
			detail_print(stdout, texts[i].label, value);
	}
	(void)snprintf(text, sizeof(text), "%" PRId64, member_int(task, "Attempt", 0));
	detail_print(stdout, "Attempt:", text);
	if (member_bool(task, "OOMKilled"))
		detail_print(stdout, "Killed:", "out of memory");
	ports_format(task, text, sizeof(text));
	if (text[0] != '\0')
		detail_print(stdout, "Ports:", text);
	print_amounts(task);
}

static int
print_history(const struct api *api, const char *id, struct cube_error *err)
{
	static const char *const heads[] = {"TIME", "STATE", "ATTEMPT", "NODE", "REASON", NULL};
	char path[API_PATH_SIZE];
	struct answer answer;
	struct table table;
	int rc;

	(void)snprintf(path, sizeof(path), "/tasks/%s/history", id);
	rc = api_call(api, "GET", path, NULL, 0, &answer, err);
	if (rc < 0)
		return rc;
	table_init(&table, heads);
	if (answer.doc.root != NULL && answer.doc.root->type == JSON_ARRAY) {
		for (const struct json_value *at = answer.doc.root->as.first; at != NULL;
		     at = at->next) {
			char attempt[24];

			(void)snprintf(attempt, sizeof(attempt), "%" PRId64,
				       member_int(at, "Attempt", 0));
			table_add(&table, (const char *const[]){member_text(at, "Time", ""),
								state_name(at), attempt,
								member_text(at, "Node", ""),
								member_text(at, "Reason", "")});
		}
	}
	answer_release(&answer);
	(void)fputc('\n', stdout);
	return table_print(&table, stdout, err);
}

static int
show(const struct api *api, const char *text, enum output_form form, struct cube_error *err)
{
	char id[ID_SIZE];
	struct answer answer;
	int rc = find_task(api, text, id, err);

	if (rc == 0)
		rc = get_task(api, id, &answer, err);
	if (rc < 0)
		return rc;
	if (form == OUTPUT_JSON)
		rc = json_print(stdout, answer.doc.root, err);
	else if (form == OUTPUT_NAME)
		(void)printf("%s\n", id);
	else
		print_detail(answer.doc.root);
	answer_release(&answer);
	return rc == 0 && form == OUTPUT_TABLE ? print_history(api, id, err) : rc;
}

static int
run(const struct cli_values *values, struct cube_error *err)
{
	enum output_form form;
	size_t count;
	const char *const *tasks = cli_operands(values, &count);
	struct api api;
	int rc = output_form(values, &form, err);

	if (rc == 0)
		rc = api_init(&api, values, err);
	if (rc < 0)
		return rc;
	if (count > 1)
		return cube_fail(err, CUBE_ERR_INVALID, 0, "give one task, or none for all");
	rc = count == 1 ? show(&api, tasks[0], form, err) : list(&api, values, form, err);
	return rc == CUBE_ERR_INVALID ? CUBE_ERR_INTERNAL : rc;
}

const struct command command_status = {
	.word = "status", .alias = "ps", .program = &program, .run = run};
