/* model/codec_status.c - the output fields of a Task, both ways, and lists of reports.
 *
 * On the wire every field of the book is there with its type, so that programs that know
 * the book's structs decode it; a record leaves out what is at its default. What a
 * specification holds is not read here. Pure. [any]
 */
#include "model/codec_port.h"
#include "model/codec_read.h"
#include "model/codec_write.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define AT(member) offsetof(struct task_status, member)

/* What is read of an output Task, beside the status itself. */
struct status_draft {
	struct task_status status;
	char id[ID_SIZE];
	bool has_attempt;
};

static int
read_attempt(const struct reading *in, const struct json_value *value, void *at,
	     struct cube_error *err)
{
	struct status_draft *draft = at;

	draft->has_attempt = true;
	return read_u32(in, value, &draft->status.attempt, err);
}

static int
read_exit_code(const struct reading *in, const struct json_value *value, void *at,
	       struct cube_error *err)
{
	struct status_draft *draft = at;

	draft->status.has_exit_code = true;
	return read_i32(in, value, &draft->status.exit_code, err);
}

static const struct field status_fields[] = {
	{"ID", read_id, offsetof(struct status_draft, id), 0, 0, NULL},
	{"State", read_state, AT(state), 0, 0, NULL},
	{"Wanted", read_wanted, AT(wanted), 0, 0, NULL},
	{"Final", read_bool, AT(final), 0, 0, NULL},
	{"RestartCount", read_u32, AT(restart_count), 0, UINT32_MAX, NULL},
	{"Attempt", read_attempt, 0, 0, UINT32_MAX, NULL},
	{"Node", read_name, AT(node), 0, 0, NULL},
	{"ContainerID", read_chars, AT(container_id), 0, CUBE_HANDLE_SIZE, NULL},
	{"HostPorts", read_host_ports, AT(host_ports), 0, 0, NULL},
	{"StartTime", read_time, AT(start_ms), 0, 0, NULL},
	{"FinishTime", read_time, AT(finish_ms), 0, 0, NULL},
	{"RestartAt", read_time, AT(restart_at_ms), 0, 0, NULL},
	{"Restarts", read_u32, AT(restarts), 0, UINT32_MAX, NULL},
	{"RestartsMax", read_i32, AT(restarts_max), -1, INT32_MAX, NULL},
	{"PortTaken", read_bool, AT(port_taken), 0, 0, NULL},
	{"Disconnected", read_bool, AT(disconnected), 0, 0, NULL},
	{"ExitCode", read_exit_code, 0, INT32_MIN, INT32_MAX, NULL},
	{"OOMKilled", read_bool, AT(oom_killed), 0, 0, NULL},
	{"Reason", read_cut, AT(reason), 0, TASK_REASON_SIZE, NULL},
	{"Sequence", read_u64, AT(sequence), 0, INT64_MAX, NULL},
};

static const struct field_table status_table = FIELD_TABLE("a Task", status_fields);

static int
status_read(const struct json_doc *doc, const struct json_value *value,
	    struct status_draft *out, struct cube_error *err)
{
	int rc;

	memset(out, 0, sizeof(*out));
	out->status.wanted = TASK_WANTED_RUN;
	out->status.restarts_max = -1;
	rc = fields_read(doc, value, CODEC_LENIENT, &status_table, out, err);
	if (rc < 0)
		task_status_release(&out->status);
	return rc;
}

int
task_status_decode(const struct json_doc *doc, const struct json_value *value,
		   struct task_status *out, struct cube_error *err)
{
	struct status_draft draft;
	int rc = status_read(doc, value, &draft, err);

	if (rc == 0)
		*out = draft.status;
	return rc;
}

/* ---- reports ---- */

static int
report_read(const struct json_doc *doc, const struct json_value *value, struct report *out,
	    struct cube_error *err)
{
	struct status_draft draft;
	int rc = status_read(doc, value, &draft, err);

	if (rc < 0)
		return rc;
	if (draft.id[0] == '\0') {
		task_status_release(&draft.status);
		return json_fail(doc, value, err, "a Task needs an ID here");
	}
	/* A worker of the book's protocol counts restarts only. */
	if (!draft.has_attempt)
		draft.status.attempt = draft.status.restart_count < UINT32_MAX
					       ? draft.status.restart_count + 1
					       : UINT32_MAX;
	memcpy(out->task_id, draft.id, sizeof(out->task_id));
	out->status = draft.status;
	return 0;
}

int
reports_decode(const struct json_doc *doc, struct reports *out, struct cube_error *err)
{
	struct reports reports = {0};
	const struct json_value *value;

	if (doc->root->type != JSON_ARRAY)
		return fail_wanted(doc, doc->root, err, "an array of Tasks");
	if (doc->root->count > 0) {
		reports.items = calloc(doc->root->count, sizeof(*reports.items));
		if (reports.items == NULL)
			return cube_fail(err, CUBE_ERR_NO_MEMORY, 0, "out of memory");
	}
	if (doc->root->count > 0) {
		for (value = doc->root->as.first; value != NULL; value = value->next) {
			int rc = report_read(doc, value, &reports.items[reports.count], err);

			if (rc < 0) {
				reports_release(&reports);
				return rc;
			}
			reports.count++;
		}
	}
	*out = reports;
	return 0;
}

/* ---- out ---- */

/* The book's fields of a specification that its text leaves out at their defaults. */
static void
defaults_write(struct json_writer *writer, const struct task_spec *spec)
{
	bool bound = false;
	uint32_t i;

	if (spec->mcpu == 0)
		json_put_int(writer, "Cpu", 0);
	if (spec->memory_bytes == 0)
		json_put_int(writer, "Memory", 0);
	if (spec->disk_bytes == 0)
		json_put_int(writer, "Disk", 0);
	if (spec->port_count == 0)
		json_put_text(writer, "ExposedPorts", NULL);
	for (i = 0; i < spec->port_count; i++)
		bound = bound || spec->ports[i].host_port != 0;
	if (!bound)
		json_put_text(writer, "PortBindings", NULL);
	if (spec->restart_mode == RESTART_DEFAULT)
		json_put_text(writer, "RestartPolicy", "");
	if (spec->health_check[0] == '\0')
		json_put_text(writer, "HealthCheck", "");
}

/* whole: also what is at its default. */
static void
status_write(struct json_writer *writer, const struct task_status *status, bool whole)
{
	json_put_int(writer, "State", (int64_t)status->state);
	json_put_int(writer, "Wanted", (int64_t)status->wanted);
	if (whole || status->final)
		json_put_bool(writer, "Final", status->final);
	if (whole || status->restart_count != 0)
		json_put_uint(writer, "RestartCount", status->restart_count);
	if (whole || status->attempt != 0)
		json_put_uint(writer, "Attempt", status->attempt);
	if (whole || status->node[0] != '\0')
		json_put_text(writer, "Node", status->node);
	if (whole || status->container_id[0] != '\0')
		json_put_text(writer, "ContainerID", status->container_id);
	if (whole || (status->host_ports != NULL && status->host_ports->count > 0)) {
		json_key(writer, "HostPorts");
		host_ports_write(writer, status->host_ports);
	}
	if (whole || status->start_ms != 0)
		time_write(writer, "StartTime", status->start_ms);
	if (whole || status->finish_ms != 0)
		time_write(writer, "FinishTime", status->finish_ms);
	if (status->restart_at_ms != 0)
		time_write(writer, "RestartAt", status->restart_at_ms);
	if (status->restarts != 0) {
		json_put_uint(writer, "Restarts", status->restarts);
		if (status->restarts_max >= 0)
			json_put_int(writer, "RestartsMax", status->restarts_max);
	}
	if (status->port_taken)
		json_put_bool(writer, "PortTaken", true);
	if (status->disconnected)
		json_put_bool(writer, "Disconnected", true);
	if (status->has_exit_code)
		json_put_int(writer, "ExitCode", status->exit_code);
	if (status->oom_killed)
		json_put_bool(writer, "OOMKilled", true);
	if (whole || status->reason[0] != '\0')
		json_put_text(writer, "Reason", status->reason);
	if (whole || status->sequence != 0)
		json_put_uint(writer, "Sequence", status->sequence);
}

void
task_encode_members(struct json_writer *writer, const struct task *task)
{
	members_write(writer, task->spec->json, task->spec->json_size);
	status_write(writer, &task->status, false);
}

void
task_encode(struct json_writer *writer, const struct task *task)
{
	json_begin_object(writer);
	members_write(writer, task->spec->json, task->spec->json_size);
	defaults_write(writer, task->spec);
	status_write(writer, &task->status, true);
	json_end_object(writer);
}

void
report_encode(struct json_writer *writer, const struct task *task)
{
	json_begin_object(writer);
	json_put_text(writer, "ID", task->spec->id);
	status_write(writer, &task->status, false);
	json_end_object(writer);
}
