/* idlest.cpp - a scheduler in C++: the node whose processors are the idlest goes first.
 *
 * The policy is a class; the functions around it are what cube sees, and hand on to it. How
 * busy a node has last said that it is counts by the option trust=, and for the rest what its
 * tasks have reserved, which is the load that may come. Of a node that has not said, that alone
 * counts.
 *
 * Nothing may be thrown through cube, which is C, so this is compiled without exceptions;
 * memory comes from the host. Built with the installed headers alone; see the Makefile beside
 * it.
 */
#include <cube/scheduler.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <new>
#include <span>

namespace
{

class Idlest
{
      public:
	Idlest(const cube_host &host, double trust) : host(host), trust(trust)
	{
	}

	void score(const cube_nodes &nodes, const cube_demand &demand,
		   std::span<const uint32_t> rows, std::span<double> cost) const
	{
		std::transform(rows.begin(), rows.end(), cost.begin(), [&](uint32_t row) {
			const double share = reserved(nodes, demand, row);
			const float busy = nodes.cpu_busy[row];

			return std::isnan(busy) ? share : trust * busy + (1 - trust) * share;
		});
	}

	const cube_host &host;

      private:
	/* The share of its cores that is taken when the task is there. */
	static double reserved(const cube_nodes &nodes, const cube_demand &demand, uint32_t row)
	{
		const auto total = static_cast<double>(nodes.total_mcpu[row]);
		const auto free = static_cast<double>(nodes.free_mcpu[row]);

		return total > 0 ? 1 - (free - static_cast<double>(demand.mcpu)) / total : 1;
	}

	double trust; /* 0..1 */
};

/* ---- what cube calls ---- */

extern "C" {

static int
idlest_open(const cube_host *host, const char *const *options, void **self, cube_error *err)
{
	char *end = nullptr;
	const double trust = std::strtod(options[0], &end);

	if (end == options[0] || *end != '\0' || !(trust >= 0 && trust <= 1))
		return cube_fail(err, CUBE_ERR_INVALID, 0, "trust=%s: wants 0 to 1",
				 options[0]);
	void *room = host->realloc(host->ctx, nullptr, sizeof(Idlest));
	if (room == nullptr)
		return cube_fail(err, CUBE_ERR_NO_MEMORY, 0, "out of memory");
	*self = new (room) Idlest(*host, trust);
	return 0;
}

static void
idlest_close(void *self)
{
	auto *idlest = static_cast<Idlest *>(self);
	const cube_host &host = idlest->host;

	idlest->~Idlest();
	(void)host.realloc(host.ctx, idlest, 0);
}

static int
idlest_score(void *self, const cube_nodes *nodes, const cube_demand *demand,
	     const uint32_t *rows, uint32_t n, double *cost, cube_error *)
{
	static_cast<const Idlest *>(self)->score(*nodes, *demand, {rows, n}, {cost, n});
	return 0;
}

} // extern "C"

const cube_option idlest_options[] = {
	{"trust", "0.5",
	 "how much it counts what nodes say of themselves, beside what is reserved: 0 to 1"},
	{nullptr, nullptr, nullptr},
};

const cube_scheduler_ops idlest_ops = {
	.struct_size = sizeof(idlest_ops),
	.flags = CUBE_SCHEDULER_ROW_PURE,
	.open = idlest_open,
	.close = idlest_close,
	.select = nullptr,
	.score = idlest_score,
	.pick = nullptr,
	.spread_label = nullptr,
};

} // namespace

const struct cube_plugin cube_plugin = {
	CUBE_PLUGIN_HEADER(CUBE_PLUGIN_SCHEDULER),
	.flags = 0,
	.name = "idlest",
	.version = "1.0",
	.summary = "the node whose processors are the idlest",
	.options = idlest_options,
	.ops = {.scheduler = &idlest_ops},
};
