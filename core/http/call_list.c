/* http/call_list.c - see call_list.h. Owns nothing. */
#include "http/call_list.h"

#include "base/clock.h"

#include <assert.h>

void
call_list_push(struct call_list *list, struct http_call *call)
{
	assert(call->later == NULL);
	call->since_ms = clock_now().mono_ms;
	if (list->last != NULL)
		list->last->later = call;
	else
		list->first = call;
	list->last = call;
}

struct http_call *
call_list_pop(struct call_list *list)
{
	struct http_call *call = list->first;

	if (call != NULL)
		call_list_drop(list, call);
	return call;
}

void
call_list_drop(struct call_list *list, struct http_call *call)
{
	struct http_call *before = NULL;
	struct http_call *at = list->first;

	while (at != NULL && at != call) {
		before = at;
		at = at->later;
	}
	if (at == NULL)
		return;
	if (before != NULL)
		before->later = call->later;
	else
		list->first = call->later;
	if (list->last == call)
		list->last = before;
	call->later = NULL;
}

uint64_t
call_list_due(const struct call_list *list, uint32_t age_ms)
{
	return list->first != NULL ? list->first->since_ms + age_ms : UINT64_MAX;
}
