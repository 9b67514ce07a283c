/* cube node - the machines: a table, one in detail; cordon, drain and removal are in
 * node_change.c. */
#include "api.h"
#include "command.h"
#include "common/units.h"
#include "node_change.h"
#include "table.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const struct cli_option options[] = {
	{.name = "deadline",
	 .arg = "SECONDS",
	 .help = "of a drain: when what could not be moved is stopped; default: an hour"},
	{.name = "no-wait", .help = "do not wait until a drain is over"},
	OPTION_OUTPUT,
	OPTION_MANAGER,
	OPTION_HELP,
	{.name = NULL},
};

static const struct cli_program program = {
	.name = "cube node",
	.summary = "show nodes, keep tasks away from one, empty or remove it",
	.operands = "[[cordon|uncordon|drain|rm] NAME]",
	.options = options,
	.notes = "Without NAME: all of them. A node that is cordoned gets nothing new; drain "
		 "moves its tasks to other nodes, one after another, says of each where it "
		 "went, and leaves the node cordoned. What fits nowhere else is stopped when "
		 "the deadline is over, and the exit code is then 1. uncordon ends both. rm "
		 "makes the manager forget a node that has no tasks, or that no longer "
		 "answers; a worker that still runs joins again.",
};

static void
share_format(char *out, size_t size, double used, double total)
{
	(void)snprintf(out, size, "%.3g/%.3g", used, total);
}

/* Sizes as "512M/7.6G". */
static void
bytes_share_format(char *out, size_t size, int64_t used, int64_t total)
{
	char a[16];
	char b[16];

	units_format_bytes(used, a, sizeof(a));
	units_format_bytes(total, b, sizeof(b));
	(void)snprintf(out, size, "%s/%s", a, b);
}

static void
status_format(const struct json_value *node, char *out, size_t size)
{
	bool ready = member_bool(node, "RuntimeReady");
	const char *status = member_text(node, "Status", "?");
	bool away = strcmp(status, "unreachable") == 0 || strcmp(status, "lost") == 0;
	const char *wish = "";

	/* What is wanted of it says its status only while it is in contact. */
	if (away && member_bool(node, "Draining"))
		wish = ", draining";
	else if (away && member_bool(node, "Cordoned"))
		wish = ", cordoned";
	(void)snprintf(out, size, "%s%s%s", status, wish,
		       !ready && strcmp(status, "ready") == 0 ? ", no runtime" : "");
}

/* Why it is not well: the node's own reason first. */
static const char *
reason_of(const struct json_value *node)
{
	const char *reason = member_text(node, "Reason", "");

	return reason[0] != '\0' ? reason : member_text(node, "RuntimeReason", "");
}

static void
add_node(struct table *table, const struct json_value *node)
{
	char status[48];
	char cpu[48];
	char memory[48];
	char tasks[24];
	char reason[80];

	status_format(node, status, sizeof(status));
	share_format(cpu, sizeof(cpu), member_real(node, "CpuAllocated", 0),
		     member_real(node, "Cores", 0));
	bytes_share_format(memory, sizeof(memory),
			   member_int(node, "MemoryAllocated", 0) * 1024,
			   member_int(node, "Memory", 0) * 1024);
	(void)snprintf(tasks, sizeof(tasks), "%" PRId64, member_int(node, "TaskCount", 0));
	text_shorten(reason_of(node), reason, sizeof(reason));
	table_add(table, (const char *const[]){member_text(node, "Name", ""), status,
					       member_text(node, "Runtime", ""), tasks, cpu,
					       memory, member_text(node, "Api", ""), reason});
}

static int
list(const struct api *api, enum output_form form, struct cube_error *err)
{
	static const char *const heads[] = {"NAME",   "STATUS",  "RUNTIME", "TASKS", "CPU",
					    "MEMORY", "ADDRESS", "REASON",  NULL};
	struct answer answer;
	struct table table;
	int rc = api_call(api, "GET", "/nodes", NULL, 0, &answer, err);

	if (rc < 0)
		return rc;
	if (answer.doc.root == NULL || answer.doc.root->type != JSON_ARRAY) {
		answer_release(&answer);
		return cube_fail(err, CUBE_ERR_INTERNAL, 0,
				 "what answers at %s is no manager: GET /nodes is no array",
				 api->url);
	}
	if (form == OUTPUT_JSON) {
		rc = json_print(stdout, answer.doc.root, err);
	} else if (form == OUTPUT_NAME) {
		for (const struct json_value *at = answer.doc.root->as.first; at != NULL;
		     at = at->next) {
			text_print(stdout, member_text(at, "Name", ""));
			(void)fputc('\n', stdout);
		}
	} else {
		table_init(&table, heads);
		for (const struct json_value *at = answer.doc.root->as.first; at != NULL;
		     at = at->next)
			add_node(&table, at);
		rc = table_print(&table, stdout, err);
		table_release(&table);
	}
	answer_release(&answer);
	return rc;
}

static void
print_labels(const struct json_value *node)
{
	const struct json_value *labels = json_get(node, "Labels");
	char text[256];

	if (labels == NULL || labels->type != JSON_OBJECT)
		return;
	for (const struct json_value *at = labels->as.first; at != NULL; at = at->next) {
		(void)snprintf(text, sizeof(text), "%s=%s", at->key,
			       at->type == JSON_STRING ? at->as.string.text : "?");
		detail_print(stdout, at == labels->as.first ? "Labels:" : "", text);
	}
}

/* "cpu, memory": what the runtime there holds a task to. */
static void
enforces_format(const struct json_value *node, char *out, size_t size)
{
	const struct json_value *list_value = json_get(node, "Enforces");
	size_t used = 0;

	(void)snprintf(out, size, "no limits");
	if (list_value == NULL || list_value->type != JSON_ARRAY)
		return;
	for (const struct json_value *at = list_value->as.first; at != NULL; at = at->next) {
		int n = at->type == JSON_STRING
				? snprintf(out + used, size - used, "%s%.20s",
					   used == 0 ? "" : ", ", at->as.string.text)
				: 0;

		if (n < 0 || (size_t)n >= size - used)
			return;
		used += (size_t)n;
	}
}

/* What was turned away at the fence, of either side; nothing if there is nothing. */
static void
print_stale(const struct json_value *node)
{
	char text[96];

	if (member_int(node, "StaleReports", 0) == 0 && member_int(node, "StaleOrders", 0) == 0)
		return;
	(void)snprintf(text, sizeof(text),
		       "%" PRId64 " reports, %" PRId64 " orders (turned away)",
		       member_int(node, "StaleReports", 0), member_int(node, "StaleOrders", 0));
	detail_print(stdout, "Stale:", text);
}

static void
print_machine(const struct json_value *node)
{
	const char *arch = member_text(node, "Arch", "");
	const char *os = member_text(node, "Os", "");
	char text[96];

	if (arch[0] == '\0' && os[0] == '\0')
		return;
	(void)snprintf(text, sizeof(text), "%.31s%s%.31s", arch,
		       arch[0] != '\0' && os[0] != '\0' ? ", " : "", os);
	detail_print(stdout, "Machine:", text);
}

static void
print_detail(const struct json_value *node)
{
	static const struct {
		const char *label, *key;
	} texts[] = {{"Name:", "Name"},       {"Address:", "Api"},
		     {"Runtime:", "Runtime"}, {"Instance:", "Instance"},
		     {"Version:", "Version"}, {"Last seen:", "LastSeen"}};
	char text[96];

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		detail_print(stdout, texts[i].label, member_text(node, texts[i].key, ""));
	status_format(node, text, sizeof(text));
	detail_print(stdout, "Status:", text);
	if (reason_of(node)[0] != '\0')
		detail_print(stdout, "Reason:", reason_of(node));
	if (member_bool(node, "Draining"))
		detail_print(stdout, "Drain until:", member_text(node, "DrainUntil", ""));
	(void)snprintf(text, sizeof(text), "%" PRId64, member_int(node, "TaskCount", 0));
	detail_print(stdout, "Tasks:", text);
	print_stale(node);
	share_format(text, sizeof(text), member_real(node, "CpuAllocated", 0),
		     member_real(node, "Cores", 0));
	detail_print(stdout, "Cpu:", text);
	bytes_share_format(text, sizeof(text), member_int(node, "MemoryAllocated", 0) * 1024,
			   member_int(node, "Memory", 0) * 1024);
	detail_print(stdout, "Memory:", text);
	bytes_share_format(text, sizeof(text), member_int(node, "DiskAllocated", 0),
			   member_int(node, "Disk", 0));
	detail_print(stdout, "Disk:", text);
	enforces_format(node, text, sizeof(text));
	detail_print(stdout, "Enforces:", text);
	print_machine(node);
	print_labels(node);
}

static int
show(const struct api *api, const char *name, enum output_form form, struct cube_error *err)
{
	char path[API_PATH_SIZE];
	struct answer answer;
	int rc = node_path(name, path, sizeof(path), err);

	if (rc == 0)
		rc = api_call(api, "GET", path, NULL, 0, &answer, err);
	if (rc != 0)
		return rc;
	if (form == OUTPUT_JSON)
		rc = json_print(stdout, answer.doc.root, err);
	else if (form == OUTPUT_NAME)
		(void)printf("%s\n", name);
	else
		print_detail(answer.doc.root);
	answer_release(&answer);
	return rc;
}

/* A node may be called as a change is; but who names none of those forgot which node. */
static int
show_or_ask(const struct api *api, const char *name, enum output_form form,
	    struct cube_error *err)
{
	int rc = show(api, name, form, err);

	if (rc == CUBE_ERR_NOT_FOUND && node_is_change(name))
		return cube_fail(err, CUBE_ERR_INVALID, 0, "%s needs the NAME of a node", name);
	return rc;
}

/* cordon, uncordon, drain or rm of a node. */
static int
change(const struct api *api, const struct cli_values *values, const char *const *words,
       struct cube_error *err)
{
	struct node_change made = {
		.word = words[0], .name = words[1], .waits = !cli_flag(values, "no-wait")};
	int rc = cli_duration(values, "deadline", 0, NODE_DEADLINE_MAX_S * 1000,
			      &made.deadline_ms, err);

	made.has_deadline = cli_text(values, "deadline") != NULL;
	return rc != 0 ? rc : node_change(api, &made, err);
}

static int
run(const struct cli_values *values, struct cube_error *err)
{
	enum output_form form;
	size_t count;
	const char *const *words = cli_operands(values, &count);
	struct api api = {0};
	int rc = output_form(values, &form, err);

	if (rc == 0)
		rc = api_init(&api, values, err);
	if (rc < 0)
		return rc;
	if (count == 0)
		rc = list(&api, form, err);
	else if (count == 2 && node_is_change(words[0]))
		rc = change(&api, values, words, err);
	else if (count == 1)
		rc = show_or_ask(&api, words[0], form, err);
	else
		rc = cube_fail(err, CUBE_ERR_INVALID, 0,
			       "wants nothing, a node's NAME, or one of cordon, uncordon, "
			       "drain and rm before it; not '%.60s %.60s'",
			       words[0], words[1]);
	return rc;
}

const struct command command_node = {.word = "node", .program = &program, .run = run};
