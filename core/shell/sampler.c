/* shell/sampler.c - /proc and statvfs as the Stats object; see the header.
 *
 * The field names are the book's: /proc/meminfo's in snake case and KiB, the cpu line of
 * /proc/stat, /proc/loadavg. A file that cannot be read leaves zeros, not an error: stats
 * are for looking at.
 */
#include "shell/sampler.h"

#include "base/cleanup.h"
#include "base/json.h"

#include <ctype.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define PROC_FILE_MAX 8192

/* Reads the front of a file; the bytes read, NUL-terminated, 0 on any failure. */
static size_t
proc_read(const char *path, char *out, size_t size)
{
	cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t used = 0;

	out[0] = '\0';
	if (fd < 0)
		return 0;
	while (used + 1 < size) {
		ssize_t n = read(fd, out + used, size - used - 1);

		if (n <= 0)
			break;
		used += (size_t)n;
	}
	out[used] = '\0';
	return used;
}

/* Whether a word begins at name[i]: an upper-case letter or a digit after a lower-case
 * one, or the last capital of a run (the R of SReclaimable). */
static bool
word_begins(const char *name, size_t size, size_t i)
{
	unsigned char c = (unsigned char)name[i];
	unsigned char before = (unsigned char)(i > 0 ? name[i - 1] : '\0');
	unsigned char after = (unsigned char)(i + 1 < size ? name[i + 1] : '\0');

	if (isdigit(c))
		return isalpha(before) != 0;
	return isupper(c) && (islower(before) || (isupper(before) && islower(after)));
}

/* "HugePages_Total" -> "huge_pages_total", "Active(anon)" -> "active_anon",
 * "DirectMap4k" -> "direct_map_4k", "SReclaimable" -> "s_reclaimable". */
static void
snake_case(const char *name, size_t size, char *out, size_t out_size)
{
	size_t used = 0;

	for (size_t i = 0; i < size && used + 2 < out_size; i++) {
		unsigned char c = (unsigned char)name[i];
		bool begins = word_begins(name, size, i);

		if (c == ')')
			continue;
		if (c == '(' || c == '_' || begins) {
			if (used > 0 && out[used - 1] != '_')
				out[used++] = '_';
			if (c == '(' || c == '_')
				continue;
		}
		out[used++] = (char)tolower(c);
	}
	out[used] = '\0';
}

static void
put_memory(struct json_writer *writer)
{
	char text[PROC_FILE_MAX];
	char *line;
	char *rest = text;

	json_key(writer, "MemStats");
	json_begin_object(writer);
	(void)proc_read("/proc/meminfo", text, sizeof(text));
	while ((line = strsep(&rest, "\n")) != NULL) {
		char *colon = strchr(line, ':');
		char name[64];

		if (colon == NULL)
			continue;
		snake_case(line, (size_t)(colon - line), name, sizeof(name));
		json_put_int(writer, name, strtoll(colon + 1, NULL, 10));
	}
	json_end_object(writer);
}

static void
put_disk(struct json_writer *writer, const char *folder)
{
	struct statvfs fs = {0};
	uint64_t unit;

	if (statvfs(folder, &fs) != 0)
		memset(&fs, 0, sizeof(fs));
	unit = fs.f_frsize;
	json_key(writer, "DiskStats");
	json_begin_object(writer);
	json_put_uint(writer, "all", fs.f_blocks * unit);
	json_put_uint(writer, "used", (fs.f_blocks - fs.f_bfree) * unit);
	json_put_uint(writer, "free", fs.f_bfree * unit);
	json_put_uint(writer, "freeInodes", fs.f_ffree);
	json_end_object(writer);
}

/* The cpu line into the object; the busy share since the sampler's last look. */
static float
put_cpu(struct json_writer *writer, struct sampler *sampler)
{
	static const char *const names[] = {"user", "nice",    "system", "idle",  "iowait",
					    "irq",  "softirq", "steal",  "guest", "guest_nice"};
	char text[1024];
	char *at = text + 3;
	uint64_t ticks[10] = {0};
	uint64_t all = 0;
	uint64_t idle;
	uint64_t all_before;
	uint64_t busy_before;

	json_key(writer, "CpuStats");
	json_begin_object(writer);
	json_put_text(writer, "id", "cpu");
	if (proc_read("/proc/stat", text, sizeof(text)) < 4)
		at = text;
	for (size_t i = 0; i < 10; i++) {
		ticks[i] = strtoull(at, &at, 10);
		json_put_uint(writer, names[i], ticks[i]);
		if (i < 8) /* guest time is in user time already */
			all += ticks[i];
	}
	json_end_object(writer);
	idle = ticks[3] + ticks[4];
	all_before = atomic_exchange(&sampler->all_ticks, all);
	busy_before = atomic_exchange(&sampler->busy_ticks, all - idle);
	if (all == 0)
		return NAN;
	/* Others may sample at the same time: the two that were there need not be a pair. */
	if (all <= all_before || all - idle < busy_before ||
	    all - idle - busy_before > all - all_before)
		return (float)(all - idle) / (float)all;
	return (float)(all - idle - busy_before) / (float)(all - all_before);
}

static void
put_load(struct json_writer *writer)
{
	char text[256];
	char *at = text;
	double load[3] = {0};
	uint64_t running = 0;
	uint64_t total = 0;
	uint64_t last = 0;

	(void)proc_read("/proc/loadavg", text, sizeof(text));
	for (size_t i = 0; i < 3; i++)
		load[i] = strtod(at, &at);
	running = strtoull(at, &at, 10);
	if (*at == '/')
		total = strtoull(at + 1, &at, 10);
	last = strtoull(at, &at, 10);
	json_key(writer, "LoadStats");
	json_begin_object(writer);
	json_put_real(writer, "last1min", load[0]);
	json_put_real(writer, "last5min", load[1]);
	json_put_real(writer, "last15min", load[2]);
	json_put_uint(writer, "process_running", running);
	json_put_uint(writer, "process_total", total);
	json_put_uint(writer, "last_pid", last);
	json_end_object(writer);
}

struct node_text *
sampler_stats(struct sampler *sampler, uint32_t task_count, float *cpu_busy)
{
	cleanup_buf struct buf out = BUF_INIT(NODE_STATS_MAX);
	struct json_writer *writer = json_writer_new(&out, false);

	if (writer == NULL)
		return NULL;
	json_begin_object(writer);
	put_memory(writer);
	put_disk(writer, sampler->folder);
	*cpu_busy = put_cpu(writer, sampler);
	put_load(writer);
	json_put_uint(writer, "TaskCount", task_count);
	json_end_object(writer);
	json_writer_free(writer);
	return out.failed ? NULL : node_text_new(out.data, out.size);
}

int64_t
sampler_mcpu(void)
{
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof(set), &set) == 0)
		return (int64_t)CPU_COUNT(&set) * 1000;
	return (int64_t)sysconf(_SC_NPROCESSORS_ONLN) * 1000;
}

int64_t
sampler_memory_bytes(void)
{
	long pages = sysconf(_SC_PHYS_PAGES);
	long size = sysconf(_SC_PAGE_SIZE);

	return pages > 0 && size > 0 ? (int64_t)pages * size : 0;
}

int64_t
sampler_disk_bytes(const char *folder)
{
	struct statvfs fs;

	if (statvfs(folder, &fs) != 0)
		return 0;
	return (int64_t)(fs.f_bavail * fs.f_frsize);
}
