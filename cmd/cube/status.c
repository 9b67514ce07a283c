/* cube status (ps) - tasks as a table, or one of them in detail with its history. */
#include "api.h"
#include "base/clock.h"
#include "base/timestamp.h"
#include "command.h"
#include "common/units.h"
#include "find.h"
#include "table.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define ZERO_TIME       "0001-01-01T00:00:00Z" /* not yet */
#define PORTS_TEXT_SIZE 2048
#define REASON_SIZE     320
#define REASON_WIDTH    120 /* of the list */

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
	.notes =
		"Without TASK: those that have not ended, in the order of submission. With "
		"TASK, which is a name, an id, or the unique beginning of an id: all about it, "
		"and what has happened to it.",
};

/* Its last attempt is over, and the next has a time: Unix milliseconds; 0: it does not wait. */
static int64_t
restart_at(const struct json_value *task)
{
	int64_t at_ms = 0;

	if (timestamp_parse(member_text(task, "RestartAt", ZERO_TIME), &at_ms) < 0)
		return 0;
	return at_ms;
}

static const char *
state_name(const struct json_value *task)
{
	static const char *const names[] = {"Pending", "Scheduled", "Running", "Completed",
					    "Failed"};
	int64_t state = member_int(task, "State", -1);

	if (member_int(task, "Wanted", 2) == 3 && state >= 0 && state <= 2)
		return "Stopping";
	if (restart_at(task) != 0)
		return "Restarting";
	return state >= 0 && state <= 4 ? names[state] : "?";
}

static void
state_format(const struct json_value *task, char *out, size_t size)
{
	int64_t code = member_int(task, "ExitCode", 0);

	if (code != 0 && member_bool(task, "Final"))
		(void)snprintf(out, size, "%s (%" PRId64 ")", state_name(task), code);
	else
		(void)snprintf(out, size, "%s", state_name(task));
}

/* "restart 2 of 3 in 4 s: exit code 1" of a task that waits to start again; else why it is
 * as it is. What costs no restart is only tried again. */
static void
reason_format(const struct json_value *task, char *out, size_t size)
{
	const char *reason = member_text(task, "Reason", "");
	int64_t left_ms = restart_at(task) - clock_now().wall_ms;
	int64_t max = member_int(task, "RestartsMax", -1);
	char count[64];

	if (restart_at(task) == 0) {
		(void)snprintf(out, size, "%s", reason);
		return;
	}
	if (member_bool(task, "PortTaken"))
		(void)snprintf(count, sizeof(count), "again");
	else if (max >= 0)
		(void)snprintf(count, sizeof(count), "restart %" PRId64 " of %" PRId64,
			       member_int(task, "Restarts", 0), max);
	else
		(void)snprintf(count, sizeof(count), "restart %" PRId64,
			       member_int(task, "Restarts", 0));
	(void)snprintf(out, size, "%s in %" PRId64 " s%s%s", count,
		       left_ms > 0 ? (left_ms + 999) / 1000 : 0, reason[0] != '\0' ? ": " : "",
		       reason);
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

/* ---- the list ---- */

struct listing {
	enum output_form form;
	bool all;
	size_t count;
	struct table table;
	struct cube_error *err;
};

static void
add_row(struct table *table, const struct json_value *task)
{
	char short_id[9];
	char state[32];
	char age[24];
	char ports[64];
	char all[REASON_SIZE];
	char reason[REASON_WIDTH + 1];

	(void)snprintf(short_id, sizeof(short_id), "%.8s", member_text(task, "ID", ""));
	state_format(task, state, sizeof(state));
	age_format(since(task), age, sizeof(age));
	ports_format(task, ports, sizeof(ports));
	reason_format(task, all, sizeof(all));
	text_shorten(all, reason, sizeof(reason));
	table_add(table, (const char *const[]){short_id, member_text(task, "Name", ""), state,
					       member_text(task, "Node", ""), age, ports,
					       member_text(task, "Image", ""), reason});
}

static int
list_task(void *ctx, const struct json_value *task)
{
	struct listing *listing = ctx;

	if (!listing->all && member_bool(task, "Final"))
		return 0;
	listing->count++;
	switch (listing->form) {
	case OUTPUT_NAME:
		text_print(stdout, member_text(task, "ID", ""));
		(void)fputc('\n', stdout);
		return 0;
	case OUTPUT_JSON:
		(void)fputs(listing->count == 1 ? "[\n" : ",\n", stdout);
		return json_print(stdout, task, listing->err);
	case OUTPUT_TABLE:
		add_row(&listing->table, task);
		return 0;
	}
	return 0;
}

/* The end of what list_task printed. */
static int
list_end(const struct listing *listing, struct cube_error *err)
{
	switch (listing->form) {
	case OUTPUT_NAME:
		return 0;
	case OUTPUT_JSON:
		(void)fputs(listing->count == 0 ? "[]\n" : "]\n", stdout);
		return 0;
	case OUTPUT_TABLE:
		if (listing->count == 0 && !listing->all)
			(void)fprintf(stderr, "no task is live; `cube status -a` also shows "
					      "those that have ended\n");
		return table_print(&listing->table, stdout, err);
	}
	return 0;
}

static int
list(const struct api *api, const struct cli_values *values, enum output_form form,
     struct cube_error *err)
{
	static const char *const heads[] = {"ID",    "NAME",  "STATE",  "NODE", "AGE",
					    "PORTS", "IMAGE", "REASON", NULL};
	struct listing listing = {.form = form, .all = cli_flag(values, "all"), .err = err};
	char query[512] = "";
	/* A completed task has ended for good; a failed one may start again. */
	int rc = api_query_add(query, sizeof(query), "state", listing.all ? NULL : "0,1,2,4",
			       err);

	if (rc == 0)
		rc = api_query_add(query, sizeof(query), "job", cli_text(values, "job"), err);
	if (rc == 0)
		rc = api_query_add(query, sizeof(query), "node", cli_text(values, "node"), err);
	if (rc < 0)
		return rc;
	table_init(&listing.table, heads);
	rc = api_tasks(api, query, list_task, &listing, err);
	if (rc == 0)
		rc = list_end(&listing, err);
	table_release(&listing.table);
	return rc;
}

/* ---- one task ---- */

/* A size that may be 0: none was asked for. */
static void
print_bytes(const char *label, int64_t bytes)
{
	char text[16];

	units_format_bytes(bytes, text, sizeof(text));
	detail_print(stdout, label, bytes == 0 ? "no limit" : text);
}

static void
print_amounts(const struct json_value *task)
{
	char text[32];

	(void)snprintf(text, sizeof(text), "%g", member_real(task, "Cpu", 0));
	detail_print(stdout, "Cpu:", strcmp(text, "0") == 0 ? "no limit" : text);
	print_bytes("Memory:", member_int(task, "Memory", 0));
	if (member_int(task, "Disk", 0) != 0)
		print_bytes("Disk:", member_int(task, "Disk", 0));
}

/* A line for a text that is there. */
static void
print_text(const char *label, const struct json_value *task, const char *key)
{
	const char *value = member_text(task, key, "");

	if (value[0] != '\0' && strcmp(value, ZERO_TIME) != 0)
		detail_print(stdout, label, value);
}

static void
print_number(const char *label, const struct json_value *task, const char *key)
{
	char text[24];

	if (json_get(task, key) == NULL)
		return;
	(void)snprintf(text, sizeof(text), "%" PRId64, member_int(task, key, 0));
	detail_print(stdout, label, text);
}

/* What it asks of a node beside room. */
static void
print_placing(const struct json_value *task)
{
	const struct json_value *list = json_get(task, "Constraints");
	const struct json_value *limit = json_get(task, "MaxPerNode");
	char text[320];

	if (list != NULL && list->type == JSON_ARRAY) {
		for (const struct json_value *at = list->as.first; at != NULL; at = at->next) {
			if (at->type == JSON_STRING)
				detail_print(stdout, at == list->as.first ? "Constraints:" : "",
					     at->as.string.text);
		}
	}
	if (limit != NULL && limit->type == JSON_OBJECT) {
		(void)snprintf(text, sizeof(text), "%" PRId64 " by label %.256s",
			       member_int(limit, "Max", 0), member_text(limit, "Label", ""));
		detail_print(stdout, "Per node:", text);
	} else if (limit != NULL) {
		(void)snprintf(text, sizeof(text), "%" PRId64 " by %s",
			       member_int(task, "MaxPerNode", 0),
			       member_text(task, "Job", "")[0] != '\0' ? "job" : "name");
		detail_print(stdout, "Per node:", text);
	}
	if (member_int(task, "Priority", 0) != 0)
		print_number("Priority:", task, "Priority");
}

static void
print_detail(const struct json_value *task)
{
	char ports[PORTS_TEXT_SIZE];
	char reason[REASON_SIZE];

	print_text("ID:", task, "ID");
	print_text("Name:", task, "Name");
	print_text("Image:", task, "Image");
	print_text("Job:", task, "Job");
	detail_print(stdout, "State:", state_name(task));
	reason_format(task, reason, sizeof(reason));
	if (reason[0] != '\0')
		detail_print(stdout, "Reason:", reason);
	print_number("Exit code:", task, "ExitCode");
	if (member_bool(task, "OOMKilled"))
		detail_print(stdout, "Killed:", "out of memory");
	print_text("Node:", task, "Node");
	print_number("Attempt:", task, "Attempt");
	if (member_int(task, "RestartCount", 0) != 0)
		print_number("Restarts:", task, "RestartCount");
	print_text("Container:", task, "ContainerID");
	print_text("Started:", task, "StartTime");
	print_text("Finished:", task, "FinishTime");
	print_text("Restarts at:", task, "RestartAt");
	ports_format(task, ports, sizeof(ports));
	if (ports[0] != '\0')
		detail_print(stdout, "Ports:", ports);
	print_amounts(task);
	print_placing(task);
}

static int
print_history(const struct api *api, const char *id, struct cube_error *err)
{
	static const char *const heads[] = {"TIME", "STATE",  "ATTEMPT", "NODE",
					    "BY",   "REASON", NULL};
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
								member_text(at, "By", ""),
								member_text(at, "Reason", "")});
		}
	}
	answer_release(&answer);
	(void)fputc('\n', stdout);
	rc = table_print(&table, stdout, err);
	table_release(&table);
	return rc;
}

static int
show(const struct api *api, const char *text, enum output_form form, struct cube_error *err)
{
	char id[ID_SIZE];
	struct answer answer;
	int rc = find_task(api, text, id, err);

	if (rc == 0)
		rc = get_task(api, id, &answer, err);
	if (rc != 0)
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
	struct api api = {0};
	int rc = output_form(values, &form, err);

	if (rc == 0)
		rc = api_init(&api, values, err);
	if (rc < 0)
		return rc;
	if (count > 1)
		return cube_fail(err, CUBE_ERR_INVALID, 0, "give one task, or none for all");
	return count == 1 ? show(&api, tasks[0], form, err) : list(&api, values, form, err);
}

const struct command command_status = {
	.word = "status", .alias = "ps", .program = &program, .run = run};
