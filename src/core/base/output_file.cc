#include "core/base/output_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <system_error>
#include <utility>

#include "core/base/text.h"

namespace bitnet::core {

namespace {

namespace fs = std::filesystem;

Status OutputError(Code code, const std::string& path, std::string_view problem) {
  return Status(code, Cat("path ", Quoted(path, 256), " ", problem), "output");
}

Status Exists(const std::string& path) {
  return OutputError(Code::kIo, path, "exists already; allow it to be overwritten, or choose another name");
}

std::string DescriptorPath(int fd) { return Cat("/proc/self/fd/", fd); }

std::string FolderOf(const std::string& target) {
  const std::string parent = fs::path(target).parent_path().string();
  return parent.empty() ? "." : parent;
}

// A name beside `target` that no other process and no other file of this one uses.
std::string TemporaryName(const std::string& target, int fd) { return Cat(target, ".", ::getpid(), ".", fd, ".tmp"); }

constexpr mode_t kMode = 0666;  // less the process's mask

// open() that gives no number of a standard stream: a host that has closed them may still print to them.
int OpenAboveStandard(const char* path, int flags, mode_t mode) {
  const int fd = ::open(path, flags | O_CLOEXEC, mode);
  if (fd < 0 || fd > STDERR_FILENO) return fd;
  const int above = ::fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
  const int error = errno;
  ::close(fd);
  if (above < 0 && (flags & O_EXCL) != 0) ::unlink(path);
  errno = error;
  return above;
}

}  // namespace

Result<OutputFile> OutputFile::Create(const std::string& path, bool overwrite) {
  if (path.empty() || path.find('\0') != std::string::npos)
    return OutputError(Code::kInvalidArgument, path, "is no name of a file");
  OutputFile out;
  out.path_ = out.target_ = path;
  out.overwrite_ = overwrite;
  std::error_code no_such_file;
  if (const fs::path real = fs::canonical(path, no_such_file); !no_such_file) {
    out.target_ = real.string();
    if (!fs::is_regular_file(real)) return OutputError(Code::kInvalidArgument, path, "exists and is no regular file");
    if (!overwrite) return Exists(path);
    struct stat old;
    if (::stat(real.c_str(), &old) == 0) out.mode_ = static_cast<int>(old.st_mode & 0777);
  }
  // Not more open than the old file while it is written; Commit() gives it exactly those bits.
  const mode_t mode = out.mode_ < 0 ? kMode : (static_cast<mode_t>(out.mode_) & kMode) | S_IRUSR | S_IWUSR;
  const std::string folder = FolderOf(out.target_);
  out.fd_ = OpenAboveStandard(folder.c_str(), O_TMPFILE | O_RDWR, mode);
  // Without /proc such a file can be neither read again nor named.
  if (out.fd_ >= 0 && ::access(DescriptorPath(out.fd_).c_str(), F_OK) == 0) return out;
  if (out.fd_ >= 0) ::close(out.fd_);
  const std::string name = TemporaryName(out.target_, 0);
  out.fd_ = OpenAboveStandard(name.c_str(), O_CREAT | O_EXCL | O_RDWR, mode);
  if (out.fd_ < 0) return out.Fail("created", errno);
  out.temporary_ = name;
  return out;
}

OutputFile::OutputFile(OutputFile&& other) noexcept
    : path_(std::move(other.path_)),
      target_(std::move(other.target_)),
      temporary_(std::exchange(other.temporary_, {})),
      overwrite_(other.overwrite_),
      mode_(other.mode_),
      fd_(std::exchange(other.fd_, -1)) {}

OutputFile::~OutputFile() {
  if (fd_ >= 0) ::close(fd_);
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

Status OutputFile::Fail(std::string_view doing, int error) const {
  const Code code = error == ENOENT || error == ENOTDIR ? Code::kNotFound : Code::kIo;
  return OutputError(code, path_, Cat("cannot be ", doing, ": ", std::generic_category().message(error)));
}

Status OutputFile::Reserve(uint64_t n_bytes) {
  if (::fallocate(fd_, 0, 0, static_cast<off_t>(n_bytes)) == 0) return {};
  if (errno == EOPNOTSUPP || errno == ENOSYS) return {};
  return Fail(Cat("given ", n_bytes, " bytes"), errno);
}

Status OutputFile::WriteAt(uint64_t offset, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::pwrite(fd_, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return Fail("written", errno);
    if (n == 0) return Fail("written", ENOSPC);
    bytes = bytes.subspan(static_cast<size_t>(n));
    offset += static_cast<uint64_t>(n);
  }
  return {};
}

std::string OutputFile::ReadPath() const { return temporary_.empty() ? DescriptorPath(fd_) : temporary_; }

// From no name to the final one, or to a temporary one that a rename can put over a file that exists.
Status OutputFile::GiveName() {
  const std::string& name = overwrite_ ? TemporaryName(target_, fd_) : target_;
  if (::linkat(AT_FDCWD, DescriptorPath(fd_).c_str(), AT_FDCWD, name.c_str(), AT_SYMLINK_FOLLOW) != 0) {
    return errno == EEXIST && !overwrite_ ? Exists(path_) : Fail("put in its place", errno);
  }
  if (overwrite_) temporary_ = name;
  return {};
}

Status OutputFile::Commit() {
  // A file system without permissions refuses, and has none to keep.
  if (mode_ >= 0 && ::fchmod(fd_, static_cast<mode_t>(mode_)) != 0 && errno != EPERM && errno != ENOTSUP)
    return Fail("given the permissions of the old file", errno);
  if (::fsync(fd_) != 0) return Fail("written", errno);
  if (temporary_.empty()) {
    BN_RETURN_IF_ERROR(GiveName());
  } else if (!overwrite_) {
    // A file that appeared meanwhile stays; file systems without hard links leave a moment between look and rename.
    if (::link(temporary_.c_str(), target_.c_str()) == 0) {
      ::unlink(std::exchange(temporary_, {}).c_str());
    } else if (errno == EEXIST || ::access(target_.c_str(), F_OK) == 0) {
      return Exists(path_);
    }
  }
  if (!temporary_.empty()) {
    std::error_code error;
    fs::rename(temporary_, target_, error);
    if (error) return Fail("put in its place", error.value());
    temporary_.clear();
  }
  const int fd = std::exchange(fd_, -1);
  if (::close(fd) != 0) return Fail("written", errno);
  // The new name is on the disk only with its folder; some file systems cannot sync one, and the file itself is whole.
  const int folder = ::open(FolderOf(target_).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder >= 0) {
    const int error = ::fsync(folder) != 0 ? errno : 0;
    ::close(folder);
    if (error == EIO || error == ENOSPC) return Fail("put in its place for good", error);
  }
  return {};
}

}  // namespace bitnet::core
