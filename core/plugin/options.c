/* plugin/options.c - KEY=VALUE pairs of the command line against a plugin's table. Makes one
 * block that holds the array and all its texts, so that its owner frees one thing. Pure. */
#include "plugin/options.h"

#include "base/buf.h"

#include <stdlib.h>
#include <string.h>

static size_t
table_count(const struct cube_option *table)
{
	size_t count = 0;

	while (table != NULL && table[count].key != NULL)
		count++;
	return count;
}

/* The index of the key that pair starts with, or count. */
static size_t
table_find(const struct cube_option *table, size_t count, const char *pair, size_t key_size)
{
	size_t i;

	for (i = 0; i < count; i++) {
		if (strlen(table[i].key) == key_size &&
		    memcmp(table[i].key, pair, key_size) == 0)
			break;
	}
	return i;
}

static int
fail_unknown(const char *plugin_name, const char *flag, const struct cube_option *table,
	     size_t count, const char *pair, size_t key_size, struct cube_error *err)
{
	cleanup_buf struct buf known =
		BUF_INIT((size_t)16 * 1024); /* the message is cut, not empty */

	for (size_t i = 0; i < count; i++)
		buf_printf(&known, "%s%s", i == 0 ? "" : ", ", table[i].key);
	if (count == 0)
		return cube_fail(err, CUBE_ERR_INVALID, 0,
				 "%s %s: %s has no option \"%.*s\"; it takes none", flag, pair,
				 plugin_name, (int)key_size, pair);
	return cube_fail(err, CUBE_ERR_INVALID, 0,
			 "%s %s: %s has no option \"%.*s\"; it has: %s", flag, pair,
			 plugin_name, (int)key_size, pair, buf_text(&known));
}

/* Sets chosen[i] to the value of table[i], borrowed from the pairs or the table. */
static int
choose(const char *plugin_name, const char *flag, const struct cube_option *table, size_t count,
       const char *const *pairs, size_t pair_count, const char **chosen, struct cube_error *err)
{
	for (size_t i = 0; i < count; i++)
		chosen[i] = table[i].default_value;
	for (size_t i = 0; i < pair_count; i++) {
		const char *equals = strchr(pairs[i], '=');
		size_t key_size = equals != NULL ? (size_t)(equals - pairs[i]) : 0;
		size_t index;

		if (key_size == 0)
			return cube_fail(err, CUBE_ERR_INVALID, 0, "%s %s: wants KEY=VALUE",
					 flag, pairs[i]);
		index = table_find(table, count, pairs[i], key_size);
		if (index == count)
			return fail_unknown(plugin_name, flag, table, count, pairs[i], key_size,
					    err);
		chosen[index] = equals + 1;
	}
	for (size_t i = 0; i < count; i++) {
		if (chosen[i] == NULL)
			return cube_fail(err, CUBE_ERR_INVALID, 0, "%s needs %s %s=VALUE (%s)",
					 plugin_name, flag, table[i].key, table[i].help);
	}
	return 0;
}

/* The array and, behind it, the texts. NULL: no memory. */
static const char **
copy_values(const char *const *chosen, size_t count)
{
	size_t size = (count + 1) * sizeof(char *);
	const char **made;
	char *text;

	for (size_t i = 0; i < count; i++)
		size += strlen(chosen[i]) + 1;
	made = malloc(size);
	if (made == NULL)
		return NULL;
	text = (char *)(made + count + 1);
	for (size_t i = 0; i < count; i++) {
		size_t length = strlen(chosen[i]) + 1;

		memcpy(text, chosen[i], length);
		made[i] = text;
		text += length;
	}
	made[count] = NULL;
	return made;
}

int
options_resolve(const char *plugin_name, const char *flag, const struct cube_option *table,
		const char *const *pairs, size_t pair_count, const char ***values,
		struct cube_error *err)
{
	size_t count = table_count(table);
	const char **chosen = calloc(count + 1, sizeof(*chosen));
	const char **made = NULL;
	int result;

	if (chosen == NULL)
		return cube_fail(err, CUBE_ERR_NO_MEMORY, 0, "%s: out of memory", flag);
	result = choose(plugin_name, flag, table, count, pairs, pair_count, chosen, err);
	if (result == 0) {
		made = copy_values(chosen, count);
		if (made == NULL)
			result = cube_fail(err, CUBE_ERR_NO_MEMORY, 0, "%s: out of memory",
					   flag);
	}
	free(chosen);
	if (result == 0)
		*values = made;
	return result;
}
