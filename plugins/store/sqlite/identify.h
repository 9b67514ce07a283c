/* sqlite/identify.h - whose file is this? Looked at before SQLite touches it.
 *
 * A cube store is an SQLite database with our application id and a format we know. Anything
 * else is refused and left as it is. The file that is returned is open and locked (flock) for
 * as long as its descriptor lives, so that two daemons never share one. [loop]
 */
#ifndef SQLITE_IDENTIFY_H
#define SQLITE_IDENTIFY_H

#include <cube/plugin.h>
#include <stdbool.h>

#define STORE_APPLICATION_ID 0x43754265 /* "CuBe" */
#define STORE_FORMAT         1          /* user_version */

struct store_file {
	int fd; /* close only after SQLite has closed the file: fcntl(2) on close and locks */
	bool is_empty; /* nothing in it yet: make the tables */
	bool is_new;   /* this call made it */
};

/* Opens the file, making an empty one (mode 0600) if none is there. NOT_FOUND: its folder is
 * missing. UNAVAILABLE: in use by another process. INVALID: not a store of ours, or a newer
 * one, or no file that can be written. INTERNAL: ours, but damaged. */
int identify_open(const char *path, struct store_file *file, struct cube_error *err);

/* Closes it; removes it if this call's open made it and nothing was ever written. */
void identify_close(const char *path, struct store_file *file);

/* The same refusals, for what SQLite itself says once it has read the log beside the file. */
int identify_check(const char *path, int64_t application_id, int64_t format,
		   struct cube_error *err);

#endif
