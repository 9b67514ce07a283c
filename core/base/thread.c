/* base/thread.c - starts threads the way all of cube's are: with every signal blocked
 * and a small stack. The thread is the caller's to join. [any]
 */
#include "base/thread.h"

#include "base/error.h"

#include <signal.h>
#include <string.h>

/* Sanitizers put guard zones into every frame. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define STACK_SCALE 4
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define STACK_SCALE 4
#endif
#endif
#ifndef STACK_SCALE
#define STACK_SCALE 1
#endif

#define STACK_BYTES ((size_t)STACK_SCALE * 256 * 1024)
#define NAME_SIZE   16 /* the kernel's, with the NUL */

int
thread_start(pthread_t *thread, const char *name, void *(*run)(void *arg), void *arg,
	     struct cube_error *err)
{
	char short_name[NAME_SIZE] = {0};
	pthread_attr_t attr;
	pthread_t started;
	sigset_t all;
	sigset_t before;
	int failed;

	failed = pthread_attr_init(&attr);
	if (failed != 0)
		return cube_fail(err, CUBE_ERR_NO_MEMORY, failed, "start thread %s: %s", name,
				 strerror(failed));
	failed = pthread_attr_setstacksize(&attr, STACK_BYTES);
	if (failed == 0) {
		/* A new thread has its creator's mask from its first instruction on. */
		(void)sigfillset(&all);
		failed = pthread_sigmask(SIG_SETMASK, &all, &before);
	}
	if (failed == 0) {
		failed = pthread_create(&started, &attr, run, arg);
		(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	}
	(void)pthread_attr_destroy(&attr);
	if (failed != 0)
		return cube_fail(err, CUBE_ERR_UNAVAILABLE, failed, "start thread %s: %s", name,
				 strerror(failed));
	memcpy(short_name, name, strnlen(name, NAME_SIZE - 1));
	(void)pthread_setname_np(started, short_name); /* only for people: may fail */
	*thread = started;
	return 0;
}
