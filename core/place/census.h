/* place/census.h - every node counted once: it fits, or under the first thing that it lacks.
 *
 * What a waiting task's reason, `cube why` and what would unblock it are made from, so none
 * can say other than what fit_check does. A bucket is one kind of what may be lacking: memory,
 * one host port, one constraint, one status. There are as many as a task may ask for things,
 * however many nodes there are.
 */
#ifndef PLACE_CENSUS_H
#define PLACE_CENSUS_H

#include "place/fit.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct place_node;
struct placer;
struct shape;

#define CENSUS_ROWS_MAX 10
#define CENSUS_FITS     UINT8_MAX /* in census.of */

struct bucket {
	enum misfit misfit;
	uint32_t detail; /* the status; the port's or constraint's index in the shape; else 0 */
	uint32_t count;
	uint32_t rows[CENSUS_ROWS_MAX]; /* the first of them */
	/* of cpu, memory and disk: the row with the most free, and how much that is; the most
	 * that any of them has in all */
	uint32_t nearest;
	int64_t most_free;
	int64_t most_total;
};

struct census {
	uint32_t nodes;
	uint32_t fits; /* this and the buckets' counts add up to nodes */
	struct bucket *buckets;
	size_t count;
	uint8_t *of; /* the bucket of each row; CENSUS_FITS; NULL unless asked for */
};

/* 0 or CUBE_ERR_NO_MEMORY. with_rows: fills in census.of too. Release it after success. */
int census_make(const struct placer *placer, const struct shape *shape, bool with_rows,
		struct census *out);
void census_release(struct census *census);

/* The word of what a bucket lacks: "memory", "cordoned", ...; see model/why.h. */
const char *census_word(const struct shape *shape, const struct bucket *bucket);

/* What detail a bucket has, in which a node stands that lacks misfit. */
uint32_t
census_detail(const struct place_node *node, const struct shape *shape, enum misfit misfit);

/* How much of cpu, memory or disk a row has free, and has; how much the shape wants. */
int64_t census_free(const struct placer *placer, uint32_t row, enum misfit misfit);
int64_t census_total(const struct placer *placer, uint32_t row, enum misfit misfit);
int64_t census_wanted(const struct shape *shape, enum misfit misfit);

#endif
