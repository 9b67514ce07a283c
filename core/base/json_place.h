/* base/json_place.h - where in a text, and what to show of it, in messages to people.
 * For json_*.c alone. [any] */
#ifndef BASE_JSON_PLACE_H
#define BASE_JSON_PLACE_H

#include <stddef.h>

/* Both from 1; a column is a character, not a byte. offset may be size: the end. */
void json_place(const char *text, size_t size, size_t offset, size_t *line, size_t *column);

#define JSON_EXCERPT_SIZE 48

/* The front of a key, without what would disturb a terminal; "..." where it is cut. */
void json_excerpt(const char *key, char out[JSON_EXCERPT_SIZE]);

#endif
