#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <iterator>
#include <optional>
#include <set>
#include <utility>

#include "failure.h"
#include "interrupt.h"
#include "text.h"

namespace bitnet::tool {
namespace {

[[noreturn]] void CannotRead(const std::string& path, int error) {
  throw Failure(ExitCode::kRequestNotMet, "cannot read " + Quoted(path, 4096) + ": " + std::strerror(error));
}

}  // namespace

std::string ReadStartOfFile(const std::string& path, uint64_t max_bytes) {
  const bool standard_input = path == "-";
  const int fd = standard_input ? STDIN_FILENO : open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0 && errno == EINTR) throw Failure(ExitCode::kInterrupted, "interrupted");  // a FIFO without a writer
  if (fd < 0) CannotRead(path, errno);
  std::string out;
  char chunk[1 << 16];
  ssize_t n = 1;
  while (out.size() < max_bytes && (n = read(fd, chunk, sizeof chunk)) > 0) out.append(chunk, static_cast<size_t>(n));
  const int error = errno;
  if (!standard_input) close(fd);
  if (n < 0 && error == EINTR) throw Failure(ExitCode::kInterrupted, "interrupted");
  if (n < 0) CannotRead(path, error);
  out.resize(std::min<uint64_t>(out.size(), max_bytes));
  return out;
}

std::string ReadFile(const std::string& path, uint64_t max_bytes) {
  std::string out = ReadStartOfFile(path, max_bytes + 1);
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

namespace {

// Files that this run reads, and names that it is about to write. One thread opens files.
using FileId = std::pair<dev_t, ino_t>;
std::set<FileId> g_inputs;
std::set<std::string> g_outputs;

std::optional<FileId> IdOf(const std::string& path) {
  struct stat info;
  if (stat(path.c_str(), &info) != 0 || !S_ISREG(info.st_mode)) return std::nullopt;
  return FileId{info.st_dev, info.st_ino};
}

// Whether a file of a model's folder is one of the model's.
bool IsPartOfModel(const std::filesystem::path& path) {
  constexpr std::string_view kNames[] = {"config.json",     "generation_config.json", "model.safetensors.index.json",
                                         "tokenizer.json",  "tokenizer_config.json",  "special_tokens_map.json",
                                         "tokenizer.model", "chat_template.jinja"};
  return path.extension() == ".safetensors" ||
         std::find(std::begin(kNames), std::end(kNames), path.filename().string()) != std::end(kNames);
}

[[noreturn]] void WouldOverwrite(const std::string& path) {
  throw Failure(ExitCode::kUsage, Quoted(path, 4096) +
                                      " is read by this command and would be overwritten by it: "
                                      "choose another name for the output");
}

}  // namespace

void NoteInput(const std::string& path) {
  std::error_code ignored;
  std::filesystem::path folder = path;
  if (folder.extension() == ".safetensors") folder = folder.has_parent_path() ? folder.parent_path() : ".";
  for (const auto& entry : std::filesystem::directory_iterator(folder, ignored)) {
    if (!IsPartOfModel(entry.path())) continue;
    if (const auto id = IdOf(entry.path())) g_inputs.insert(*id);
  }
  if (const auto id = IdOf(path)) g_inputs.insert(*id);
  for (const std::string& output : g_outputs) {
    if (const auto id = IdOf(output); id && g_inputs.count(*id) != 0) WouldOverwrite(output);
  }
}

void CheckOutputName(const std::string& path) {
  if (path != "-") return;
  throw Failure(ExitCode::kUsage, "\"-\" is not taken for standard output: give the name of a file, ./- for that one");
}

void CheckOutput(const std::string& path) {
  struct stat info;
  const bool special = stat(path.c_str(), &info) == 0 && !S_ISREG(info.st_mode) && !S_ISDIR(info.st_mode);
  if (!special) AtomicFile tried(path);
}

AtomicFile::AtomicFile(const std::string& path) : path_(path), target_(path) {
  CheckOutputName(path);
  std::error_code ignored;
  // Of an absolute path: of a relative one whose file is not there it would keep the spelling.
  if (const auto real = std::filesystem::weakly_canonical(std::filesystem::absolute(path, ignored), ignored);
      !ignored) {
    target_ = real;
  }
  if (const auto id = IdOf(target_); id && g_inputs.count(*id) != 0) WouldOverwrite(path);
  struct stat info;
  if (stat(target_.c_str(), &info) == 0 && !S_ISREG(info.st_mode)) {
    fd_ = open(target_.c_str(), O_WRONLY | O_CLOEXEC);
    if (fd_ < 0 && errno == EINTR) throw Failure(ExitCode::kInterrupted, "interrupted");  // a FIFO without a reader
    if (fd_ < 0) Fail("open", errno);
    return;
  }
  if (!g_outputs.insert(target_).second)
    throw Failure(ExitCode::kUsage, "two outputs have the name " + Quoted(path, 4096) + ": choose another for one");
  std::string name = target_ + ".XXXXXX";
  {
    const SignalBlock until_it_is_known;
    fd_ = mkostemp(name.data(), O_CLOEXEC);
    if (fd_ >= 0) {
      temporary_ = name;
      RemoveAtEnd(temporary_.c_str());
    }
  }
  if (fd_ < 0) Fail("create", errno);
  const mode_t mask = umask(0);
  umask(mask);
  if (fchmod(fd_, 0666 & ~mask) != 0) Fail("create", errno);
}

AtomicFile::~AtomicFile() {
  if (fd_ >= 0) close(fd_);
  RemoveTemporary();
  g_outputs.erase(target_);
}

void AtomicFile::RemoveTemporary() {
  if (temporary_.empty()) return;
  unlink(temporary_.c_str());
  KeepAtEnd(temporary_.c_str());
  temporary_.clear();
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
  KeepAtEnd(temporary_.c_str());
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
  RemoveTemporary();
  g_outputs.erase(target_);  // of a constructor no destructor runs
  throw Failure(ExitCode::kRequestNotMet,
                std::string("cannot ") + what + " " + Quoted(path_, 4096) + ": " + std::strerror(error));
}

}  // namespace bitnet::tool
