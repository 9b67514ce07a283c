/* clip.h - empties the strings of a JSON text that are longer than we read. */
#ifndef DOCKER_CLIP_H
#define DOCKER_CLIP_H

#include <stddef.h>

/* In place; returns the new size. What is no JSON stays none. */
size_t clip_strings(char *text, size_t size, size_t longest_bytes);

#endif
