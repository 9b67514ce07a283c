/* cube-worker/options.h - the options of cube-worker, as data. */
#ifndef CUBE_WORKER_OPTIONS_H
#define CUBE_WORKER_OPTIONS_H

#include "common/options.h"

extern const struct cli_program worker_program;

#endif
