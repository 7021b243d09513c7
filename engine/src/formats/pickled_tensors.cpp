// SPDX-License-Identifier: GPL-3.0-or-later
#include "formats/pickled_tensors.h"

#include <fmt/format.h>

#include <utility>

#include "formats/contents.h"

namespace rookery::engine {
namespace {

using Kind = PickleNode::Kind;

// Values can be shared, so a short pickle can have any number of ways to a value, of any length.
constexpr int kDeepest = 32;
constexpr std::size_t kMostVisits = 1u << 22;
constexpr std::size_t kMostNameBytes = 16u << 20;
constexpr std::size_t kLongestKey = 2048;  // no tensor may have a name as long as that

class Walk {
 public:
  explicit Walk(const PickleGraph& graph) : m_graph(graph) {}

  Result<std::vector<PickledTensor>> run() {
    for (std::uint32_t root = m_graph.root;; root = m_lastFilled) {
      m_found.clear();
      m_filled = m_nameBytes = 0;
      if (!visit(root, 0)) return damagedPth("its list of tensors is too complex");
      const bool around = m_graph.at(root).kind == Kind::Dict && m_filled == 1 && m_graph.at(m_lastFilled).kind != Kind::Tensor;
      if (!around) break;
    }
    if (m_found.empty()) return fail(ErrorCode::FormatUnknown, "The .pth file holds no tensors.");
    return std::move(m_found);
  }

 private:
  /// False: more than there is time or memory for.
  bool visit(std::uint32_t index, int depth) {
    if (++m_visits > kMostVisits || depth > kDeepest) return false;
    const PickleNode& node = m_graph.at(index);
    if (node.kind == Kind::Tensor) {
      m_nameBytes += m_path.size();
      m_found.push_back({depth == 0 ? "tensor" : m_path, index});
      return m_nameBytes <= kMostNameBytes;
    }
    const std::size_t step = node.kind == Kind::Dict ? 2 : 1;
    for (std::size_t i = 0; i + step <= node.items.size(); i += step) {
      const std::uint32_t value = node.items[i + step - 1];
      if (!isWorthAVisit(m_graph.at(value).kind)) continue;
      const std::size_t before = m_found.size(), length = m_path.size();
      if (depth > 0) m_path += '.';
      m_path += step == 2 ? keyText(node.items[i], i / 2) : fmt::format("{}", i);
      const bool good = visit(value, depth + 1);
      m_path.resize(length);
      if (!good) return false;
      if (depth > 0 || m_found.size() == before) continue;
      ++m_filled;
      m_lastFilled = value;
    }
    return true;
  }

  static bool isWorthAVisit(Kind kind) {
    return kind == Kind::Tensor || kind == Kind::Dict || kind == Kind::List || kind == Kind::Tuple;
  }

  std::string keyText(std::uint32_t index, std::size_t position) const {
    const PickleNode& key = m_graph.at(index);
    if (key.kind == Kind::Text) return std::string(key.text.substr(0, kLongestKey));
    return key.kind == Kind::Int ? fmt::format("{}", key.number) : fmt::format("#{}", position);
  }

  const PickleGraph& m_graph;
  std::vector<PickledTensor> m_found;
  std::string m_path;  ///< to the value that is being visited
  std::size_t m_visits = 0, m_nameBytes = 0;
  std::size_t m_filled = 0;        ///< values of the outermost dictionary or list that have tensors in them
  std::uint32_t m_lastFilled = 0;  ///< the last of these
};

}  // namespace

Result<std::vector<PickledTensor>> pickledTensors(const PickleGraph& graph) { return Walk(graph).run(); }

}  // namespace rookery::engine
