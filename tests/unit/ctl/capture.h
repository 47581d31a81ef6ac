/* SPDX-License-Identifier: Apache-2.0 */
/* capture.h: run buddyctl inside the test, and keep what it says. */
#ifndef TESTS_CTL_CAPTURE_H
#define TESTS_CTL_CAPTURE_H

/** What the last run printed; valid until the next one. */
extern char capture_out[65536];
extern char capture_err[8192];

/** Run buddyctl with these words, up to NULL. Returns its exit code. */
#define capture_ctl(...) capture_run((const char *const[]){__VA_ARGS__})
int capture_run(const char *const *words);
/** The error output is one line that contains this. */
void assert_one_line(const char *part);

#endif
