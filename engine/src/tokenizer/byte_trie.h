// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "rookery/tokenizer.h"

namespace rookery::engine {

/// A trie in three flat arrays. Nodes are numbered breadth first, so the children of node n are
/// firstChild[n] .. firstChild[n + 1] - 1, with ascending labels; 9 bytes a node, no pointers.
class ByteTrie {
 public:
  struct Token {
    std::string_view bytes;
    TokenId id = 0;
  };
  struct Match {
    TokenId id = 0;  ///< 0: no token starts here
    std::size_t length = 0;
  };

  ByteTrie() = default;
  /// `sorted`: by bytes, all different, none empty.
  explicit ByteTrie(std::span<const Token> sorted);

  /// The longest token that `text` starts with.
  Match longestMatch(std::string_view text) const noexcept;

 private:
  struct Node {
    std::uint32_t firstChild = 0;
    TokenId token = 0;  ///< 0: only an inner node
  };
  std::uint32_t child(std::uint32_t node, unsigned char label) const noexcept;  ///< 0: none

  std::vector<Node> m_nodes;  ///< one more than there are, so that the last one has an end
  std::vector<unsigned char> m_labels;
};

}  // namespace rookery::engine
