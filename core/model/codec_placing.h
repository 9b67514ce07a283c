/* model/codec_placing.h - Constraints and MaxPerNode. Private to the codec.
 *
 * A constraint is checked here and parsed for good when the specification is packed, right
 * into its block.
 */
#ifndef MODEL_CODEC_PLACING_H
#define MODEL_CODEC_PLACING_H

#include "model/codec_spec.h"

/* Checks what the draft has of both, whose labels are checked; an empty list of constraints
 * becomes none. */
int placing_read(const struct json_doc *doc, enum codec_mode mode, struct spec_draft *draft,
		 struct cube_error *err);

/* The members, if there are any. */
void constraints_write(struct json_writer *writer, const struct spec_draft *draft);
void max_per_node_write(struct json_writer *writer, const struct task_spec *spec);

/* What the texts of the constraints take in the block, and putting them there: texts and
 * pieces at *at, which moves on. */
size_t constraints_bytes(const struct spec_draft *draft);
void constraints_pack(const struct spec_draft *draft, struct task_constraint *out, char **at);

#endif
