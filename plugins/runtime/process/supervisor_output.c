/* supervisor_output.c - keep the output of a container, bounded, in two files.
 *
 * What arrives is cut into records (names.h) and written whole records at a time,
 * so a file always ends at a record, and when it is full it becomes log.1 in place
 * of the one before. The container is never made to wait for the disk's sake: what
 * cannot be written is counted, and the count is written once there is room again.
 */
#include "supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
	HEAD_SIZE = 32 /* of a record: time, stream, flag */
};

int64_t
wall_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static bool
open_log(struct output *output)
{
	struct stat st;

	output->fd =
		openat(output->folder_fd, LOG_FILE,
		       O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY, 0600);
	if (output->fd < 0)
		return false;
	output->size = fstat(output->fd, &st) == 0 ? (uint64_t)st.st_size : 0;
	return true;
}

bool
output_open(struct output *output, int folder_fd, uint64_t limit_bytes)
{
	output->folder_fd = folder_fd;
	output->limit = limit_bytes;
	return open_log(output);
}

static bool
rotate(struct output *output)
{
	if (output->fd >= 0)
		(void)close(output->fd);
	output->fd = -1;
	if (renameat(output->folder_fd, LOG_FILE, output->folder_fd, LOG_OLD_FILE) != 0 &&
	    errno != ENOENT)
		return false;
	return open_log(output);
}

/* All or nothing: a record cut short by a full disk is taken back. */
static bool
write_whole(struct output *output, const char *bytes, size_t size)
{
	size_t done = 0;

	if (output->fd < 0 && !open_log(output))
		return false;
	if (output->size + size > output->limit && output->size > 0 && !rotate(output))
		return false;
	while (done < size) {
		ssize_t written = write(output->fd, bytes + done, size - done);

		if (written < 0 && errno == EINTR)
			continue;
		if (written <= 0) {
			(void)!ftruncate(output->fd, (off_t)output->size);
			return false;
		}
		done += (size_t)written;
	}
	output->size += size;
	return true;
}

static void
flush(struct output *output)
{
	char note[160];

	if (output->batched == 0)
		return;
	if (output->lost > 0) {
		int length = snprintf(note, sizeof(note),
				      "%lld 2F [%llu bytes of output were lost: the disk "
				      "could not take them]\n",
				      (long long)wall_ms(), (unsigned long long)output->lost);

		if (length > 0 && write_whole(output, note, (size_t)length))
			output->lost = 0;
	}
	if (output->lost > 0 || !write_whole(output, output->batch, output->batched))
		output->lost += output->batched;
	output->batched = 0;
}

void
output_write(struct output *output, int stream, const char *bytes, size_t size)
{
	long long now = wall_ms();

	while (size > 0) {
		const char *newline = memchr(bytes, '\n', size);
		size_t text = newline != NULL ? (size_t)(newline - bytes) : size;
		int head;

		if (text > RECORD_TEXT_MAX) {
			text = RECORD_TEXT_MAX;
			newline = NULL;
		}
		if (output->batched + HEAD_SIZE + text + 1 > sizeof(output->batch))
			flush(output);
		head = snprintf(output->batch + output->batched, HEAD_SIZE, "%lld %d%c ", now,
				stream, newline != NULL ? 'F' : 'P');
		output->batched += (size_t)head;
		memcpy(output->batch + output->batched, bytes, text);
		output->batched += text;
		output->batch[output->batched++] = '\n';
		bytes += text + (newline != NULL);
		size -= text + (newline != NULL);
	}
	flush(output);
}
