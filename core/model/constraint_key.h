/* model/constraint_key.h - what a constraint's key stands for. Private to constraint*.c. */
#ifndef MODEL_CONSTRAINT_KEY_H
#define MODEL_CONSTRAINT_KEY_H

#include "model/constraint.h"

#define CONSTRAINT_VERSION_SIZE 32

/* Is it an amount, compared as a number by every operator? */
static inline bool
constraint_is_numeric(enum constraint_attribute attribute)
{
	return attribute >= CONSTRAINT_CORES;
}

/* text as a number of the attribute's kind; false if it is none. */
bool constraint_number(enum constraint_attribute attribute, const char *text, double *number);

#endif
