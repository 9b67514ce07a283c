/* base/error.c - wraps and names cube's errors.
 *
 * Owns nothing: every struct cube_error is its caller's. A message that does not
 * fit is cut at the end, between characters, so that what was being done (the
 * front) is always there. [any]
 */
#include "base/error.h"

#include "base/utf8.h"

#include <string.h>

int
error_wrap(struct cube_error *err, const char *fmt, ...)
{
	char inner[sizeof(err->message)];
	size_t room = sizeof(err->message);
	size_t used;
	va_list args;
	int written;

	memcpy(inner, err->message, sizeof(inner));
	inner[sizeof(inner) - 1] = '\0';
	va_start(args, fmt);
	written = vsnprintf(err->message, room, fmt, args);
	va_end(args);
	used = written < 0 ? 0 : (size_t)written;
	if (used < room)
		(void)snprintf(err->message + used, room - used, ": %s", inner);
	used = strnlen(err->message, room - 1);
	/* A cut may have gone through a character of more than one byte. */
	if (used == room - 1)
		used = utf8_valid_prefix(err->message, used);
	err->message[used] = '\0';
	return err->code;
}

const char *
error_code_name(int code)
{
	switch (code) {
	case 0:
		return "ok";
	case CUBE_ERR_INVALID:
		return "invalid";
	case CUBE_ERR_NOT_FOUND:
		return "not-found";
	case CUBE_ERR_CONFLICT:
		return "conflict";
	case CUBE_ERR_UNAVAILABLE:
		return "unavailable";
	case CUBE_ERR_TIMEOUT:
		return "timeout";
	case CUBE_ERR_NO_MEMORY:
		return "no-memory";
	case CUBE_ERR_UNSUPPORTED:
		return "unsupported";
	case CUBE_ERR_INTERNAL:
		return "internal";
	default:
		return "unknown";
	}
}
