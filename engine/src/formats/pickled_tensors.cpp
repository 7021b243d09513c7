// SPDX-License-Identifier: GPL-3.0-or-later
#include "formats/pickled_tensors.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <set>

#include "formats/adapter_names.h"
#include "formats/contents.h"
#include "formats/file_notes.h"
#include "formats/names.h"

namespace rookery::engine {
namespace {

using Kind = PickleNode::Kind;

// Values can be shared, so a short pickle can have any number of ways to a value, of any length.
constexpr int kDeepest = 32;
constexpr std::size_t kMostVisits = 1u << 21;
constexpr std::size_t kMostNameBytes = 16u << 20;
constexpr std::size_t kLongestKey = 1040;  // no tensor may have a name as long as that
constexpr std::size_t kMostValues = 64, kLongestValue = 256;
constexpr std::size_t kMostModels = 8;

bool isTensor(Kind kind) { return kind == Kind::Tensor || kind == Kind::OddTensor; }

/// Of RWKV, under official or other names.
bool isEmbedding(std::string_view key) {
  return key == "emb.weight" || key.ends_with(".emb.weight") || key == "embeddings.weight" ||
         key.ends_with(".embeddings.weight");
}

/// web-rwkv's are called .lora.0 and .lora.1, as some weights of flash-linear-attention.
bool isAdapter(std::string_view name) { return isOfAdapter(name) || name.find("lora.") != std::string_view::npos; }

/// What trainers call the dictionary of weights; others in the same file are copies of it (averages, the best so far).
bool isUsualName(std::string_view path) {
  constexpr std::array<std::string_view, 4> kNames{"state_dict", "model", "module", "model_state_dict"};
  const std::size_t dot = path.rfind('.');
  if (dot != std::string_view::npos) path.remove_prefix(dot + 1);
  return std::find(kNames.begin(), kNames.end(), path) != kNames.end();
}

/// What it remembers of every weight is a dictionary with the weights' names, too.
bool isOfOptimizer(std::string_view path) {
  constexpr std::array<std::string_view, 4> kParts{"optim", "exp_avg", "momentum", "grad"};
  return std::any_of(kParts.begin(), kParts.end(),
                     [&](std::string_view part) { return path.find(part) != std::string_view::npos; });
}

class Walk {
 public:
  explicit Walk(const PickleGraph& graph) : m_graph(graph) {}

  Result<PickledTensors> run() {
    for (std::uint32_t root = m_graph.root;; root = m_lastFilled) {
      m_found.clear();
      m_models.clear();
      m_filled = m_nameBytes = 0;
      if (!visit(root, 0)) return damagedPth("its list of tensors is too complex");
      takeValues(root);
      if (!m_models.empty()) return oneModel();
      const bool around = m_graph.at(root).kind == Kind::Dict && m_filled == 1 && !m_remembered &&
                          !isTensor(m_graph.at(m_lastFilled).kind);
      if (!around) break;
    }
    if (m_found.empty()) return nothing();
    return PickledTensors{std::move(m_found), std::move(m_values)};
  }

 private:
  struct Model {
    std::uint32_t node;
    std::string path;
  };

  /// False: more than there is time or memory for.
  bool visit(std::uint32_t index, int depth) {
    if (++m_visits > kMostVisits || depth > kDeepest) return false;
    const PickleNode& node = m_graph.at(index);
    if (isTensor(node.kind)) {
      m_nameBytes += m_path.size();
      m_found.push_back({depth == 0 ? "tensor" : m_path, index});
      return m_nameBytes <= kMostNameBytes && m_found.size() <= kMostTensors;
    }
    const std::size_t step = node.kind == Kind::Dict ? 2 : 1;
    for (std::size_t i = 0; i + step <= node.items.size(); i += step) {
      const std::uint32_t value = node.items[i + step - 1];
      if (!isWorthAVisit(m_graph.at(value))) continue;
      const std::size_t before = m_found.size(), length = m_path.size();
      if (step == 2 && isTensor(m_graph.at(value).kind) && isEmbedding(m_graph.at(node.items[i]).text)) addModel(index);
      if (depth > 0) m_path += '.';
      m_path += step == 2 ? keyText(node.items[i], i / 2) : fmt::format("{}", i);
      const bool good = visit(value, depth + 1);
      m_path.resize(length);
      if (!good) return false;
      if (depth > 0 || m_found.size() == before) continue;
      ++m_filled;
      m_lastFilled = value;
      m_remembered = step == 2 && isOfOptimizer(keyText(node.items[i], i / 2));
    }
    return true;
  }

  static bool isWorthAVisit(const PickleNode& node) {
    const bool holds = node.kind == Kind::Dict || node.kind == Kind::List || node.kind == Kind::Tuple;
    return isTensor(node.kind) || (holds && !node.items.empty());
  }

  std::string keyText(std::uint32_t index, std::size_t position) const {
    const PickleNode& key = m_graph.at(index);
    if (key.kind == Kind::Text) return std::string(key.text.substr(0, kLongestKey));
    return key.kind == Kind::Int ? fmt::format("{}", key.number) : fmt::format("#{}", position);
  }

  void addModel(std::uint32_t dict) {
    const bool known = std::any_of(m_models.begin(), m_models.end(), [&](const Model& m) { return m.node == dict; });
    if (known || isOfOptimizer(m_path)) return;
    if (m_path.empty() || m_models.size() < kMostModels) m_models.push_back({dict, m_path.substr(0, kLongestKey)});
  }

  /// The outermost dictionary where that is one; else the only one, or the only one under a usual name.
  const Model* chosenModel() const {
    const auto first = [&](auto fits) {
      const auto found = std::find_if(m_models.begin(), m_models.end(), fits);
      return found == m_models.end() ? nullptr : &*found;
    };
    const auto usual = [](const Model& m) { return isUsualName(m.path); };
    if (const Model* outermost = first([](const Model& m) { return m.path.empty(); })) return outermost;
    if (m_models.size() == 1) return &m_models.front();
    return std::count_if(m_models.begin(), m_models.end(), usual) == 1 ? first(usual) : nullptr;
  }

  Result<PickledTensors> oneModel() {
    const Model* model = chosenModel();
    if (model == nullptr) {
      return fail(
          ErrorCode::FormatUnknown,
          fmt::format("The .pth file is a training checkpoint with several models in it ({}). Save the one that is "
                      "meant in a file of its own.",
                      fmt::join(paths(nullptr), ", ")));
    }
    PickledTensors out;
    std::set<std::uint32_t> direct;
    const auto& items = m_graph.at(model->node).items;
    for (std::size_t i = 0; i + 1 < items.size(); i += 2) {
      if (!isTensor(m_graph.at(items[i + 1]).kind)) continue;
      out.tensors.push_back({keyText(items[i], i / 2), items[i + 1]});
      direct.insert(items[i + 1]);
    }
    for (PickledTensor& tensor : m_found)
      if (!direct.contains(tensor.node) && isAdapter(tensor.name)) out.tensors.push_back(std::move(tensor));
    if (!model->path.empty()) takeValues(model->node);
    out.values = std::move(m_values);
    if (m_models.size() > 1)
      out.values.emplace_back(kOtherModelsNote, fmt::format("{}", fmt::join(paths(model), ", ")));
    return out;
  }

  /// The ways to the models, but for one; the outermost dictionary has none.
  std::vector<std::string> paths(const Model* but) const {
    std::vector<std::string> out;
    for (const Model& m : m_models)
      if (&m != but) out.push_back(m.path.substr(0, 64));
    return out;
  }

  tl::unexpected<Error> nothing() const {
    const bool arrays = std::any_of(m_graph.nodes.begin(), m_graph.nodes.end(), [](const PickleNode& node) {
      return node.kind == Kind::Global && (node.text == "_reconstruct" || node.text == "_frombuffer");
    });
    if (m_graph.object.empty())
      return fail(ErrorCode::FormatUnknown,
                  fmt::format("The .pth file holds no tensors{}.",
                              arrays ? ", but NumPy's arrays, which are not read; save them with torch.save as tensors" : ""));
    return fail(
        ErrorCode::FormatUnknown,
        fmt::format(
            "The .pth file holds a Python object ({}) that is not read, and no dictionary of tensors. Save the model's state_dict() "
            "instead of the model.",
            m_graph.object));
  }

  void takeValues(std::uint32_t index) {
    const PickleNode& dict = m_graph.at(index);
    for (std::size_t i = 0; dict.kind == Kind::Dict && i + 1 < dict.items.size() && m_values.size() < kMostValues;
         i += 2) {
      const PickleNode& key = m_graph.at(dict.items[i]);
      const PickleNode& value = m_graph.at(dict.items[i + 1]);
      // Names with dots are those of tensors, and the keys of GGUF.
      if (key.kind != Kind::Text || key.text.size() > kLongestValue || !isPlainName(key.text) ||
          key.text.find('.') != std::string_view::npos)
        continue;
      if (value.kind == Kind::Bool) m_values.emplace_back(key.text, value.number != 0);
      if (value.kind == Kind::Int) m_values.emplace_back(key.text, value.number);
      if (value.kind == Kind::Text && value.text.size() <= kLongestValue && isPlainName(value.text))
        m_values.emplace_back(key.text, std::string(value.text));
    }
  }

  const PickleGraph& m_graph;
  std::vector<PickledTensor> m_found;
  std::vector<Model> m_models;  ///< dictionaries with an embedding
  std::vector<std::pair<std::string, MetaValue>> m_values;
  std::string m_path;  ///< to the value that is being visited
  std::size_t m_visits = 0, m_nameBytes = 0;
  std::size_t m_filled = 0;        ///< values of the outermost dictionary or list that have tensors in them
  std::uint32_t m_lastFilled = 0;  ///< the last of these
  bool m_remembered = false;       ///< its name says that it is an optimizer's
};

}  // namespace

Result<PickledTensors> pickledTensors(const PickleGraph& graph) { return Walk(graph).run(); }

}  // namespace rookery::engine
