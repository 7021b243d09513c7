# SPDX-License-Identifier: GPL-3.0-or-later
# Warnings, floating-point rules and sanitizers: one INTERFACE target, linked PRIVATE by every target of ours.
add_library(rookery_options INTERFACE)

if(MSVC)
  target_compile_options(rookery_options INTERFACE /W4 /permissive- /utf-8 /fp:precise)
else()
  target_compile_options(rookery_options INTERFACE
    -Wall -Wextra -Wshadow -Wconversion -Wno-sign-conversion
    -ffp-contract=off  # fused multiply-add only where it is written, or results differ between builds
    -fno-math-errno    # we never read errno after a math call; lets sqrt and friends inline
  )
  if(ROOKERY_WERROR)
    target_compile_options(rookery_options INTERFACE -Werror)
  endif()
endif()

if(ROOKERY_SANITIZE)
  # -O1: with -O2, GCC 12 takes twice as long for instrumented code, and minutes for each file of kernels/.
  target_compile_options(rookery_options INTERFACE -O1 -fsanitize=${ROOKERY_SANITIZE} -fno-omit-frame-pointer
    -fno-sanitize-recover=all)
  target_link_options(rookery_options INTERFACE -fsanitize=${ROOKERY_SANITIZE})
endif()

if(ROOKERY_FUZZERS)  # everything is instrumented; only the targets get libFuzzer's main
  target_compile_options(rookery_options INTERFACE -fsanitize=fuzzer-no-link,address,undefined
    -fno-omit-frame-pointer -fno-sanitize-recover=all)
  target_link_options(rookery_options INTERFACE -fsanitize=address,undefined)
endif()

find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  # Without this ccache keeps nothing that was compiled with a precompiled header.
  set(CMAKE_CXX_COMPILER_LAUNCHER
    ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros ${CCACHE_PROGRAM})
endif()
