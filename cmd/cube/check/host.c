/* check/host.c - see the header. Owns the blocks that a plugin holds. */
#include "host.h"

#include "base/clock.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK_LIVE UINT64_C(0x6c69766520626c6b)
#define BLOCK_DEAD UINT64_C(0x6465616420626c6b)
#define BLOCK_END  UINT64_C(0xfeedc0defeedc0de)
#define BYTES_MAX  ((size_t)1 << 30) /* of one instance in a check */
#define SEED       UINT64_C(20240229)

/* Before what the plugin sees; BLOCK_END stands behind it. */
struct block {
	struct block *next;
	struct block *previous;
	size_t size;
	uint64_t mark;
};

_Static_assert(sizeof(struct block) % 16 == 0, "the plugin's memory is not aligned");

static void
host_log(void *ctx, int level, const char *message)
{
	struct check_host *host = ctx;

	(void)level;
	if (strchr(message, '\n') != NULL)
		trial_fail(host->trial, "logged more than one line: \"%.100s\"", message);
}

static uint64_t
host_now_ms(void *ctx)
{
	const struct check_host *host = ctx;

	return host->real_clock ? clock_now().mono_ms : host->now_ms;
}

static uint64_t
host_random(void *ctx)
{
	struct check_host *host = ctx;
	uint64_t value;

	(void)pthread_mutex_lock(&host->lock);
	value = random_next(&host->random);
	(void)pthread_mutex_unlock(&host->lock);
	return value;
}

static void
check_end(struct check_host *host, const struct block *block)
{
	uint64_t end;

	memcpy(&end, (const char *)(block + 1) + block->size, sizeof(end));
	if (end != BLOCK_END)
		trial_fail(host->trial, "wrote behind %zu bytes that it had from host->realloc",
			   block->size);
}

static void
set_end(struct block *block)
{
	const uint64_t end = BLOCK_END;

	memcpy((char *)(block + 1) + block->size, &end, sizeof(end));
}

static struct block *
block_of(struct check_host *host, void *p)
{
	struct block *block;

	if (p == NULL)
		return NULL;
	block = (struct block *)p - 1;
	if (block->mark != BLOCK_LIVE)
		trial_fail(host->trial, "gave host->realloc memory that %s",
			   block->mark == BLOCK_DEAD ? "it had given back before"
						     : "is not the host's");
	check_end(host, block);
	return block;
}

/* Written though nobody of ours will read it: a block that comes back twice shows it. */
static void
let_go(struct block *block)
{
	*(volatile uint64_t *)&block->mark = BLOCK_DEAD;
	free(block);
}

static void
take_out(struct check_host *host, struct block *block)
{
	if (block->previous != NULL)
		block->previous->next = block->next;
	else
		host->blocks = block->next;
	if (block->next != NULL)
		block->next->previous = block->previous;
	host->block_count--;
	host->block_bytes -= block->size;
}

static void
put_in(struct check_host *host, struct block *block, size_t size)
{
	block->size = size;
	block->mark = BLOCK_LIVE;
	block->previous = NULL;
	block->next = host->blocks;
	if (host->blocks != NULL)
		host->blocks->previous = block;
	host->blocks = block;
	host->block_count++;
	host->block_bytes += size;
	set_end(block);
}

/* Is this request one that fails? */
static bool
runs_out(struct check_host *host, size_t size)
{
	host->requests++;
	if (size > BYTES_MAX || host->block_bytes > BYTES_MAX - size)
		trial_fail(host->trial, "wants more than %zu MiB of memory", BYTES_MAX >> 20);
	if (host->fail_at == 0 || host->requests < host->fail_at ||
	    (host->requests > host->fail_at && !host->fail_on))
		return false;
	host->failures++;
	return true;
}

static void *
change(struct check_host *host, void *p, size_t size)
{
	struct block *block = block_of(host, p);
	struct block *made;

	if (size == 0) {
		if (block != NULL) {
			take_out(host, block);
			let_go(block);
		}
		return NULL;
	}
	if (runs_out(host, size))
		return NULL;
	/* Always a new place: what keeps a pointer to the old one is found sooner. */
	made = malloc(sizeof(*made) + size + sizeof(uint64_t));
	if (made == NULL)
		return NULL;
	put_in(host, made, size);
	if (block != NULL) {
		memcpy(made + 1, block + 1, block->size < size ? block->size : size);
		take_out(host, block);
		let_go(block);
	}
	return made + 1;
}

static void *
host_realloc(void *ctx, void *p, size_t size)
{
	struct check_host *host = ctx;
	void *made;

	(void)pthread_mutex_lock(&host->lock);
	made = change(host, p, size);
	(void)pthread_mutex_unlock(&host->lock);
	return made;
}

void
check_host_init(struct check_host *host, struct trial *trial, bool real_clock)
{
	struct plugin_services services = {host, host_log, host_now_ms, host_random};

	memset(host, 0, sizeof(*host));
	host->trial = trial;
	host->real_clock = real_clock;
	host->now_ms = 1000000;
	random_seed(&host->random, SEED);
	(void)pthread_mutex_init(&host->lock, NULL);
	plugin_host_init(&host->plugin, trial->subject->identity, &services);
	host->plugin.host.realloc = host_realloc;
}

void
check_host_settled(struct check_host *host, const char *when)
{
	for (const struct block *block = host->blocks; block != NULL; block = block->next)
		check_end(host, block);
	if (host->block_count > 0)
		trial_fail(host->trial, "leaks: %zu bytes in %zu blocks are not given back %s",
			   host->block_bytes, host->block_count, when);
}

size_t
check_host_memory(void)
{
	struct mallinfo2 info = mallinfo2();

	return info.uordblks + info.hblkhd;
}
