/* base/json_keys.h - does a key come twice in an object? For json_parse.c alone. [any] */
#ifndef BASE_JSON_KEYS_H
#define BASE_JSON_KEYS_H

#include "base/json.h"
#include "base/json_memory.h"

/* The second member of a pair with the same key, or NULL. Without memory it leaves by
 * the scratch. */
const struct json_value *
json_keys_duplicate(const struct json_value *object, struct json_scratch *scratch);

#endif
