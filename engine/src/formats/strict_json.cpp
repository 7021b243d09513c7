// SPDX-License-Identifier: GPL-3.0-or-later
#include "formats/strict_json.h"

#include <string>
#include <unordered_set>
#include <vector>

namespace rookery::engine {

namespace {

using nlohmann::json;

// Builds the tree with the limits that the plain parser lacks.
class StrictHandler : public nlohmann::detail::json_sax_dom_parser<json> {
  using Base = nlohmann::detail::json_sax_dom_parser<json>;

 public:
  StrictHandler(json& tree, int deepest) : Base(tree, false), m_deepest(deepest) {}
  bool start_object(std::size_t size) {
    m_keys.emplace_back();
    return enter() && Base::start_object(size);
  }
  bool end_object() {
    m_keys.pop_back();
    --m_depth;
    return Base::end_object();
  }
  bool start_array(std::size_t size) { return enter() && Base::start_array(size); }
  bool end_array() {
    --m_depth;
    return Base::end_array();
  }
  bool key(std::string& name) {
    if (!m_keys.back().insert(name).second) return false;
    return Base::key(name);
  }

 private:
  bool enter() { return ++m_depth <= m_deepest; }
  int m_deepest, m_depth = 0;
  std::vector<std::unordered_set<std::string>> m_keys;
};

}  // namespace

std::optional<json> parseStrictJson(std::string_view text, int deepest) {
  json tree;
  StrictHandler handler(tree, deepest);
  if (!json::sax_parse(text.begin(), text.end(), &handler)) return std::nullopt;
  return tree;
}

}  // namespace rookery::engine
