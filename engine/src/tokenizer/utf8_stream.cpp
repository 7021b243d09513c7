// SPDX-License-Identifier: GPL-3.0-or-later
#include <utility>

#include "rookery/tokenizer.h"
#include "text/utf8.h"

namespace rookery::engine {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

}  // namespace

std::string Utf8Stream::push(std::string_view bytes) {
  m_pending.append(bytes);
  std::string text;
  std::string_view rest = m_pending;
  while (!rest.empty()) {
    const Utf8Step step = utf8Step(rest);
    if (step.kind == Utf8Kind::Unfinished) break;
    text.append(step.kind == Utf8Kind::Character ? rest.substr(0, step.length) : kReplacement);
    rest.remove_prefix(step.length);
  }
  m_pending.erase(0, m_pending.size() - rest.size());
  return text;
}

std::string Utf8Stream::flush() {
  // What is held back is always one unfinished character: push() has consumed everything before it.
  return std::exchange(m_pending, {}).empty() ? std::string() : std::string(kReplacement);
}

}  // namespace rookery::engine
