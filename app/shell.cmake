# SPDX-License-Identifier: GPL-3.0-or-later
# The window, theme and the pages Benchmark, Models and Settings; included by CMakeLists.txt beside this file.
find_package(Qt6 6.4 REQUIRED COMPONENTS DBus LinguistTools)
find_package(QCustomPlotQt6 REQUIRED)

target_sources(rookery_app PRIVATE
  about_dialogs.cpp about_dialogs.h
  bench/bench_page.cpp bench/bench_page.h
  bench/bench_setup.cpp bench/bench_setup.h
  bench/bench_text.cpp bench/bench_text.h
  bench/chart_panel.cpp bench/chart_panel.h
  bench/charts.cpp bench/charts.h
  bench/report_history.cpp bench/report_history.h
  bench/steps_view.cpp bench/steps_view.h
  main_window.cpp main_window.h
  models/model_catalog.cpp models/model_catalog.h
  models/model_details.cpp models/model_details.h
  models/model_list.cpp models/model_list.h
  models/models_page.cpp models/models_page.h
  rail_button.cpp rail_button.h
  settings/language.cpp settings/language.h
  settings/settings.cpp settings/settings.h
  settings/settings_page.cpp settings/settings_page.h
  support/dialogs.cpp support/dialogs.h
  support/format.cpp support/format.h
  theme/card.cpp theme/card.h
  theme/flat_style.cpp theme/flat_style.h
  theme/icons.cpp theme/icons.h
  theme/theme.cpp theme/theme.h
)
target_link_libraries(rookery_app PUBLIC QCustomPlotQt6::QCustomPlotQt6 PRIVATE Qt6::DBus)

include(${CMAKE_SOURCE_DIR}/resources/icons/icons.cmake)
qt_add_resources(rookery_app rookery_icons PREFIX /icons BASE ${CMAKE_SOURCE_DIR}/resources/icons FILES ${ROOKERY_ICONS})

# English has a file too: it holds the plural forms. `ninja update_translations` brings both up to date.
qt_add_translations(rookery_app
  TS_FILES ${CMAKE_SOURCE_DIR}/translations/rookery_en.ts ${CMAKE_SOURCE_DIR}/translations/rookery_zh_CN.ts
  RESOURCE_PREFIX /i18n
  LUPDATE_OPTIONS -no-obsolete -locations none)
