/* cube/submission.h - what `cube run` sends: from options, or from a file. */
#ifndef CUBE_SUBMISSION_H
#define CUBE_SUBMISSION_H

#include "base/buf.h"
#include "base/id.h"
#include "common/options.h"

#define SUBMISSION_LIMIT_BYTES (16u << 20)

struct submission {
	struct buf body;      /* a TaskEvent, or an array of them */
	char (*ids)[ID_SIZE]; /* of its tasks, in their order */
	bool *given;          /* this id came from the file */
	int *gone;            /* exit code of one that had ended and left the list before it
			       * was submitted this time; negative: of any other */
	size_t count;
	bool verbatim; /* body is the file's own bytes: its lines are the file's */
};

/* One TaskEvent of the options of `cube run`. INVALID. */
int submission_from_options(const struct cli_values *values, struct submission *out,
			    struct cube_error *err);
/* path "-" is standard input. TaskEvents go as they are, bare Tasks are wrapped; a task
 * without an id, or any with fresh, gets a new one. INVALID says where in the file. Release
 * it also on failure, as above. */
int submission_from_file(const char *path, bool fresh, struct submission *out,
			 struct cube_error *err);
void submission_release(struct submission *submission);

#endif
