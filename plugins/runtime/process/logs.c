/* logs.c - the output of a container: from some line or time on, and as it comes.
 *
 * The supervisor may rotate the files at any moment: they are opened before they are
 * read, told apart by inode, and a file that was renamed is read to its end before the
 * next. A line may be in several records, between which records of the other stream
 * lie; whether it is wanted is decided where it begins.
 */
#include "record.h"
#include "records.h"

#include "base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>

#define TICK_MS 1000

struct line {
	bool open;   /* begun, its end not yet seen */
	bool wanted; /* if open */
};

struct walk {
	const struct cube_log_request *request;
	struct line lines[2]; /* by stream - 1 */
	uint64_t begun;       /* lines of the streams and the time asked for */
	uint64_t skip;        /* so many of them first */
	bool count_only;
	bool ended; /* by the reader */
	int folder_fd;
	int old_fd; /* log.1, read first; -1: none */
	int fd;     /* log; -1: none yet */
	struct records records;
};

static void
pass(struct walk *walk, const struct output_record *record)
{
	const struct cube_log_request *request = walk->request;
	struct line *line = &walk->lines[record->stream - 1];

	if ((request->streams & (1u << (record->stream - 1))) == 0)
		return;
	if (!line->open) {
		line->wanted = record->wall_ms >= request->since_ms;
		if (line->wanted && walk->begun++ < walk->skip)
			line->wanted = false;
	}
	line->open = !record->ends_line;
	if (line->wanted && !walk->count_only && record->size > 0)
		walk->ended = request->write(request->ctx, record->stream, record->text,
					     record->size) != 0;
}

/* true: there was something. */
static bool
pass_all(struct walk *walk)
{
	struct output_record record;
	bool any = false;

	while (!walk->ended && records_next(&walk->records, &record)) {
		pass(walk, &record);
		any = true;
	}
	return any;
}

static int
open_file(int folder_fd, const char *name)
{
	int fd = openat(folder_fd, name,
			O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
	struct stat st;

	if (fd >= 0 && (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))) {
		(void)close(fd);
		errno = ENOENT;
		return -1;
	}
	return fd;
}

static bool
is_same_file(int a, int b)
{
	struct stat one;
	struct stat two;

	return a >= 0 && b >= 0 && fstat(a, &one) == 0 && fstat(b, &two) == 0 &&
	       one.st_ino == two.st_ino && one.st_dev == two.st_dev;
}

static void
close_files(struct walk *walk)
{
	if (walk->fd >= 0)
		(void)close(walk->fd);
	if (walk->old_fd >= 0)
		(void)close(walk->old_fd);
	walk->fd = -1;
	walk->old_fd = -1;
}

static int
open_files(struct walk *walk, struct cube_error *err)
{
	do { /* again if they were rotated between the two */
		close_files(walk);
		walk->fd = open_file(walk->folder_fd, LOG_FILE);
		if (walk->fd < 0 && errno != ENOENT)
			break;
		walk->old_fd = open_file(walk->folder_fd, LOG_OLD_FILE);
		if (walk->old_fd < 0 && errno != ENOENT)
			break;
		if (!is_same_file(walk->fd, walk->old_fd))
			return 0;
	} while (true);
	return cube_fail(err, CUBE_ERR_UNAVAILABLE, errno, "open the output: %s",
			 strerror(errno));
}

/* Reads both files from their beginning; the newer one stays open for more. */
static void
pass_files(struct walk *walk)
{
	walk->lines[0].open = false;
	walk->lines[1].open = false;
	walk->begun = 0;
	if (walk->old_fd >= 0) {
		(void)lseek(walk->old_fd, 0, SEEK_SET);
		records_begin(&walk->records, walk->old_fd);
		(void)pass_all(walk);
	}
	if (walk->fd >= 0)
		(void)lseek(walk->fd, 0, SEEK_SET);
	records_begin(&walk->records, walk->fd);
	(void)pass_all(walk);
}

/* Goes on to the next file if the one being read was renamed; it has been read to the
 * end after that was seen. If it was even removed, the output between is lost. */
static bool
go_on(struct walk *walk)
{
	int next = open_file(walk->folder_fd, LOG_FILE);
	int old;

	if (next < 0 || is_same_file(next, walk->fd)) {
		if (next >= 0)
			(void)close(next);
		return false;
	}
	(void)pass_all(walk);
	old = open_file(walk->folder_fd, LOG_OLD_FILE);
	if (walk->fd >= 0 && old >= 0 && !is_same_file(old, walk->fd) &&
	    !is_same_file(old, next)) {
		int skipped_to = next;

		next = old;
		old = skipped_to;
	}
	if (old >= 0)
		(void)close(old);
	if (walk->fd >= 0)
		(void)close(walk->fd);
	walk->fd = next;
	records_begin(&walk->records, next);
	return true;
}

static int
watch_folder(const struct process *self, const char *handle)
{
	char path[PATH_MAX];
	int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);

	if (fd < 0)
		return -1;
	(void)snprintf(path, sizeof(path), "%s/containers/%s", self->root, handle);
	if (inotify_add_watch(fd, path, IN_MODIFY | IN_CREATE | IN_MOVED_TO) < 0) {
		(void)close(fd);
		return -1;
	}
	return fd;
}

/* Until something happens in the folder, or a second (without inotify: a second). */
static bool
wait_for_more(int watch_fd)
{
	char events[4096];
	struct pollfd fd = {.fd = watch_fd, .events = POLLIN};

	if (poll(&fd, 1, TICK_MS) <= 0)
		return false;
	while (read(watch_fd, events, sizeof(events)) > 0)
		continue;
	return true;
}

/* All is written when the outcome is there, or nobody is left to write it. */
static bool
has_ended(const struct process *self, const struct walk *walk, const char *handle,
	  bool look_at_lock)
{
	struct cube_error ignored;
	bool locked = true;

	if (faccessat(walk->folder_fd, OUTCOME_FILE, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return true;
	return look_at_lock && record_is_locked(self, handle, &locked, &ignored) == 0 &&
	       !locked;
}

static void
follow(const struct process *self, struct walk *walk, const char *handle)
{
	cleanup_close int watch_fd = watch_folder(self, handle);
	bool look_at_lock = true;

	while (!walk->ended) {
		bool ended = has_ended(self, walk, handle, look_at_lock);
		bool any = pass_all(walk);

		while (go_on(walk))
			any |= pass_all(walk);
		if (ended || walk->ended)
			break;
		if (any)
			continue;
		look_at_lock = !wait_for_more(watch_fd);
		if (look_at_lock)
			walk->ended = walk->request->write(walk->request->ctx, 1, "", 0) != 0;
	}
}

int
process_logs(void *at, const char *text, const struct cube_log_request *request,
	     struct cube_error *err)
{
	struct process *self = at;
	struct handle handle;
	struct walk *walk;

	if (process_ready(self, err) != 0 || handle_parse(text, &handle, err) != 0)
		return err->code;
	walk = calloc(1, sizeof(*walk));
	if (walk == NULL)
		return cube_fail(err, CUBE_ERR_NO_MEMORY, 0, "no memory to read the output");
	walk->request = request;
	walk->fd = -1;
	walk->old_fd = -1;
	walk->folder_fd = openat(self->containers_fd, handle.text,
				 O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (walk->folder_fd < 0) {
		(void)cube_fail(err,
				errno == ENOENT ? CUBE_ERR_NOT_FOUND : CUBE_ERR_UNAVAILABLE,
				errno, "container %s: %s", handle.text, strerror(errno));
		free(walk);
		return err->code;
	}
	if (open_files(walk, err) == 0) {
		err->code = 0;
		if (request->tail_lines > 0) {
			walk->count_only = true;
			pass_files(walk);
			walk->count_only = false;
			if (walk->begun > request->tail_lines)
				walk->skip = walk->begun - request->tail_lines;
		}
		pass_files(walk);
		if (request->follow != 0)
			follow(self, walk, handle.text);
	}
	close_files(walk);
	(void)close(walk->folder_fd);
	free(walk);
	return err->code;
}
