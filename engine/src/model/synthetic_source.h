// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <map>
#include <memory>
#include <vector>

#include "backend/common/thread_pool.h"
#include "program/program.h"
#include "weights/weight_source.h"

namespace rookery::engine {

/// Seeded random weights of a shape, one tensor in memory at a time. Matrices are symmetric around zero and scaled
/// by 1/sqrt(inputs), so activations keep their size and half of the relu^2 units are zero; decays and gates are
/// spread as in fresh training. The arithmetic is that of a trained model, the text is noise.
class SyntheticSource final : public WeightSource {
 public:
  /// `threads` make the numbers, which do not depend on it; 0: one per physical core.
  SyntheticSource(const ModelShape& shape, std::string name, DType precision, std::uint64_t seed,
                  std::stop_token stop = {}, int threads = 1);

  const ModelInfo& info() const noexcept override { return m_info; }
  Result<WeightView> get(const std::string& officialName) override;
  Result<WeightView> describe(const std::string& officialName) override;
  bool has(const std::string& officialName) const override { return m_weights.contains(officialName); }
  Result<std::string> fingerprint(const std::function<bool(std::uint64_t)>& progress) override;

 private:
  ModelInfo m_info;
  std::uint64_t m_seed;
  std::stop_token m_stop;  ///< asked while numbers are made: big matrices take seconds
  int m_threads;
  std::unique_ptr<ThreadPool> m_pool;  ///< from the first use on
  std::map<std::string, Weight> m_weights;
  std::vector<std::byte> m_bytes;  ///< of the tensor handed out last
  std::string m_current;           ///< its name
};

}  // namespace rookery::engine
