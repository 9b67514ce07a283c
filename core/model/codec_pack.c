/* model/codec_pack.c - a checked draft to the one allocation of a specification.
 *
 * First the canonical JSON is written: the owner's members in API.md's order, defaults
 * left out, ports and labels sorted. Then all is measured, one block is allocated, and
 * the draft is copied into it: the struct, its arrays, its texts. Pure. [any]
 */
#include "model/codec_spec.h"

#include "base/cleanup.h"
#include "base/hash.h"
#include "model/codec_health.h"
#include "model/codec_placing.h"
#include "model/codec_policy.h"
#include "model/codec_write.h"

#include <stdlib.h>
#include <string.h>

#define SPEC_JSON_LIMIT      ((size_t)64 * 1024 * 1024)
#define STOP_TIMEOUT_DEFAULT 10

/* ---- the canonical text ---- */

static void
array_write(struct json_writer *writer, const char *key, const struct json_value *array)
{
	if (array == NULL)
		return;
	json_key(writer, key);
	json_value_write(writer, array);
}

static void
labels_write(struct json_writer *writer, const struct task_label *labels, uint32_t count)
{
	uint32_t i;

	if (count == 0)
		return;
	json_key(writer, "Labels");
	json_begin_object(writer);
	for (i = 0; i < count; i++)
		json_put_text(writer, labels[i].key, labels[i].value);
	json_end_object(writer);
}

static void
quantities_write(struct json_writer *writer, const struct task_spec *spec)
{
	if (spec->mcpu != 0) {
		json_key(writer, "Cpu");
		cores_write(writer, spec->mcpu);
	}
	if (spec->memory_bytes != 0)
		json_put_int(writer, "Memory", spec->memory_bytes);
	if (spec->disk_bytes != 0)
		json_put_int(writer, "Disk", spec->disk_bytes);
}

static void
draft_write(struct json_writer *writer, const struct spec_draft *draft,
	    const struct task_label *labels, uint32_t label_count)
{
	const struct task_spec *spec = &draft->spec;
	char policy[POLICY_TEXT_SIZE];

	json_begin_object(writer);
	json_put_text(writer, "ID", spec->id);
	json_put_text(writer, "Name", spec->name);
	json_put_text(writer, "Image", spec->image);
	quantities_write(writer, spec);
	ports_write(writer, &draft->ports);
	if (spec->restart_mode != RESTART_DEFAULT) {
		policy_format(spec->restart_mode, spec->restart_max, policy);
		json_put_text(writer, "RestartPolicy", policy);
	}
	if (spec->health_check[0] != '\0')
		json_put_text(writer, "HealthCheck", spec->health_check);
	if (spec->health_check[0] == '\0' && spec->health.kind != HEALTH_NONE) {
		json_key(writer, "Health");
		health_write(writer, &spec->health);
	}
	array_write(writer, "Cmd", draft->args);
	array_write(writer, "Entrypoint", draft->entrypoint);
	array_write(writer, "Env", draft->env);
	labels_write(writer, labels, label_count);
	constraints_write(writer, draft);
	if (spec->job[0] != '\0')
		json_put_text(writer, "Job", spec->job);
	if (spec->priority != 0)
		json_put_uint(writer, "Priority", spec->priority);
	max_per_node_write(writer, spec);
	if (spec->max_restarts >= 0)
		json_put_int(writer, "MaxRestarts", spec->max_restarts);
	if (spec->stop_timeout_s != STOP_TIMEOUT_DEFAULT)
		json_put_uint(writer, "StopTimeout", spec->stop_timeout_s);
	if (spec->on_node_lost == NODE_LOST_WAIT)
		json_put_text(writer, "OnNodeLost", "wait");
	if (spec->stop_after_disconnect_s != 0)
		json_put_uint(writer, "StopAfterDisconnect", spec->stop_after_disconnect_s);
	json_end_object(writer);
}

/* ---- the block ---- */

/* What goes into the block beside the struct. */
struct packing {
	const struct spec_draft *draft;
	const struct task_label *labels; /* sorted, borrowed texts */
	uint32_t label_count;
	const char *json; /* the members, without braces */
	size_t json_size;
};

static size_t
array_pointers(const struct json_value *array)
{
	return array != NULL ? (size_t)array->count + 1 : 0;
}

static size_t
array_bytes(const struct json_value *array)
{
	const struct json_value *item;
	size_t size = 0;

	if (array == NULL)
		return 0;
	for (item = array->as.first; item != NULL; item = item->next)
		size += item->as.string.size + 1;
	return size;
}

static size_t
text_bytes(const struct packing *packing)
{
	const struct spec_draft *draft = packing->draft;
	const struct task_spec *spec = &draft->spec;
	size_t size = strlen(spec->image) + 1 + strlen(spec->job) + 1 +
		      strlen(spec->health_check) + 1 + strlen(spec->health.path) + 1 +
		      strlen(spec->max_per_label) + 1 + packing->json_size + 1;
	uint32_t i;

	size += array_bytes(draft->entrypoint) + array_bytes(draft->args) +
		array_bytes(draft->env) + constraints_bytes(draft);
	for (i = 0; i < packing->label_count; i++)
		size += strlen(packing->labels[i].key) + 1 + strlen(packing->labels[i].value) +
			1;
	return size;
}

static const char *
text_pack(char **at, const char *text, size_t size)
{
	char *packed = *at;

	memcpy(packed, text, size);
	packed[size] = '\0';
	*at += size + 1;
	return packed;
}

static const char *const *
array_pack(const char ***pointers, char **at, const struct json_value *array)
{
	const char **packed = *pointers;
	const struct json_value *item;
	size_t i = 0;

	if (array == NULL)
		return NULL;
	for (item = array->as.first; item != NULL; item = item->next)
		packed[i++] = text_pack(at, item->as.string.text, item->as.string.size);
	packed[i++] = NULL;
	*pointers += i;
	return packed;
}

/* The layout: struct, pointers, constraints, labels, ports, texts; the alignment only falls. */
static struct task_spec *
block_pack(const struct packing *packing)
{
	const struct spec_draft *draft = packing->draft;
	size_t pointer_count = array_pointers(draft->entrypoint) + array_pointers(draft->args) +
			       array_pointers(draft->env);
	size_t port_bytes = draft->ports.count * sizeof(struct task_port);
	size_t constraint_count = draft->constraints != NULL ? draft->constraints->count : 0;
	struct task_spec *spec = malloc(sizeof(*spec) + pointer_count * sizeof(char *) +
					constraint_count * sizeof(struct task_constraint) +
					packing->label_count * sizeof(struct task_label) +
					port_bytes + text_bytes(packing));
	const char **pointers;
	struct task_constraint *constraints;
	struct task_label *labels;
	char *at;
	uint32_t i;

	if (spec == NULL)
		return NULL;
	*spec = draft->spec;
	atomic_init(&spec->references, 1);
	pointers = (const char **)(spec + 1);
	constraints = (struct task_constraint *)(pointers + pointer_count);
	labels = (struct task_label *)(constraints + constraint_count);
	at = (char *)(labels + packing->label_count);
	if (port_bytes > 0)
		memcpy(at, draft->ports.ports, port_bytes);
	spec->ports = port_bytes > 0 ? (struct task_port *)at : NULL;
	spec->port_count = draft->ports.count;
	at += port_bytes;
	spec->image = text_pack(&at, spec->image, strlen(spec->image));
	spec->job = text_pack(&at, spec->job, strlen(spec->job));
	spec->health_check = text_pack(&at, spec->health_check, strlen(spec->health_check));
	spec->health.path = text_pack(&at, spec->health.path, strlen(spec->health.path));
	spec->entrypoint = array_pack(&pointers, &at, draft->entrypoint);
	spec->args = array_pack(&pointers, &at, draft->args);
	spec->env = array_pack(&pointers, &at, draft->env);
	for (i = 0; i < packing->label_count; i++) {
		const struct task_label *label = &packing->labels[i];

		labels[i].key = text_pack(&at, label->key, strlen(label->key));
		labels[i].value = text_pack(&at, label->value, strlen(label->value));
	}
	constraints_pack(draft, constraints, &at);
	spec->constraints = constraint_count > 0 ? constraints : NULL;
	spec->constraint_count = (uint32_t)constraint_count;
	spec->max_per_label = text_pack(&at, spec->max_per_label, strlen(spec->max_per_label));
	spec->labels = packing->label_count > 0 ? labels : NULL;
	spec->label_count = packing->label_count;
	spec->json = text_pack(&at, packing->json, packing->json_size);
	spec->json_size = packing->json_size;
	spec->hash = hash_bytes(spec->json, spec->json_size);
	return spec;
}

/* ---- both ---- */

static int
label_compare(const void *left, const void *right)
{
	const struct task_label *a = left;
	const struct task_label *b = right;

	return strcmp(a->key, b->key);
}

/* Sorted, malloced, the texts borrowed. */
static struct task_label *
labels_sort(const struct json_value *object)
{
	struct task_label *labels = malloc(object->count * sizeof(*labels));
	const struct json_value *label;
	size_t i = 0;

	if (labels == NULL)
		return NULL;
	for (label = object->as.first; label != NULL; label = label->next) {
		labels[i].key = label->key;
		labels[i++].value = label->as.string.text;
	}
	qsort(labels, object->count, sizeof(*labels), label_compare);
	return labels;
}

int
spec_pack(const struct spec_draft *draft, struct task_spec **out, struct cube_error *err)
{
	struct packing packing = {.draft = draft};
	cleanup_free struct task_label *labels = NULL;
	cleanup_buf struct buf json = BUF_INIT(SPEC_JSON_LIMIT);
	struct json_writer *writer;
	struct task_spec *spec = NULL;

	if (draft->labels != NULL) {
		labels = labels_sort(draft->labels);
		if (labels == NULL)
			goto no_memory;
		packing.labels = labels;
		packing.label_count = draft->labels->count;
	}
	/* Most fit into this; growing from nothing would copy four times. */
	(void)buf_reserve(&json, 512);
	writer = json_writer_new(&json, false);
	if (writer == NULL)
		goto no_memory;
	draft_write(writer, draft, labels, packing.label_count);
	json_writer_free(writer);
	if (json.failed)
		goto no_memory;
	packing.json = json.data + 1;
	packing.json_size = json.size - 2;
	spec = block_pack(&packing);
	if (spec == NULL)
		goto no_memory;
	*out = spec;
	return 0;
no_memory:
	return cube_fail(err, CUBE_ERR_NO_MEMORY, 0, "out of memory");
}
