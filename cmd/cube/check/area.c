/* check/area.c - see the header. Owns the mappings, and the handler of deadly signals, which
 * writes into the slip and ends the process. It may format text there: what it interrupted
 * is the plugin, and nothing goes on after it. */
#include "area.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#define GUARD_BYTES ((size_t)64 << 10) /* on either side */
#define PATTERN     0xa5
#define STACK_BYTES ((size_t)64 << 10)

/* A handler of signals is given nothing of ours: what it needs must be found from here. */
static struct {
	struct trial *trial;
	struct areas *first;
} watched;

static size_t
page_size(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

void
areas_init(struct areas *areas, struct trial *trial, enum area_side side)
{
	memset(areas, 0, sizeof(*areas));
	areas->trial = trial;
	areas->side = side;
	areas->next = watched.first;
	watched.first = areas;
}

void
areas_release(struct areas *areas)
{
	for (struct areas **at = &watched.first; *at != NULL; at = &(*at)->next) {
		if (*at == areas) {
			*at = areas->next;
			break;
		}
	}
	for (size_t i = 0; i < areas->count; i++) {
		struct area *area = &areas->area[i];

		(void)munmap(area->low - GUARD_BYTES, area->low_size + 2 * GUARD_BYTES);
	}
	areas->count = 0;
}

struct area *
area_make(struct areas *areas, const char *name, bool input, size_t item_size, size_t count)
{
	struct area *area = &areas->area[areas->count];
	size_t page = page_size();
	unsigned char *map;

	if (areas->count == AREAS_MAX)
		trial_fail(areas->trial, "the check itself has too many arrays");
	area->name = name;
	area->input = input;
	area->item_size = item_size;
	area->low_size = (count * item_size + page - 1) / page * page;
	map = mmap(NULL, area->low_size + 2 * GUARD_BYTES, PROT_NONE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (map == MAP_FAILED)
		trial_fail(areas->trial, "no memory for the check: %s", strerror(errno));
	area->low = map + GUARD_BYTES;
	if (area->low_size > 0 &&
	    mprotect(area->low, area->low_size, PROT_READ | PROT_WRITE) != 0)
		trial_fail(areas->trial, "no memory for the check: %s", strerror(errno));
	areas->count++;
	(void)area_fit(areas, area, count);
	memset(area->start, 0, count * item_size);
	return area;
}

void *
area_fit(struct areas *areas, struct area *area, size_t count)
{
	size_t size = count * area->item_size;

	area->count = count;
	area->start = area->low + (areas->side == AREA_TAIL ? area->low_size - size : 0);
	if (areas->side == AREA_TAIL)
		memset(area->low, PATTERN, area->low_size - size);
	else
		memset(area->low + size, PATTERN, area->low_size - size);
	return area->start;
}

static void
protect(struct areas *areas, int protection)
{
	for (size_t i = 0; i < areas->count; i++) {
		struct area *area = &areas->area[i];

		if (area->input && area->low_size > 0 &&
		    mprotect(area->low, area->low_size, protection) != 0)
			trial_fail(areas->trial, "mprotect: %s", strerror(errno));
	}
}

void
areas_lock(struct areas *areas)
{
	protect(areas, PROT_READ);
}

void
areas_unlock(struct areas *areas)
{
	protect(areas, PROT_READ | PROT_WRITE);
}

/* "its cost array (1 past the end)" for an address outside of [start, end); the end is the
 * edge that is nearer. */
static void
where(const struct area *area, const unsigned char *address, char *out, size_t size)
{
	const unsigned char *start = area->start;
	const unsigned char *end = start + area->count * area->item_size;

	if (address >= end)
		(void)snprintf(out, size, "behind %s (%zu past the end)", area->name,
			       (size_t)(address - end) / area->item_size + 1);
	else if (address < start)
		(void)snprintf(out, size, "before %s (%zu before its start)", area->name,
			       (size_t)(start - address - 1) / area->item_size + 1);
	else
		(void)snprintf(out, size, "into %s (at %zu of %zu)", area->name,
			       (size_t)(address - start) / area->item_size, area->count);
}

void
areas_check(struct areas *areas, const char *function)
{
	char place[96];

	for (size_t i = 0; i < areas->count; i++) {
		const struct area *area = &areas->area[i];
		size_t size = area->count * area->item_size;
		const unsigned char *slack =
			areas->side == AREA_TAIL ? area->low : area->low + size;

		if (area->input)
			continue;
		for (size_t k = 0; k < area->low_size - size; k++) {
			/* Of those before the start the nearest one is told. */
			size_t at =
				areas->side == AREA_TAIL ? area->low_size - size - 1 - k : k;

			if (slack[at] == PATTERN)
				continue;
			where(area, slack + at, place, sizeof(place));
			trial_fail(areas->trial, "%s wrote %s", function, place);
		}
	}
}

/* Did it write? True or false; where the machine does not tell, only what was to be read
 * shows it. */
static bool
is_write(const void *context, bool *known)
{
#ifdef __x86_64__
	*known = true;
	return (((const ucontext_t *)context)->uc_mcontext.gregs[REG_ERR] & 2) != 0;
#else
	(void)context;
	*known = false;
	return false;
#endif
}

static const struct area *
find_area(const unsigned char *address)
{
	for (const struct areas *areas = watched.first; areas != NULL; areas = areas->next) {
		for (size_t i = 0; i < areas->count; i++) {
			const struct area *area = &areas->area[i];

			if (address >= area->low - GUARD_BYTES &&
			    address < area->low + area->low_size + GUARD_BYTES)
				return area;
		}
	}
	return NULL;
}

static void
explain_fault(struct trial *trial, const char *function, const siginfo_t *info,
	      const void *context)
{
	const unsigned char *address = info->si_addr;
	const struct area *area = find_area(address);
	bool known;
	bool wrote = is_write(context, &known);
	char place[96];

	if (area == NULL)
		trial_fail(trial, "crashed with SIG%s in %s, at address %p",
			   sigabbrev_np(info->si_signo), function, info->si_addr);
	where(area, address, place, sizeof(place));
	if (!known) /* what can be read faults only when it is written */
		wrote = address >= area->low && address < area->low + area->low_size;
	trial_fail(trial, "%s %s %s", function,
		   wrote   ? "wrote"
		   : known ? "read"
			   : "read or wrote",
		   place);
}

static void
on_signal(int signo, siginfo_t *info, void *context)
{
	struct trial *trial = watched.trial;
	const char *function = trial->slip->function;
	char called[40];

	(void)snprintf(called, sizeof(called), "%s",
		       function[0] != '\0' ? function : "none of its functions");
	trial->slip->hung = signo == SIGPROF;
	if (signo == SIGPROF)
		trial_fail(trial, "%s did not return within %llu ms of processor time", called,
			   (unsigned long long)trial->subject->limit_ms);
	/* One that was sent, and did not happen, has no address. */
	if ((signo == SIGSEGV || signo == SIGBUS) && info->si_code > 0)
		explain_fault(trial, called, info, context);
	trial_fail(trial, "crashed with SIG%s in %s", sigabbrev_np(signo), called);
}

void
faults_watch(struct trial *trial)
{
	static const int signals[] = {SIGSEGV, SIGBUS,  SIGILL,  SIGFPE,
				      SIGABRT, SIGPROF, SIGXFSZ, SIGSYS};
	struct sigaction action = {.sa_sigaction = on_signal,
				   .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER};
	stack_t stack = {.ss_size = STACK_BYTES};

	watched.trial = trial;
	stack.ss_sp = mmap(NULL, STACK_BYTES, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (stack.ss_sp == MAP_FAILED || sigaltstack(&stack, NULL) != 0)
		trial_fail(trial, "no memory for the check: %s", strerror(errno));
	(void)sigemptyset(&action.sa_mask);
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		(void)sigaction(signals[i], &action, NULL);
}
