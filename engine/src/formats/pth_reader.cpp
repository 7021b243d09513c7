// SPDX-License-Identifier: GPL-3.0-or-later
// torch.save's zip form: NAME/data.pkl describes the tensors, NAME/data/KEY holds each storage, stored.
#include <fmt/format.h>

#include <cstring>
#include <map>

#include "formats/contents.h"
#include "formats/unpickler.h"
#include "formats/zip_archive.h"

namespace rookery::engine {

namespace {

constexpr std::uint64_t kMostPickle = 64U << 20U;
// Checksums of storages cost one pass over the file, which would make looking at a 28 GB file slow. Small files are
// checked when they are opened; of large ones the table of contents and all sizes are.
constexpr std::uint64_t kCheckStoragesBelow = 64U << 20U;

tl::unexpected<Error> damaged(const std::string& what) {
  return fail(ErrorCode::FileDamaged, fmt::format("The .pth file is damaged: {}.", what));
}

std::optional<DType> dtypeOf(const std::string& storageClass) {
  static const std::map<std::string, DType, std::less<>> kTypes{
      {"torch.FloatStorage", DType::F32},  {"torch.HalfStorage", DType::F16}, {"torch.BFloat16Storage", DType::BF16},
      {"torch.DoubleStorage", DType::F64}, {"torch.LongStorage", DType::I64}, {"torch.IntStorage", DType::I32},
      {"torch.ShortStorage", DType::I16},  {"torch.CharStorage", DType::I8},  {"torch.ByteStorage", DType::U8},
      {"torch.BoolStorage", DType::Bool}};
  const auto found = kTypes.find(storageClass);
  return found == kTypes.end() ? std::nullopt : std::optional(found->second);
}

bool isContiguous(const PickledTensor& tensor) {
  std::int64_t expected = 1;
  for (std::size_t i = tensor.shape.size(); i-- > 0;) {
    if (tensor.shape[i] != 1 && tensor.strides[i] != expected) return false;
    expected *= tensor.shape[i];
  }
  return true;
}

// One past the last element the view touches, or nullopt if that cannot be said in 62 bits.
std::optional<std::uint64_t> reach(const PickledTensor& tensor) {
  constexpr std::uint64_t kMost = std::uint64_t{1} << 62U;
  std::uint64_t last = static_cast<std::uint64_t>(tensor.offset);
  for (std::size_t i = 0; i < tensor.shape.size(); ++i) {
    if (tensor.shape[i] == 0) return 0;
    const std::uint64_t steps = static_cast<std::uint64_t>(tensor.shape[i] - 1), stride = static_cast<std::uint64_t>(tensor.strides[i]);
    if (steps != 0 && stride > kMost / steps) return std::nullopt;
    last += steps * stride;
    if (last > kMost) return std::nullopt;
  }
  return last + 1;
}

// Copies a view with unusual strides into row-major order.
void gather(const PickledTensor& tensor, std::span<const std::byte> storage, std::size_t elementBytes, std::byte* out) {
  std::vector<std::int64_t> index(tensor.shape.size());
  std::int64_t at = tensor.offset;
  while (true) {
    std::memcpy(out, storage.data() + static_cast<std::size_t>(at) * elementBytes, elementBytes);
    out += elementBytes;
    std::size_t d = tensor.shape.size();
    while (true) {  // count up like an odometer
      if (d == 0) return;
      --d;
      at += tensor.strides[d];
      if (++index[d] < tensor.shape[d]) break;
      at -= tensor.strides[d] * tensor.shape[d];
      index[d] = 0;
    }
  }
}

}  // namespace

bool looksLikePth(std::span<const std::byte> bytes) noexcept {
  const auto starts = [&](std::string_view magic) { return bytes.size() >= magic.size() && std::memcmp(bytes.data(), magic.data(), magic.size()) == 0; };
  return starts("PK\x03\x04") || starts("PK\x05\x06") || starts(std::string_view("\x80\x02\x8a\x0a\x6c\xfc\x9c\x46", 8));
}

Result<void> readPth(ModelFile::Contents& contents) {
  const auto file = contents.file.bytes();
  if (file[0] == std::byte{0x80})
    return fail(ErrorCode::FormatUnknown, "This .pth file was written by torch before version 1.6. Load it and save it again with a newer torch, or take the file from its repository.");
  auto archive = ZipArchive::open(file);
  if (!archive) return tl::unexpected(archive.error());

  std::string folder;
  for (const auto& [name, entry] : archive->entries()) {
    if (!name.ends_with("/data.pkl") || name.find('/') != name.size() - 9) continue;
    if (!folder.empty()) return damaged("it holds two tables of tensors");
    folder = name.substr(0, name.size() - 8);
  }
  if (folder.empty()) return damaged("it is a zip file, but not one that torch wrote: data.pkl is missing");
  const auto pickle = archive->read(folder + "data.pkl", kMostPickle);
  if (!pickle) return tl::unexpected(pickle.error());
  const auto tensors = readPickledTensors(*pickle);
  if (!tensors) return tl::unexpected(tensors.error());

  if (file.size() < kCheckStoragesBelow)
    for (const auto& [name, entry] : archive->entries())
      if (entry.stored && !ZipArchive::crcMatches(entry)) return damaged(fmt::format("entry {} does not match its checksum", name));

  std::uint64_t gathered = 0;
  for (const auto& [name, view] : *tensors) {
    const auto bad = [&tensorName = name](const char* what) { return damaged(fmt::format("tensor {} {}", tensorName, what)); };
    const auto dtype = dtypeOf(view.storageClass);
    if (!dtype) return bad("is of a type that no model has");
    const auto entry = archive->entries().find(folder + "data/" + view.storageKey);
    if (entry == archive->entries().end()) return bad("refers to a storage that is not in the file");
    if (!entry->second.stored) return bad("is compressed, which torch never does");
    const std::uint64_t elementBytes = traits(*dtype).blockBytes;
    if (static_cast<std::uint64_t>(view.storageCount) > entry->second.size / elementBytes) return bad("has a storage that is too small");
    if (view.offset < 0) return bad("starts before its storage");
    for (const std::int64_t stride : view.strides)
      if (stride < 0) return bad("has negative strides");
    const auto bytes = tensorBytes(*dtype, view.shape);
    const auto end = reach(view);
    if (!bytes || !end || *end > static_cast<std::uint64_t>(view.storageCount)) return bad("reaches outside its storage");

    TensorSource tensor{name, view.shape, *dtype, {}};
    const auto storage = entry->second.data;
    if (*bytes == 0 || isContiguous(view)) {
      tensor.bytes = storage.subspan(*bytes == 0 ? 0 : static_cast<std::uint64_t>(view.offset) * elementBytes, *bytes);
    } else {
      gathered += *bytes;
      if (gathered > file.size()) return bad("repeats its storage");  // views may not grow the file
      contents.owned.push_back(std::make_unique<std::byte[]>(*bytes));
      gather(view, storage, elementBytes, contents.owned.back().get());
      tensor.bytes = {contents.owned.back().get(), *bytes};
    }
    if (auto good = contents.add(std::move(tensor)); !good) return good;
  }
  return {};
}

}  // namespace rookery::engine
