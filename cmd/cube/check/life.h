/* cube/check/life.h - one instance of a plugin, from open to close.
 *
 * Has a host of its own and the options of the command line; of those that were not given,
 * "path" and "dir" point into the check's folder, so that a check leaves nothing behind. What
 * open and close promise is checked here, whoever calls them. One thread.
 */
#ifndef CHECK_LIFE_H
#define CHECK_LIFE_H

#include "host.h"

struct life {
	struct trial *trial;
	struct check_host host;
	const char **options;
	void *self;
	bool spreads; /* a scheduler that has named a label to spread over */
};

/* Are the options of the command line such as the plugin has, and none missing? INVALID. */
int life_check_options(const struct subject *subject, struct cube_error *err);

/* Host and options, nothing opened: instance tells apart those of one check. */
void life_init(struct life *life, struct trial *trial, int instance);
/* With one more option than the command line has. 0, or INVALID if the loader refuses it. */
int life_init_with(struct life *life, struct trial *trial, int instance, const char *pair,
		   struct cube_error *err);
/* Nothing is held any more. */
void life_release(struct life *life);

/* The plugin's own code; it opens nothing then, and holds no memory. */
int life_try_open(struct life *life, struct cube_error *err);
void life_open(struct life *life); /* fails the check if it cannot */
void life_close(struct life *life);
/* The same, where memory that is not given back is not what is looked for. */
void life_drop(struct life *life);

#endif
