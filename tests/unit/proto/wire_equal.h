/* SPDX-License-Identifier: Apache-2.0 */
/* wire_equal.h: do two messages say the same? */
#ifndef TEST_WIRE_EQUAL_H
#define TEST_WIRE_EQUAL_H

#include <stdbool.h>

#include "proto/wire.h"

bool wire_request_equal(const struct wire_request *a, const struct wire_request *b);
bool wire_response_equal(const struct wire_response *a, const struct wire_response *b);
bool wire_event_equal(const struct wire_event *a, const struct wire_event *b);

#endif
