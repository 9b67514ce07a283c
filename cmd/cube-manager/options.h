/* cube-manager/options.h - the options of cube-manager, as data. */
#ifndef CUBE_MANAGER_OPTIONS_H
#define CUBE_MANAGER_OPTIONS_H

#include "common/options.h"

extern const struct cli_program manager_program;

#endif
