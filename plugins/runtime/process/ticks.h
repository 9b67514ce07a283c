/* ticks.h - when a process began; with its number that names it for good. Shared by
 * process.so and its supervisor, on libc alone. [any] */
#ifndef PROCESS_TICKS_H
#define PROCESS_TICKS_H

#include <stdint.h>
#include <sys/types.h>

/* In clock ticks since the machine started; 0: there is no such process. */
uint64_t process_start_ticks(pid_t pid);

#endif
