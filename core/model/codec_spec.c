/* model/codec_spec.c - a Task object of the wire to a specification.
 *
 * Two passes: this file reads the object into a draft that borrows from the document and
 * checks all of it; codec_pack.c copies the draft into one allocation. The values of Env
 * never show up in a message: they may be secrets. Pure. [any]
 */
#include "model/codec_spec.h"

#include "model/codec_health.h"
#include "model/codec_placing.h"
#include "model/codec_policy.h"

#include <stddef.h>
#include <string.h>

#define STOP_TIMEOUT_DEFAULT 10
#define DISCONNECT_MIN_S     10
#define DISCONNECT_MAX_S     2592000             /* 30 days */
#define DERIVED_STEM_MAX     (NAME_SIZE - 1 - 9) /* room for "-" and 8 of the id */

#define AT(member)      offsetof(struct spec_draft, member)
#define IN_SPEC(member) offsetof(struct spec_draft, spec.member)

static const struct field spec_fields[] = {
	{"ID", read_id, IN_SPEC(id), 0, 0, NULL},
	{"Name", read_name, IN_SPEC(name), 0, 0, NULL},
	{"State", NULL, 0, 0, 0, NULL},
	{"Image", read_text, IN_SPEC(image), 0, 0, NULL},
	{"Cpu", read_cores, IN_SPEC(mcpu), 0, 0, NULL},
	{"Memory", read_int, IN_SPEC(memory_bytes), 0, QUANTITY_MAX, "bytes"},
	{"Disk", read_int, IN_SPEC(disk_bytes), 0, QUANTITY_MAX, "bytes"},
	{"ExposedPorts", read_value, AT(exposed), 0, 0, NULL},
	{"PortBindings", read_value, AT(bindings), 0, 0, NULL},
	{"HostPorts", NULL, 0, 0, 0, NULL},
	{"RestartPolicy", read_text, AT(restart_policy), 0, 0, NULL},
	{"HealthCheck", read_text, IN_SPEC(health_check), 0, 0, NULL},
	{"RestartCount", NULL, 0, 0, 0, NULL},
	{"ContainerID", NULL, 0, 0, 0, NULL},
	{"StartTime", NULL, 0, 0, 0, NULL},
	{"FinishTime", NULL, 0, 0, 0, NULL},
	{"Cmd", read_value, AT(args), 0, 0, NULL},
	{"Entrypoint", read_value, AT(entrypoint), 0, 0, NULL},
	{"Env", read_value, AT(env), 0, 0, NULL},
	{"Labels", read_value, AT(labels), 0, 0, NULL},
	{"Constraints", read_value, AT(constraints), 0, 0, NULL},
	{"Health", read_value, AT(health), 0, 0, NULL},
	{"Job", read_text, IN_SPEC(job), 0, 0, NULL},
	{"Priority", read_u32, IN_SPEC(priority), 0, 100, NULL},
	{"MaxPerNode", read_value, AT(max_per_node), 0, 0, NULL},
	{"MaxRestarts", read_i32, IN_SPEC(max_restarts), 0, RESTART_MAX, NULL},
	{"StopTimeout", read_u32, IN_SPEC(stop_timeout_s), 0, 3600, "seconds"},
	{"OnNodeLost", read_text, AT(on_node_lost), 0, 0, NULL},
	{"StopAfterDisconnect", read_u32, IN_SPEC(stop_after_disconnect_s), 0, DISCONNECT_MAX_S,
	 "seconds"},
	{"Wanted", NULL, 0, 0, 0, NULL},
	{"Final", NULL, 0, 0, 0, NULL},
	{"RestartAt", NULL, 0, 0, 0, NULL},
	{"Restarts", NULL, 0, 0, 0, NULL},
	{"RestartsMax", NULL, 0, 0, 0, NULL},
	{"PortTaken", NULL, 0, 0, 0, NULL},
	{"Disconnected", NULL, 0, 0, 0, NULL},
	{"Node", NULL, 0, 0, 0, NULL},
	{"Attempt", NULL, 0, 0, 0, NULL},
	{"ExitCode", NULL, 0, 0, 0, NULL},
	{"OOMKilled", NULL, 0, 0, 0, NULL},
	{"Reason", NULL, 0, 0, 0, NULL},
	{"Sequence", NULL, 0, 0, 0, NULL},
};

static const struct field_table spec_table = FIELD_TABLE("a Task", spec_fields);

/* What is being checked. */
struct checking {
	const struct json_doc *doc;
	const struct json_value *task;
	enum codec_mode mode;
	struct cube_error *err;
};

static bool
has_control_character(const char *text)
{
	for (; *text != '\0'; text++) {
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			return true;
	}
	return false;
}

/* What becomes of it when node and manager lose each other. */
static int
check_disconnect(const struct checking *at, struct spec_draft *draft)
{
	struct task_spec *spec = &draft->spec;

	if (strcmp(draft->on_node_lost, "wait") == 0)
		spec->on_node_lost = NODE_LOST_WAIT;
	else if (draft->on_node_lost[0] != '\0' &&
		 strcmp(draft->on_node_lost, "reschedule") != 0)
		return fail_wanted(at->doc, json_get(at->task, "OnNodeLost"), at->err,
				   "\"reschedule\" or \"wait\"");
	if (spec->stop_after_disconnect_s != 0 &&
	    spec->stop_after_disconnect_s < DISCONNECT_MIN_S)
		return json_fail(at->doc, json_get(at->task, "StopAfterDisconnect"), at->err,
				 "must be 0 (never) or at least %d seconds: a manager is heard "
				 "every few seconds only",
				 DISCONNECT_MIN_S);
	if (spec->max_restarts == 0)
		spec->max_restarts = -1; /* not said */
	if (spec->restart_max >= 0 && spec->max_restarts >= 0)
		return json_fail(at->doc, json_get(at->task, "MaxRestarts"), at->err,
				 "and the number of RestartPolicy on-failure:%d are two forms "
				 "of one thing",
				 (int)spec->restart_max);
	return 0;
}

static int
check_texts(const struct checking *at, struct spec_draft *draft)
{
	struct task_spec *spec = &draft->spec;

	if (spec->image[0] == '\0')
		return json_fail(at->doc, at->task, at->err,
				 "a Task needs an Image, such as \"nginx:1.25\"");
	/* Images and paths go into requests to an engine or a container. */
	if (has_control_character(spec->image))
		return json_fail(at->doc, json_get(at->task, "Image"), at->err,
				 "must have no control characters");
	if (spec->job[0] != '\0' && !name_is_valid(spec->job))
		return fail_wanted(
			at->doc, json_get(at->task, "Job"), at->err,
			"1 to 63 of a-z A-Z 0-9 _ . - and begin with a letter or digit");
	if (policy_parse(draft->restart_policy, &spec->restart_mode, &spec->restart_max) != 0)
		return fail_wanted(
			at->doc, json_get(at->task, "RestartPolicy"), at->err,
			"\"\", \"no\", \"on-failure\", \"on-failure:N\" with N from 1, "
			"\"always\" or \"unless-stopped\"");
	return check_disconnect(at, draft);
}

/* An array of texts. An empty one counts as absent, as it does with Docker. */
static int
check_array(const struct checking *at, const struct json_value **array, const char *example)
{
	const struct json_value *value = *array;
	const struct json_value *item;

	if (value == NULL)
		return 0;
	if (value->type != JSON_ARRAY)
		return fail_wanted(at->doc, value, at->err, example);
	if (value->count > TASK_LIST_MAX)
		return json_fail(at->doc, value, at->err,
				 "must have at most %d entries, not %u", TASK_LIST_MAX,
				 (unsigned)value->count);
	for (item = value->as.first; item != NULL; item = item->next) {
		if (item->type != JSON_STRING)
			return json_fail(at->doc, item, at->err, "must be a text");
	}
	if (value->count == 0)
		*array = NULL;
	return 0;
}

static int
check_env(const struct checking *at, const struct json_value *env)
{
	const struct json_value *item;

	if (env == NULL)
		return 0;
	for (item = env->as.first; item != NULL; item = item->next) {
		if (item->as.string.text[0] == '=' || strchr(item->as.string.text, '=') == NULL)
			return json_fail(at->doc, item, at->err,
					 "must be NAME=value, with a name");
	}
	return 0;
}

static int
check_labels(const struct checking *at, const struct json_value **labels)
{
	static const char reserved[] = "cube.";
	const struct json_value *value = *labels;
	const struct json_value *label;

	if (value == NULL)
		return 0;
	if (value->type != JSON_OBJECT)
		return fail_wanted(at->doc, value, at->err,
				   "an object of texts, such as {\"tier\": \"web\"}");
	if (value->count > TASK_LIST_MAX)
		return json_fail(at->doc, value, at->err, "must have at most %d labels, not %u",
				 TASK_LIST_MAX, (unsigned)value->count);
	for (label = value->as.first; label != NULL; label = label->next) {
		if (label->key[0] == '\0' || has_control_character(label->key))
			return json_fail(
				at->doc, label, at->err,
				"a label's name must be a text without control characters");
		if (at->mode == CODEC_STRICT &&
		    strncmp(label->key, reserved, sizeof(reserved) - 1) == 0)
			return json_fail(at->doc, label, at->err,
					 "labels that begin with \"cube.\" are cube's own");
		if (label->type != JSON_STRING)
			return fail_wanted(at->doc, label, at->err, "a text");
	}
	if (value->count == 0)
		*labels = NULL;
	return 0;
}

static int
check_lists(const struct checking *at, struct spec_draft *draft)
{
	int rc =
		check_array(at, &draft->args, "an array of texts, such as [\"sleep\", \"60\"]");

	if (rc == 0)
		rc = check_array(at, &draft->entrypoint,
				 "an array of texts, such as [\"/bin/sh\", \"-c\"]");
	if (rc == 0)
		rc = check_array(at, &draft->env, "an array such as [\"NAME=value\"]");
	if (rc == 0)
		rc = check_env(at, draft->env);
	if (rc == 0)
		rc = check_labels(at, &draft->labels);
	return rc;
}

static bool
is_name_character(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_' || c == '.' || c == '-';
}

/* "registry:5000/library/nginx:1.25" and the id give "nginx-6be4cb6b". */
static void
name_derive(const char *image, const char *id, char out[NAME_SIZE])
{
	size_t end = strcspn(image, "@"); /* a digest says nothing */
	size_t start = end;
	size_t size = 0;

	while (start > 0 && image[start - 1] != '/')
		start--;
	for (; start < end && image[start] != ':' && size < DERIVED_STEM_MAX; start++) {
		char c = is_name_character(image[start]) ? image[start] : '-';

		if (size > 0 || (c != '-' && c != '_' && c != '.'))
			out[size++] = c;
	}
	if (size == 0) {
		memcpy(out, "task", 4);
		size = 4;
	}
	out[size++] = '-';
	memcpy(out + size, id, 8);
	out[size + 8] = '\0';
}

static int
settle_identity(const struct checking *at, struct task_spec *spec, const char *fallback_id)
{
	spec->id_given = spec->id[0] != '\0';
	if (!spec->id_given) {
		if (fallback_id == NULL || fallback_id[0] == '\0')
			return json_fail(at->doc, at->task, at->err, "a Task needs an ID here");
		memcpy(spec->id, fallback_id, ID_SIZE);
	}
	if (spec->name[0] == '\0')
		name_derive(spec->image, spec->id, spec->name);
	return 0;
}

int
task_spec_decode(const struct json_doc *doc, const struct json_value *value,
		 enum codec_mode mode, const char *fallback_id, struct task_spec **out,
		 struct cube_error *err)
{
	struct spec_draft draft;
	const struct checking at = {.doc = doc, .task = value, .mode = mode, .err = err};
	int rc;

	memset(&draft.spec, 0, sizeof(draft.spec));
	draft.spec.image = draft.spec.job = draft.spec.health_check = "";
	draft.spec.max_per_label = "";
	draft.spec.stop_timeout_s = STOP_TIMEOUT_DEFAULT;
	draft.spec.max_restarts = -1;
	draft.restart_policy = draft.on_node_lost = "";
	draft.health = NULL;
	draft.exposed = draft.bindings = NULL;
	draft.entrypoint = draft.args = draft.env = draft.labels = NULL;
	draft.constraints = draft.max_per_node = NULL;
	rc = fields_read(doc, value, mode, &spec_table, &draft, err);
	if (rc == 0)
		rc = check_texts(&at, &draft);
	if (rc == 0)
		rc = check_lists(&at, &draft);
	if (rc == 0)
		rc = placing_read(doc, mode, &draft, err);
	if (rc == 0)
		rc = ports_read(doc, draft.exposed, draft.bindings, &draft.ports, err);
	if (rc == 0)
		rc = health_read(doc, value, mode, &draft.ports, draft.spec.health_check,
				 &draft.spec.health, err);
	if (rc == 0)
		rc = settle_identity(&at, &draft.spec, fallback_id);
	if (rc == 0)
		rc = spec_pack(&draft, out, err);
	return rc;
}
