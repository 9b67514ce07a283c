/* model/codec_node.c - a worker's description of itself and the manager's view of it.
 *
 * Memory is in KiB on the wire, as in the book, and in bytes with us. Labels and stats
 * are kept as JSON: what comes in is parsed, checked, bounded and written anew, so that
 * what goes out is ours. Pure. [any]
 */
#include "model/codec_read.h"
#include "model/codec_write.h"

#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define API_SCHEME "http://"
#define API_WANTED "the worker's address as http://HOST:PORT"
#define KIB_MAX    (QUANTITY_MAX / 1024)

#define REWRITTEN_MAX ((size_t)256 * 1024 * 1024) /* more than any request can become */

struct node_draft {
	struct node_info info;
	const struct json_value *labels;
	const struct json_value *stats;
	const struct json_value *enforces;
	const struct json_value *busy;
};

#define AT(member)      offsetof(struct node_draft, member)
#define IN_INFO(member) offsetof(struct node_draft, info.member)

static const struct field node_fields[] = {
	{"Name", read_name, IN_INFO(name), 0, 0, NULL},
	{"Ip", NULL, 0, 0, 0, NULL},
	{"Api", read_chars, IN_INFO(api), 0, NODE_API_SIZE, NULL},
	{"Memory", read_kib, IN_INFO(memory_bytes), 0, KIB_MAX, "KiB"},
	{"MemoryAllocated", NULL, 0, 0, 0, NULL},
	{"Disk", read_int, IN_INFO(disk_bytes), 0, QUANTITY_MAX, "bytes"},
	{"DiskAllocated", NULL, 0, 0, 0, NULL},
	{"Stats", read_value, AT(stats), 0, 0, NULL},
	{"Role", NULL, 0, 0, 0, NULL},
	{"TaskCount", NULL, 0, 0, 0, NULL},
	{"Instance", read_id, IN_INFO(instance), 0, 0, NULL},
	{"Cluster", read_id, IN_INFO(cluster), 0, 0, NULL},
	{"Cores", read_cores, IN_INFO(mcpu), 0, 0, NULL},
	{"CpuAllocated", NULL, 0, 0, 0, NULL},
	{"CpuBusy", read_value, AT(busy), 0, 0, NULL},
	{"Labels", read_value, AT(labels), 0, 0, NULL},
	{"Arch", read_chars, IN_INFO(arch), 0, NODE_FACT_SIZE, NULL},
	{"Os", read_chars, IN_INFO(os), 0, NODE_FACT_SIZE, NULL},
	{"Status", NULL, 0, 0, 0, NULL},
	{"Reason", NULL, 0, 0, 0, NULL},
	{"Cordoned", NULL, 0, 0, 0, NULL},
	{"Draining", NULL, 0, 0, 0, NULL},
	{"DrainUntil", NULL, 0, 0, 0, NULL},
	{"DrainStopped", NULL, 0, 0, 0, NULL},
	{"StaleReports", NULL, 0, 0, 0, NULL},
	{"Runtime", read_name, IN_INFO(runtime), 0, 0, NULL},
	{"RuntimeReady", read_bool, IN_INFO(runtime_ready), 0, 0, NULL},
	{"RuntimeReason", read_cut, IN_INFO(runtime_reason), 0, TASK_REASON_SIZE, NULL},
	{"Enforces", read_value, AT(enforces), 0, 0, NULL},
	{"LastSeen", NULL, 0, 0, 0, NULL},
	{"Version", read_chars, IN_INFO(version), 0, sizeof(((struct node_info *)0)->version),
	 NULL},
	{"StaleOrders", read_u64, IN_INFO(stale_orders), 0, INT64_MAX, NULL},
	{"Revision", read_u64, IN_INFO(revision), 0, INT64_MAX, NULL},
};

static const struct field_table node_table = FIELD_TABLE("a Node", node_fields);

static const struct {
	const char *name;
	uint32_t bit;
} enforce_names[] = {{"cpu", CUBE_ENFORCES_CPU},
		     {"memory", CUBE_ENFORCES_MEMORY},
		     {"disk", CUBE_ENFORCES_DISK}};

#define ENFORCE_COUNT (sizeof(enforce_names) / sizeof(enforce_names[0]))

/* ---- the address ---- */

/* The host of "http://HOST:PORT" and its size; without the brackets of an IPv6 address.
 * NULL if it is no such address. */
static const char *
api_host(const char *api, size_t *size)
{
	static const char letters[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_";
	const char *host = api + sizeof(API_SCHEME) - 1;
	const char *at;
	unsigned port = 0;

	if (strncmp(api, API_SCHEME, sizeof(API_SCHEME) - 1) != 0)
		return NULL;
	if (*host == '[') {
		host++;
		*size = strspn(host, "0123456789abcdefABCDEF:.");
		at = host + *size;
		if (*at++ != ']')
			return NULL;
	} else {
		*size = strspn(host, letters);
		at = host + *size;
	}
	if (*size == 0 || *at++ != ':' || *at < '1' || *at > '9')
		return NULL;
	for (; *at >= '0' && *at <= '9' && port <= UINT16_MAX; at++)
		port = port * 10 + (unsigned)(*at - '0');
	return *at == '\0' && port <= UINT16_MAX ? host : NULL;
}

/* ---- in ---- */

/* Writes value anew as a counted text. what: for the message. */
static int
text_make(const struct json_doc *doc, const struct json_value *value, const char *what,
	  struct node_text **out, struct cube_error *err)
{
	cleanup_buf struct buf json = BUF_INIT(REWRITTEN_MAX);
	struct json_writer *writer = json_writer_new(&json, false);

	if (writer == NULL)
		return cube_fail(err, CUBE_ERR_NO_MEMORY, 0, "out of memory");
	json_value_write(writer, value);
	json_writer_free(writer);
	if (json.failed)
		return cube_fail(err, CUBE_ERR_NO_MEMORY, 0, "out of memory");
	if (json.size > NODE_STATS_MAX)
		return json_fail(doc, value, err, "%s must take at most %zu bytes, not %zu",
				 what, NODE_STATS_MAX, json.size);
	*out = node_text_new(json.data, json.size);
	if (*out == NULL)
		return cube_fail(err, CUBE_ERR_NO_MEMORY, 0, "out of memory");
	return 0;
}

static int
labels_read(const struct json_doc *doc, struct node_draft *draft, struct cube_error *err)
{
	struct task_label labels[NODE_LABELS_MAX];
	const struct json_value *label;
	uint32_t count = 0;

	if (draft->labels == NULL)
		return 0;
	if (draft->labels->type != JSON_OBJECT)
		return fail_wanted(doc, draft->labels, err,
				   "an object of texts, such as {\"arch\": \"arm64\"}");
	if (draft->labels->count == 0)
		return 0;
	if (draft->labels->count > NODE_LABELS_MAX)
		return json_fail(doc, draft->labels, err, "must have at most %d labels, not %u",
				 NODE_LABELS_MAX, (unsigned)draft->labels->count);
	for (label = draft->labels->as.first; label != NULL; label = label->next) {
		if (label->key[0] == '\0')
			return json_fail(doc, label, err, "a label needs a name");
		if (label->type != JSON_STRING)
			return fail_wanted(doc, label, err, "a text");
		labels[count++] = (struct task_label){label->key, label->as.string.text};
	}
	draft->info.labels = node_labels_new(labels, count);
	if (draft->info.labels == NULL)
		return cube_fail(err, CUBE_ERR_NO_MEMORY, 0, "out of memory");
	if (draft->info.labels->json_size > NODE_STATS_MAX)
		return json_fail(doc, draft->labels, err,
				 "the labels must take at most %zu bytes, not %zu",
				 NODE_STATS_MAX, draft->info.labels->json_size);
	return 0;
}

static int
stats_read(const struct json_doc *doc, struct node_draft *draft, struct cube_error *err)
{
	if (draft->stats == NULL)
		return 0;
	if (draft->stats->type != JSON_OBJECT)
		return fail_wanted(doc, draft->stats, err, "an object: Stats");
	return text_make(doc, draft->stats, "the Stats", &draft->info.stats, err);
}

static int
enforces_read(const struct json_doc *doc, enum codec_mode mode, struct node_draft *draft,
	      struct cube_error *err)
{
	static const char wanted[] = "an array of \"cpu\", \"memory\" and \"disk\"";
	const struct json_value *item;

	if (draft->enforces == NULL)
		return 0;
	if (draft->enforces->type != JSON_ARRAY)
		return fail_wanted(doc, draft->enforces, err, wanted);
	if (draft->enforces->count == 0)
		return 0;
	for (item = draft->enforces->as.first; item != NULL; item = item->next) {
		size_t i = 0;

		while (item->type == JSON_STRING && i < ENFORCE_COUNT &&
		       strcmp(item->as.string.text, enforce_names[i].name) != 0)
			i++;
		if (item->type == JSON_STRING && i < ENFORCE_COUNT)
			draft->info.enforces |= enforce_names[i].bit;
		else if (mode == CODEC_STRICT)
			return fail_wanted(doc, item, err, "\"cpu\", \"memory\" or \"disk\"");
	}
	return 0;
}

static int
required_check(const struct json_doc *doc, const struct json_value *value,
	       const struct node_info *info, struct cube_error *err)
{
	size_t size;

	if (info->name[0] == '\0')
		return json_fail(doc, value, err, "a Node needs a Name");
	if (info->api[0] == '\0')
		return json_fail(doc, value, err, "a Node needs an Api: " API_WANTED);
	if (api_host(info->api, &size) == NULL)
		return fail_wanted(doc, json_get(value, "Api"), err, API_WANTED);
	return 0;
}

static int
busy_read(const struct json_doc *doc, struct node_draft *draft, struct cube_error *err)
{
	double busy = NAN;
	int rc = json_read_real(doc, draft->busy, 0, 1, &busy, err);

	draft->info.cpu_busy = (float)busy;
	return rc;
}

int
node_info_decode(const struct json_doc *doc, const struct json_value *value,
		 enum codec_mode mode, struct node_info *out, struct cube_error *err)
{
	struct node_draft draft;
	int rc;

	memset(&draft, 0, sizeof(draft));
	rc = fields_read(doc, value, mode, &node_table, &draft, err);
	if (rc == 0)
		rc = required_check(doc, value, &draft.info, err);
	if (rc == 0)
		rc = busy_read(doc, &draft, err);
	if (rc == 0)
		rc = enforces_read(doc, mode, &draft, err);
	if (rc == 0)
		rc = labels_read(doc, &draft, err);
	if (rc == 0)
		rc = stats_read(doc, &draft, err);
	if (rc < 0) {
		node_info_release(&draft.info);
		return rc;
	}
	*out = draft.info;
	return 0;
}

/* ---- out ---- */

static void
stats_write(struct json_writer *writer, const struct node_text *stats)
{
	json_key(writer, "Stats");
	if (stats != NULL)
		json_raw(writer, stats->text, stats->size);
	else
		json_null(writer);
}

static void
labels_write(struct json_writer *writer, const struct node_labels *labels)
{
	json_key(writer, "Labels");
	if (labels != NULL)
		json_raw(writer, labels->json, labels->json_size);
	else
		json_raw(writer, "{}", 2);
}

static void
busy_write(struct json_writer *writer, float busy)
{
	json_key(writer, "CpuBusy");
	if (isnan(busy))
		json_null(writer);
	else
		cores_write(writer, llround((double)busy * 1000));
}

static void
enforces_write(struct json_writer *writer, uint32_t enforces)
{
	size_t i;

	json_key(writer, "Enforces");
	json_begin_array(writer);
	for (i = 0; i < ENFORCE_COUNT; i++) {
		if ((enforces & enforce_names[i].bit) != 0)
			json_text(writer, enforce_names[i].name);
	}
	json_end_array(writer);
}

/* What the book's Node has. view: NULL if the worker speaks of itself. */
static void
book_write(struct json_writer *writer, const struct node_info *info,
	   const struct node_view *view)
{
	char ip[NODE_API_SIZE] = "";
	size_t size;
	const char *host = api_host(info->api, &size);

	if (host != NULL)
		(void)snprintf(ip, sizeof(ip), "%.*s", (int)size, host);
	json_put_text(writer, "Name", info->name);
	json_put_text(writer, "Ip", ip);
	json_put_text(writer, "Api", info->api);
	json_put_int(writer, "Memory", info->memory_bytes / 1024);
	if (view != NULL)
		json_put_int(writer, "MemoryAllocated", view->allocated_memory_bytes / 1024);
	json_put_int(writer, "Disk", info->disk_bytes);
	if (view != NULL)
		json_put_int(writer, "DiskAllocated", view->allocated_disk_bytes);
	stats_write(writer, info->stats);
	json_put_text(writer, "Role", "worker");
	if (view != NULL)
		json_put_uint(writer, "TaskCount", view->task_count);
}

/* What its manager alone knows of it. */
static void
view_write(struct json_writer *writer, const struct node_view *view)
{
	json_put_text(writer, "Status", node_status_name(view->status));
	json_put_text(writer, "Reason", view->reason);
	json_put_bool(writer, "Cordoned", view->cordoned);
	json_put_bool(writer, "Draining", view->draining);
	if (view->draining)
		time_write(writer, "DrainUntil", view->drain_until_ms);
	json_put_uint(writer, "DrainStopped", view->drain_stopped);
	json_put_uint(writer, "StaleReports", view->stale_reports);
}

static void
node_members_write(struct json_writer *writer, const struct node_info *info,
		   const struct node_view *view)
{
	book_write(writer, info, view);
	json_put_text(writer, "Instance", info->instance);
	json_put_text(writer, "Cluster", info->cluster);
	json_key(writer, "Cores");
	cores_write(writer, info->mcpu);
	if (view != NULL) {
		json_key(writer, "CpuAllocated");
		cores_write(writer, view->allocated_mcpu);
	}
	busy_write(writer, info->cpu_busy);
	labels_write(writer, info->labels);
	if (view != NULL)
		view_write(writer, view);
	json_put_text(writer, "Arch", info->arch);
	json_put_text(writer, "Os", info->os);
	json_put_text(writer, "Runtime", info->runtime);
	json_put_bool(writer, "RuntimeReady", info->runtime_ready);
	json_put_text(writer, "RuntimeReason", info->runtime_reason);
	enforces_write(writer, info->enforces);
	if (view != NULL)
		time_write(writer, "LastSeen", view->last_seen_ms);
	json_put_text(writer, "Version", info->version);
	json_put_uint(writer, "StaleOrders", info->stale_orders);
	json_put_uint(writer, "Revision", info->revision);
}

void
node_info_encode_members(struct json_writer *writer, const struct node_info *info)
{
	node_members_write(writer, info, NULL);
}

void
node_info_encode(struct json_writer *writer, const struct node_info *info)
{
	json_begin_object(writer);
	node_members_write(writer, info, NULL);
	json_end_object(writer);
}

void
node_view_encode(struct json_writer *writer, const struct node_view *view)
{
	json_begin_object(writer);
	node_members_write(writer, &view->info, view);
	json_end_object(writer);
}
