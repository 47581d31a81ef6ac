/* SPDX-License-Identifier: Apache-2.0 */
/* samples.h: at least one message of every kind, each field with a value of its own. */
#ifndef TEST_SAMPLES_H
#define TEST_SAMPLES_H

#include <stddef.h>

#include "proto/wire.h"

extern const struct wire_request sample_requests[];
extern const size_t nr_sample_requests;
extern const struct wire_response sample_responses[];
extern const size_t nr_sample_responses;
extern const struct wire_event sample_events[];
extern const size_t nr_sample_events;

#endif
