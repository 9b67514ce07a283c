/* model/task.c - the life of specifications, port lists and statuses.
 *
 * A specification and a port list are counted and never changed, so the brain's thread and
 * the threads that encode answers hold the same one; the last to let go frees it. A status
 * is a plain value with one owner. Specifications are made by the codec alone
 * (model/codec_pack.c), each in one allocation.
 */
#include "model/task.h"

#include "base/utf8.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One owner fewer; true for the last, which then sees all that the others did. */
static bool
reference_drop(atomic_uint *references)
{
	unsigned before = atomic_fetch_sub_explicit(references, 1, memory_order_acq_rel);

	assert(before > 0);
	return before == 1;
}

struct task_spec *
task_spec_get(struct task_spec *spec)
{
	if (spec != NULL)
		(void)atomic_fetch_add_explicit(&spec->references, 1, memory_order_relaxed);
	return spec;
}

void
task_spec_put(struct task_spec *spec)
{
	if (spec != NULL && reference_drop(&spec->references))
		free(spec);
}

struct port_list *
port_list_new(const struct cube_port *ports, uint32_t count)
{
	struct port_list *list = malloc(sizeof(*list) + count * sizeof(list->ports[0]));

	if (list == NULL)
		return NULL;
	atomic_init(&list->references, 1);
	list->count = count;
	if (count > 0)
		memcpy(list->ports, ports, count * sizeof(list->ports[0]));
	return list;
}

struct port_list *
port_list_get(struct port_list *list)
{
	if (list != NULL)
		(void)atomic_fetch_add_explicit(&list->references, 1, memory_order_relaxed);
	return list;
}

void
port_list_put(struct port_list *list)
{
	if (list != NULL && reference_drop(&list->references))
		free(list);
}

bool
port_list_equal(const struct port_list *a, const struct port_list *b)
{
	uint32_t count_a = a != NULL ? a->count : 0;
	uint32_t count_b = b != NULL ? b->count : 0;
	uint32_t i;

	if (a == b)
		return true;
	if (count_a != count_b)
		return false;
	for (i = 0; i < count_a; i++) {
		const struct cube_port *left = &a->ports[i];
		const struct cube_port *right = &b->ports[i];

		if (left->container_port != right->container_port ||
		    left->host_port != right->host_port || left->protocol != right->protocol ||
		    strcmp(left->host_ip, right->host_ip) != 0)
			return false;
	}
	return true;
}

void
task_status_copy(struct task_status *to, const struct task_status *from)
{
	*to = *from;
	(void)port_list_get(to->host_ports);
}

void
task_status_release(struct task_status *status)
{
	port_list_put(status->host_ports);
	status->host_ports = NULL;
}

void
task_copy(struct task *to, const struct task *from)
{
	to->spec = task_spec_get(from->spec);
	task_status_copy(&to->status, &from->status);
}

void
task_release(struct task *task)
{
	task_spec_put(task->spec);
	task->spec = NULL;
	task_status_release(&task->status);
}

void
tasks_free(struct task *tasks, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		task_release(&tasks[i]);
	free(tasks);
}

const char *
task_state_name(enum task_state state)
{
	static const char *const names[TASK_STATES] = {"Pending", "Scheduled", "Running",
						       "Completed", "Failed"};

	return (unsigned)state < TASK_STATES ? names[state] : "unknown";
}

static bool
is_alphanumeric(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool
name_is_valid(const char *name)
{
	size_t i;

	if (!is_alphanumeric(name[0]))
		return false;
	for (i = 1; name[i] != '\0'; i++) {
		if (i >= NAME_SIZE - 1)
			return false;
		if (!is_alphanumeric(name[i]) && name[i] != '_' && name[i] != '.' &&
		    name[i] != '-')
			return false;
	}
	return true;
}

void
task_reason(struct task_status *status, const char *fmt, ...)
{
	char text[TASK_REASON_SIZE];
	va_list args;
	size_t size;
	int whole;

	/* Through a copy: an argument may be the old reason. */
	va_start(args, fmt);
	whole = vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	if (whole < 0)
		text[0] = '\0';
	size = strlen(text);
	/* Only the cut may have left half a character behind. */
	if (whole >= (int)sizeof(text)) {
		size_t valid = utf8_valid_prefix(text, size);

		if (size - valid < 4)
			size = valid;
	}
	memcpy(status->reason, text, size);
	status->reason[size] = '\0';
}
