# SPDX-License-Identifier: GPL-3.0-or-later
# Tests of the window, theme and the pages Benchmark, Models and Settings; included by CMakeLists.txt beside this file.
rookery_app_test(app.theme SOURCES theme_test.cpp LABELS gui)
rookery_app_test(app.settings SOURCES settings_test.cpp LABELS gui)
rookery_app_test(app.bench_page SOURCES bench_page_test.cpp LABELS gui)
rookery_app_test(app.models_page SOURCES models_page_test.cpp LABELS gui)
rookery_app_test(app.window SOURCES window_test.cpp LABELS gui)
