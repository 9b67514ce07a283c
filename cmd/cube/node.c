/* cube node - the machines: a table, one in detail, or the removal of one that has gone. */
#include "api.h"
#include "command.h"
#include "common/units.h"
#include "model/task.h"
#include "table.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const struct cli_option options[] = {
	OPTION_OUTPUT,
	OPTION_MANAGER,
	OPTION_HELP,
	{.name = NULL},
};

static const struct cli_program program = {
	.name = "cube node",
	.summary = "show nodes, or remove one",
	.operands = "[NAME | rm NAME]",
	.options = options,
	.notes = "Without NAME: all of them. `cube node rm NAME` makes the manager forget a "
		 "node "
		 "that has no tasks; a worker that still runs joins again.",
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

	(void)snprintf(out, size, "%s%s", status,
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
	(void)snprintf(reason, sizeof(reason), "%.70s", reason_of(node));
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
	(void)snprintf(text, sizeof(text), "%" PRId64, member_int(node, "TaskCount", 0));
	detail_print(stdout, "Tasks:", text);
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
	print_labels(node);
}

/* A node's name as part of a path: what is no name is no node's. */
static int
node_path(const char *name, char *path, size_t size, struct cube_error *err)
{
	if (!name_is_valid(name))
		return cube_fail(err, CUBE_ERR_NOT_FOUND, 0, "'%.64s' is not a node's name",
				 name);
	(void)snprintf(path, size, "/nodes/%s", name);
	return 0;
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

static int
remove_node(const struct api *api, const char *name, struct cube_error *err)
{
	char path[API_PATH_SIZE];
	struct answer answer;
	int rc = node_path(name, path, sizeof(path), err);

	if (rc == 0)
		rc = api_call(api, "DELETE", path, NULL, 0, &answer, err);
	if (rc < 0)
		return rc;
	answer_release(&answer);
	(void)printf("%s\n", name);
	return 0;
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
	else if (count == 2 && strcmp(words[0], "rm") == 0)
		rc = remove_node(&api, words[1], err);
	else if (count == 1)
		rc = show(&api, words[0], form, err);
	else
		rc = cube_fail(err, CUBE_ERR_INVALID, 0,
			       "wants nothing, a node's NAME, or rm NAME; not '%.60s %.60s'",
			       words[0], words[1]);
	return rc;
}

const struct command command_node = {.word = "node", .program = &program, .run = run};
