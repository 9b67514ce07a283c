/* base/id.c - uuids as lower-case text, over libuuid (RFC 9562).
 *
 * The bytes come from the caller, so that whoever is pure stays so. Owns nothing.
 * [any]
 */
#include "base/id.h"

#include <cube/plugin.h>
#include <string.h>
#include <uuid/uuid.h>

int
id_parse(const char *text, char out[ID_SIZE])
{
	uuid_t uuid;

	if (text == NULL || strnlen(text, ID_SIZE) != ID_SIZE - 1 ||
	    uuid_parse(text, uuid) != 0)
		return CUBE_ERR_INVALID;
	uuid_unparse_lower(uuid, out);
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
	uuid_t uuid;

	memcpy(uuid, bytes, sizeof(uuid));
	uuid[6] = (unsigned char)((uuid[6] & 0x0f) | 0x40); /* version 4 */
	uuid[8] = (unsigned char)((uuid[8] & 0x3f) | 0x80); /* the RFC's variant */
	uuid_unparse_lower(uuid, out);
}
