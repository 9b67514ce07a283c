/* watch.c - hear at once when a container has ended, one descriptor for all of them.
 *
 * One thread, asleep until inotify tells that a lock file was closed. The kernel tells
 * of the close a moment before it lets the lock go; for a supervisor that was killed,
 * and so has left no outcome, that moment would look like life. So a container that
 * still seems to live is looked at again a few times before the event is passed on.
 */
#include "watch.h"

#include "record.h"

#include "base/thread.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>

enum {
	AGAIN_MS = 5,
	AGAIN_MAX = 20,
	EVENTS_SIZE = 16 * (sizeof(struct inotify_event) + NAME_MAX + 1)
};

struct watcher {
	struct process *self;
	const struct cube_runtime_events *events;
	int inotify_fd;
	int stop_fd;
	pthread_t thread;
};

/* false: stop. */
static bool
still_wanted(const struct watcher *watcher, int timeout_ms)
{
	struct pollfd fd = {.fd = watcher->stop_fd, .events = POLLIN};

	return poll(&fd, 1, timeout_ms) <= 0;
}

static void
tell(const struct watcher *watcher, const char *name)
{
	struct cube_error err;
	struct handle handle;
	bool locked = true;

	if (handle_parse(name, &handle, &err) != 0)
		return;
	for (int i = 0; i < AGAIN_MAX; i++) {
		if (record_is_locked(watcher->self, handle.text, &locked, &err) != 0 ||
		    !locked || !still_wanted(watcher, AGAIN_MS))
			break;
	}
	watcher->events->changed(watcher->events->ctx, handle.task_id);
}

static void
read_events(const struct watcher *watcher)
{
	_Alignas(struct inotify_event) char bytes[EVENTS_SIZE];
	ssize_t size = read(watcher->inotify_fd, bytes, sizeof(bytes));

	for (ssize_t at = 0; at < size;) {
		const struct inotify_event *event =
			(const struct inotify_event *)(const void *)(bytes + at);

		if ((event->mask & (IN_Q_OVERFLOW | IN_IGNORED)) != 0)
			watcher->events->resync(watcher->events->ctx);
		else if (event->len > 0)
			tell(watcher, event->name);
		at += (ssize_t)(sizeof(*event) + event->len);
	}
}

static void *
watch(void *arg)
{
	struct watcher *watcher = arg;
	struct pollfd fds[2] = {
		{.fd = watcher->inotify_fd, .events = POLLIN},
		{.fd = watcher->stop_fd, .events = POLLIN},
	};

	for (;;) {
		if (poll(fds, 2, -1) < 0 && errno != EINTR)
			return NULL;
		if (fds[1].revents != 0)
			return NULL;
		if (fds[0].revents != 0)
			read_events(watcher);
	}
}

static void
watcher_free(struct watcher *watcher)
{
	if (watcher->inotify_fd >= 0)
		(void)close(watcher->inotify_fd);
	if (watcher->stop_fd >= 0)
		(void)close(watcher->stop_fd);
	free(watcher);
}

static int
add_watch(const struct watcher *watcher, struct cube_error *err)
{
	char path[PATH_MAX];
	int length = snprintf(path, sizeof(path), "%s/live", watcher->self->root);

	if (length < 0 || (size_t)length >= sizeof(path))
		return cube_fail(err, CUBE_ERR_INVALID, 0,
				 "the path of the state folder is "
				 "too long");
	if (watcher->inotify_fd < 0 || watcher->stop_fd < 0 ||
	    inotify_add_watch(watcher->inotify_fd, path, IN_CLOSE_WRITE) < 0)
		return cube_fail(err, CUBE_ERR_UNAVAILABLE, errno, "watch %s: %s", path,
				 strerror(errno));
	return 0;
}

int
watcher_start(struct process *self, const struct cube_runtime_events *events,
	      struct watcher **out, struct cube_error *err)
{
	struct watcher *watcher = calloc(1, sizeof(*watcher));

	if (watcher == NULL)
		return cube_fail(err, CUBE_ERR_NO_MEMORY, 0, "no memory for the watcher");
	watcher->self = self;
	watcher->events = events;
	watcher->stop_fd = eventfd(0, EFD_CLOEXEC);
	watcher->inotify_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (add_watch(watcher, err) != 0 ||
	    thread_start(&watcher->thread, "process-events", watch, watcher, err) != 0) {
		watcher_free(watcher);
		return err->code;
	}
	*out = watcher;
	return 0;
}

void
watcher_stop(struct watcher *watcher)
{
	if (watcher == NULL)
		return;
	(void)eventfd_write(watcher->stop_fd, 1);
	(void)pthread_join(watcher->thread, NULL);
	watcher_free(watcher);
}
