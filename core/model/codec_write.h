/* model/codec_write.h - what the encoders share. Private to the codec. */
#ifndef MODEL_CODEC_WRITE_H
#define MODEL_CODEC_WRITE_H

#include "model/codec.h"

/* Thousandths of a core as a number of cores: "0.25". */
void cores_write(struct json_writer *writer, int64_t mcpu);

/* Members that are JSON already (task_spec.json), as the first of the object begun. */
void members_write(struct json_writer *writer, const char *json, size_t size);

/* RFC 3339; 0 is the zero time. */
void time_write(struct json_writer *writer, const char *key, int64_t time_ms);

#endif
