/* auth.h - what a registry wants to know of us, from Docker's own config.json. */
#ifndef DOCKER_AUTH_H
#define DOCKER_AUTH_H

#include "helper.h"

#include "base/buf.h"
#include "base/error.h"

/* The host a reference's image comes from: "registry:5000", or "docker.io" for those
 * that name none. INVALID if it does not fit. */
int auth_registry(const char *image, char *out, size_t size, struct cube_error *err);

/* Appends the header line "X-Registry-Auth: ..." with the credentials for a registry, or
 * nothing if config (a path; NULL: none) knows none. A file that is there and cannot
 * be read or understood, and a helper that fails, are errors. wait bounds a helper. */
int auth_header(const char *config, const char *registry, const struct helper_wait *wait,
		struct buf *header, struct cube_error *err);

#endif
