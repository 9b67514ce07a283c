/* image.h - references to images, as the engine wants them. */
#ifndef DOCKER_IMAGE_H
#define DOCKER_IMAGE_H

#include "base/error.h"

#include <stddef.h>

/* INVALID unless it looks like a reference (or an id): so that a name can never reach
 * another path of the engine's API. */
int image_check(const char *image, struct cube_error *err);

/* "host:5000/a/b:tag@digest" to the size of its front and the tag or digest behind, the
 * digest first; "latest" if there is neither. */
void image_split(const char *image, size_t *name_size, const char **tag);

#endif
