/* model/codec_spec.h - a specification while it is decoded. Private to the codec.
 *
 * A draft borrows everything from the parsed document; it is checked whole before the
 * one allocation of the specification is made (codec_pack.c).
 */
#ifndef MODEL_CODEC_SPEC_H
#define MODEL_CODEC_SPEC_H

#include "model/codec_port.h"
#include "model/codec_read.h"

struct spec_draft {
	struct task_spec spec; /* plain values and borrowed texts; no arrays */
	const char *restart_policy;
	const char *on_node_lost;
	const struct json_value *health;
	const struct json_value *exposed;
	const struct json_value *bindings;
	const struct json_value *entrypoint; /* arrays of texts, or NULL if there are none */
	const struct json_value *args;
	const struct json_value *env;
	const struct json_value *labels;      /* object of texts, or NULL */
	const struct json_value *constraints; /* array of texts that parse, or NULL */
	const struct json_value *max_per_node;
	struct port_draft ports;
};

/* Makes the specification of a checked draft, with its canonical JSON. 0 or NO_MEMORY. */
int spec_pack(const struct spec_draft *draft, struct task_spec **out, struct cube_error *err);

#endif
