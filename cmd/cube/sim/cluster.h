/* cube/sim/cluster.h - the cluster that a simulation places on, as people describe it:
 *
 *     1000x{cores:16,memory:64g,disk:1t,labels:zone=a|b|c}+10x{cores:64,memory:256g,name:big}
 *
 *     cluster = group { "+" group }
 *     group   = [ COUNT "x" ] "{" member { "," member } "}"
 *     member  = "cores:" N | "memory:" SIZE | "disk:" SIZE | "name:" WORD | "arch:" WORD
 *             | "os:" WORD | "labels:" label { ";" label }
 *     label   = KEY "=" VALUE { "|" VALUE }          the nodes get the values in turn
 *
 * Blanks and line ends may stand between any two of these; in a file # begins a comment.
 * Main thread.
 */
#ifndef CUBE_SIM_CLUSTER_H
#define CUBE_SIM_CLUSTER_H

#include "base/error.h"
#include "model/node.h"

#include <stddef.h>
#include <stdint.h>

#define SIM_NODES_MAX  1000000
#define SIM_GROUPS_MAX 1000               /* of nodes that are alike */
#define SIM_LABELS_MAX 16                 /* of a group */
#define SIM_VALUES_MAX 64                 /* of a label */
#define SIM_DISK_BYTES (INT64_C(1) << 40) /* of nodes whose disk is not told */

struct sim_label {
	char key[NAME_SIZE];
	char **values; /* count of them */
	uint32_t count;
};

/* Nodes that are alike. */
struct sim_nodes {
	uint32_t count;
	int64_t mcpu;
	int64_t memory_bytes;
	int64_t disk_bytes;
	char name[NAME_SIZE - 12]; /* a number comes behind it; "": none */
	char arch[NODE_FACT_SIZE];
	char os[NODE_FACT_SIZE];
	uint32_t label_count;
	struct sim_label labels[SIM_LABELS_MAX];
};

struct sim_cluster {
	struct sim_nodes *groups;
	size_t count;
	size_t capacity;
	uint32_t nodes;
	/* of all nodes */
	int64_t mcpu;
	int64_t memory_bytes;
	int64_t disk_bytes;
};

/* Text as it stands in --cluster; one without { names a file. INVALID says where and what
 * would be right. On failure the cluster needs no release. */
int sim_cluster_read(struct sim_cluster *cluster, const char *text, struct cube_error *err);
/* where: what to call the text in errors; lines: it has lines that are worth a number. */
int sim_cluster_parse(struct sim_cluster *cluster, const char *where, bool lines,
		      const char *text, struct cube_error *err);
void sim_cluster_release(struct sim_cluster *cluster);

/* Node number index of all, from 0: what a worker on it would say of itself. node_info_release
 * it. 0 or CUBE_ERR_NO_MEMORY. */
int sim_cluster_node(const struct sim_cluster *cluster, uint32_t index, struct node_info *info);

#endif
