/* model/codec.h - the wire and record format of the model (API.md): JSON in and out. Pure.
 *
 * Decoding is strict for strangers (an unknown field is an error that names it) and
 * lenient between our own programs and for stored records. Every error says where and
 * what would be right. Decoded things are the caller's.
 */
#ifndef MODEL_CODEC_H
#define MODEL_CODEC_H

#include "base/json.h"
#include "model/node.h"
#include "model/orders.h"
#include "model/task.h"

enum codec_mode {
	CODEC_STRICT, /* from people: unknown fields are refused */
	CODEC_LENIENT /* from our own programs and stores */
};

/* A Task object as its owner gives it. fallback_id is used when it has no ID. Output
 * fields are accepted and ignored. */
int task_spec_decode(const struct json_doc *doc, const struct json_value *value,
		     enum codec_mode mode, const char *fallback_id, struct task_spec **out,
		     struct cube_error *err);

/* TaskEvent. */
struct task_request {
	char event_id[ID_SIZE]; /* "" if none was given */
	enum task_wanted wanted;
	char task_id[ID_SIZE];
	struct task_spec *spec; /* NULL if wanted is stop */
	/* As the sender has it; 0 if absent or no count. Only a worker under the book's manager
	 * heeds it: it tells a restart from a repeated request. */
	uint32_t restart_count;
};

void task_request_release(struct task_request *request);
int task_request_decode(const struct json_doc *doc, const struct json_value *value,
			enum codec_mode mode, const char *fallback_id, struct task_request *out,
			struct cube_error *err);

/* A whole Task: the specification and the output fields. All of the book's fields are
 * there, also at their defaults. */
void task_encode(struct json_writer *writer, const struct task *task);
/* The same inside an object that the caller has begun, empty as yet, and goes on with:
 * a record. Output fields at their defaults are left out. */
void task_encode_members(struct json_writer *writer, const struct task *task);
/* A Task's ID and output fields alone: what a worker reports. Without the specification,
 * which the manager has, what a worker tells at once stays small. */
void report_encode(struct json_writer *writer, const struct task *task);
/* Of a Task object, the output fields (of a report or a record). */
int task_status_decode(const struct json_doc *doc, const struct json_value *value,
		       struct task_status *out, struct cube_error *err);

/* PUT /desired */
void orders_encode(struct json_writer *writer, const struct orders *orders);
int orders_decode(const struct json_doc *doc, struct orders *out, struct cube_error *err);

/* The body of the worker's GET /tasks: an array of Task. Revision, full and the rest are
 * headers and are filled in by the caller. Tasks without an Attempt count as 1 + RestartCount.
 */
int reports_decode(const struct json_doc *doc, struct reports *out, struct cube_error *err);

/* A worker's own description. */
void node_info_encode(struct json_writer *writer, const struct node_info *info);
/* The same without the braces: into an object that has begun. */
void node_info_encode_members(struct json_writer *writer, const struct node_info *info);
int node_info_decode(const struct json_doc *doc, const struct json_value *value,
		     enum codec_mode mode, struct node_info *out, struct cube_error *err);
/* GET /nodes: the description and what the manager adds. */
void node_view_encode(struct json_writer *writer, const struct node_view *view);

#endif
