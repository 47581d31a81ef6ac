# SPDX-License-Identifier: Apache-2.0
# include_rule.cmake: does a file that includes HEADER compile with a target's include directories?
# cmake -DCC=... -DHEADER=... -DEXPECT=fails|compiles -DINCLUDES=a;b -DWORK=dir -P include_rule.cmake
string(MAKE_C_IDENTIFIER "${HEADER}" id)
set(source "${WORK}/include_rule_${id}_${EXPECT}.c")
file(WRITE "${source}" "#include <${HEADER}>\nextern int nothing;\n")
set(flags)
foreach(dir ${INCLUDES})
    list(APPEND flags "-I${dir}")
endforeach()
execute_process(COMMAND "${CC}" -std=c11 -D_GNU_SOURCE -fsyntax-only ${flags} "${source}"
    RESULT_VARIABLE status ERROR_VARIABLE errors)
if(EXPECT STREQUAL "compiles" AND NOT status EQUAL 0)
    message(FATAL_ERROR "#include <${HEADER}> should compile here, and does not:\n${errors}")
endif()
if(EXPECT STREQUAL "fails" AND NOT errors MATCHES "No such file|file not found")
    message(FATAL_ERROR "#include <${HEADER}> should not be found here: ${flags}\n${errors}")
endif()
