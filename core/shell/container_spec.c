/* shell/container_spec.c - see the header.
 *
 * cube's own labels come last, so that no label of a task can stand in for them: the
 * codec refuses labels that begin with "cube." as well.
 */
#include "shell/container_spec.h"

#include <stdio.h>
#include <stdlib.h>

#define OWN_LABELS 5

static void
ports_fill(struct container_spec *out, const struct task_spec *task)
{
	uint32_t count = task->port_count < TASK_PORTS_MAX ? task->port_count : TASK_PORTS_MAX;

	for (uint32_t i = 0; i < count; i++) {
		out->ports[i].container_port = task->ports[i].container_port;
		out->ports[i].host_port = task->ports[i].host_port;
		out->ports[i].protocol = task->ports[i].protocol;
	}
	out->spec.ports = out->ports;
	out->spec.port_count = count;
}

struct container_spec *
container_spec_new(const struct task_spec *task, uint32_t attempt, const char *cluster,
		   const char *worker)
{
	size_t labels = (size_t)task->label_count + OWN_LABELS;
	struct container_spec *out = calloc(1, sizeof(*out) + labels * sizeof(out->labels[0]));
	struct cube_label *own;

	if (out == NULL)
		return NULL;
	(void)snprintf(out->attempt, sizeof(out->attempt), "%u", attempt);
	for (uint32_t i = 0; i < task->label_count; i++) {
		out->labels[i].key = task->labels[i].key;
		out->labels[i].value = task->labels[i].value;
	}
	own = out->labels + task->label_count;
	own[0] = (struct cube_label){"cube.cluster", cluster};
	own[1] = (struct cube_label){"cube.worker", worker};
	own[2] = (struct cube_label){"cube.task", task->id};
	own[3] = (struct cube_label){"cube.attempt", out->attempt};
	own[4] = (struct cube_label){"cube.name", task->name};

	out->spec.struct_size = sizeof(out->spec);
	out->spec.attempt = attempt;
	out->spec.task_id = task->id;
	out->spec.name = task->name;
	out->spec.image = task->image;
	out->spec.entrypoint = task->entrypoint;
	out->spec.args = task->args;
	out->spec.env = task->env;
	out->spec.labels = out->labels;
	out->spec.label_count = (uint32_t)labels;
	out->spec.mcpu = task->mcpu;
	out->spec.memory_bytes = task->memory_bytes;
	out->spec.disk_bytes = task->disk_bytes;
	ports_fill(out, task);
	return out;
}

void
container_spec_free(struct container_spec *spec)
{
	free(spec);
}
