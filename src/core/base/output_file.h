// A file that appears whole or not at all.
#ifndef BITNET_CORE_BASE_OUTPUT_FILE_H_
#define BITNET_CORE_BASE_OUTPUT_FILE_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "core/base/status.h"

namespace bitnet::core {

// Written without a name in the folder of its target where the file system can do that (so that a killed process
// leaves nothing), else under a temporary one; synced, then put in its place by one link or rename.
class OutputFile {
 public:
  // `overwrite`: an existing regular file at `path` is replaced by Commit() and its permission bits stay; else it is an
  // error here and there.
  // Symbolic links are followed: what they name is replaced.
  static Result<OutputFile> Create(const std::string& path, bool overwrite);
  OutputFile(OutputFile&& other) noexcept;
  OutputFile& operator=(OutputFile&&) = delete;
  ~OutputFile();  // without Commit(): leaves no trace

  // Takes the space of `n_bytes` now, where the file system can, so that a full disk is known before the work.
  Status Reserve(uint64_t n_bytes);
  // All of `bytes` at `offset`. Safe from several threads.
  Status WriteAt(uint64_t offset, std::span<const std::byte> bytes);
  // A path that opens this file for reading until Commit().
  std::string ReadPath() const;
  // The file with all that was written, on the disk under its name.
  Status Commit();

 private:
  OutputFile() = default;
  Status Fail(std::string_view doing, int error) const;
  Status GiveName();

  std::string path_;       // as the caller named it
  std::string target_;     // with symbolic links resolved
  std::string temporary_;  // "": no name yet
  bool overwrite_ = false;
  int mode_ = -1;  // permission bits of the file that is replaced; -1: none is
  int fd_ = -1;
};

}  // namespace bitnet::core

#endif  // BITNET_CORE_BASE_OUTPUT_FILE_H_
