/* SPDX-License-Identifier: Apache-2.0 */
/*
 * replay_stamp.h: who a block belongs to, written into its first and last 16 bytes.
 *
 * The two ends differ, so that a block that is seen shifted by its own length is noticed; the nonce
 * is one replay's, so that what an earlier one left is not taken as right.
 */
#ifndef CTL_REPLAY_STAMP_H
#define CTL_REPLAY_STAMP_H

#include <stdbool.h>
#include <stdint.h>

struct replay_stamp {
    uint64_t nonce;
    uint32_t id; /**< of the block in the trace */
    uint32_t client;
};

/** Write both ends of a block of bytes (at least 32). */
void replay_stamp_write(void *block, uint64_t bytes, const struct replay_stamp *stamp);
/** Are both ends right? */
bool replay_stamp_check(const void *block, uint64_t bytes, const struct replay_stamp *stamp);
/** Is all of it zero? */
bool replay_is_zero(const void *block, uint64_t bytes);

#endif
