// SPDX-License-Identifier: GPL-3.0-or-later
// volk is one header; its code is compiled here.
#define VK_NO_PROTOTYPES
#define VOLK_IMPLEMENTATION
#if defined(__GNUC__)
#pragma GCC diagnostic ignored "-Wconversion"
#endif
#include <volk.h>
