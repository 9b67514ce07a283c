/* cube/submission_health.c - see the header. The book's short form is sent where it says all;
 * else the object. Main thread. */
#include "submission_health.h"

#include <stdio.h>
#include <string.h>

#define PORT_SIZE 32
#define DAY_MS    ((uint64_t)86400 * 1000)

static const struct {
	const char *option;
	const char *key;
	uint64_t min_ms;
	uint64_t max_ms;
} times[] = {
	{"health-interval", "Interval", 1000, DAY_MS},
	{"health-timeout", "Timeout", 1000, 3600000},
	{"health-start-period", "StartPeriod", 0, DAY_MS},
};

#define TIMES (sizeof(times) / sizeof(times[0]))

/* "80" is 80/tcp; the manager says what is wrong with any other. */
static void
put_port(struct json_writer *writer, const char *key, const char *text)
{
	char port[PORT_SIZE];

	(void)snprintf(port, sizeof(port), "%s%s", text,
		       strchr(text, '/') == NULL ? "/tcp" : "");
	json_put_text(writer, key, port);
}

static int
put_time(struct json_writer *writer, const struct cli_values *values, size_t which,
	 struct cube_error *err)
{
	uint64_t ms = 0;
	int rc = cli_duration(values, times[which].option, times[which].min_ms,
			      times[which].max_ms, &ms, err);

	if (rc < 0)
		return rc;
	if (ms % 1000 != 0)
		return cube_fail(err, CUBE_ERR_INVALID, 0, "--%s %.40s: must be whole seconds",
				 times[which].option, cli_text(values, times[which].option));
	json_put_uint(writer, times[which].key, ms / 1000);
	return 0;
}

static int
put_numbers(struct json_writer *writer, const struct cli_values *values, struct cube_error *err)
{
	int64_t retries = -1;
	int rc = cli_number(values, "health-retries", 1, 1000, &retries, err);

	if (rc == 0 && retries > 0)
		json_put_int(writer, "Threshold", retries);
	for (size_t i = 0; rc == 0 && i < TIMES; i++) {
		if (cli_given(values, times[i].option))
			rc = put_time(writer, values, i, err);
	}
	return rc;
}

/* The first option that says more of a check than what is asked; NULL: none. */
static const char *
further(const struct cli_values *values)
{
	if (cli_given(values, "health-port"))
		return "health-port";
	if (cli_given(values, "health-retries"))
		return "health-retries";
	for (size_t i = 0; i < TIMES; i++) {
		if (cli_given(values, times[i].option))
			return times[i].option;
	}
	return NULL;
}

int
health_put(struct json_writer *writer, const struct cli_values *values, struct cube_error *err)
{
	const char *http = cli_text(values, "health");
	const char *tcp = cli_text(values, "health-tcp");
	const char *port = cli_text(values, "health-port");
	const char *more = further(values);
	int rc;

	if (http != NULL && tcp != NULL)
		return cube_fail(err, CUBE_ERR_INVALID, 0,
				 "give --health PATH or --health-tcp PORT, not both");
	if (tcp != NULL && port != NULL)
		return cube_fail(
			err, CUBE_ERR_INVALID, 0,
			"--health-port goes with --health; --health-tcp names its own");
	if (http == NULL && tcp == NULL && more != NULL)
		return cube_fail(err, CUBE_ERR_INVALID, 0,
				 "--%s goes with --health PATH or --health-tcp PORT", more);
	if (http != NULL && more == NULL)
		json_put_text(writer, "HealthCheck", http);
	if ((http == NULL || more == NULL) && tcp == NULL)
		return 0;
	json_key(writer, "Health");
	json_begin_object(writer);
	if (http != NULL)
		json_put_text(writer, "Http", http);
	else
		put_port(writer, "Tcp", tcp);
	if (port != NULL)
		put_port(writer, "Port", port);
	rc = put_numbers(writer, values, err);
	json_end_object(writer);
	return rc;
}
