// SPDX-License-Identifier: GPL-3.0-or-later
#include "tokenizer/byte_trie.h"

#include <cstring>

namespace rookery::engine {

ByteTrie::ByteTrie(std::span<const Token> sorted) {
  // A node is the range of sorted tokens that share its prefix; a level is the list of its nodes' ranges.
  struct Range {
    std::uint32_t begin, end;
  };
  std::vector<Range> level{{0, static_cast<std::uint32_t>(sorted.size())}};
  std::vector<Range> next;
  m_nodes.push_back({});
  m_labels.push_back(0);
  std::uint32_t node = 0;
  for (std::size_t depth = 0; !level.empty(); ++depth, std::swap(level, next), next.clear()) {
    for (Range range : level) {
      m_nodes[node].firstChild = static_cast<std::uint32_t>(m_nodes.size());
      if (range.begin < range.end && sorted[range.begin].bytes.size() == depth) {
        m_nodes[node].token = sorted[range.begin].id;
        ++range.begin;
      }
      while (range.begin < range.end) {
        const char label = sorted[range.begin].bytes[depth];
        std::uint32_t end = range.begin + 1;
        while (end < range.end && sorted[end].bytes[depth] == label) ++end;
        next.push_back({range.begin, end});
        m_nodes.push_back({});
        m_labels.push_back(static_cast<unsigned char>(label));
        range.begin = end;
      }
      ++node;
    }
  }
  m_nodes.push_back({static_cast<std::uint32_t>(m_nodes.size()), 0});
}

std::uint32_t ByteTrie::child(std::uint32_t node, unsigned char label) const noexcept {
  const std::uint32_t begin = m_nodes[node].firstChild;
  const std::uint32_t count = m_nodes[node + 1].firstChild - begin;
  if (count == 0) return 0;
  if (count == 256) return begin + label;  // the root: every byte is a token
  if (count == 1) return m_labels[begin] == label ? begin : 0;
  const void* found = std::memchr(&m_labels[begin], label, count);
  return found == nullptr ? 0 : static_cast<std::uint32_t>(static_cast<const unsigned char*>(found) - m_labels.data());
}

ByteTrie::Match ByteTrie::longestMatch(std::string_view text) const noexcept {
  Match best;
  std::uint32_t node = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    node = child(node, static_cast<unsigned char>(text[i]));
    if (node == 0) break;
    if (m_nodes[node].token != 0) best = {m_nodes[node].token, i + 1};
  }
  return best;
}

}  // namespace rookery::engine
