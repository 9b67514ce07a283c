/* shell/describe.c - see the header.
 *
 * What is not given is the machine's, less a reserve for itself. The limits of labels are
 * those that the manager's codec holds a worker to: refused here, at the start, and not
 * when the worker joins. Owns nothing. Main thread.
 */
#include "shell/describe.h"

#include "base/utf8.h"
#include "shell/sampler.h"

#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#define RESERVE_PERCENT   5           /* of the machine, for itself */
#define RESERVE_MIN_BYTES (128 << 20) /* of memory */
/* Room for the longest escapes, so that labels that fail are short of memory. */
#define LABELS_LIMIT (NODE_STATS_MAX / 8)

/* Without the blanks around it, as in "zone=eu, rack=12". */
static char *
trimmed(char *text)
{
	size_t size;

	text += strspn(text, " \t");
	size = strlen(text);
	while (size > 0 && (text[size - 1] == ' ' || text[size - 1] == '\t'))
		text[--size] = '\0';
	return text;
}

/* Splits text, which is written to, into *count labels. */
static int
labels_split(char *text, struct task_label labels[NODE_LABELS_MAX], uint32_t *count,
	     struct cube_error *err)
{
	char *label;

	*count = 0;
	while ((label = strsep(&text, ",")) != NULL) {
		char *equals;

		label = trimmed(label);
		equals = strchr(label, '=');
		if (equals == NULL || equals == label)
			return cube_fail(err, CUBE_ERR_INVALID, 0,
					 "--labels wants KEY=VALUE,KEY=VALUE, not '%.100s'",
					 label);
		if (*count == NODE_LABELS_MAX)
			return cube_fail(err, CUBE_ERR_INVALID, 0,
					 "--labels: at most %d labels", NODE_LABELS_MAX);
		*equals = '\0';
		label = trimmed(label);
		for (size_t i = 0; i < *count; i++) {
			if (strcmp(labels[i].key, label) == 0)
				return cube_fail(err, CUBE_ERR_INVALID, 0,
						 "--labels: '%.100s' is there twice", label);
		}
		labels[(*count)++] = (struct task_label){label, trimmed(equals + 1)};
	}
	return 0;
}

/* "K=V,K=V" */
static int
labels_read(const char *text, struct node_labels **out, struct cube_error *err)
{
	char copy[LABELS_LIMIT + 1];
	struct task_label labels[NODE_LABELS_MAX];
	uint32_t count;
	int rc;

	if (utf8_valid_prefix(text, strlen(text)) != strlen(text))
		return cube_fail(err, CUBE_ERR_INVALID, 0, "--labels: not UTF-8");
	if (strlen(text) > LABELS_LIMIT)
		return cube_fail(err, CUBE_ERR_INVALID, 0, "--labels: longer than %zu bytes",
				 LABELS_LIMIT);
	memcpy(copy, text, strlen(text) + 1);
	rc = labels_split(copy, labels, &count, err);
	if (rc < 0)
		return rc;
	*out = node_labels_new(labels, count);
	return *out == NULL ? cube_fail(err, CUBE_ERR_NO_MEMORY, 0, "out of memory") : 0;
}

static int64_t
percent_of(int64_t total)
{
	return total / 100 * RESERVE_PERCENT;
}

int64_t
describe_reserve(int64_t memory_bytes)
{
	int64_t reserve = percent_of(memory_bytes);

	return reserve > RESERVE_MIN_BYTES ? reserve : RESERVE_MIN_BYTES;
}

/* What is not given is the machine's, less what it keeps for itself. The cpu's share of that
 * is 0 unless it is given: cube and the engine need little, and the kernel shares it out. The
 * disk's is a part of what is free beside the journal. */
static int
describe_capacity(const struct worker_settings *settings, const char *data_dir,
		  struct node_info *info, struct cube_error *err)
{
	int64_t memory = sampler_memory_bytes();
	int64_t reserve =
		settings->reserve_given ? settings->reserve_bytes : describe_reserve(memory);
	int64_t mcpu = sampler_mcpu();
	int64_t disk = sampler_disk_bytes(data_dir);

	if (settings->reserve_given && settings->memory_bytes == 0 && reserve >= memory)
		return cube_fail(err, CUBE_ERR_INVALID, 0,
				 "--reserve-memory leaves nothing for tasks: this machine has "
				 "%" PRId64 " MiB",
				 memory >> 20);
	if (settings->mcpu == 0 && settings->reserve_mcpu >= mcpu)
		return cube_fail(err, CUBE_ERR_INVALID, 0,
				 "--reserve-cpus leaves nothing for tasks: this machine has %g",
				 (double)mcpu / 1000);
	info->mcpu = settings->mcpu > 0 ? settings->mcpu : mcpu - settings->reserve_mcpu;
	if (settings->memory_bytes > 0)
		info->memory_bytes = settings->memory_bytes;
	else
		info->memory_bytes = memory > reserve ? memory - reserve : 0;
	info->disk_bytes =
		settings->disk_bytes > 0 ? settings->disk_bytes : disk - percent_of(disk);
	return 0;
}

/* What the machine is, in the words of images. */
static void
describe_machine(struct node_info *info)
{
	struct utsname machine;
	char *at;

	if (uname(&machine) != 0)
		return;
	(void)snprintf(info->arch, sizeof(info->arch), "%.*s", NODE_FACT_SIZE - 1,
		       node_arch_name(machine.machine));
	(void)snprintf(info->os, sizeof(info->os), "%.*s", NODE_FACT_SIZE - 1, machine.sysname);
	for (at = info->os; *at != '\0'; at++)
		*at = (char)tolower((unsigned char)*at);
}

int
describe_worker(const struct worker_settings *settings, const char *data_dir,
		const char *runtime, struct node_info *out, struct cube_error *err)
{
	struct node_info info = {.cpu_busy = NAN};
	int size;
	int rc = 0;

	if (settings->advertise != NULL)
		size = snprintf(info.api, sizeof(info.api), "http://%s", settings->advertise);
	else
		size = snprintf(info.api, sizeof(info.api), "http://%s:%u", settings->host,
				settings->port);
	if (size < 0 || (size_t)size >= sizeof(info.api))
		return cube_fail(err, CUBE_ERR_INVALID, 0,
				 "the worker's address is longer than %zu bytes",
				 sizeof(info.api) - 8);
	(void)snprintf(info.name, sizeof(info.name), "%s", settings->name);
	(void)snprintf(info.runtime, sizeof(info.runtime), "%s", runtime);
	(void)snprintf(info.version, sizeof(info.version), "%s", CUBE_VERSION);
	rc = describe_capacity(settings, data_dir, &info, err);
	describe_machine(&info);
	if (rc == 0 && settings->labels != NULL && settings->labels[0] != '\0')
		rc = labels_read(settings->labels, &info.labels, err);
	if (rc == 0)
		*out = info;
	return rc;
}
