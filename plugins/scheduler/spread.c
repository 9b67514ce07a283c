/* plugins/scheduler/spread.c - the tasks of a job far from each other: on the node with the
 * fewest of them.
 *
 * First the domain that has the fewest tasks of the job, where the option label names the
 * label whose values are domains (zones, racks); then the node with the fewest of them;
 * then the least loaded. Nodes without the label come after all that have it, as nobody knows
 * what they share. A task without a job goes to the least loaded node: the mean of the shares
 * of cpu and memory that would be reserved, and of tasks, t / (t + 64), which alone counts for
 * tasks that ask for nothing and where a node tells no total (0).
 *
 * The three are one number, exact in a double: tasks of the domain up to 2^20, those on the
 * node up to 2^16, and the load, below 1, in what is left of the 53 bits. More tasks of one job
 * than that count as that many; without the label up to 2^32 are told apart. [loop]
 */
#include <cube/scheduler.h>
#include <string.h>

#define LABEL_MAX      128 /* bytes; as much as the core takes */
#define DOMAIN_MAX     ((UINT32_C(1) << 20) - 1)
#define DOMAIN_UNKNOWN (UINT32_C(1) << 20) /* of nodes without the label */
#define DOMAIN_COST    65536.0             /* more than all peers of a node count */
#define PEERS_MAX      UINT32_C(65535)
#define TASKS_HALF     64.0   /* tasks that are half of the load's last part */
#define LOAD_MAX       0.9999 /* below 1, rounded too: never as much as a peer */

struct spread {
	const struct cube_host *host;
	char label[LABEL_MAX + 1]; /* "": none */
};

/* The share that would be reserved of what there is, from 0 to 1. */
static inline double
share(int64_t total, int64_t free_amount, int64_t wanted)
{
	double used;

	if (total <= 0)
		return 0;
	used = 1 - ((double)free_amount - (double)wanted) / (double)total;
	if (used >= 1)
		return 1;
	return used > 0 ? used : 0;
}

static inline double
load_of(const struct cube_nodes *nodes, const struct cube_demand *demand, uint32_t row)
{
	double tasks = nodes->tasks[row];
	double load = share(nodes->total_mcpu[row], nodes->free_mcpu[row], demand->mcpu) +
		      share(nodes->total_memory_bytes[row], nodes->free_memory_bytes[row],
			    demand->memory_bytes) +
		      tasks / (tasks + TASKS_HALF);

	return LOAD_MAX / 3 * load;
}

static inline uint32_t
domain_of(const struct cube_nodes *nodes, const struct cube_demand *demand, uint32_t row)
{
	uint32_t domain = nodes->domain[row];
	uint32_t peers;

	if (domain == 0 || domain >= demand->domain_count)
		return DOMAIN_UNKNOWN;
	peers = demand->domain_peers[domain];
	return peers < DOMAIN_MAX ? peers : DOMAIN_MAX;
}

static int
spread_score(void *self, const struct cube_nodes *nodes, const struct cube_demand *demand,
	     const uint32_t *rows, uint32_t n, double *cost, struct cube_error *err)
{
	const struct spread *spread = self;
	int domains = spread->label[0] != '\0' &&
		      CUBE_HAS(struct cube_demand, demand, domain_count) &&
		      demand->domain_peers != NULL;

	(void)err;
	for (uint32_t i = 0; i < n; i++) {
		uint32_t row = rows[i];
		uint32_t peers = demand->peers != NULL ? demand->peers[row] : 0;

		if (domains)
			cost[i] = DOMAIN_COST * domain_of(nodes, demand, row) +
				  (peers < PEERS_MAX ? peers : PEERS_MAX);
		else
			cost[i] = peers;
		cost[i] += load_of(nodes, demand, row);
	}
	return 0;
}

static const char *
spread_spread_label(void *self)
{
	const struct spread *spread = self;

	return spread->label[0] != '\0' ? spread->label : NULL;
}

/* Text that can be a label's name; the core looks at it once more. */
static int
label_check(const struct cube_host *host, const char *label, struct cube_error *err)
{
	if (label[0] != '\0' && host->abi_minor < 1)
		return cube_fail(err, CUBE_ERR_UNSUPPORTED, 0,
				 "label=%.60s: this cube tells no labels to schedulers: wants "
				 "one with plugin ABI 1.1",
				 label);
	if (strlen(label) > LABEL_MAX)
		return cube_fail(err, CUBE_ERR_INVALID, 0,
				 "label=%.60s...: wants a label of at most %d bytes", label,
				 LABEL_MAX);
	/* As constraints have it; nothing would be spread then, and nobody told. */
	if (strncmp(label, "node.", strlen("node.")) == 0)
		return cube_fail(err, CUBE_ERR_INVALID, 0,
				 "label=%.60s: wants the name of one label of the nodes alone, "
				 "as in label=zone",
				 label);
	for (const char *at = label; *at != '\0'; at++) {
		if ((unsigned char)*at < 0x20 || *at == 0x7f || *at == '=' || *at == ',')
			return cube_fail(err, CUBE_ERR_INVALID, 0,
					 "label: wants the name of one label of the nodes, as "
					 "in label=zone");
	}
	return 0;
}

static int
spread_open(const struct cube_host *host, const char *const *options, void **self,
	    struct cube_error *err)
{
	struct spread *made;

	if (label_check(host, options[0], err) != 0)
		return err->code;
	made = host->realloc(host->ctx, NULL, sizeof(*made));
	if (made == NULL)
		return cube_fail(err, CUBE_ERR_NO_MEMORY, 0, "out of memory");
	made->host = host;
	memcpy(made->label, options[0], strlen(options[0]) + 1);
	*self = made;
	return 0;
}

static void
spread_close(void *self)
{
	struct spread *spread = self;

	(void)spread->host->realloc(spread->host->ctx, spread, 0);
}

static const struct cube_option spread_options[] = {
	{"label", "",
	 "label of the nodes (zone, rack) whose values a job is spread over first"},
	{NULL, NULL, NULL},
};

static const struct cube_scheduler_ops spread_ops = {
	.struct_size = sizeof(spread_ops),
	.flags = CUBE_SCHEDULER_ROW_PURE,
	.open = spread_open,
	.close = spread_close,
	.score = spread_score,
	.spread_label = spread_spread_label,
};

const struct cube_plugin cube_plugin = {
	CUBE_PLUGIN_HEADER(CUBE_PLUGIN_SCHEDULER),
	.name = "spread",
	.version = CUBE_VERSION,
	.summary = "the fewest tasks of the same job, by domain and node; then the least load",
	.options = spread_options,
	.ops.scheduler = &spread_ops,
};
