/* base/id.c - uuids as lower-case text, over libuuid (RFC 9562).
 *
 * The bytes come from the caller, so that whoever is pure stays so. Owns nothing.
 * [any]
 */
#include "base/id.h"

#include <cube/plugin.h>
#include <string.h>
#include <uuid/uuid.h>

/* As libuuid reads them, in a tenth of its time: an id is read several times for each
 * record when a store is loaded. */
int
id_parse(const char *text, char out[ID_SIZE])
{
	char lower[ID_SIZE];
	size_t i;

	if (text == NULL)
		return CUBE_ERR_INVALID;
	for (i = 0; i < ID_SIZE - 1; i++) {
		char c = text[i];

		if (i == 8 || i == 13 || i == 18 || i == 23) {
			if (c != '-')
				return CUBE_ERR_INVALID;
		} else if (c >= 'A' && c <= 'F') {
			c = (char)(c - 'A' + 'a');
		} else if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'))) {
			return CUBE_ERR_INVALID;
		}
		lower[i] = c;
	}
	if (text[ID_SIZE - 1] != '\0')
		return CUBE_ERR_INVALID;
	lower[ID_SIZE - 1] = '\0';
	memcpy(out, lower, ID_SIZE);
	return 0;
}

bool
id_is_nil(const char *id)
{
	return id[0] == '\0' || strcmp(id, "00000000-0000-0000-0000-000000000000") == 0;
}

void
id_from_random(const uint8_t bytes[16], char out[ID_SIZE])
{
	unsigned char uuid[16];

	memcpy(uuid, bytes, sizeof(uuid));
	uuid[6] = (unsigned char)((uuid[6] & 0x0f) | 0x40); /* version 4 */
	uuid[8] = (unsigned char)((uuid[8] & 0x3f) | 0x80); /* the RFC's variant */
	uuid_unparse_lower(uuid, out);
}

static uint8_t
digit_value(char c)
{
	return (uint8_t)(c <= '9' ? c - '0' : c - 'a' + 10);
}

void
id_pack(const char *id, uint8_t out[ID_BYTES])
{
	size_t i;

	for (i = 0; i < ID_BYTES; i++) {
		if (*id == '-')
			id++;
		out[i] = (uint8_t)(digit_value(id[0]) << 4 | digit_value(id[1]));
		id += 2;
	}
}

void
id_unpack(const uint8_t bytes[ID_BYTES], char out[ID_SIZE])
{
	uuid_unparse_lower(bytes, out);
}
