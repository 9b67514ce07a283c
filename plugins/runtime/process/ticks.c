/* ticks.c - when a process began: field 22 of /proc/PID/stat (proc(5)). */
#include "ticks.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

uint64_t
process_start_ticks(pid_t pid)
{
	char path[64];
	char text[1024];
	const char *at;
	ssize_t size;
	int fd;

	(void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	size = read(fd, text, sizeof(text) - 1);
	(void)close(fd);
	if (size <= 0)
		return 0;
	text[size] = '\0';
	/* The second field, a name in brackets, may hold anything: count from its end. */
	at = strrchr(text, ')');
	for (int field = 2; at != NULL && field < 22; field++)
		at = strchr(at + 1, ' ');
	return at == NULL ? 0 : strtoull(at, NULL, 10);
}
