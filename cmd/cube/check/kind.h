/* cube/check/kind.h - what each kind of plugin is checked for. */
#ifndef CHECK_KIND_H
#define CHECK_KIND_H

#include "life.h"

struct kind {
	enum cube_plugin_kind kind;
	/* In the child, before a check: makes trial->stage, what exercise works on. */
	void (*setup)(struct trial *trial);
	/* A little of everything that the kind is for, the same each time. 0, or what a
	 * function of the plugin returned. Broken promises fail the check. */
	int (*exercise)(struct life *life, struct cube_error *err);
	unsigned calls;             /* of exercise between two looks at the memory in use */
	const struct check *checks; /* the kind's own, ended by one without a name */
};

extern const struct kind kind_scheduler;
extern const struct kind kind_runtime;
extern const struct kind kind_store;

const struct kind *kind_of(uint32_t kind); /* NULL: no such kind */

/* Those of every kind, ended by one without a name (common.c). */
extern const struct check common_checks[];

#endif
