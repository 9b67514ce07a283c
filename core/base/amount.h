/* base/amount.h - sizes and numbers as people write and read them: 64m, 1.5g, 7.5 GiB.
 *
 * Units are powers of 1024 whatever they are called: m, mb and MiB are one thing. [any]
 */
#ifndef BASE_AMOUNT_H
#define BASE_AMOUNT_H

#include "base/buf.h"

#include <stdint.h>

/* Digits with at most one point among them, and no more: no sign, no exponent, no
 * hexadecimal. What follows is the unit; NULL: no number. */
const char *amount_number(const char *text, double *number);

/* A number with b, k, m, g or t, or their like, behind it, or nothing. 0, or -1 if it is no
 * such text. */
int amount_bytes(const char *text, double *bytes);

/* 512 MiB, 1.5 GiB: in the largest unit of which there is at least one, to four digits and
 * rounded down, so that whoever asks for what he reads finds it there. Below 0 is 0. */
void amount_add_bytes(struct buf *out, int64_t bytes);
/* 0.25 cores, 1 core: to the thousandth, as they are counted. */
void amount_add_cores(struct buf *out, int64_t mcpu);
/* 2,997 */
void amount_add_count(struct buf *out, uint64_t count);
/* The most that has four digits and is not more than bytes. */
int64_t amount_bytes_down(int64_t bytes);

#endif
