/* tests/fuzz/route_fuzz.c - paths and queries of strangers: routes, percent-decoding, values.
 *
 * An input is a method, a path and a query, one a line. A path that is found has the
 * pattern's shape and parameters that are safe; a value of the query that is taken is UTF-8
 * of the asked size, a number within its range.
 */
#include "fuzz_lines.h"
#include "http/exchange.h"
#include "http/request.h"
#include "shell/manager_api.h"
#include "shell/worker_api.h"

static const struct fuzz_seed seeds[] = {
	FUZZ_SEED("GET\n/tasks\nstate=running,4&name=a%20b&limit=10&after=0&label=k%3Dv"),
	FUZZ_SEED("GET\n/tasks/21b23589-5d2d-4731-b5c9-a97e9832d021/logs\n"
		  "follow&tail=100&since=2026-03-01T12:00:00Z&stream=stdout&attempt=1"),
	FUZZ_SEED("HEAD\n/tasks/%32%31b23589/history/\nfollow=1"),
	FUZZ_SEED("DELETE\n/nodes/n%C3%A91\nfollow=false&follow=true"),
	FUZZ_SEED("PUT\n/desired\nsince=9f3c-12&wait=5.000"),
	FUZZ_SEED("POST\n/nodes//\n&&=&a=b=c&%6c%69mit=+"),
};

static unsigned
slashes(const char *text)
{
	unsigned count = 0;

	for (; *text != '\0'; text++)
		count += *text == '/';
	return count;
}

static void
try_route(const struct http_route *routes, const char *method, const char *path)
{
	struct route_match match;
	enum route_result result = route_find(routes, method, path, &match);
	size_t size = strlen(path);

	if (result == ROUTE_NO_METHOD)
		FUZZ_MUST(match.allow[0] != '\0');
	if (result != ROUTE_FOUND) {
		FUZZ_MUST(match.route == NULL && match.param_count == 0);
		return;
	}
	fuzz_accepted();
	FUZZ_MUST(match.route->handle != NULL);
	FUZZ_MUST(slashes(path) - (size > 1 && path[size - 1] == '/') ==
		  slashes(match.route->pattern));
	for (size_t i = 0; i < match.param_count; i++) {
		const char *value = match.params[i].value;

		FUZZ_MUST(strlen(value) < HTTP_PARAM_SIZE && value[0] != '\0');
		FUZZ_MUST(strchr(value, '/') == NULL);
		FUZZ_MUST(utf8_valid_prefix(value, strlen(value)) == strlen(value));
	}
	FUZZ_MUST(strchr(match.route->pattern, '{') == NULL || match.param_count > 0);
}

static void
check_refusal(int rc, const struct cube_error *err)
{
	fuzz_check_error(rc, err);
	fuzz_check_text(err->message);
}

static void
try_query(const char *query)
{
	static const char *const names[] = {"state", "name",  "limit", "label", "follow",
					    "tail",  "since", "",      "a"};
	const struct mg_request_info info = {.query_string = query};
	const struct http_request request = {.info = &info};
	struct cube_error err = {0};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char small[8];
		char text[256];
		uint64_t number = 7;
		bool flag = false;
		int rc = http_query(&request, names[i], text, sizeof(text), &err);

		if (rc < 0)
			check_refusal(rc, &err);
		FUZZ_MUST(strlen(text) < sizeof(text));
		FUZZ_MUST(utf8_valid_prefix(text, strlen(text)) == strlen(text));
		if (http_query(&request, names[i], small, sizeof(small), &err) > 0)
			FUZZ_MUST(rc > 0 && strcmp(small, text) == 0);
		rc = http_query_number(&request, names[i], 5, 1000, &number, &err);
		if (rc < 0)
			check_refusal(rc, &err);
		FUZZ_MUST(number >= 5 && number <= 1000);
		rc = http_query_bool(&request, names[i], &flag, &err);
		if (rc < 0)
			check_refusal(rc, &err);
	}
}

/* What is decoded fits, and one byte less of room refuses it. */
static void
try_decode(const char *text)
{
	size_t size = strlen(text);
	char *out = malloc(size + 1);
	size_t used;

	FUZZ_MUST(out != NULL);
	if (route_decode(text, size, true, out, size + 1)) {
		used = strlen(out);
		FUZZ_MUST(used <= size && utf8_valid_prefix(out, used) == used);
		FUZZ_MUST(!route_decode(text, size, true, out, used));
		FUZZ_MUST(route_decode(text, size, true, out, used + 1));
	}
	free(out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *end = data + size;
	char *method = fuzz_line(&data, end);
	char *path = fuzz_line(&data, end);
	char *query = fuzz_line(&data, end);

	if (path != NULL) {
		try_route(manager_routes, method, path);
		try_route(worker_routes, method, path);
		try_decode(path);
	}
	try_query(query);
	if (query != NULL)
		try_decode(query);
	free(method);
	free(path);
	free(query);
	return 0;
}

FUZZ_MAIN(seeds)
