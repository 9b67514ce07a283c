/* sqlite/database.c - one open cube store.
 *
 * Owns the locked file, the connection and the prepared statements. Until a file is known to
 * be ours and whole, nothing is written to it: SQLite is told not to fold its log back into
 * the file when it closes. The tables of a new store are made in one transaction with a
 * rollback journal, before the write-ahead log is switched on, so that the header, by which we
 * know the file again, is in the file itself from its first moment. [loop]
 */
#include "database.h"

#include "result.h"

#include <string.h>

/* A commit waits this long for a person's sqlite3 that holds the file locked. */
#define BUSY_MS 100

static const char *const statement_texts[STATEMENT_COUNT] = {
	[STATEMENT_BEGIN] = "BEGIN IMMEDIATE",
	[STATEMENT_COMMIT] = "COMMIT",
	[STATEMENT_ROLLBACK] = "ROLLBACK",
	[STATEMENT_REVISION_OF] = "SELECT revision FROM record WHERE key = ?1",
	[STATEMENT_PUT] = "INSERT INTO record (key, value, revision) VALUES (?1, ?2, ?3) "
			  "ON CONFLICT (key) DO UPDATE "
			  "SET value = excluded.value, revision = excluded.revision",
	[STATEMENT_DELETE] = "DELETE FROM record WHERE key = ?1",
	[STATEMENT_DELETE_RANGE] = "DELETE FROM record WHERE key >= ?1 AND key < ?2",
	[STATEMENT_SCAN] = "SELECT key, value, revision FROM record "
			   "WHERE key >= ?1 AND key < ?2 ORDER BY key LIMIT ?3",
	[STATEMENT_SCAN_TO_END] = "SELECT key, value, revision FROM record "
				  "WHERE key >= ?1 ORDER BY key LIMIT ?2",
	[STATEMENT_RESERVE] = "UPDATE counter SET ceiling = ?1",
};

/* Half a megabyte of cache: the core keeps all state in its own memory, and what SQLite reads
 * again the kernel has. The log is folded back every 1,000 pages, and cut to 4 MiB after a
 * burst. */
static const char setup_text[] = "PRAGMA trusted_schema = OFF;"
				 "PRAGMA cell_size_check = ON;"
				 "PRAGMA mmap_size = 0;"
				 "PRAGMA temp_store = MEMORY;"
				 "PRAGMA cache_size = -512;"
				 "PRAGMA synchronous = FULL;"
				 "PRAGMA wal_autocheckpoint = 1000;"
				 "PRAGMA journal_size_limit = 4194304;";

/* %d: application id, format. */
static const char create_text[] =
	"BEGIN IMMEDIATE;"
	"PRAGMA application_id = %d;"
	"PRAGMA user_version = %d;"
	"CREATE TABLE record (key TEXT NOT NULL PRIMARY KEY, "
	"value BLOB NOT NULL, revision INTEGER NOT NULL);"
	"CREATE TABLE counter (id INTEGER PRIMARY KEY CHECK (id = 1), "
	"ceiling INTEGER NOT NULL);"
	"INSERT INTO counter VALUES (1, 0);"
	"COMMIT;";

static int
run_text(struct database *database, const char *text, const char *what, struct cube_error *err)
{
	if (sqlite3_exec(database->db, text, NULL, NULL, NULL) == SQLITE_OK)
		return 0;
	result_fail(database->db, database->path, what, err);
	if (!sqlite3_get_autocommit(database->db))
		(void)sqlite3_exec(database->db, "ROLLBACK", NULL, NULL, NULL);
	return err->code;
}

static int
make_tables(struct database *database, struct cube_error *err)
{
	char text[sizeof(create_text) + 32];

	(void)snprintf(text, sizeof(text), create_text, STORE_APPLICATION_ID, STORE_FORMAT);
	return run_text(database, text, "make the tables", err);
}

/* One value of one row, as a number or, if text is not NULL, as text of that size. */
static int
query(struct database *database, const char *question, int64_t *number, char *text, size_t size,
      struct cube_error *err)
{
	sqlite3_stmt *statement = NULL;
	int result = sqlite3_prepare_v2(database->db, question, -1, &statement, NULL);

	if (result == SQLITE_OK)
		result = sqlite3_step(statement);
	if (result == SQLITE_ROW) {
		const char *found = (const char *)sqlite3_column_text(statement, 0);

		if (text != NULL)
			(void)snprintf(text, size, "%s", found != NULL ? found : "");
		else
			*number = sqlite3_column_int64(statement, 0);
	} else if (result == SQLITE_DONE) {
		cube_fail(err, CUBE_ERR_INTERNAL, 0,
			  "%s is damaged: \"%s\" has no answer; restore a backup",
			  database->path, question);
	} else {
		result_fail(database->db, database->path, "read", err);
	}
	(void)sqlite3_finalize(statement);
	return result == SQLITE_ROW ? 0 : err->code;
}

/* What the header said is checked again with what the log beside the file adds, and the
 * structure of the whole file is walked: a store that is damaged is found now, not when a
 * task is looked for. */
static int
check_whole(struct database *database, struct cube_error *err)
{
	int64_t application_id = 0;
	int64_t format = 0;
	char verdict[128] = "";

	if (query(database, "PRAGMA application_id", &application_id, NULL, 0, err) != 0 ||
	    query(database, "PRAGMA user_version", &format, NULL, 0, err) != 0 ||
	    identify_check(database->path, application_id, format, err) != 0 ||
	    query(database, "PRAGMA quick_check(1)", NULL, verdict, sizeof(verdict), err) != 0)
		return err->code;
	for (char *at = verdict; *at != '\0'; at++)
		if (*at == '\n')
			*at = ' ';
	if (strcmp(verdict, "ok") != 0)
		return cube_fail(err, CUBE_ERR_INTERNAL, 0,
				 "%s is damaged (%.80s): move it away with its -wal and "
				 "restore a backup; it was left as it is",
				 database->path, verdict);
	return 0;
}

static int
prepare_all(struct database *database, struct cube_error *err)
{
	for (int i = 0; i < STATEMENT_COUNT; i++) {
		if (sqlite3_prepare_v3(database->db, statement_texts[i], -1,
				       SQLITE_PREPARE_PERSISTENT, &database->statements[i],
				       NULL) == SQLITE_OK)
			continue;
		if (sqlite3_errcode(database->db) != SQLITE_ERROR)
			return result_fail(database->db, database->path, "prepare", err);
		return cube_fail(err, CUBE_ERR_INTERNAL, 0,
				 "%s is damaged (%s): restore a backup; it was left as it is",
				 database->path, sqlite3_errmsg(database->db));
	}
	return 0;
}

static int
switch_on_log(struct database *database, struct cube_error *err)
{
	char mode[16] = "";

	if (query(database, "PRAGMA journal_mode = WAL", NULL, mode, sizeof(mode), err) != 0)
		return err->code;
	if (strcmp(mode, "wal") != 0)
		return cube_fail(err, CUBE_ERR_UNSUPPORTED, 0,
				 "%s: this file system cannot hold a write-ahead log (it is "
				 "one of a network?): choose another path=",
				 database->path);
	return 0;
}

static int
connect(struct database *database, struct cube_error *err)
{
	int64_t ceiling = 0;

	if (sqlite3_open_v2(database->path, &database->db,
			    SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK)
		return result_fail(database->db, database->path, "open", err);
	(void)sqlite3_extended_result_codes(database->db, 1);
	(void)sqlite3_busy_timeout(database->db, BUSY_MS);
	(void)sqlite3_db_config(database->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	(void)sqlite3_db_config(database->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	if (run_text(database, setup_text, "set up", err) != 0)
		return err->code;
	if (database->file.is_empty && make_tables(database, err) != 0)
		return err->code;
	if (check_whole(database, err) != 0 || prepare_all(database, err) != 0 ||
	    query(database, "SELECT ceiling FROM counter", &ceiling, NULL, 0, err) != 0)
		return err->code;
	if (ceiling < 0)
		return cube_fail(err, CUBE_ERR_INTERNAL, 0,
				 "%s is damaged: its counter is below 0; restore a backup",
				 database->path);
	if (switch_on_log(database, err) != 0)
		return err->code;
	(void)sqlite3_db_config(database->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, NULL);
	database->revision = (uint64_t)ceiling;
	database->ceiling = (uint64_t)ceiling;
	return 0;
}

int
database_open(const struct cube_host *host, const char *path, struct database **out,
	      struct cube_error *err)
{
	size_t size = strlen(path) + 1;
	struct database *database = host->realloc(host->ctx, NULL, sizeof(*database) + size);

	if (database == NULL)
		return cube_fail(err, CUBE_ERR_NO_MEMORY, 0, "open %s: out of memory", path);
	memset(database, 0, sizeof(*database));
	memcpy(database->path, path, size);
	database->host = host;
	if (identify_open(path, &database->file, err) != 0) {
		(void)host->realloc(host->ctx, database, 0);
		return err->code;
	}
	if (connect(database, err) != 0) {
		database_close(database);
		return err->code;
	}
	*out = database;
	return 0;
}

void
database_close(struct database *database)
{
	for (int i = 0; i < STATEMENT_COUNT; i++)
		(void)sqlite3_finalize(database->statements[i]);
	(void)sqlite3_close(database->db);
	identify_close(database->path, &database->file);
	(void)database->host->realloc(database->host->ctx, database, 0);
}

int
database_run(struct database *database, enum database_statement which, const char *what,
	     struct cube_error *err)
{
	sqlite3_stmt *statement = database->statements[which];
	int result = sqlite3_step(statement);

	if (result != SQLITE_DONE)
		result_fail(database->db, database->path, what, err);
	(void)sqlite3_reset(statement);
	return result == SQLITE_DONE ? 0 : err->code;
}
