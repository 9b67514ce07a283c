/* sqlite/result.c - from SQLite's result codes to cube's errors.
 *
 * The core acts on the code alone, so this table is where it is decided what a failure means:
 * UNAVAILABLE where nothing was committed and the same commit may succeed later (disk full,
 * locked, read-only, a write that fails), TIMEOUT where it may have been committed (a failed
 * fsync), INTERNAL where going on would be a lie (damage, a file moved away under us).
 * After a failed fsync Linux drops the pages, so that a second fsync alone proves nothing
 * (Rebello et al., "Can Applications Recover from fsync Failures?", USENIX ATC 2020). It is
 * not alone here: the core repeats the whole commit, which writes the same frames of the log
 * once more before it syncs them, and a checkpoint that failed copies all its pages again.
 * [loop]
 */
#include "result.h"

#include <errno.h>
#include <string.h>

static int
is_no_room(int sys_errno)
{
	return sys_errno == ENOSPC || sys_errno == EDQUOT || sys_errno == EFBIG;
}

/* SQLite keeps the errno of a failed commit with the file it wrote to, which is the log. */
static int
errno_of_log(sqlite3 *db)
{
	sqlite3_file *log = NULL;
	int sys_errno = 0;

	if (sqlite3_file_control(db, "main", SQLITE_FCNTL_JOURNAL_POINTER, &log) != SQLITE_OK ||
	    log == NULL || log->pMethods == NULL ||
	    log->pMethods->xFileControl(log, SQLITE_FCNTL_LAST_ERRNO, &sys_errno) != SQLITE_OK)
		return 0;
	return sys_errno;
}

static int
fail_of_medium(const char *path, const char *what, int extended, int sys_errno,
	       struct cube_error *err)
{
	char text[80];

	if (extended == SQLITE_IOERR_NOMEM)
		return cube_fail(err, CUBE_ERR_NO_MEMORY, 0, "%s: %s: out of memory", path,
				 what);
	if (is_no_room(sys_errno))
		return cube_fail(err, CUBE_ERR_UNAVAILABLE, sys_errno,
				 "%s: %s: the disk is full", path, what);
	if (sys_errno == EROFS || sys_errno == EPERM || sys_errno == EACCES)
		return cube_fail(err, CUBE_ERR_UNAVAILABLE, sys_errno,
				 "%s: %s: the file or its file system is read-only", path,
				 what);
	/* What was written may be on the disk after all, or be found after a restart. */
	if (extended == SQLITE_IOERR_FSYNC || extended == SQLITE_IOERR_DIR_FSYNC)
		return cube_fail(err, CUBE_ERR_TIMEOUT, sys_errno,
				 "%s: %s: the disk fails: fsync: %s", path, what,
				 strerror_r(sys_errno, text, sizeof(text)));
	return cube_fail(err, CUBE_ERR_UNAVAILABLE, sys_errno,
			 "%s: %s: the disk fails: %s (SQLite %d)", path, what,
			 strerror_r(sys_errno, text, sizeof(text)), extended);
}

int
result_fail(sqlite3 *db, const char *path, const char *what, struct cube_error *err)
{
	int extended = db != NULL ? sqlite3_extended_errcode(db) : SQLITE_NOMEM;
	int sys_errno = db != NULL ? sqlite3_system_errno(db) : 0;
	const char *words = db != NULL ? sqlite3_errmsg(db) : "out of memory";

	switch (extended & 0xff) {
	case SQLITE_FULL:
		return cube_fail(err, CUBE_ERR_UNAVAILABLE, ENOSPC, "%s: %s: the disk is full",
				 path, what);
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return cube_fail(err, CUBE_ERR_UNAVAILABLE, 0,
				 "%s: %s: another program holds it locked", path, what);
	case SQLITE_NOMEM:
		return cube_fail(err, CUBE_ERR_NO_MEMORY, 0, "%s: %s: out of memory", path,
				 what);
	case SQLITE_TOOBIG:
		return cube_fail(err, CUBE_ERR_INVALID, 0, "%s: %s: the value is too large",
				 path, what);
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return cube_fail(err, CUBE_ERR_INTERNAL, 0,
				 "%s: %s: the file is damaged (%s): move it away with its -wal "
				 "and restore a backup",
				 path, what, words);
	case SQLITE_IOERR:
		if (sys_errno == 0)
			sys_errno = errno_of_log(db);
		return fail_of_medium(path, what, extended, sys_errno, err);
	case SQLITE_READONLY:
		if (extended == SQLITE_READONLY_DBMOVED)
			return cube_fail(err, CUBE_ERR_INTERNAL, 0,
					 "%s: %s: the file was moved or deleted", path, what);
		return cube_fail(err, CUBE_ERR_UNAVAILABLE, EROFS,
				 "%s: %s: the file or its file system is read-only", path,
				 what);
	case SQLITE_CANTOPEN:
		if (is_no_room(sys_errno) || sys_errno == EMFILE || sys_errno == ENFILE)
			return cube_fail(err, CUBE_ERR_UNAVAILABLE, sys_errno, "%s: %s: %s",
					 path, what, words);
		break;
	default:
		break;
	}
	return cube_fail(err, CUBE_ERR_INTERNAL, sys_errno, "%s: %s: %s (SQLite %d, errno %d)",
			 path, what, words, extended, sys_errno);
}
