/* SPDX-License-Identifier: Apache-2.0 */
/*
 * text.h: strings that came from, or go to, somebody else.
 *
 * Names and messages end on terminals and in logs, and proto3 strings must be UTF-8. So every byte
 * of a control character, and every byte that is not part of valid UTF-8, becomes '?': in what is
 * read, since the sender may be hostile, and in what is written, since a reader in another language
 * would refuse the packet.
 */
#ifndef PROTO_TEXT_H
#define PROTO_TEXT_H

#include <stddef.h>

#include "proto/wire.h"

/**
 * Copy a string into the arena, cleaned; its length stays the same. A NULL counts as empty.
 * Returns 0; -EINVAL when it has more than max bytes; -ENOMEM when the arena is full.
 */
int wire_text_take(struct wire_arena *a, const char *s, size_t max, const char **ret);
/** The same of a text of several lines: newlines stay. */
int wire_lines_take(struct wire_arena *a, const char *s, size_t max, const char **ret);

#endif
