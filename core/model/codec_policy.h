/* model/codec_policy.h - RestartPolicy as a text: "", "no", "on-failure", "on-failure:N",
 * "always", "unless-stopped". Private to the codec. [any] */
#ifndef MODEL_CODEC_POLICY_H
#define MODEL_CODEC_POLICY_H

#include "model/task.h"

#define POLICY_TEXT_SIZE 32
#define RESTART_MAX      1000000

/* 0 or CUBE_ERR_INVALID, then nothing is touched. max: N, or -1 if there is none. */
int policy_parse(const char *text, enum restart_mode *mode, int32_t *max);
void policy_format(enum restart_mode mode, int32_t max, char out[POLICY_TEXT_SIZE]);

#endif
