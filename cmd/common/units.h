/* common/units.h - amounts as people write them. */
#ifndef COMMON_UNITS_H
#define COMMON_UNITS_H

#include "base/error.h"

#include <stdint.h>

/* "64m", "1g", "512k", "4096": bytes; k m g t are powers of 1024, either case, with an
 * optional b or ib behind (64MiB). option is named in the message. */
int units_bytes(const char *option, const char *text, int64_t *out, struct cube_error *err);
/* "0.5", "2": cores, in thousandths. */
int units_mcpu(const char *option, const char *text, int64_t *out, struct cube_error *err);
/* 1536 MiB as "1.5G", for tables; out holds at least 16 bytes. */
void units_format_bytes(int64_t bytes, char *out, size_t size);

#endif
