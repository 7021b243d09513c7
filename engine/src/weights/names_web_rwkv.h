// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>

#include "rookery/model_file.h"

namespace rookery::engine {

/// Where content cannot tell: a safetensors file with any other suffix than .safetensors, whatever the case of its letters.
/// That converter and those who took it over (Ai00) call theirs .st and .state; a .pth of torch is no safetensors file.
bool isNamedAsWebRwkv(const ModelFile& file);

/// Names of web-rwkv's .st files. Source: cryscan/web-rwkv, assets/scripts/convert_safetensors.py: time_maa is called
/// time_mix and time_faaaa is called time_first, so that both can be read only by knowing the generation; version 5.1's
/// decay and bonus, one number a head, are repeated over the head's channels (which makes it version 5.2, with the same
/// result); LoRA matrices are [out][in]; everything else has its official name and shape.
class WebRwkvNames {
 public:
  explicit WebRwkvNames(const ModelFile& file);

  std::string official(const TensorSource& tensor) const;
  /// Certainly of that converter, by its names.
  bool renamed() const noexcept { return m_version6 || m_bonusRenamed; }

 private:
  bool m_version6;      ///< version 6 under new names
  bool m_bonusRenamed;  ///< time_first is time_faaaa
};

}  // namespace rookery::engine
