/* base/error.h - what the core adds to cube's error type.
 *
 * Every function that can fail returns 0 or a negative enum cube_err and takes
 * a struct cube_error last (include/cube/plugin.h has the whole rule). A caller
 * that knows more wraps the error once with what it was doing. [any]
 */
#ifndef BASE_ERROR_H
#define BASE_ERROR_H

#include <cube/plugin.h>

/* Puts "what it was doing: " in front of the message; returns err->code.
 *     return error_wrap(err, "open %s", path);
 */
__attribute__((format(printf, 2, 3))) int
error_wrap(struct cube_error *err, const char *fmt, ...);

/* "invalid", "not-found", ...; never NULL. For logs and JSON. */
const char *error_code_name(int code);

#endif
