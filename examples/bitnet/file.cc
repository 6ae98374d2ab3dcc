#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>

#include "failure.h"
#include "interrupt.h"
#include "text.h"

namespace bitnet::tool {
namespace {

[[noreturn]] void CannotRead(const std::string& path, int error) {
  throw Failure(ExitCode::kRequestNotMet, "cannot read " + Quoted(path, 4096) + ": " + std::strerror(error));
}

}  // namespace

std::string ReadFile(const std::string& path, uint64_t max_bytes) {
  const bool standard_input = path == "-";
  const int fd = standard_input ? STDIN_FILENO : open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) CannotRead(path, errno);
  std::string out;
  char chunk[1 << 16];
  ssize_t n;
  while ((n = read(fd, chunk, sizeof chunk)) != 0) {
    if (n < 0) break;
    out.append(chunk, static_cast<size_t>(n));
    if (out.size() > max_bytes) break;
  }
  const int error = errno;
  if (!standard_input) close(fd);
  if (n < 0 && error == EINTR) throw Failure(ExitCode::kInterrupted, "interrupted");
  if (n < 0) CannotRead(path, error);
  if (out.size() > max_bytes) {
    throw Failure(ExitCode::kRequestNotMet, Quoted(path, 4096) + " holds more than " + Grouped(max_bytes) + " bytes");
  }
  return out;
}

LineReader::Result LineReader::Next(std::string& line) {
  for (size_t searched = 0;;) {
    const size_t feed = pending_.find('\n', searched);
    if (feed != std::string::npos) {
      line = pending_.substr(0, feed);
      pending_.erase(0, feed + 1);
      return Result::kLine;
    }
    if (end_) {
      line = std::move(pending_);
      pending_.clear();
      return line.empty() ? Result::kEnd : Result::kLine;
    }
    searched = pending_.size();
    if (!WaitForInput()) return Result::kInterrupted;
    char chunk[1 << 16];
    const ssize_t n = read(STDIN_FILENO, chunk, sizeof chunk);
    if (n < 0 && errno == EINTR) return Result::kInterrupted;
    if (n < 0) CannotRead("standard input", errno);
    if (n == 0) end_ = true;
    pending_.append(chunk, static_cast<size_t>(n));
  }
}

AtomicFile::AtomicFile(const std::string& path) : path_(path), target_(path) {
  std::error_code ignored;
  if (const auto real = std::filesystem::canonical(path, ignored); !ignored) target_ = real;
  struct stat info;
  if (stat(target_.c_str(), &info) == 0 && !S_ISREG(info.st_mode)) {
    fd_ = open(target_.c_str(), O_WRONLY | O_CLOEXEC);
    if (fd_ < 0) Fail("open", errno);
    return;
  }
  std::string name = target_ + ".XXXXXX";
  fd_ = mkostemp(name.data(), O_CLOEXEC);
  if (fd_ < 0) Fail("create", errno);
  temporary_ = name;
  const mode_t mask = umask(0);
  umask(mask);
  if (fchmod(fd_, 0666 & ~mask) != 0) Fail("create", errno);
}

AtomicFile::~AtomicFile() {
  if (fd_ >= 0) close(fd_);
  if (!temporary_.empty()) unlink(temporary_.c_str());
}

void AtomicFile::Write(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = write(fd_, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) Fail("write", errno);
    bytes.remove_prefix(static_cast<size_t>(n));
  }
}

void AtomicFile::Commit() {
  if (!temporary_.empty() && fsync(fd_) != 0) Fail("write", errno);
  const int fd = fd_;
  fd_ = -1;
  if (close(fd) != 0) Fail("write", errno);
  if (temporary_.empty()) return;
  if (rename(temporary_.c_str(), target_.c_str()) != 0) Fail("write", errno);
  temporary_.clear();
  // The new name is on the disk only with its folder.
  const std::string parent = std::filesystem::path(target_).parent_path();
  const int folder = open(parent.empty() ? "." : parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder >= 0) {
    (void)fsync(folder);  // some file systems cannot; the file itself is whole
    close(folder);
  }
}

void AtomicFile::Fail(const char* what, int error) {
  if (!temporary_.empty()) unlink(temporary_.c_str());
  temporary_.clear();
  throw Failure(ExitCode::kRequestNotMet,
                std::string("cannot ") + what + " " + Quoted(path_, 4096) + ": " + std::strerror(error));
}

}  // namespace bitnet::tool
