# SPDX-License-Identifier: GPL-3.0-or-later
# rookery_embed(<target> <function> <file>): compiles the file's bytes into the target and offers
#   std::span<const std::byte> rookery::embedded::<function>() noexcept;   (declare it where it is used)
function(rookery_embed target function file)
  set(source ${CMAKE_CURRENT_BINARY_DIR}/embedded_${function}.cpp)
  file(CONFIGURE OUTPUT ${source} @ONLY CONTENT [[
// Generated from @file@
#include <cstddef>
#include <span>
__asm__(".section .rodata\n.balign 64\n.global rookery_embedded_@function@\n.global rookery_embedded_@function@_end\n"
        "rookery_embedded_@function@:\n.incbin \"@file@\"\nrookery_embedded_@function@_end:\n.byte 0\n.previous\n");
extern "C" const std::byte rookery_embedded_@function@[];
extern "C" const std::byte rookery_embedded_@function@_end[];
namespace rookery::embedded {
std::span<const std::byte> @function@() noexcept;
std::span<const std::byte> @function@() noexcept {
  return {rookery_embedded_@function@, rookery_embedded_@function@_end};
}
}  // namespace rookery::embedded
]])
  set_source_files_properties(${source} PROPERTIES OBJECT_DEPENDS ${file})
  target_sources(${target} PRIVATE ${source})
endfunction()
