/* shell/sampler.h - what this machine is and how busy it is, read from /proc when asked.
 *
 * There is no thread and no timer: a sample is taken when somebody asks for one. [any]
 */
#ifndef SHELL_SAMPLER_H
#define SHELL_SAMPLER_H

#include "model/node.h"

#include <stdatomic.h>

struct sampler {
	const char *folder; /* the data directory, whose file system DiskStats is about */
	atomic_uint_fast64_t busy_ticks; /* at the last sample, to tell how busy it was since */
	atomic_uint_fast64_t all_ticks;
};

/* The Stats object of API.md; task_count goes in as it is. cpu_busy: 0..1 since the last
 * sample, or since the machine started; NaN if /proc tells nothing. NULL: no memory. */
struct node_text *sampler_stats(struct sampler *sampler, uint32_t task_count, float *cpu_busy);

/* The machine's size; 0 for what cannot be told. */
int64_t sampler_mcpu(void);
int64_t sampler_memory_bytes(void);
int64_t sampler_disk_bytes(const char *folder);

#endif
