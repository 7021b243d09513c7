// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QString>
#include <functional>
#include <type_traits>
#include <utility>

namespace rookery::app {

/// LiveText for the user that may be shown for a while: made anew each time, so that they follow the language and the formats.
class LiveText {
 public:
  LiveText() = default;
  LiveText(const QString& fixed) : m_make([fixed] { return fixed; }) {}
  template <class Make>
    requires std::is_invocable_r_v<QString, Make> && (!std::is_same_v<std::remove_cvref_t<Make>, LiveText>)
  LiveText(Make make) : m_make(std::move(make)) {}

  QString operator()() const { return m_make ? m_make() : QString(); }
  bool isEmpty() const { return operator()().isEmpty(); }

 private:
  std::function<QString()> m_make;
};

}  // namespace rookery::app
