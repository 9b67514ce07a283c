/* sqlite/database.h - one open cube store: the connection, its statements, its revision.
 *
 * Opening identifies the file first (identify.h), then sets SQLite up for what a store needs:
 * a write-ahead log, every commit on the disk before it returns, little memory. [loop]
 */
#ifndef SQLITE_DATABASE_H
#define SQLITE_DATABASE_H

#include "identify.h"

#include <sqlite3.h>

enum database_statement {
	STATEMENT_BEGIN,
	STATEMENT_COMMIT,
	STATEMENT_ROLLBACK,
	STATEMENT_REVISION_OF,  /* key */
	STATEMENT_PUT,          /* key, value, revision */
	STATEMENT_DELETE,       /* key */
	STATEMENT_DELETE_RANGE, /* from, to */
	STATEMENT_SCAN,         /* from, to, limit */
	STATEMENT_SCAN_TO_END,  /* from, limit */
	STATEMENT_RESERVE,      /* ceiling */
	STATEMENT_COUNT
};

struct database {
	const struct cube_host *host;
	struct store_file file;
	sqlite3 *db;
	sqlite3_stmt *statements[STATEMENT_COUNT];
	/* Revisions up to the ceiling may be in use, as far as the file knows: so the counter
	 * is written once in thousands of commits and still never goes back. */
	uint64_t revision;
	uint64_t ceiling;
	char path[];
};

int database_open(const struct cube_host *host, const char *path, struct database **out,
		  struct cube_error *err);
void database_close(struct database *database);

/* Runs a bound statement that gives no rows, and resets it. what: for the message. */
int database_run(struct database *database, enum database_statement which, const char *what,
		 struct cube_error *err);

#endif
