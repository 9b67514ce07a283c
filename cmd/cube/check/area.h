/* cube/check/area.h - arrays for a plugin with nothing around them, and who touched what.
 *
 * Each area is a mapping of its own between pages that nobody may touch. At the tail side the
 * array ends with its page, so that the first byte behind it is a fault; at the head side it
 * begins with its page. What is left of a page holds a pattern that is looked at after each
 * call. Inputs are read-only while the plugin has them. A fault is explained by the area it
 * fell into: "wrote behind its cost array (1 past the end)". Of mmap alone, so that it works
 * under the address sanitizer too. One thread; the handler of faults reads.
 */
#ifndef CHECK_AREA_H
#define CHECK_AREA_H

#include "trial.h"

#define AREAS_MAX 24

enum area_side {
	AREA_TAIL,
	AREA_HEAD
};

struct area {
	const char *name; /* "its cost array", "the column tasks" */
	bool input;       /* read-only while locked */
	size_t item_size;
	size_t count;       /* items it has now */
	unsigned char *low; /* the pages that may be touched */
	size_t low_size;    /* bytes in them */
	void *start;
};

/* What belongs together; zero at the start, and stays where it is until released. */
struct areas {
	struct areas *next; /* all there are */
	struct trial *trial;
	enum area_side side;
	size_t count;
	struct area area[AREAS_MAX];
};

void areas_init(struct areas *areas, struct trial *trial, enum area_side side);
void areas_release(struct areas *areas);

/* Room for count items, zeroed. Fails the check when memory is short. */
struct area *
area_make(struct areas *areas, const char *name, bool input, size_t item_size, size_t count);
/* Another count, at most the one it was made with: where it starts may move. Unlocked. */
void *area_fit(struct areas *areas, struct area *area, size_t count);

/* The inputs, for the plugin to read and for us to write. */
void areas_lock(struct areas *areas);
void areas_unlock(struct areas *areas);
/* Fails the check if something was written beside an array that function was to write. */
void areas_check(struct areas *areas, const char *function);

/* From here on faults and other deadly signals of this process end it with words in the
 * trial's slip. Once, before the plugin is called. */
void faults_watch(struct trial *trial);

#endif
