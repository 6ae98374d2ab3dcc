#include "core/base/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <limits>
#include <system_error>
#include <utility>

#include "core/base/system_info.h"

namespace bitnet::core {

namespace {

Status PathError(Code code, const std::string& path, std::string_view problem) {
  return Status(code, Cat("path ", Quoted(path, 256), " ", problem), "path");
}

Status SystemError(const std::string& path, int error) {
  const Code code = error == ENOENT || error == ENOTDIR ? Code::kNotFound : Code::kIo;
  return PathError(code, path, Cat("cannot be read: ", std::generic_category().message(error)));
}

Status CheckRegular(const std::string& path, const struct stat& st) {
  if (S_ISREG(st.st_mode)) return {};
  const std::string_view kind = S_ISDIR(st.st_mode)    ? "a directory"
                                : S_ISFIFO(st.st_mode) ? "a FIFO"
                                : S_ISCHR(st.st_mode)  ? "a character device"
                                : S_ISBLK(st.st_mode)  ? "a block device"
                                : S_ISSOCK(st.st_mode) ? "a socket"
                                                       : "a special file";
  return PathError(Code::kIo, path, Cat("is ", kind, ", expected a regular file"));
}

// An open regular file.
class OpenFile {
 public:
  static Result<OpenFile> Open(const std::string& path) {
    if (path.find('\0') != std::string::npos) return PathError(Code::kInvalidArgument, path, "holds a NUL byte");
    // Looked at before it is opened: opening a device may act on it. O_NONBLOCK: were it a FIFO by now, this returns.
    struct stat st;
    if (::stat(path.c_str(), &st) != 0) return SystemError(path, errno);
    BN_RETURN_IF_ERROR(CheckRegular(path, st));
    OpenFile file;
    file.fd_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (file.fd_ < 0) return SystemError(path, errno);
    if (::fstat(file.fd_, &st) != 0) return SystemError(path, errno);
    BN_RETURN_IF_ERROR(CheckRegular(path, st));
    if (st.st_size < 0 || static_cast<uint64_t>(st.st_size) > std::numeric_limits<size_t>::max() / 2) {
      return PathError(Code::kLimit, path, Cat("has a size of ", st.st_size, " bytes, more than can be mapped"));
    }
    file.size_ = static_cast<size_t>(st.st_size);
    return file;
  }
  OpenFile(OpenFile&& other) noexcept : fd_(std::exchange(other.fd_, -1)), size_(other.size_) {}
  OpenFile& operator=(OpenFile&&) = delete;
  ~OpenFile() {
    if (fd_ >= 0) ::close(fd_);
  }

  int fd() const { return fd_; }
  size_t size() const { return size_; }

 private:
  OpenFile() = default;
  int fd_ = -1;
  size_t size_ = 0;
};

}  // namespace

Result<MappedFile> MappedFile::Map(const std::string& path) {
  BN_ASSIGN_OR_RETURN(const OpenFile file, OpenFile::Open(path));
  MappedFile out;
  if (file.size() == 0) return out;
  void* data = ::mmap(nullptr, file.size(), PROT_READ, MAP_SHARED, file.fd(), 0);
  if (data == MAP_FAILED) {
    return PathError(errno == ENOMEM ? Code::kNoMemory : Code::kIo, path,
                     Cat("cannot be mapped (", file.size(), " bytes): ", std::generic_category().message(errno)));
  }
  out.data_ = static_cast<const std::byte*>(data);
  out.size_ = file.size();
  out.mapped_ = true;
  return out;
}

// Products stream through a copied file: in pages of 4 KiB decoding reaches two thirds of the bandwidth that it reaches
// in huge ones (docs/kernels.md).
Result<MappedFile> MappedFile::Read(const std::string& path, const Allocator& allocator) {
  BN_ASSIGN_OR_RETURN(const OpenFile file, OpenFile::Open(path));
  MappedFile out;
  BN_ASSIGN_OR_RETURN(out.buffer_, Buffer::Allocate(allocator, file.size()));
  AskForHugePages(out.buffer_.data(), out.buffer_.size());
  for (size_t done = 0; done < file.size();) {
    const ssize_t n = ::read(file.fd(), out.buffer_.as<std::byte>() + done, file.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return SystemError(path, errno);
    if (n == 0) {
      return PathError(
          Code::kIo, path,
          Cat("shrank while it was read: size ", done, " bytes, expected ", file.size(), "; load it again"));
    }
    done += static_cast<size_t>(n);
  }
  out.data_ = out.buffer_.as<const std::byte>();
  out.size_ = file.size();
  return out;
}

void MappedFile::Release(std::span<const std::byte> part) const {
  if (!mapped_ || part.empty() || part.data() < data_ || part.data() + part.size() > data_ + size_) return;
  // The page of the first byte goes too, so that ranges that follow each other leave none behind.
  const auto page = static_cast<uintptr_t>(::sysconf(_SC_PAGESIZE));
  const uintptr_t begin = reinterpret_cast<uintptr_t>(part.data()) / page * page;
  const uintptr_t end = (reinterpret_cast<uintptr_t>(part.data()) + part.size()) / page * page;
  if (begin < end) ::madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED);
}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  if (this != &other) {
    if (mapped_) ::munmap(const_cast<std::byte*>(data_), size_);
    data_ = std::exchange(other.data_, nullptr);
    size_ = std::exchange(other.size_, 0);
    mapped_ = std::exchange(other.mapped_, false);
    buffer_ = std::move(other.buffer_);
  }
  return *this;
}

MappedFile::~MappedFile() {
  if (mapped_) ::munmap(const_cast<std::byte*>(data_), size_);
}

bool MayExist(const std::string& path) {
  struct stat st;
  return ::stat(path.c_str(), &st) == 0 || (errno != ENOENT && errno != ENOTDIR);
}

}  // namespace bitnet::core
