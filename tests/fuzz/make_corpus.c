/* SPDX-License-Identifier: Apache-2.0 */
/* make_corpus.c: write the sample messages as packets, each alone and all together, for fuzzers to
 * start from. Usage: make_corpus DIRECTORY, which has client_packet/ and server_packet/. */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include "proto/wire.h"
#include "samples.h"

static _Alignas(max_align_t) unsigned char memory[WIRE_ARENA_BYTES];
static unsigned char one[WIRE_MAX_PACKET], all[WIRE_MAX_PACKET];
static size_t one_len, all_len;

static void write_file(const char *directory, const char *name, const void *bytes, size_t len)
{
    char path[4096];
    FILE *file;
    int r = snprintf(path, sizeof(path), "%s/%s", directory, name);

    if (r < 0 || (size_t)r >= sizeof(path)) {
        fprintf(stderr, "make_corpus: %s: too long\n", directory);
        exit(EXIT_FAILURE);
    }
    file = fopen(path, "wb");
    if (!file || fwrite(bytes, 1, len, file) != len || fclose(file)) {
        perror(path);
        exit(EXIT_FAILURE);
    }
}

/* Keep what was just packed as a file of its own. */
static void keep(const char *directory, const char *kind, size_t i)
{
    char name[64];

    snprintf(name, sizeof(name), "%s-%02zu", kind, i);
    write_file(directory, name, one, one_len);
    one_len = 0;
}

int main(int argc, char **argv)
{
    struct wire_arena a;
    int r = 0;

    if (argc != 2) {
        fputs("usage: make_corpus DIRECTORY\n", stderr);
        return EXIT_FAILURE;
    }
    wire_arena_init(&a, memory, sizeof(memory));
    for (size_t i = 0; i < nr_sample_requests; i++) {
        r |= wire_append_request(one, &one_len, &sample_requests[i], &a);
        r |= wire_append_request(all, &all_len, &sample_requests[i], &a);
        keep(argv[1], "client_packet/request", i);
    }
    write_file(argv[1], "client_packet/all", all, all_len);
    all_len = 0;
    for (size_t i = 0; i < nr_sample_responses; i++) {
        r |= wire_append_response(one, &one_len, &sample_responses[i], &a);
        r |= wire_append_response(all, &all_len, &sample_responses[i], &a);
        keep(argv[1], "server_packet/response", i);
    }
    for (size_t i = 0; i < nr_sample_events; i++) {
        r |= wire_append_event(one, &one_len, &sample_events[i], &a);
        r |= wire_append_event(all, &all_len, &sample_events[i], &a);
        keep(argv[1], "server_packet/event", i);
    }
    write_file(argv[1], "server_packet/all", all, all_len);
    return r ? EXIT_FAILURE : EXIT_SUCCESS;
}
