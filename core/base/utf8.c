/* base/utf8.c - checks UTF-8 as RFC 3629 has it (section 4, the table of byte
 * sequences). Plain ASCII, which is nearly everything cube reads, goes eight bytes
 * at a time. Owns nothing. [any]
 */
#include "base/utf8.h"

#include <stdint.h>
#include <string.h>

/* The size of the character at bytes, or 0 if there is no whole, valid one. */
static size_t
character_size(const unsigned char *bytes, size_t left)
{
	unsigned char lead = bytes[0];
	unsigned char low = 0x80;
	unsigned char high = 0xbf;
	size_t size;
	size_t i;

	if (lead < 0x80)
		return 1;
	if (lead < 0xc2 || lead > 0xf4)
		return 0;
	size = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
	if (size > left)
		return 0;
	/* What the second byte may be says it all: overlong, surrogate, too large. */
	if (lead == 0xe0)
		low = 0xa0;
	else if (lead == 0xed)
		high = 0x9f;
	else if (lead == 0xf0)
		low = 0x90;
	else if (lead == 0xf4)
		high = 0x8f;
	if (bytes[1] < low || bytes[1] > high)
		return 0;
	for (i = 2; i < size; i++) {
		if ((bytes[i] & 0xc0) != 0x80)
			return 0;
	}
	return size;
}

size_t
utf8_valid_prefix(const char *bytes, size_t size)
{
	const unsigned char *at = (const unsigned char *)bytes;
	const uint64_t high_bits = UINT64_C(0x8080808080808080);
	size_t done = 0;

	while (done < size) {
		uint64_t eight;
		size_t one;

		if (size - done >= sizeof(eight)) {
			memcpy(&eight, at + done, sizeof(eight));
			if ((eight & high_bits) == 0) {
				done += sizeof(eight);
				continue;
			}
		}
		one = character_size(at + done, size - done);
		if (one == 0)
			break;
		done += one;
	}
	return done;
}
