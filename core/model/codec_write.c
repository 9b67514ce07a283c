/* model/codec_write.c - numbers of cores, times and ready-made members. Pure. [any] */
#include "model/codec_write.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

void
cores_write(struct json_writer *writer, int64_t mcpu)
{
	int64_t size_mcpu = mcpu < 0 ? -mcpu : mcpu;
	char text[32];
	int size = snprintf(text, sizeof(text), "%s%" PRId64 ".%03d", mcpu < 0 ? "-" : "",
			    size_mcpu / 1000, (int)(size_mcpu % 1000));

	while (text[size - 1] == '0')
		size--;
	if (text[size - 1] == '.')
		size--;
	json_raw(writer, text, (size_t)size);
}

void
members_write(struct json_writer *writer, const char *json, size_t size)
{
	static const char first[] = "\"ID\":";

	/* The writer wants keys and values: the first key, then the first value and all
	 * behind it as if they were one. */
	assert(size > sizeof(first) && memcmp(json, first, sizeof(first) - 1) == 0);
	json_key(writer, "ID");
	json_raw(writer, json + sizeof(first) - 1, size - (sizeof(first) - 1));
}

void
time_write(struct json_writer *writer, const char *key, int64_t time_ms)
{
	char text[TIMESTAMP_SIZE];

	timestamp_format(time_ms, text);
	json_put_text(writer, key, text);
}
