/* place/census.c - counts the nodes by what they lack. Owns the buckets of a census. One
 * thread.
 */
#include "place/census.h"

#include "model/constraint.h"
#include "place/placer.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define STATUSES (NODE_LOST + 1)

/* The buckets stand in the order in which fit_check looks: the statuses, the runtime, each
 * constraint, cpu, memory and disk, each port, the limit. */
#define RUNTIME_PLACE    STATUSES
#define CONSTRAINT_FIRST (RUNTIME_PLACE + 1)
#define AMOUNTS          (FIT_DISK - FIT_CPU + 1)
#define BUCKETS          (CONSTRAINT_FIRST + AMOUNTS + 1) /* and those of constraints and ports */

static_assert(BUCKETS + TASK_PORTS_MAX + CONSTRAINTS_MAX < CENSUS_FITS,
	      "a row's bucket is one byte");

int64_t
census_free(const struct placer *placer, uint32_t row, enum misfit misfit)
{
	const struct rows *rows = &placer->rows;

	return misfit == FIT_CPU      ? rows->free_mcpu[row]
	       : misfit == FIT_MEMORY ? rows->free_memory_bytes[row]
				      : rows->free_disk_bytes[row];
}

int64_t
census_total(const struct placer *placer, uint32_t row, enum misfit misfit)
{
	const struct rows *rows = &placer->rows;

	return misfit == FIT_CPU      ? rows->total_mcpu[row]
	       : misfit == FIT_MEMORY ? rows->total_memory_bytes[row]
				      : rows->total_disk_bytes[row];
}

int64_t
census_wanted(const struct shape *shape, enum misfit misfit)
{
	return misfit == FIT_CPU      ? shape->mcpu
	       : misfit == FIT_MEMORY ? shape->memory_bytes
				      : shape->disk_bytes;
}

const char *
census_word(const struct shape *shape, const struct bucket *bucket)
{
	switch (bucket->misfit) {
	case FIT_NOT_READY:
		return node_status_name((enum node_status)bucket->detail);
	case FIT_RUNTIME:
		return "runtime";
	case FIT_CPU:
		return "cpu";
	case FIT_MEMORY:
		return "memory";
	case FIT_DISK:
		return "disk";
	case FIT_PORT:
		return "port";
	case FIT_CONSTRAINT:
		return constraint_is_label(&shape->constraints[bucket->detail]) ? "label"
										: "attribute";
	case FIT_MAX_PER_NODE:
		return "max-per-node";
	case FIT_OK:
		break;
	}
	return "";
}

/* The first port of the shape that is taken there. */
static uint32_t
port_taken(const struct place_node *node, const struct shape *shape)
{
	uint32_t i = 0;

	while (i + 1 < shape->port_count && !place_node_has_port(node, shape->ports[i]))
		i++;
	return i;
}

uint32_t
census_detail(const struct place_node *node, const struct shape *shape, enum misfit misfit)
{
	switch (misfit) {
	case FIT_NOT_READY:
		return (uint32_t)node->status;
	case FIT_PORT:
		return port_taken(node, shape);
	case FIT_CONSTRAINT:
		return (uint32_t)(constraints_broken(shape->constraints,
						     shape->constraint_count, node->info) -
				  shape->constraints);
	default:
		return 0;
	}
}

static size_t
bucket_place(const struct shape *shape, enum misfit misfit, uint32_t detail)
{
	size_t amounts = CONSTRAINT_FIRST + shape->constraint_count;

	switch (misfit) {
	case FIT_NOT_READY:
		return detail;
	case FIT_RUNTIME:
		return RUNTIME_PLACE;
	case FIT_CONSTRAINT:
		return CONSTRAINT_FIRST + detail;
	case FIT_CPU:
	case FIT_MEMORY:
	case FIT_DISK:
		return amounts + (size_t)(misfit - FIT_CPU);
	case FIT_PORT:
		return amounts + AMOUNTS + detail;
	case FIT_MAX_PER_NODE:
	case FIT_OK:
		break;
	}
	return amounts + AMOUNTS + shape->port_count;
}

static void
bucket_add(struct bucket *bucket, const struct placer *placer, uint32_t row)
{
	if (bucket->count < CENSUS_ROWS_MAX)
		bucket->rows[bucket->count] = row;
	if (bucket->misfit >= FIT_CPU && bucket->misfit <= FIT_DISK) {
		int64_t free_amount = census_free(placer, row, bucket->misfit);
		int64_t total = census_total(placer, row, bucket->misfit);

		if (bucket->count == 0 || free_amount > bucket->most_free) {
			bucket->nearest = row;
			bucket->most_free = free_amount;
		}
		if (bucket->count == 0 || total > bucket->most_total)
			bucket->most_total = total;
	}
	bucket->count++;
}

int
census_make(const struct placer *placer, const struct shape *shape, bool with_rows,
	    struct census *out)
{
	uint32_t nodes = placer->rows.view.count;
	struct census census = {.nodes = nodes,
				.count = BUCKETS + shape->port_count + shape->constraint_count};
	uint32_t row;

	census.buckets = calloc(census.count, sizeof(*census.buckets));
	if (with_rows)
		census.of = malloc((size_t)nodes + 1);
	if (census.buckets == NULL || (with_rows && census.of == NULL)) {
		census_release(&census);
		return CUBE_ERR_NO_MEMORY;
	}
	for (row = 0; row < nodes; row++) {
		enum misfit misfit = fit_check(placer, row, shape);
		struct bucket *bucket;
		uint32_t detail;
		size_t place;

		if (misfit == FIT_OK) {
			census.fits++;
			if (with_rows)
				census.of[row] = CENSUS_FITS;
			continue;
		}
		detail = census_detail(placer->rows.node[row], shape, misfit);
		place = bucket_place(shape, misfit, detail);
		bucket = &census.buckets[place];
		bucket->misfit = misfit;
		bucket->detail = detail;
		bucket_add(bucket, placer, row);
		if (with_rows)
			census.of[row] = (uint8_t)place;
	}
	*out = census;
	return 0;
}

void
census_release(struct census *census)
{
	free(census->buckets);
	free(census->of);
	memset(census, 0, sizeof(*census));
}
