/* records.c - read the records of one output file (names.h), one after another. */
#include "records.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

void
records_begin(struct records *records, int fd)
{
	records->fd = fd;
	records->start = 0;
	records->end = 0;
}

static bool
fill(struct records *records)
{
	ssize_t size;

	if (records->fd < 0)
		return false;
	memmove(records->bytes, records->bytes + records->start, records->end - records->start);
	records->end -= records->start;
	records->start = 0;
	do
		size = read(records->fd, records->bytes + records->end,
			    sizeof(records->bytes) - records->end);
	while (size < 0 && errno == EINTR);
	if (size <= 0)
		return false;
	records->end += (size_t)size;
	return true;
}

/* The size of "MS SF " at the front of the line, or 0 if it has none. */
static size_t
head_of(const char *line, size_t size, struct output_record *out)
{
	size_t at = 0;
	int64_t wall_ms = 0;

	while (at < size && at < 15 && line[at] >= '0' && line[at] <= '9')
		wall_ms = wall_ms * 10 + (line[at++] - '0');
	if (at == 0 || size - at < 4 || line[at] != ' ' ||
	    (line[at + 1] != '1' && line[at + 1] != '2') ||
	    (line[at + 2] != 'F' && line[at + 2] != 'P') || line[at + 3] != ' ')
		return 0;
	out->wall_ms = wall_ms;
	out->stream = line[at + 1] - '0';
	out->ends_line = line[at + 2] == 'F';
	return at + 4;
}

bool
records_next(struct records *records, struct output_record *out)
{
	const char *line;
	const char *newline;
	size_t size;
	size_t head;

	for (;;) {
		line = records->bytes + records->start;
		size = records->end - records->start;
		newline = memchr(line, '\n', size);
		if (newline != NULL)
			break;
		if (size == sizeof(records->bytes)) { /* a line longer than any of ours */
			*out = (struct output_record){0, 1, false, line, size};
			records->start = records->end;
			return true;
		}
		if (!fill(records))
			return false;
	}
	size = (size_t)(newline - line);
	records->start += size + 1;
	*out = (struct output_record){.stream = 1, .ends_line = true};
	head = head_of(line, size, out);
	out->text = line + head;
	out->size = size - head + (out->ends_line ? 1 : 0);
	return true;
}
