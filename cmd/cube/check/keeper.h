/* cube/check/keeper.h - a store that is checked, opened as the core opens it
 * (core/plugin/store.c finds keys out of order, revisions that go back and the like), with
 * short ways to write, read and fail. One thread. */
#ifndef CHECK_KEEPER_H
#define CHECK_KEEPER_H

#include "life.h"
#include "plugin/store.h"

struct keeper {
	struct life life;
	struct store *store;
	struct trial *trial;
};

/* Open and close fail the check where they cannot. The data is that of the trial's folder. */
void keeper_open(struct keeper *keeper, struct trial *trial);
void keeper_close(struct keeper *keeper);

struct cube_write put(const char *key, const char *value);
struct cube_write del(const char *key);
struct cube_write del_range(const char *key, const char *key_end);
struct cube_write put_if(const char *key, const char *value, uint64_t revision);

/* Returns the revision. */
uint64_t keeper_commit(struct keeper *keeper, const struct cube_write *writes, size_t count);
/* It must be refused with this code. */
void
keeper_refused(struct keeper *keeper, const struct cube_write *writes, size_t count, int code);
/* [from, to) is "key=value key=value ..." */
void keeper_expect(struct keeper *keeper, const char *from, const char *to, const char *text);

#endif
