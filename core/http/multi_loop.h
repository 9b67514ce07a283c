/* http/multi_loop.h - drives a curl multi handle with epoll: a wake-up costs what has news,
 * not what is under way, so thousands of polls that wait cost nothing while they do. */
#ifndef HTTP_MULTI_LOOP_H
#define HTTP_MULTI_LOOP_H

#include "base/error.h"

#include <curl/curl.h>
#include <stdint.h>

struct multi_loop {
	CURLM *multi; /* borrowed */
	int epoll_fd; /* -1: not made */
	int wake_fd;
	uint64_t due_ms; /* mono: when curl wants to be called; UINT64_MAX: not by time */
	uint64_t own_ms; /* the same of who calls multi_loop_run, who sets it */
};

/* On failure there is nothing to release. */
int multi_loop_init(struct multi_loop *loop, CURLM *multi, struct cube_error *err);
void multi_loop_release(struct multi_loop *loop); /* after the multi handle is gone */
/* Waits until there is news, curl's time has come, or multi_loop_wake, and lets curl work.
 * One thread, which also makes all other calls on the multi handle. */
void multi_loop_run(struct multi_loop *loop);
void multi_loop_wake(struct multi_loop *loop); /* [any] */

#endif
