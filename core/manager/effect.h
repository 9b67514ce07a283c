/* manager/effect.h - making and sending effects, and the replies that every request gets. */
#ifndef MANAGER_EFFECT_H
#define MANAGER_EFFECT_H

#include "manager/message.h"

struct manager;
struct node;

/* NULL: no memory, noted as the brain's failure. */
struct manager_effect *effect_new(struct manager *manager, enum manager_effect_kind kind);
void effect_send(struct manager *manager, struct manager_effect *effect, bool after_commit);

/* A reply to message without a body; from 400 on with the text. It leaves when what it
 * speaks of is durable, or at once while the store fails. */
__attribute__((format(printf, 4, 5))) void
reply_status(struct manager *manager, const struct manager_message *message, int status,
	     const char *fmt, ...);
/* The same with a body to be filled in; NULL: no memory. */
struct manager_effect *
reply_new(struct manager *manager, const struct manager_message *message, int status);
void reply_send(struct manager *manager, struct manager_effect *reply);
/* The node as it is, and the cluster that it is of. */
void reply_node(struct manager *manager, const struct manager_message *message, int status,
		const struct node *node);

/* True if the store fails: then the refusal is on its way. For whatever would change state. */
bool reply_fault(struct manager *manager, const struct manager_message *message);

#endif
