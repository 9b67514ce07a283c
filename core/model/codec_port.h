/* model/codec_port.h - ports as the wire has them: "80/tcp". Private to the codec. */
#ifndef MODEL_CODEC_PORT_H
#define MODEL_CODEC_PORT_H

#include "model/codec_read.h"

#define PORT_TEXT_SIZE 16 /* "65535/tcp" */

/* Ports under way; at most TASK_PORTS_MAX, sorted by ports_finish. */
struct port_draft {
	struct task_port ports[TASK_PORTS_MAX];
	uint32_t count;
};

void port_format(uint16_t port, uint16_t protocol, char out[PORT_TEXT_SIZE]);

/* ExposedPorts and PortBindings may come in any order, and a port may be in both. Either
 * may be NULL: absent. */
int
ports_read(const struct json_doc *doc, const struct json_value *exposed,
	   const struct json_value *bindings, struct port_draft *out, struct cube_error *err);

/* "ExposedPorts":{...},"PortBindings":{...} as far as they are not empty. */
void ports_write(struct json_writer *writer, const struct port_draft *draft);

/* The value of HostPorts; null if list is NULL or empty. */
void host_ports_write(struct json_writer *writer, const struct port_list *list);
field_reader read_host_ports; /* struct port_list *, replaced; NULL if there are none */

#endif
