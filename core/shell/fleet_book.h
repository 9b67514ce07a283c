/* shell/fleet_book.h - speaks to workers of the book's protocol: single TaskEvents instead of
 * PUT /desired, GET /stats instead of a description. */
#ifndef SHELL_FLEET_BOOK_H
#define SHELL_FLEET_BOOK_H

#include "shell/fleet.h"

/* [client thread] All take exchange. */

/* A HELLO was answered without Cube-Protocol: is it a worker of the book's? */
void fleet_book_hello(struct fleet_call *exchange);
/* Carries out the effect's orders one after the other. Also on the loop's thread. */
void fleet_book_orders(struct fleet_call *exchange);

#endif
