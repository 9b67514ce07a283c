/* cube/find.c - see the header. */
#include "find.h"

#include "model/task.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define PREFIX_MIN  2
#define NAMED_MAX   4 /* candidates that a message lists */
#define SHORT_CHARS 13

/* What a query for a name or a prefix found. */
struct found {
	char id[ID_SIZE]; /* of the last */
	size_t count;
	char live_id[ID_SIZE];
	size_t live_count;
	size_t named;    /* so many are in names */
	char names[160]; /* "0123abcd-0123 (running), ..." */
};

const char *
state_word(const struct json_value *task)
{
	static const char *const words[] = {"pending", "scheduled", "running", "completed",
					    "failed"};
	int64_t state = member_int(task, "State", -1);

	return state >= 0 && state <= 4 ? words[state] : "in an unknown state";
}

static int
found_add(void *ctx, const struct json_value *task)
{
	struct found *found = ctx;
	const char *id = member_text(task, "ID", "");
	size_t used = strlen(found->names);

	if (id_parse(id, found->id) < 0)
		return 0;
	found->count++;
	if (!member_bool(task, "Final")) {
		found->live_count++;
		(void)memcpy(found->live_id, found->id, ID_SIZE);
	}
	if (found->named < NAMED_MAX) {
		(void)snprintf(found->names + used, sizeof(found->names) - used, "%s%.*s (%s)",
			       used == 0 ? "" : ", ", SHORT_CHARS, found->id, state_word(task));
		found->named++;
	}
	return 0;
}

static bool
is_prefix(const char *text)
{
	size_t size = strspn(text, "0123456789abcdefABCDEF-");

	return size >= PREFIX_MIN && text[size] == '\0' && size < ID_SIZE;
}

static int
query(const struct api *api, const char *key, const char *text, struct found *found,
      struct cube_error *err)
{
	char query_text[128] = "";
	int rc = api_query_add(query_text, sizeof(query_text), key, text, err);

	memset(found, 0, sizeof(*found));
	return rc < 0 ? rc : api_tasks(api, query_text, found_add, found, err);
}

static int
query_prefix(const struct api *api, const char *text, struct found *found,
	     struct cube_error *err)
{
	char lower[ID_SIZE];
	size_t i;

	for (i = 0; i < sizeof(lower) - 1 && text[i] != '\0'; i++)
		lower[i] = (char)tolower((unsigned char)text[i]);
	lower[i] = '\0';
	return query(api, "prefix", lower, found, err);
}

int
find_task(const struct api *api, const char *text, char id[ID_SIZE], struct cube_error *err)
{
	struct found found = {0};
	int rc;

	if (id_parse(text, id) == 0)
		return 0;
	if (name_is_valid(text)) {
		rc = query(api, "name", text, &found, err);
		if (rc < 0)
			return rc;
		if (found.live_count == 1) {
			(void)memcpy(id, found.live_id, ID_SIZE);
			return 0;
		}
	}
	if (found.count == 0 && is_prefix(text)) {
		rc = query_prefix(api, text, &found, err);
		if (rc < 0)
			return rc;
	}
	if (found.count == 0)
		return cube_fail(err, CUBE_ERR_NOT_FOUND, 0,
				 "no task is called '%.64s', and no id begins so; `cube status "
				 "-a` lists all",
				 text);
	if (found.count > 1)
		return cube_fail(err, CUBE_ERR_CONFLICT, 0,
				 "'%.40s' fits %zu tasks: %s%s; say which by its id", text,
				 found.count, found.names,
				 found.count > found.named ? ", ..." : "");
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
