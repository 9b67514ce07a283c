/* tests/bench/sqlite_tool.c - SQLite alone, doing the writes that submissions cause.
 *
 *     sqlite_tool FILE TASKS TASK_BYTES EVENTS EVENT_BYTES SECONDS
 *
 * One transaction is TASKS values of TASK_BYTES under random keys, EVENTS values of EVENT_BYTES
 * under growing keys, and the batch's number: what a group of submissions is to the store. The
 * table and the pragmas are those of sqlite.so, the code is not: it is the floor that the
 * manager is measured against. Prints the tasks a second. FILE must not be there.
 */
#include "base/clock.h"
#include "base/random.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define VALUE_MAX (1 << 20)

static const char setup_text[] =
	"PRAGMA cache_size = -512; PRAGMA mmap_size = 0; PRAGMA temp_store = MEMORY;"
	"CREATE TABLE record (key TEXT NOT NULL PRIMARY KEY, value BLOB NOT NULL, "
	"revision INTEGER NOT NULL);"
	"PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
	"PRAGMA wal_autocheckpoint = 1000; PRAGMA journal_size_limit = 4194304;";

static const char put_text[] =
	"INSERT INTO record (key, value, revision) VALUES (?1, ?2, ?3) "
	"ON CONFLICT (key) DO UPDATE SET value = excluded.value, revision = excluded.revision";

struct shape {
	unsigned tasks, task_bytes, events, event_bytes, seconds;
};

struct peer {
	sqlite3 *db;
	sqlite3_stmt *put;
	struct random random;
	sqlite3_int64 revision;
	unsigned long long event;
	char value[VALUE_MAX];
};

_Noreturn static void
die(sqlite3 *db)
{
	(void)fprintf(stderr, "sqlite_tool: %s\n", db != NULL ? sqlite3_errmsg(db) : "memory");
	exit(EXIT_FAILURE);
}

static double
seconds(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void
put(struct peer *peer, const char *key, unsigned bytes)
{
	if (sqlite3_bind_text(peer->put, 1, key, -1, SQLITE_STATIC) != SQLITE_OK ||
	    sqlite3_bind_blob(peer->put, 2, peer->value, (int)bytes, SQLITE_STATIC) !=
		    SQLITE_OK ||
	    sqlite3_bind_int64(peer->put, 3, ++peer->revision) != SQLITE_OK ||
	    sqlite3_step(peer->put) != SQLITE_DONE || sqlite3_reset(peer->put) != SQLITE_OK)
		die(peer->db);
}

static void
commit(struct peer *peer, const struct shape *shape)
{
	char key[64];

	if (sqlite3_exec(peer->db, "BEGIN IMMEDIATE", NULL, NULL, NULL) != SQLITE_OK)
		die(peer->db);
	for (unsigned i = 0; i < shape->tasks; i++) {
		(void)snprintf(key, sizeof(key), "task/%016llx-%016llx",
			       (unsigned long long)random_next(&peer->random),
			       (unsigned long long)random_next(&peer->random));
		put(peer, key, shape->task_bytes);
	}
	for (unsigned i = 0; i < shape->events; i++) {
		(void)snprintf(key, sizeof(key), "event/%016llx", ++peer->event);
		put(peer, key, shape->event_bytes);
	}
	put(peer, "meta/batch", 16);
	if (sqlite3_exec(peer->db, "COMMIT", NULL, NULL, NULL) != SQLITE_OK)
		die(peer->db);
}

static unsigned
argument(const char *text, unsigned max)
{
	char *end;
	unsigned long value = strtoul(text, &end, 10);

	if (*end != '\0' || value > max) {
		(void)fprintf(stderr, "sqlite_tool: %s: a number up to %u\n", text, max);
		exit(2);
	}
	return (unsigned)value;
}

int
main(int argc, char **argv)
{
	static struct peer peer;
	struct shape shape;
	uint64_t seed;
	double start, elapsed;
	unsigned long commits = 0;

	if (argc != 7 || access(argv[1], F_OK) == 0) {
		(void)fprintf(stderr, "usage: sqlite_tool NEW-FILE TASKS TASK_BYTES EVENTS "
				      "EVENT_BYTES SECONDS\n");
		return 2;
	}
	shape = (struct shape){argument(argv[2], 100000), argument(argv[3], VALUE_MAX),
			       argument(argv[4], 100000), argument(argv[5], VALUE_MAX),
			       argument(argv[6], 3600)};
	clock_random(&seed, sizeof(seed));
	random_seed(&peer.random, seed);
	memset(peer.value, 'v', sizeof(peer.value));
	if (sqlite3_open(argv[1], &peer.db) != SQLITE_OK ||
	    sqlite3_exec(peer.db, setup_text, NULL, NULL, NULL) != SQLITE_OK ||
	    sqlite3_prepare_v2(peer.db, put_text, -1, &peer.put, NULL) != SQLITE_OK)
		die(peer.db);
	start = seconds();
	do {
		commit(&peer, &shape);
		commits++;
		elapsed = seconds() - start;
	} while (elapsed < shape.seconds);
	printf("%.0f\n", (double)commits * shape.tasks / elapsed);
	(void)sqlite3_finalize(peer.put);
	(void)sqlite3_close(peer.db);
	return EXIT_SUCCESS;
}
