/* model/orders.c - revisions as text, and the life of orders and reports.
 *
 * A revision is written as its epoch in hexadecimal, a hyphen, and its sequence in
 * decimal; there is one spelling of each, so texts may be compared. Owns nothing. [any]
 */
#include "model/orders.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

void
revision_format(struct revision revision, char out[REVISION_SIZE])
{
	(void)snprintf(out, REVISION_SIZE, "%" PRIx64 "-%" PRIu64, revision.epoch,
		       revision.sequence);
}

static int
digit_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return 16;
}

/* Moves *at past the number; false if there is none, it has a needless zero in front, or
 * it is too large. */
static bool
number_take(const char **at, unsigned base, uint64_t *out)
{
	const char *start = *at;
	uint64_t value = 0;

	for (; digit_value(**at) < (int)base; (*at)++) {
		unsigned digit = (unsigned)digit_value(**at);

		if (value > (UINT64_MAX - digit) / base)
			return false;
		value = value * base + digit;
	}
	if (*at == start || (*start == '0' && *at - start > 1))
		return false;
	*out = value;
	return true;
}

int
revision_parse(const char *text, struct revision *out)
{
	struct revision revision;

	if (!number_take(&text, 16, &revision.epoch) || *text++ != '-' ||
	    !number_take(&text, 10, &revision.sequence) || *text != '\0')
		return CUBE_ERR_INVALID;
	*out = revision;
	return 0;
}

void
orders_release(struct orders *orders)
{
	size_t i;

	for (i = 0; i < orders->count; i++)
		task_spec_put(orders->items[i].spec);
	free(orders->items);
	orders->items = NULL;
	orders->count = 0;
}

void
reports_release(struct reports *reports)
{
	size_t i;

	for (i = 0; i < reports->count; i++)
		task_status_release(&reports->items[i].status);
	free(reports->items);
	reports->items = NULL;
	reports->count = 0;
}
