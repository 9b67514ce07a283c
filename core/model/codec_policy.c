/* model/codec_policy.c - RestartPolicy to text and back. Pure, owns nothing. [any]
 *
 * The words are Docker's. Each policy has one spelling here, so that equal specifications
 * have equal text.
 */
#include "model/codec_policy.h"

#include <stdio.h>
#include <string.h>

static const char *const policy_names[] = {
	[RESTART_DEFAULT] = "",
	[RESTART_NO] = "no",
	[RESTART_ON_FAILURE] = "on-failure",
	[RESTART_ALWAYS] = "always",
	[RESTART_UNLESS_STOPPED] = "unless-stopped",
};

/* 1..RESTART_MAX, or 0 if it is no such number. */
static int32_t
count_parse(const char *text)
{
	int32_t count = 0;

	if (*text == '0')
		return 0;
	for (; *text >= '0' && *text <= '9'; text++) {
		count = count * 10 + (*text - '0');
		if (count > RESTART_MAX)
			return 0;
	}
	return *text == '\0' ? count : 0;
}

int
policy_parse(const char *text, enum restart_mode *mode, int32_t *max)
{
	static const char counted[] = "on-failure:";
	size_t i;

	if (strncmp(text, counted, sizeof(counted) - 1) == 0) {
		int32_t count = count_parse(text + sizeof(counted) - 1);

		if (count == 0)
			return CUBE_ERR_INVALID;
		*mode = RESTART_ON_FAILURE;
		*max = count;
		return 0;
	}
	for (i = 0; i < sizeof(policy_names) / sizeof(policy_names[0]); i++) {
		if (strcmp(text, policy_names[i]) == 0) {
			*mode = (enum restart_mode)i;
			*max = -1;
			return 0;
		}
	}
	return CUBE_ERR_INVALID;
}

void
policy_format(enum restart_mode mode, int32_t max, char out[POLICY_TEXT_SIZE])
{
	if (mode == RESTART_ON_FAILURE && max >= 0)
		(void)snprintf(out, POLICY_TEXT_SIZE, "on-failure:%d", (int)max);
	else
		(void)snprintf(out, POLICY_TEXT_SIZE, "%s", policy_names[mode]);
}
