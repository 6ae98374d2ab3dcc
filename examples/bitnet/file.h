// Files that the tool reads and writes itself.
#ifndef BITNET_EXAMPLES_BITNET_FILE_H_
#define BITNET_EXAMPLES_BITNET_FILE_H_

#include <cstdint>
#include <string>
#include <string_view>

namespace bitnet::tool {

// The whole of a file, or of standard input for "-". Failure beyond `max_bytes` or when it cannot be read.
std::string ReadFile(const std::string& path, uint64_t max_bytes = uint64_t{1} << 30);

// The first `max_bytes` of it: for texts that the library judges, their size too.
std::string ReadStartOfFile(const std::string& path, uint64_t max_bytes);

// Says that the file, or what lies in the folder, is read by this run: no AtomicFile may replace it. Failure when one
// is about to.
void NoteInput(const std::string& path);

// Reads standard input line by line; the line feed is cut off.
class LineReader {
 public:
  enum class Result { kLine, kEnd, kInterrupted };
  Result Next(std::string& line);

 private:
  std::string pending_;
  bool end_ = false;
};

// Failure where an AtomicFile could not be made now: before work that makes one at its end. Opens no device or pipe.
void CheckOutput(const std::string& path);

// Failure for "-", which is taken for standard output elsewhere and would be the name of a file here.
void CheckOutputName(const std::string& path);

// A file that appears whole or not at all: written beside its place, synced, renamed. Made before the work whose
// result it takes, so that a folder that cannot be written is known at once. Devices and pipes are written directly.
// Failure for a file that this run reads, or that another one is about to replace.
class AtomicFile {
 public:
  explicit AtomicFile(const std::string& path);
  ~AtomicFile();  // without Commit(): leaves no trace
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  void Write(std::string_view bytes);
  void Commit();

 private:
  [[noreturn]] void Fail(const char* what, int error);
  void RemoveTemporary();

  std::string path_;       // as the caller named it
  std::string target_;     // with symbolic links resolved
  std::string temporary_;  // "" when written directly
  int fd_ = -1;
};

}  // namespace bitnet::tool

#endif  // BITNET_EXAMPLES_BITNET_FILE_H_
