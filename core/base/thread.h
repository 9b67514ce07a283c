/* base/thread.h - threads as cube starts them: all signals blocked, small stacks. */
#ifndef BASE_THREAD_H
#define BASE_THREAD_H

#include <cube/plugin.h>
#include <pthread.h>

/* name: at most 15 bytes, shown by ps -T. Stack: 256 KiB. Signals are blocked
 * so that the main thread alone takes them. */
int thread_start(pthread_t *thread, const char *name, void *(*run)(void *arg), void *arg,
		 struct cube_error *err);

#endif
