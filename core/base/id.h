/* base/id.h - uuids as lower-case text, over libuuid. Pure: makes none by itself. [any] */
#ifndef BASE_ID_H
#define BASE_ID_H

#include <stdbool.h>
#include <stdint.h>

#define ID_SIZE  37 /* 36 characters and the NUL */
#define ID_BYTES 16 /* the same, packed */

/* 0 or CUBE_ERR_INVALID; then out is untouched. Upper case is accepted, braces
 * and missing hyphens are not. */
int id_parse(const char *text, char out[ID_SIZE]);
bool id_is_nil(const char *id); /* all zero, or "" */
/* A version 4 uuid of these bytes. */
void id_from_random(const uint8_t bytes[16], char out[ID_SIZE]);

/* An id as id_parse makes it, there and back. */
void id_pack(const char *id, uint8_t out[ID_BYTES]);
void id_unpack(const uint8_t bytes[ID_BYTES], char out[ID_SIZE]);

#endif
