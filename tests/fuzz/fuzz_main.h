/* tests/fuzz/fuzz_main.h - gives a fuzz target its main.
 *
 * A target defines LLVMFuzzerTestOneInput, some seeds, and ends in FUZZ_MAIN(seeds). With
 * clang, `-DFUZZ_LIBFUZZER -fsanitize=fuzzer,address` makes it a libFuzzer program and
 * this main is absent. Otherwise it is a driver of its own, small and repeatable:
 *
 *     X_fuzz [-n ROUNDS] [-s SEED] [-v]     mutates the seeds; -v says each round
 *     X_fuzz -r ROUND [-s SEED] [-o FILE]   that round alone; -o keeps its input
 *     X_fuzz FILE...                        those inputs
 *
 * A round's input depends on SEED and its number only. The input lies in memory of
 * exactly its size, so a sanitizer sees the first byte read past it. The driver fails
 * if the target never once accepted an input: then it tests nothing but a first check.
 * With CUBE_TEST_LONG in the environment there are FUZZ_LONGER times as many rounds, for
 * at most FUZZ_LONG_SECONDS.
 */
#ifndef FUZZ_MAIN_H
#define FUZZ_MAIN_H

#include "base/random.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct fuzz_seed {
	const char *bytes;
	size_t size;
};

#define FUZZ_SEED(literal)                   \
	{                                    \
		literal, sizeof(literal) - 1 \
	}

/* What must hold whatever the input is. */
#define FUZZ_MUST(condition)                                                          \
	do {                                                                          \
		if (!(condition)) {                                                   \
			(void)fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, \
				      __LINE__, #condition);                          \
			abort();                                                      \
		}                                                                     \
	} while (0)

static unsigned long fuzz_accepted_count;

/* The target took the input for good. */
static inline void
fuzz_accepted(void)
{
	fuzz_accepted_count++;
}

#ifdef FUZZ_LIBFUZZER
#define FUZZ_MAIN(seeds) \
	__attribute__((used)) static const struct fuzz_seed *const fuzz_seeds = seeds;
#else

#define FUZZ_SIZE_MAX ((size_t)32 * 1024)
#ifndef FUZZ_ROUNDS
#define FUZZ_ROUNDS 20000
#endif
#define FUZZ_CHANGES      6 /* of one input, at most */
#define FUZZ_LONGER       200
#define FUZZ_LONG_SECONDS 600

struct fuzz {
	const struct fuzz_seed *seeds;
	size_t seed_count;
	struct random random;
	uint8_t bytes[FUZZ_SIZE_MAX];
	size_t size;
};

static inline size_t
fuzz_below(struct fuzz *fuzz, size_t bound)
{
	return (size_t)random_below(&fuzz->random, bound > 0 ? bound : 1);
}

/* Puts size bytes in at a place; what goes past the maximum falls off the end. */
static inline void
fuzz_insert(struct fuzz *fuzz, size_t at, const uint8_t *bytes, size_t size)
{
	size_t after = fuzz->size - at;

	if (size > FUZZ_SIZE_MAX - at)
		size = FUZZ_SIZE_MAX - at;
	if (after > FUZZ_SIZE_MAX - at - size)
		after = FUZZ_SIZE_MAX - at - size;
	memmove(fuzz->bytes + at + size, fuzz->bytes + at, after);
	memcpy(fuzz->bytes + at, bytes, size);
	fuzz->size = at + size + after;
}

static inline void
fuzz_insert_piece(struct fuzz *fuzz, const uint8_t *from, size_t from_size)
{
	uint8_t piece[256];
	size_t start = fuzz_below(fuzz, from_size);
	size_t size = 1 + fuzz_below(fuzz, from_size - start);

	if (from_size == 0)
		return;
	if (size > sizeof(piece))
		size = sizeof(piece);
	memcpy(piece, from + start, size);
	fuzz_insert(fuzz, fuzz_below(fuzz, fuzz->size + 1), piece, size);
}

/* The same short run again and again: what nests, or makes a number or a name long. */
static inline void
fuzz_insert_run(struct fuzz *fuzz)
{
	uint8_t piece[8];
	size_t size = 1 + fuzz_below(fuzz, sizeof(piece));
	size_t start = fuzz_below(fuzz, fuzz->size);
	size_t at = fuzz_below(fuzz, fuzz->size + 1);
	size_t times = 1 + fuzz_below(fuzz, fuzz_below(fuzz, 8) == 0 ? 2000 : 40);

	if (size > fuzz->size - start)
		size = fuzz->size - start;
	memcpy(piece, fuzz->bytes + start, size);
	while (times-- > 0 && fuzz->size < FUZZ_SIZE_MAX)
		fuzz_insert(fuzz, at, piece, size);
}

static inline void
fuzz_change(struct fuzz *fuzz)
{
	static const uint8_t odd[] = {0x00, 0x01, 0x0a, 0x0d, 0x1f, '"',  '\\', '%', ',',
				      ':',  '-',  '0',  '9',  '.',  '{',  '}',  '[', ']',
				      'e',  0x7f, 0x80, 0xc2, 0xed, 0xf4, 0xff};
	size_t at = fuzz_below(fuzz, fuzz->size);
	size_t size;

	if (fuzz->size == 0) {
		fuzz_insert(fuzz, 0, &odd[fuzz_below(fuzz, sizeof(odd))], 1);
		return;
	}
	switch (fuzz_below(fuzz, 8)) {
	case 0:
		fuzz->bytes[at] ^= (uint8_t)(1u << fuzz_below(fuzz, 8));
		break;
	case 1:
		fuzz->bytes[at] = odd[fuzz_below(fuzz, sizeof(odd))];
		break;
	case 2:
		fuzz_insert(fuzz, at, &odd[fuzz_below(fuzz, sizeof(odd))], 1);
		break;
	case 3: /* take a piece out */
		size = 1 + fuzz_below(fuzz, fuzz->size - at);
		size = size > 16 && fuzz_below(fuzz, 4) > 0 ? 1 + size % 16 : size;
		memmove(fuzz->bytes + at, fuzz->bytes + at + size, fuzz->size - at - size);
		fuzz->size -= size;
		break;
	case 4:
		fuzz_insert_piece(fuzz, fuzz->bytes, fuzz->size);
		break;
	case 5: {
		const struct fuzz_seed *other =
			&fuzz->seeds[fuzz_below(fuzz, fuzz->seed_count)];

		fuzz_insert_piece(fuzz, (const uint8_t *)other->bytes, other->size);
		break;
	}
	case 6:
		fuzz_insert_run(fuzz);
		break;
	default:
		if (fuzz_below(fuzz, 4) == 0)
			fuzz->size = at;
		else
			fuzz->bytes[at] = (uint8_t)('0' + fuzz_below(fuzz, 10));
		break;
	}
}

static inline void
fuzz_round(struct fuzz *fuzz, uint64_t seed, uint64_t round)
{
	const struct fuzz_seed *from;
	size_t changes;

	random_seed(&fuzz->random, seed * UINT64_C(0x9e3779b97f4a7c15) + round);
	from = &fuzz->seeds[fuzz_below(fuzz, fuzz->seed_count)];
	fuzz->size = from->size < FUZZ_SIZE_MAX ? from->size : FUZZ_SIZE_MAX;
	memcpy(fuzz->bytes, from->bytes, fuzz->size);
	changes = fuzz_below(fuzz, FUZZ_CHANGES + 1);
	while (changes-- > 0)
		fuzz_change(fuzz);
}

static inline void
fuzz_run(const uint8_t *bytes, size_t size)
{
	uint8_t *exact = malloc(size > 0 ? size : 1);

	if (exact == NULL)
		abort();
	memcpy(exact, bytes, size);
	(void)LLVMFuzzerTestOneInput(exact, size);
	free(exact);
}

static inline int
fuzz_file(const char *path)
{
	size_t size = 0;
	size_t got;
	size_t room = (size_t)16 * 1024 * 1024;
	uint8_t *bytes = malloc(room);
	FILE *file = fopen(path, "rb");

	if (file == NULL || bytes == NULL) {
		perror(path);
		free(bytes);
		if (file != NULL)
			(void)fclose(file);
		return 1;
	}
	while (size < room && (got = fread(bytes + size, 1, room - size, file)) > 0)
		size += got;
	(void)fclose(file);
	fuzz_run(bytes, size);
	free(bytes);
	(void)printf("%s: %zu bytes\n", path, size);
	return 0;
}

static inline int
fuzz_keep(const struct fuzz *fuzz, const char *path)
{
	FILE *file = fopen(path, "wb");
	bool written;

	if (file == NULL) {
		perror(path);
		return 1;
	}
	written = fwrite(fuzz->bytes, 1, fuzz->size, file) == fuzz->size;
	return fclose(file) == 0 && written ? 0 : 1;
}

static inline bool
fuzz_is_long(void)
{
	const char *text = getenv("CUBE_TEST_LONG");

	return text != NULL && text[0] != '\0' && strcmp(text, "0") != 0;
}

/* Rounds from first to last, long ones until the time is over; how many, or -1. */
static inline int64_t
fuzz_rounds(struct fuzz *fuzz, uint64_t seed, uint64_t first, uint64_t last, const char *keep,
	    bool loud)
{
	const bool bounded = fuzz_is_long();
	const time_t until = time(NULL) + FUZZ_LONG_SECONDS;
	uint64_t round = first;

	for (; round < last && (!bounded || time(NULL) < until); round++) {
		fuzz_round(fuzz, seed, round);
		if (loud)
			(void)fprintf(stderr, "round %" PRIu64 ", %zu bytes\n", round,
				      fuzz->size);
		if (keep != NULL && fuzz_keep(fuzz, keep) != 0)
			return -1;
		fuzz_run(fuzz->bytes, fuzz->size);
	}
	return (int64_t)(round - first);
}

static inline int
fuzz_main(int argc, char **argv, const struct fuzz_seed *seeds, size_t seed_count)
{
	static struct fuzz fuzz;
	uint64_t rounds = FUZZ_ROUNDS, seed = 1, round = 0;
	const char *keep = NULL;
	bool loud = false, empty;
	int option, failed = 0;
	int64_t done;

	if (fuzz_is_long())
		rounds *= FUZZ_LONGER;
	while ((option = getopt(argc, argv, "n:s:r:o:v")) != -1) {
		if (option == 'n') {
			rounds = strtoull(optarg, NULL, 10);
		} else if (option == 's') {
			seed = strtoull(optarg, NULL, 10);
		} else if (option == 'r') {
			round = strtoull(optarg, NULL, 10);
			rounds = round + 1;
		} else if (option == 'o') {
			keep = optarg;
		} else if (option == 'v') {
			loud = true;
		} else {
			(void)fprintf(stderr,
				      "usage: %s [-n ROUNDS | -r ROUND] [-s SEED] [-o FILE] "
				      "[-v] [FILE...]\n",
				      argv[0]);
			return 2;
		}
	}
	for (; optind < argc; optind++, rounds = 0)
		failed |= fuzz_file(argv[optind]);
	if (rounds == 0)
		return failed;
	fuzz.seeds = seeds;
	fuzz.seed_count = seed_count;
	done = fuzz_rounds(&fuzz, seed, round, rounds, keep, loud);
	if (done < 0)
		return 1;
	empty = done >= 1000 && fuzz_accepted_count == 0;
	(void)printf("%s: %" PRId64 " rounds of seed %" PRIu64 ", %lu accepted\n"
		     "%d passed, %d failed\n",
		     argv[0], done, seed, fuzz_accepted_count, !empty, empty);
	return empty;
}

#define FUZZ_MAIN(seeds)                                                                 \
	int main(int argc, char **argv)                                                  \
	{                                                                                \
		return fuzz_main(argc, argv, seeds, sizeof(seeds) / sizeof((seeds)[0])); \
	}
#endif

#endif
