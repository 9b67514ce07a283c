/* cube/sim/cluster.c - reads the description of a cluster and makes its nodes.
 *
 * A cursor goes over the text once and knows its line and column; every refusal says them,
 * what stands there and what would be right. Owns the groups and their labels. Main thread.
 */
#include "cluster.h"

#include "base/buf.h"
#include "base/vec.h"
#include "common/units.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILE_MAX      ((size_t)1 << 20)
#define FILE_CHUNK    ((size_t)64 << 10)
#define SIM_TOTAL_MAX (INT64_C(1) << 62)

struct cursor {
	const char *where;
	bool lines;
	const char *text;
	const char *at;
	struct cube_error *err;
};

__attribute__((format(printf, 3, 4))) static int
refuse(const struct cursor *cursor, const char *at, const char *fmt, ...)
{
	char message[256];
	unsigned line = 1;
	const char *start = cursor->text;
	va_list args;

	for (const char *c = cursor->text; c < at; c++) {
		if (*c == '\n') {
			line++;
			start = c + 1;
		}
	}
	va_start(args, fmt);
	(void)vsnprintf(message, sizeof(message), fmt, args);
	va_end(args);
	if (cursor->lines)
		return cube_fail(cursor->err, CUBE_ERR_INVALID, 0,
				 "%s, line %u, column %td: %s", cursor->where, line,
				 at - start + 1, message);
	return cube_fail(cursor->err, CUBE_ERR_INVALID, 0, "%s, column %td: %s", cursor->where,
			 at - cursor->text + 1, message);
}

static int
no_memory(struct cube_error *err)
{
	return cube_fail(err, CUBE_ERR_NO_MEMORY, 0, "out of memory");
}

/* What stands at the cursor, for a message. */
static const char *
found(const char *at, char out[32])
{
	size_t size;

	if (*at == '\0')
		return "the end";
	if (*at == '\n' || !isprint((unsigned char)*at))
		return "something that is no text";
	size = strcspn(at, " \t\r\n");
	(void)snprintf(out, 32, "'%.*s'", size == 0 ? 1 : size > 20 ? 20 : (int)size, at);
	return out;
}

static void
skip_blanks(struct cursor *cursor)
{
	for (;;) {
		cursor->at += strspn(cursor->at, " \t\r\n");
		if (*cursor->at != '#')
			return;
		cursor->at += strcspn(cursor->at, "\n");
	}
}

static int
expect(struct cursor *cursor, char wanted, const char *what)
{
	char text[32];

	skip_blanks(cursor);
	if (*cursor->at != wanted)
		return refuse(cursor, cursor->at, "wants '%c' %s, not %s", wanted, what,
			      found(cursor->at, text));
	cursor->at++;
	return 0;
}

/* A run of what may stand in a name, a number or a label, into out. */
static int
read_word(struct cursor *cursor, const char *what, char *out, size_t size)
{
	const char *start;
	size_t length;
	char text[32];

	skip_blanks(cursor);
	start = cursor->at;
	while (isalnum((unsigned char)*cursor->at) ||
	       (*cursor->at != '\0' && strchr("._-/", *cursor->at) != NULL))
		cursor->at++;
	length = (size_t)(cursor->at - start);
	if (length == 0)
		return refuse(cursor, start, "wants %s, not %s", what, found(start, text));
	if (length >= size)
		return refuse(cursor, start, "%s has at most %zu characters", what, size - 1);
	(void)memcpy(out, start, length);
	out[length] = '\0';
	return 0;
}

/* ---- labels ---- */

static int
label_add_value(struct cursor *cursor, struct sim_label *label)
{
	char value[NAME_SIZE];
	char **grown;

	if (label->count == SIM_VALUES_MAX)
		return refuse(cursor, cursor->at, "a label has at most %d values",
			      SIM_VALUES_MAX);
	if (read_word(cursor, "a label's value", value, sizeof(value)) != 0)
		return cursor->err->code;
	grown = realloc(label->values, (label->count + 1) * sizeof(*grown));
	if (grown == NULL)
		return no_memory(cursor->err);
	label->values = grown;
	grown[label->count] = strdup(value);
	if (grown[label->count] == NULL)
		return no_memory(cursor->err);
	label->count++;
	return 0;
}

static int
read_label(struct cursor *cursor, struct sim_nodes *nodes)
{
	struct sim_label *label = &nodes->labels[nodes->label_count];
	const char *start;
	int rc;

	skip_blanks(cursor);
	start = cursor->at;
	if (nodes->label_count == SIM_LABELS_MAX)
		return refuse(cursor, start, "a group has at most %d labels", SIM_LABELS_MAX);
	if (read_word(cursor, "a label such as zone=a", label->key, sizeof(label->key)) != 0)
		return cursor->err->code;
	for (uint32_t i = 0; i < nodes->label_count; i++) {
		if (strcmp(nodes->labels[i].key, label->key) == 0)
			return refuse(cursor, start, "the label %s stands there twice",
				      label->key);
	}
	if (expect(cursor, '=', "and the label's value") != 0)
		return cursor->err->code;
	nodes->label_count++;
	do {
		rc = label_add_value(cursor, label);
		if (rc != 0)
			return rc;
		skip_blanks(cursor);
	} while (*cursor->at == '|' && cursor->at++ != NULL);
	return 0;
}

static int
read_labels(struct cursor *cursor, struct sim_nodes *nodes)
{
	int rc;

	do {
		rc = read_label(cursor, nodes);
		if (rc != 0)
			return rc;
		skip_blanks(cursor);
	} while (*cursor->at == ';' && cursor->at++ != NULL);
	return 0;
}

/* ---- groups ---- */

static int
read_amount(struct cursor *cursor, const char *member, struct sim_nodes *nodes)
{
	struct cube_error own;
	char text[NAME_SIZE];
	const char *start;
	int rc;

	skip_blanks(cursor);
	start = cursor->at;
	if (read_word(cursor, "an amount", text, sizeof(text)) != 0)
		return cursor->err->code;
	if (strcmp(member, "cores") == 0) {
		rc = units_mcpu(member, text, &nodes->mcpu, &own);
	} else if (strcmp(member, "memory") == 0) {
		rc = units_bytes(member, text, &nodes->memory_bytes, &own);
		if (rc == 0 && nodes->memory_bytes == 0)
			return refuse(cursor, start, "a node without memory takes no task");
	} else {
		rc = units_bytes(member, text, &nodes->disk_bytes, &own);
	}
	return rc != 0 ? refuse(cursor, start, "%s", own.message) : 0;
}

static const char *const members[] = {"cores", "memory", "disk",  "name",
				      "arch",  "os",     "labels"};
#define MEMBERS (sizeof(members) / sizeof(members[0]))

static int
read_member(struct cursor *cursor, struct sim_nodes *nodes, unsigned *seen)
{
	const char *start;
	char name[NAME_SIZE];
	size_t i = 0;

	skip_blanks(cursor);
	start = cursor->at;
	if (read_word(cursor, "a member such as cores:16", name, sizeof(name)) != 0)
		return cursor->err->code;
	while (i < MEMBERS && strcmp(members[i], name) != 0)
		i++;
	if (i == MEMBERS)
		return refuse(cursor, start,
			      "'%s' is none of cores, memory, disk, name, arch, os, labels",
			      name);
	if ((*seen & 1u << i) != 0)
		return refuse(cursor, start, "%s stands there twice", name);
	*seen |= 1u << i;
	if (expect(cursor, ':', "and a value") != 0)
		return cursor->err->code;
	switch (i) {
	case 3:
		return read_word(cursor, "a name", nodes->name, sizeof(nodes->name));
	case 4:
		return read_word(cursor, "an architecture", nodes->arch, sizeof(nodes->arch));
	case 5:
		return read_word(cursor, "a system", nodes->os, sizeof(nodes->os));
	case 6:
		return read_labels(cursor, nodes);
	default:
		return read_amount(cursor, name, nodes);
	}
}

static int
read_count(struct cursor *cursor, uint32_t *count)
{
	const char *start = cursor->at;
	uint64_t number = 0;
	char text[32];

	while (isdigit((unsigned char)*cursor->at) && number <= SIM_NODES_MAX)
		number = number * 10 + (uint64_t)(*cursor->at++ - '0');
	if (number < 1 || number > SIM_NODES_MAX)
		return refuse(cursor, start, "a group has from 1 to %d nodes", SIM_NODES_MAX);
	skip_blanks(cursor);
	if (*cursor->at != 'x')
		return refuse(cursor, cursor->at,
			      "wants 'x' behind the number of nodes, as in 10x{...}, not %s",
			      found(cursor->at, text));
	cursor->at++;
	*count = (uint32_t)number;
	return 0;
}

static int
read_group(struct cursor *cursor, struct sim_nodes *nodes)
{
	const char *start;
	unsigned seen = 0;
	char text[32];
	int rc;

	nodes->count = 1;
	nodes->disk_bytes = SIM_DISK_BYTES;
	(void)strncpy(nodes->arch, "amd64", sizeof(nodes->arch) - 1);
	(void)strncpy(nodes->os, "linux", sizeof(nodes->os) - 1);
	skip_blanks(cursor);
	start = cursor->at;
	if (isdigit((unsigned char)*start) && read_count(cursor, &nodes->count) != 0)
		return cursor->err->code;
	if (expect(cursor, '{', "of a group such as 10x{cores:16,memory:64g}") != 0)
		return cursor->err->code;
	do {
		rc = read_member(cursor, nodes, &seen);
		if (rc != 0)
			return rc;
		skip_blanks(cursor);
	} while (*cursor->at == ',' && cursor->at++ != NULL);
	if (*cursor->at != '}')
		return refuse(cursor, cursor->at,
			      "wants ',' and another member, or '}', not %s",
			      found(cursor->at, text));
	if ((seen & 3u) != 3u)
		return refuse(cursor, start,
			      "a group says its cores and its memory: %s is missing",
			      (seen & 1u) == 0 ? "cores" : "memory");
	cursor->at++;
	return 0;
}

/* ---- the whole ---- */

/* Keeps all sums of a simulation within what 64 bits hold. */
static int
add_total(int64_t *total, uint32_t count, int64_t each)
{
	int64_t all;

	return __builtin_mul_overflow((int64_t)count, each, &all) ||
			       __builtin_add_overflow(*total, all, total) ||
			       *total > SIM_TOTAL_MAX
		       ? -1
		       : 0;
}

static int
add_group(struct cursor *cursor, struct sim_cluster *cluster)
{
	struct sim_nodes *grown = vec_reserve(cluster->groups, &cluster->capacity,
					      cluster->count + 1, sizeof(*grown));
	struct sim_nodes *nodes;
	int rc;

	if (grown == NULL)
		return no_memory(cursor->err);
	cluster->groups = grown;
	nodes = &grown[cluster->count];
	if (cluster->count == SIM_GROUPS_MAX)
		return refuse(cursor, cursor->at, "a cluster has at most %d groups",
			      SIM_GROUPS_MAX);
	memset(nodes, 0, sizeof(*nodes));
	cluster->count++;
	rc = read_group(cursor, nodes);
	if (rc != 0)
		return rc;
	if (cluster->nodes + nodes->count > SIM_NODES_MAX)
		return refuse(cursor, cursor->at, "a cluster has at most %d nodes",
			      SIM_NODES_MAX);
	cluster->nodes += nodes->count;
	if (add_total(&cluster->mcpu, nodes->count, nodes->mcpu) != 0 ||
	    add_total(&cluster->memory_bytes, nodes->count, nodes->memory_bytes) != 0 ||
	    add_total(&cluster->disk_bytes, nodes->count, nodes->disk_bytes) != 0)
		return refuse(cursor, cursor->at,
			      "all nodes together have more than 4 EiB: give them less");
	return 0;
}

int
sim_cluster_parse(struct sim_cluster *cluster, const char *where, bool lines, const char *text,
		  struct cube_error *err)
{
	struct cursor cursor = {
		.where = where, .lines = lines, .text = text, .at = text, .err = err};
	char what[32];
	int rc;

	memset(cluster, 0, sizeof(*cluster));
	do {
		rc = add_group(&cursor, cluster);
		if (rc != 0)
			break;
		skip_blanks(&cursor);
	} while (*cursor.at == '+' && cursor.at++ != NULL);
	if (rc == 0 && *cursor.at != '\0')
		rc = refuse(&cursor, cursor.at,
			    "wants '+' and another group, or the end, not %s",
			    found(cursor.at, what));
	if (rc != 0)
		sim_cluster_release(cluster);
	return rc;
}

static int
read_file(const char *path, struct buf *text, struct cube_error *err)
{
	FILE *file = fopen(path, "re");
	char *room;
	size_t got = 1;

	if (file == NULL)
		return cube_fail(
			err, CUBE_ERR_INVALID, errno,
			"--cluster %s: %s: wants groups such as 10x{cores:16,memory:64g}, "
			"or a file with them",
			path, strerror(errno));
	while (got > 0 && !text->failed) {
		room = buf_reserve(text, FILE_CHUNK);
		got = room != NULL ? fread(room, 1, FILE_CHUNK, file) : 0;
		text->size += got;
	}
	if (ferror(file)) {
		(void)fclose(file);
		return cube_fail(err, CUBE_ERR_INVALID, EIO, "--cluster %s: cannot be read",
				 path);
	}
	(void)fclose(file);
	if (text->failed)
		return cube_fail(err, CUBE_ERR_INVALID, 0,
				 "--cluster %s: is larger than %zu KiB", path, FILE_MAX >> 10);
	if (text->size > 0 && memchr(text->data, '\0', text->size) != NULL)
		return cube_fail(err, CUBE_ERR_INVALID, 0, "--cluster %s: is no text", path);
	return 0;
}

int
sim_cluster_read(struct sim_cluster *cluster, const char *text, struct cube_error *err)
{
	cleanup_buf struct buf content = BUF_INIT(FILE_MAX + FILE_CHUNK);

	if (strchr(text, '{') != NULL)
		return sim_cluster_parse(cluster, "--cluster", strchr(text, '\n') != NULL, text,
					 err);
	if (read_file(text, &content, err) != 0)
		return err->code;
	buf_append(&content, "", 1);
	if (content.failed)
		return no_memory(err);
	return sim_cluster_parse(cluster, text, true, content.data, err);
}

void
sim_cluster_release(struct sim_cluster *cluster)
{
	for (size_t i = 0; i < cluster->count; i++) {
		for (uint32_t j = 0; j < cluster->groups[i].label_count; j++) {
			struct sim_label *label = &cluster->groups[i].labels[j];

			for (uint32_t k = 0; k < label->count; k++)
				free(label->values[k]);
			free(label->values);
		}
	}
	free(cluster->groups);
	memset(cluster, 0, sizeof(*cluster));
}

/* ---- its nodes ---- */

static int
make_labels(const struct sim_nodes *nodes, uint32_t index, struct node_info *info)
{
	struct task_label labels[SIM_LABELS_MAX];

	for (uint32_t i = 0; i < nodes->label_count; i++) {
		labels[i].key = nodes->labels[i].key;
		labels[i].value = nodes->labels[i].values[index % nodes->labels[i].count];
	}
	info->labels = node_labels_new(labels, nodes->label_count);
	return info->labels != NULL ? 0 : CUBE_ERR_NO_MEMORY;
}

int
sim_cluster_node(const struct sim_cluster *cluster, uint32_t index, struct node_info *info)
{
	const struct sim_nodes *nodes = cluster->groups;
	uint32_t first = 0;

	assert(index < cluster->nodes);
	while (index - first >= nodes->count) {
		first += nodes->count;
		nodes++;
	}
	memset(info, 0, sizeof(*info));
	(void)snprintf(info->name, sizeof(info->name), "%s%s%" PRIu32,
		       nodes->name[0] != '\0' ? nodes->name : "n",
		       nodes->name[0] != '\0' ? "-" : "", index + 1);
	(void)snprintf(info->version, sizeof(info->version), "%s", CUBE_VERSION);
	(void)snprintf(info->arch, sizeof(info->arch), "%s", nodes->arch);
	(void)snprintf(info->os, sizeof(info->os), "%s", nodes->os);
	(void)snprintf(info->runtime, sizeof(info->runtime), "sim");
	info->runtime_ready = true;
	info->cpu_busy = NAN;
	info->mcpu = nodes->mcpu;
	info->memory_bytes = nodes->memory_bytes;
	info->disk_bytes = nodes->disk_bytes;
	return nodes->label_count > 0 ? make_labels(nodes, index - first, info) : 0;
}
