/* SPDX-License-Identifier: Apache-2.0 */
/* policy_misfit.h: why limits cannot be, for a person: the arithmetic. */
#ifndef DAEMON_POLICY_MISFIT_H
#define DAEMON_POLICY_MISFIT_H

#include "policy_rule.h"

/**
 * Write one line into why (size bytes). what: "" for the section's account, or "client_" for its
 * sessions'. Returns error.
 */
int policy_misfit(int error, const struct policy_rule *rule, const char *what,
                  const struct policy_zones *zones, const struct account_misfit *misfit, char *why,
                  size_t size);

/** The same for all guarantees of a zone together, when the zone's marks have changed. */
int policy_misfit_zone(int error, const struct policy_zones *zones,
                       const struct account_misfit *misfit, char *why, size_t size);

#endif
