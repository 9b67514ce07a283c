/* cube/find.c - see the header. */
#include "find.h"

#include "base/buf.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define PREFIX_MIN 2

/* What a query for a name or a prefix found. */
struct found {
	char id[ID_SIZE]; /* of the newest that counts */
	size_t count;
	size_t live_count;
	char live_id[ID_SIZE];
	char names[120]; /* the first of them, for a message */
};

static int
found_add(void *ctx, const struct json_value *task)
{
	struct found *found = ctx;
	const char *id = member_text(task, "ID", "");
	bool live = !member_bool(task, "Final");
	size_t used = strlen(found->names);

	found->count++;
	(void)snprintf(found->id, sizeof(found->id), "%s", id);
	if (live) {
		found->live_count++;
		(void)snprintf(found->live_id, sizeof(found->live_id), "%s", id);
	}
	if (used + 24 < sizeof(found->names))
		(void)snprintf(found->names + used, sizeof(found->names) - used, "%s%.13s",
			       used == 0 ? "" : ", ", id);
	return 0;
}

static bool
is_prefix(const char *text)
{
	size_t size = strspn(text, "0123456789abcdefABCDEF-");

	return size >= PREFIX_MIN && text[size] == '\0' && size < ID_SIZE;
}

static bool
is_name(const char *text)
{
	return text[0] != '\0' &&
	       text[strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				 "0123456789_.-")] == '\0';
}

static int
query(const struct api *api, const char *key, const char *text, struct found *found,
      struct cube_error *err)
{
	char query_text[API_PATH_SIZE / 2];

	memset(found, 0, sizeof(*found));
	(void)snprintf(query_text, sizeof(query_text), "%s=%.64s", key, text);
	for (char *at = query_text + strlen(key); strcmp(key, "prefix") == 0 && *at != '\0';
	     at++)
		*at = (char)tolower((unsigned char)*at);
	return api_tasks(api, query_text, found_add, found, err);
}

int
find_task(const struct api *api, const char *text, char id[ID_SIZE], struct cube_error *err)
{
	struct found found = {0};
	int rc;

	if (id_parse(text, id) == 0)
		return 0;
	if (is_name(text)) {
		rc = query(api, "name", text, &found, err);
		if (rc < 0)
			return rc;
		if (found.live_count == 1) {
			(void)memcpy(id, found.live_id, ID_SIZE);
			return 0;
		}
	}
	if (found.count == 0 && is_prefix(text)) {
		rc = query(api, "prefix", text, &found, err);
		if (rc < 0)
			return rc;
	}
	if (found.count == 0)
		return cube_fail(
			err, CUBE_ERR_NOT_FOUND, 0,
			"no task is called '%.64s', and no id begins so; `cube status -a` "
			"lists all",
			text);
	if (found.count > 1)
		return cube_fail(err, CUBE_ERR_CONFLICT, 0,
				 "'%.40s' fits %zu tasks: %s%s; say which by its id", text,
				 found.count, found.names, found.count > 6 ? ", ..." : "");
	(void)memcpy(id, found.id, ID_SIZE);
	return 0;
}

int
get_task(const struct api *api, const char *id, struct answer *answer, struct cube_error *err)
{
	char path[API_PATH_SIZE];

	(void)snprintf(path, sizeof(path), "/tasks/%s", id);
	return api_call(api, "GET", path, NULL, 0, answer, err);
}
