/* http/multi_loop.c - see multi_loop.h.
 *
 * curl_multi_perform and curl_multi_poll look at every transfer each time; with 1,600 workers
 * whose polls wait that took three quarters of a core. Here curl says by callback which
 * sockets it waits for and when it wants to be called (curl_multi_socket_action(3)), and is
 * told of those alone. An event may be about a socket that curl closed while earlier ones of
 * the same round were handled: curl knows its own sockets and takes it for a false alarm.
 * Lives on the thread of who calls multi_loop_run.
 */
#include "http/multi_loop.h"

#include "base/clock.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define EVENTS_A_ROUND 64

static int
on_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *watched)
{
	struct multi_loop *loop = arg;
	struct epoll_event event = {.data.fd = fd};
	int done;

	(void)easy;
	if (what == CURL_POLL_REMOVE) {
		(void)epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
		return 0;
	}
	if (what == CURL_POLL_IN || what == CURL_POLL_INOUT)
		event.events |= EPOLLIN;
	if (what == CURL_POLL_OUT || what == CURL_POLL_INOUT)
		event.events |= EPOLLOUT;
	done = epoll_ctl(loop->epoll_fd, watched != NULL ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd,
			 &event);
	if (done != 0 && (errno == EEXIST || errno == ENOENT))
		done = epoll_ctl(loop->epoll_fd,
				 errno == EEXIST ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &event);
	/* Any value but NULL says that it is watched. What could not be is seen by the
	 * transfer's own deadline. */
	(void)curl_multi_assign(loop->multi, fd, done == 0 ? loop : NULL);
	return 0;
}

static int
on_timer(CURLM *multi, long timeout_ms, void *arg)
{
	struct multi_loop *loop = arg;

	(void)multi;
	loop->due_ms = timeout_ms < 0 ? UINT64_MAX : clock_now().mono_ms + (uint64_t)timeout_ms;
	return 0;
}

int
multi_loop_init(struct multi_loop *loop, CURLM *multi, struct cube_error *err)
{
	struct epoll_event event = {.events = EPOLLIN};

	loop->multi = multi;
	loop->due_ms = UINT64_MAX;
	loop->own_ms = UINT64_MAX;
	loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	loop->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	event.data.fd = loop->wake_fd;
	if (loop->epoll_fd < 0 || loop->wake_fd < 0 ||
	    epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, loop->wake_fd, &event) != 0) {
		(void)cube_fail(err, CUBE_ERR_UNAVAILABLE, errno, "start the http client: %s",
				strerror(errno));
		multi_loop_release(loop);
		return err->code;
	}
	if (curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, on_socket) != CURLM_OK ||
	    curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, loop) != CURLM_OK ||
	    curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, on_timer) != CURLM_OK ||
	    curl_multi_setopt(multi, CURLMOPT_TIMERDATA, loop) != CURLM_OK) {
		multi_loop_release(loop);
		return cube_fail(err, CUBE_ERR_INTERNAL, 0,
				 "libcurl cannot be driven by events");
	}
	return 0;
}

void
multi_loop_release(struct multi_loop *loop)
{
	if (loop->epoll_fd >= 0)
		(void)close(loop->epoll_fd);
	if (loop->wake_fd >= 0)
		(void)close(loop->wake_fd);
	loop->epoll_fd = -1;
	loop->wake_fd = -1;
}

/* -1: without end. */
static int
wait_ms(const struct multi_loop *loop)
{
	uint64_t now_ms = clock_now().mono_ms;
	uint64_t due_ms = loop->due_ms < loop->own_ms ? loop->due_ms : loop->own_ms;

	if (due_ms == UINT64_MAX)
		return -1;
	if (due_ms <= now_ms)
		return 0;
	return due_ms - now_ms < INT_MAX ? (int)(due_ms - now_ms) : INT_MAX;
}

static void
pass_event(struct multi_loop *loop, const struct epoll_event *event)
{
	uint64_t wakes;
	int running;
	int what = 0;

	if (event->data.fd == loop->wake_fd) {
		(void)!read(loop->wake_fd, &wakes, sizeof(wakes));
		return;
	}
	if ((event->events & EPOLLIN) != 0)
		what |= CURL_CSELECT_IN;
	if ((event->events & EPOLLOUT) != 0)
		what |= CURL_CSELECT_OUT;
	if ((event->events & (EPOLLERR | EPOLLHUP)) != 0)
		what |= CURL_CSELECT_ERR;
	(void)curl_multi_socket_action(loop->multi, event->data.fd, what, &running);
}

void
multi_loop_run(struct multi_loop *loop)
{
	struct epoll_event events[EVENTS_A_ROUND];
	int running;
	int count = epoll_wait(loop->epoll_fd, events, EVENTS_A_ROUND, wait_ms(loop));

	for (int i = 0; i < count; i++)
		pass_event(loop, &events[i]);
	if (loop->due_ms <= clock_now().mono_ms) {
		loop->due_ms = UINT64_MAX; /* unless curl says otherwise now */
		(void)curl_multi_socket_action(loop->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	}
}

void
multi_loop_wake(struct multi_loop *loop)
{
	uint64_t one = 1;

	(void)!write(loop->wake_fd, &one, sizeof(one));
}
