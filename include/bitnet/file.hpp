// C++ twin of file.h.
#pragma once

#include <bitnet/file.h>
#include <bitnet/result.hpp>
#include <bitnet/span.hpp>

#include <cstddef>
#include <string>
#include <vector>

namespace bitnet {
inline namespace v0 {

class File {
 public:
  /// Wraps bitnet_file_open().
  static Result<File> open(const char* path) {
    bitnet_file_t* raw = nullptr;
    if (const bitnet_status_t s = bitnet_file_open(path, &raw)) return Error::last(s);
    return File(raw);
  }
  static Result<File> open(const std::string& path) { return open(path.c_str()); }
  /// Wraps bitnet_file_open_memory(): `bytes` must outlive the file.
  static Result<File> open(Span<const std::byte> bytes) {
    bitnet_file_t* raw = nullptr;
    if (const bitnet_status_t s = bitnet_file_open_memory(bytes.data(), bytes.size(), &raw)) return Error::last(s);
    return File(raw);
  }
  /// A view of a file that another object owns.
  static File view(const bitnet_file_t* raw) noexcept { return File(Owner::borrowed(raw)); }

  /// Wraps bitnet_file_info().
  bitnet_file_info_t info() const noexcept {
    bitnet_file_info_t info = BITNET_FILE_INFO_INIT;
    bitnet_file_info(capi(), &info);
    return info;
  }
  /// Wraps bitnet_file_metadata(): all keys in file order.
  std::vector<bitnet_metadata_t> metadata() const {
    std::vector<bitnet_metadata_t> list(static_cast<std::size_t>(info().n_metadata),
                                        bitnet_metadata_t(BITNET_METADATA_INIT));
    for (std::size_t i = 0; i < list.size(); ++i) bitnet_file_metadata(capi(), i, &list[i]);
    return list;
  }
  /// Wraps bitnet_file_metadata_text().
  Result<std::string> metadata(const char* key) const {
    return detail::read_text([&](char* buf, std::size_t cap, std::size_t* n) {
      return bitnet_file_metadata_text(capi(), key, buf, cap, n);
    });
  }
  /// Wraps bitnet_file_tensor(): all tensors in file order.
  std::vector<bitnet_tensor_t> tensors() const {
    std::vector<bitnet_tensor_t> list(static_cast<std::size_t>(info().n_tensors), bitnet_tensor_t(BITNET_TENSOR_INIT));
    for (std::size_t i = 0; i < list.size(); ++i) bitnet_file_tensor(capi(), i, &list[i]);
    return list;
  }
  /// Wraps bitnet_file_sha256().
  Result<std::string> sha256() const {
    char hex[BITNET_SHA256_HEX_SIZE];
    if (const bitnet_status_t s = bitnet_file_sha256(capi(), hex)) return Error::last(s);
    return std::string(hex);
  }

  const bitnet_file_t* capi() const noexcept { return handle_.get(); }

 private:
  using Owner = detail::Owner<bitnet_file_t, bitnet_file_free>;
  explicit File(bitnet_file_t* raw) noexcept : handle_(raw) {}
  explicit File(Owner owner) noexcept : handle_(std::move(owner)) {}
  Owner handle_;
};

}  // namespace v0
}  // namespace bitnet
