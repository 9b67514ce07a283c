/* engine.h - the Docker Engine behind the socket: version, calls, what an error means.
 *
 * Every call goes to /vX.Y/PATH, X.Y being what was agreed with the engine: the smaller
 * of its version and ours, asked for anew whenever a connection failed, since the
 * engine may have been replaced meanwhile. All functions are [any].
 */
#ifndef DOCKER_ENGINE_H
#define DOCKER_ENGINE_H

#include "base/json.h"
#include "http.h"

struct engine;

/* socket is copied, host borrowed. NULL: no memory. */
struct engine *engine_new(const struct cube_host *host, const char *socket);
void engine_free(struct engine *engine); /* no call is under way */

/* A connection of one's own, for who wants to wake it. */
struct http_conn *engine_take(struct engine *engine, struct cube_error *err);
void engine_give(struct engine *engine, struct http_conn *conn);

/* As http_perform, path without the version; conn NULL: any. Besides: UNAVAILABLE if no
 * version can be agreed on, also in time, before something that changes is sent. */
int
engine_call(struct engine *engine, struct http_conn *conn, const struct http_request *request,
	    struct http_reply *reply, struct cube_error *err);

/* Asks whether it is there, and agrees on the version. */
int engine_ping(struct engine *engine, uint64_t deadline_ms, struct cube_error *err);

/* Which enum cube_runtime_enforces hold; asked once per connection that was lost. */
int engine_enforces(struct engine *engine, uint64_t deadline_ms, uint32_t *enforces,
		    struct cube_error *err);

/* The engine's own words in a refusal, as one line of UTF-8. */
void engine_words(const struct http_reply *reply, char *out, size_t size);

/* "what: the engine's words" into *err; returns code. */
__attribute__((format(printf, 4, 5))) int
engine_refused(const struct http_reply *reply, int code, struct cube_error *err,
	       const char *fmt, ...);

/* Does the engine's refusal speak of its own illness (disk full, containerd gone), which
 * is no fault of the task's? */
bool engine_is_ill(const struct http_reply *reply);

/* The body as JSON, strings that are too long emptied; code and "what" if it is none. */
int engine_parse(struct http_reply *reply, const char *what, int code, struct json_doc *doc,
		 struct cube_error *err);

/* A member's text; NULL if there is none or it is no text. */
const char *engine_text(const struct json_value *object, const char *key);

/* text, cut in its middle if need be: engines put what matters at both ends. */
void engine_cut(char *out, size_t size, const char *text, size_t text_size);

#endif
