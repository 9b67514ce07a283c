/* sqlite/store.c - the default store: one file, one transaction a commit.
 *
 * A commit opens a transaction, compares the revisions that were asked for, applies the
 * writes in order and commits; on any error it rolls back, so that all or none holds also for
 * a disk that runs full half-way. Values that are text (the core's are JSON) are stored as
 * text, so that `sqlite3 cube.db 'SELECT key, value FROM record'` shows them; SQLite's own
 * locking is left as it is so that this works beside a running daemon. [loop]
 */
#include "database.h"
#include "result.h"

#include <cube/store.h>
#include <string.h>

/* Revisions set aside at once. */
#define RESERVE 4096

/* SQLite's own limit in Debian's build, and more than any value of cube's. */
#define VALUE_MAX_BYTES 1000000000u

static int
sqlite_open(const struct cube_host *host, const char *const *options, void **self,
	    struct cube_error *err)
{
	struct database *database;

	if (database_open(host, options[0], &database, err) != 0)
		return err->code;
	*self = database;
	return 0;
}

static void
sqlite_close(void *self)
{
	database_close(self);
}

static int
bind_key(struct database *database, enum database_statement which, int index, const char *key,
	 struct cube_error *err)
{
	if (sqlite3_bind_text(database->statements[which], index, key, -1, SQLITE_STATIC) !=
	    SQLITE_OK)
		return result_fail(database->db, database->path, "bind a key", err);
	return 0;
}

static int
bind_number(struct database *database, enum database_statement which, int index, int64_t number,
	    struct cube_error *err)
{
	if (sqlite3_bind_int64(database->statements[which], index, number) != SQLITE_OK)
		return result_fail(database->db, database->path, "bind a number", err);
	return 0;
}

/* A value without NUL bytes goes in as text; either way the bytes come back as they are. */
static int
bind_value(struct database *database, const struct cube_write *write, struct cube_error *err)
{
	sqlite3_stmt *statement = database->statements[STATEMENT_PUT];
	int result;

	if (write->value_size == 0 || memchr(write->value, 0, write->value_size) == NULL)
		result = sqlite3_bind_text64(statement, 2, write->value, write->value_size,
					     SQLITE_STATIC, SQLITE_UTF8);
	else
		result = sqlite3_bind_blob64(statement, 2, write->value, write->value_size,
					     SQLITE_STATIC);
	if (result != SQLITE_OK)
		return result_fail(database->db, database->path, "bind a value", err);
	return 0;
}

static int
compare(struct database *database, const struct cube_write *write, struct cube_error *err)
{
	sqlite3_stmt *statement = database->statements[STATEMENT_REVISION_OF];
	uint64_t revision = CUBE_REVISION_NONE;
	int result;

	if (bind_key(database, STATEMENT_REVISION_OF, 1, write->key, err) != 0)
		return err->code;
	result = sqlite3_step(statement);
	if (result == SQLITE_ROW)
		revision = (uint64_t)sqlite3_column_int64(statement, 0);
	else if (result != SQLITE_DONE)
		result_fail(database->db, database->path, "compare", err);
	(void)sqlite3_reset(statement);
	if (result != SQLITE_ROW && result != SQLITE_DONE)
		return err->code;
	if (revision != write->if_revision)
		return cube_fail(err, CUBE_ERR_CONFLICT, 0,
				 "\"%.64s\" is at revision %llu, not %llu", write->key,
				 (unsigned long long)revision,
				 (unsigned long long)write->if_revision);
	return 0;
}

static int
apply(struct database *database, const struct cube_write *write, uint64_t revision,
      struct cube_error *err)
{
	if ((write->flags & CUBE_WRITE_RANGE) != 0) {
		if (bind_key(database, STATEMENT_DELETE_RANGE, 1, write->key, err) != 0 ||
		    bind_key(database, STATEMENT_DELETE_RANGE, 2, write->key_end, err) != 0)
			return err->code;
		return database_run(database, STATEMENT_DELETE_RANGE, "delete a range", err);
	}
	if (write->value == NULL) {
		if (bind_key(database, STATEMENT_DELETE, 1, write->key, err) != 0)
			return err->code;
		return database_run(database, STATEMENT_DELETE, "delete", err);
	}
	if (bind_key(database, STATEMENT_PUT, 1, write->key, err) != 0 ||
	    bind_value(database, write, err) != 0 ||
	    bind_number(database, STATEMENT_PUT, 3, (int64_t)revision, err) != 0)
		return err->code;
	return database_run(database, STATEMENT_PUT, "write", err);
}

static int
transact(struct database *database, const struct cube_write *writes, size_t n,
	 uint64_t revision, uint64_t ceiling, struct cube_error *err)
{
	if (database_run(database, STATEMENT_BEGIN, "begin a commit", err) != 0)
		return err->code;
	for (size_t i = 0; i < n; i++) {
		if (writes[i].if_revision != CUBE_REVISION_ANY &&
		    compare(database, &writes[i], err) != 0)
			return err->code;
	}
	for (size_t i = 0; i < n; i++) {
		if (apply(database, &writes[i], revision, err) != 0)
			return err->code;
	}
	if (ceiling != database->ceiling &&
	    (bind_number(database, STATEMENT_RESERVE, 1, (int64_t)ceiling, err) != 0 ||
	     database_run(database, STATEMENT_RESERVE, "reserve revisions", err) != 0))
		return err->code;
	return database_run(database, STATEMENT_COMMIT, "commit", err);
}

static int
sqlite_commit(void *self, const struct cube_write *writes, size_t n, uint64_t *revision,
	      struct cube_error *err)
{
	struct database *database = self;
	uint64_t made = database->revision + 1;
	uint64_t ceiling = database->ceiling;

	if (made > ceiling)
		ceiling = made + RESERVE - 1;
	if (transact(database, writes, n, made, ceiling, err) != 0) {
		struct cube_error undo;

		/* SQLite has rolled back by itself after some errors, a full disk among
		 * them. One that cannot be rolled back leaves nothing to trust. */
		if (!sqlite3_get_autocommit(database->db) &&
		    database_run(database, STATEMENT_ROLLBACK, "roll back", &undo) != 0) {
			*err = undo;
			err->code = CUBE_ERR_INTERNAL;
		}
		return err->code;
	}
	database->revision = made;
	database->ceiling = ceiling;
	*revision = made;
	return 0;
}

static int
visit_row(struct database *database, sqlite3_stmt *statement, cube_record_visit *visit,
	  void *ctx, int *ended, struct cube_error *err)
{
	struct cube_record record = {
		.key = (const char *)sqlite3_column_text(statement, 0),
		.value = sqlite3_column_blob(statement, 1),
		.value_size = (size_t)sqlite3_column_bytes(statement, 1),
		.revision = (uint64_t)sqlite3_column_int64(statement, 2),
	};

	if (record.key == NULL || (record.value == NULL && record.value_size > 0))
		return cube_fail(err, CUBE_ERR_NO_MEMORY, 0, "read %s: out of memory",
				 database->path);
	if (record.value == NULL)
		record.value = "";
	*ended = visit(ctx, &record) != 0;
	return 0;
}

static int
sqlite_scan(void *self, const char *from, const char *to, size_t limit,
	    cube_record_visit *visit, void *ctx, uint64_t *revision, struct cube_error *err)
{
	struct database *database = self;
	enum database_statement which = to[0] == '\0' ? STATEMENT_SCAN_TO_END : STATEMENT_SCAN;
	sqlite3_stmt *statement = database->statements[which];
	int64_t rows = limit == 0 || limit > INT64_MAX ? -1 : (int64_t)limit;
	int last = which == STATEMENT_SCAN ? 3 : 2;
	int ended = 0;
	int result = SQLITE_ROW;
	int failed;

	if (bind_key(database, which, 1, from, err) != 0 ||
	    (which == STATEMENT_SCAN && bind_key(database, which, 2, to, err) != 0) ||
	    bind_number(database, which, last, rows, err) != 0)
		return err->code;
	failed = 0;
	while (!ended && failed == 0 && (result = sqlite3_step(statement)) == SQLITE_ROW)
		failed = visit_row(database, statement, visit, ctx, &ended, err);
	if (result != SQLITE_ROW && result != SQLITE_DONE)
		failed = result_fail(database->db, database->path, "scan", err);
	(void)sqlite3_reset(statement);
	if (failed != 0)
		return failed;
	*revision = database->revision;
	return 0;
}

static const struct cube_option sqlite_options[] = {
	{"path", NULL, "the file to keep the state in; made if it is not there"},
	{NULL, NULL, NULL},
};

static const struct cube_store_ops sqlite_ops = {
	.struct_size = sizeof(sqlite_ops),
	.flags = CUBE_STORE_DURABLE,
	.max_value_bytes = VALUE_MAX_BYTES,
	.open = sqlite_open,
	.close = sqlite_close,
	.commit = sqlite_commit,
	.scan = sqlite_scan,
};

const struct cube_plugin cube_plugin = {
	CUBE_PLUGIN_HEADER(CUBE_PLUGIN_STORE),
	.name = "sqlite",
	.version = CUBE_VERSION,
	.summary = "one file, durable after every commit (SQLite)",
	.options = sqlite_options,
	.ops.store = &sqlite_ops,
};
