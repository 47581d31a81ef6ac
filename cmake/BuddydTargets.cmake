# SPDX-License-Identifier: Apache-2.0
# BuddydTargets.cmake: the warnings and sanitizers that every target of ours gets.

set(BUDDYD_WARNINGS -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes
    -Wvla -Wpointer-arith -Wwrite-strings -Wundef)
if(BUDDYD_WERROR)
    list(APPEND BUDDYD_WARNINGS -Werror)
endif()

# buddyd_target(NAME): apply the project's compile rules to one of our targets.
function(buddyd_target name)
    target_compile_options(${name} PRIVATE $<$<COMPILE_LANGUAGE:C>:${BUDDYD_WARNINGS}>)
    if(BUDDYD_SANITIZE)
        target_compile_options(${name} PRIVATE -fsanitize=${BUDDYD_SANITIZE}
            -fno-sanitize-recover=all -fno-omit-frame-pointer)
        target_link_options(${name} PRIVATE -fsanitize=${BUDDYD_SANITIZE})
    endif()
endfunction()

# buddyd_whole_program(NAME...): let the compiler see across files, and into mm/: for programs, and for
# static libraries that are not installed. A pair of calls into the allocator takes a fifth less time.
# Libraries hold ordinary code as well, which unit tests link: each of them as a whole program took most of
# the time that a build takes.
function(buddyd_whole_program)
    if(BUDDYD_LTO)
        set_target_properties(${ARGN} PROPERTIES INTERPROCEDURAL_OPTIMIZATION ON)
        foreach(name ${ARGN})
            target_compile_options(${name} PRIVATE $<$<C_COMPILER_ID:GNU>:-ffat-lto-objects>)
        endforeach()
    endif()
endfunction()

# buddyd_test(NAME SOURCES ... LIBS ... [INCLUDES ...] [LABELS ...] [TIMEOUT seconds] [ARGS ...])
# One cmocka program that is one ctest test. It leaves with 77 to say that it could not run here, which
# ctest counts as skipped.
function(buddyd_test name)
    cmake_parse_arguments(T "" "TIMEOUT" "SOURCES;LIBS;INCLUDES;LABELS;ARGS" ${ARGN})
    add_executable(${name} ${T_SOURCES})
    buddyd_target(${name})
    target_link_libraries(${name} PRIVATE ${T_LIBS} PkgConfig::CMOCKA)
    target_include_directories(${name} PRIVATE ${T_INCLUDES})
    if(BUDDYD_LTO AND CMAKE_C_COMPILER_ID STREQUAL "GNU")
        target_link_options(${name} PRIVATE -fno-lto)
    endif()
    add_test(NAME ${name} COMMAND ${name} ${T_ARGS})
    if(NOT T_TIMEOUT)
        set(T_TIMEOUT 300)
    endif()
    set_tests_properties(${name} PROPERTIES SKIP_RETURN_CODE 77 TIMEOUT ${T_TIMEOUT}
        LABELS "${T_LABELS}")
endfunction()
