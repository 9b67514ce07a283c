/* plugin/outcome.c - what came back from a plugin, made safe to use. Owns nothing, calls
 * nothing of the plugin. Any thread. */
#include "plugin/outcome.h"

#include <string.h>

void
outcome_expect(struct cube_error *err)
{
	memset(err, 0, sizeof(*err));
}

int
outcome_of(const char *plugin, const char *function, int result, struct cube_error *err)
{
	if (result == 0)
		return 0;
	if (result > 0 || result < CUBE_ERR_INTERNAL)
		return outcome_broken(plugin, err, "%s returned %d, which is no enum cube_err",
				      function, result);
	err->code = result;
	err->message[sizeof(err->message) - 1] = '\0';
	if (err->message[0] == '\0')
		(void)snprintf(err->message, sizeof(err->message),
			       "%s: %s failed (%s) and did not say why", plugin, function,
			       error_code_name(result));
	return result;
}

int
outcome_broken(const char *plugin, struct cube_error *err, const char *fmt, ...)
{
	va_list args;

	err->code = CUBE_ERR_INTERNAL;
	err->sys_errno = 0;
	va_start(args, fmt);
	(void)vsnprintf(err->message, sizeof(err->message), fmt, args);
	va_end(args);
	return error_wrap(err, "the plugin %s broke its contract", plugin);
}

int
outcome_copy(const char *what, const void *theirs, void *ours, size_t our_size,
	     size_t least_size, struct cube_error *err)
{
	uint32_t their_size;

	memcpy(&their_size, theirs, sizeof(their_size));
	if (their_size < least_size)
		return cube_fail(err, CUBE_ERR_INVALID, 0,
				 "%s says it is %u bytes long, but ABI %d.0 has %zu: "
				 "set struct_size to its sizeof",
				 what, their_size, CUBE_ABI_MAJOR, least_size);
	memset(ours, 0, our_size);
	memcpy(ours, theirs, their_size < our_size ? their_size : our_size);
	return 0;
}
