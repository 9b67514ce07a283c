/* model/codec_health.h - HealthCheck and Health as the wire has them. Private to the codec. */
#ifndef MODEL_CODEC_HEALTH_H
#define MODEL_CODEC_HEALTH_H

#include "model/codec_port.h"
#include "model/codec_read.h"

/* What is checked, from the short form (a path, or "") or the long one (an object, or NULL);
 * not both. The path is borrowed. 0 or INVALID. */
int health_read(const struct json_doc *doc, const struct json_value *task, enum codec_mode mode,
		const struct port_draft *ports, const char *health_check,
		struct task_health *out, struct cube_error *err);
/* The value of Health, the long form, defaults left out. */
void health_write(struct json_writer *writer, const struct task_health *health);

#endif
