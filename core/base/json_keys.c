/* base/json_keys.c - does a key come twice in an object?
 *
 * Asked once for each object, when it ends, in time that grows with the number of keys
 * (times its logarithm) whatever a stranger chose them to be. Owns nothing: what it
 * sorts lies in the caller's scratch. [any]
 */
#include "base/json_keys.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define FEW_KEYS  64
#define KEY_SLOTS ((size_t)128) /* a power of two, twice FEW_KEYS */

/* Open addressing on the stack: most objects are small. */
static const struct json_value *
find_among_few(const struct json_value *object)
{
	const struct json_value *members[FEW_KEYS];
	uint8_t slots[KEY_SLOTS] = {0}; /* 0: free; else index in members + 1 */
	const struct json_value *member;
	uint8_t count = 0;

	for (member = object->as.first; member != NULL; member = member->next) {
		size_t slot = 0;
		const char *c;

		for (c = member->key; *c != '\0'; c++)
			slot = slot * 31 + (unsigned char)*c;
		for (slot ^= slot >> 7;; slot++) {
			slot %= KEY_SLOTS;
			if (slots[slot] == 0)
				break;
			if (strcmp(members[slots[slot] - 1]->key, member->key) == 0)
				return member;
		}
		members[count++] = member;
		slots[slot] = count;
	}
	return NULL;
}

static int
compare_keys(const void *left, const void *right)
{
	const struct json_value *a = *(const struct json_value *const *)left;
	const struct json_value *b = *(const struct json_value *const *)right;
	int order = strcmp(a->key, b->key);

	if (order != 0)
		return order;
	return a->offset < b->offset ? -1 : 1;
}

/* Sorting needs no secret to be safe from chosen keys. */
static const struct json_value *
find_among_many(const struct json_value *object, struct json_scratch *scratch)
{
	const struct json_value **members;
	const struct json_value *member;
	size_t count = 0;
	size_t i;

	members = json_scratch_take(scratch, object->count * sizeof(struct json_value *));
	for (member = object->as.first; member != NULL; member = member->next)
		members[count++] = member;
	qsort(members, count, sizeof(struct json_value *), compare_keys);
	for (i = 1; i < count; i++) {
		if (strcmp(members[i - 1]->key, members[i]->key) == 0)
			return members[i];
	}
	return NULL;
}

const struct json_value *
json_keys_duplicate(const struct json_value *object, struct json_scratch *scratch)
{
	return object->count <= FEW_KEYS ? find_among_few(object)
					 : find_among_many(object, scratch);
}
