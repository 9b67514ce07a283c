/* sqlite/result.h - from SQLite's result codes to cube's errors. Pure but for errno. [loop] */
#ifndef SQLITE_RESULT_H
#define SQLITE_RESULT_H

#include <cube/plugin.h>
#include <sqlite3.h>

/* What just failed on db, in the words of a person who owns the file: "PATH: WHAT: why".
 * db may be NULL: out of memory. Returns the code that the store contract wants for it. */
int result_fail(sqlite3 *db, const char *path, const char *what, struct cube_error *err);

#endif
