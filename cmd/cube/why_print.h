/* cube/why_print.h - the answer to "why" for people: which nodes lack what, what would help,
 * what the scheduler thinks. Shared by `cube why` and `cube run --dry-run`. */
#ifndef CUBE_WHY_PRINT_H
#define CUBE_WHY_PRINT_H

#include "model/why.h"
#include "table.h"

/* "n1 n3 n4 and 2,997 more" */
void why_names(const struct why_reason *reason, struct buf *out);

/* All of it, a few lines; as text at most 80 columns where names and texts allow. */
int why_print(FILE *out, const struct why *why, struct cube_error *err);

/* An answer of the manager, or an array of them, on standard output in the form that -o asks
 * for. *fits: each of them fits somewhere, or is not waiting. */
int
why_show(const struct json_doc *doc, enum output_form form, bool *fits, struct cube_error *err);

#endif
