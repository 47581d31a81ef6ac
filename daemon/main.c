/* SPDX-License-Identifier: Apache-2.0 */
/* main.c: buddyd, the program. All that it does is in the library, which tests link. */
#include "log.h"
#include "options.h"
#include "private.h"
#include "service.h"

int main(int argc, char **argv)
{
    struct options options;

    options_parse(argc, argv, &options);
    log_init(options.log_level);
    switch (options.mode) {
    case RUN_CHECK:
        return service_check(&options);
    case RUN_PRIVATE:
        return private_run(&options);
    case RUN_SERVICE:
        return service_run(&options);
    }
    return EXIT_CODE_USAGE;
}
