/* common/address.h - addresses as people write them. */
#ifndef COMMON_ADDRESS_H
#define COMMON_ADDRESS_H

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

/* "HOST:PORT", also with http:// before it and / behind it, as "HOST:PORT" in out. "HOST"
 * alone gets default_port, or is refused if that is 0. option is named in the message. */
int address_read(const char *option, const char *text, uint16_t default_port, char *out,
		 size_t size, struct cube_error *err);

#endif
