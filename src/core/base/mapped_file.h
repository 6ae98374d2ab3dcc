// A whole file as bytes: mapped read-only, or read into memory.
#ifndef BITNET_CORE_BASE_MAPPED_FILE_H_
#define BITNET_CORE_BASE_MAPPED_FILE_H_

#include <cstddef>
#include <span>
#include <string>

#include "core/base/allocator.h"
#include "core/base/status.h"

namespace bitnet::core {

// Regular files only: a directory, FIFO or device is refused by name. A mapped file that another process cuts short
// raises SIGBUS on access: nothing can be promised for that; Read() survives it.
class MappedFile {
 public:
  MappedFile() = default;
  static Result<MappedFile> Map(const std::string& path);
  static Result<MappedFile> Read(const std::string& path, const Allocator& allocator);
  MappedFile(MappedFile&& other) noexcept { *this = std::move(other); }
  MappedFile& operator=(MappedFile&& other) noexcept;
  ~MappedFile();

  std::span<const std::byte> bytes() const { return {data_, size_}; }
  // Gives back the memory of a part that was read, where it is mapped: reading it again reads the file again. Parts of
  // other memory are left alone.
  void Release(std::span<const std::byte> part) const;

 private:
  const std::byte* data_ = nullptr;
  size_t size_ = 0;
  bool mapped_ = false;
  Buffer buffer_;
};

// False where nothing is at `path`. True where something is and where that cannot be told, as in a folder that may not
// be searched: opening it then says why.
bool MayExist(const std::string& path);

}  // namespace bitnet::core

#endif  // BITNET_CORE_BASE_MAPPED_FILE_H_
