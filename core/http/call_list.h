/* http/call_list.h - calls in the order they came, each with the moment it came. They are
 * linked by call->later, so a call is in one list at most. One thread. */
#ifndef HTTP_CALL_LIST_H
#define HTTP_CALL_LIST_H

#include "http/client.h"

struct call_list {
	struct http_call *first;
	struct http_call *last;
};

void call_list_push(struct call_list *list, struct http_call *call); /* as of now */
struct http_call *call_list_pop(struct call_list *list);             /* NULL: empty */
/* Takes it out; no error if it is not in. */
void call_list_drop(struct call_list *list, struct http_call *call);
/* When the first of them will have been in for age_ms; UINT64_MAX: there is none. */
uint64_t call_list_due(const struct call_list *list, uint32_t age_ms);

#endif
