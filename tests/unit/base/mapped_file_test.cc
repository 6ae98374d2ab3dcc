#include "core/base/mapped_file.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "support/catch.h"

namespace bitnet::core {
namespace {

namespace fs = std::filesystem;

// A folder of its own for one test.
class TempFolder {
 public:
  TempFolder() {
    std::string pattern = (fs::temp_directory_path() / "bitnet_mapped_file.XXXXXX").string();
    REQUIRE(::mkdtemp(pattern.data()) != nullptr);
    path_ = pattern;
  }
  ~TempFolder() { fs::remove_all(path_); }
  std::string File(std::string_view name) const { return (path_ / name).string(); }

 private:
  fs::path path_;
};

void Write(const std::string& path, std::string_view bytes) { std::ofstream(path, std::ios::binary) << bytes; }

std::string TextOf(const MappedFile& file) {
  return {reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()};
}

// Both ways to open must refuse `path` with this code and name the path.
void CheckRefused(const std::string& path, Code code, std::string_view reason) {
  for (const Result<MappedFile>& r : {MappedFile::Map(path), MappedFile::Read(path, DefaultAllocator())}) {
    REQUIRE_FALSE(r.ok());
    CHECK(r.status().code() == code);
    CHECK(r.status().what() == "path");
    CHECK(r.status().message().find(reason) != std::string_view::npos);
  }
}

TEST_CASE("a mapped and a read file give the same bytes", "[base]") {
  const TempFolder folder;
  const std::string path = folder.File("a file");
  const std::string text(10000, 'x');
  Write(path, text);
  const auto mapped = MappedFile::Map(path);
  const auto read = MappedFile::Read(path, DefaultAllocator());
  REQUIRE(mapped.ok());
  REQUIRE(read.ok());
  CHECK(TextOf(*mapped) == text);
  CHECK(TextOf(*read) == text);
}

TEST_CASE("an empty file has no bytes", "[base]") {
  const TempFolder folder;
  Write(folder.File("empty"), "");
  const auto mapped = MappedFile::Map(folder.File("empty"));
  REQUIRE(mapped.ok());
  CHECK(mapped->bytes().empty());
  const auto read = MappedFile::Read(folder.File("empty"), DefaultAllocator());
  REQUIRE(read.ok());
  CHECK(read->bytes().empty());
}

TEST_CASE("a moved file keeps its bytes and the old one has none", "[base]") {
  const TempFolder folder;
  Write(folder.File("f"), "bytes");
  auto first = MappedFile::Map(folder.File("f"));
  REQUIRE(first.ok());
  MappedFile second = *std::move(first);
  MappedFile third;
  third = std::move(second);
  CHECK(TextOf(third) == "bytes");
  CHECK(second.bytes().empty());  // NOLINT(bugprone-use-after-move): what is tested
}

TEST_CASE("what cannot be looked for may be there", "[base]") {
  const TempFolder folder;
  Write(folder.File("f"), "x");
  CHECK(MayExist(folder.File("f")));
  CHECK_FALSE(MayExist(folder.File("g")));
  CHECK_FALSE(MayExist(folder.File("f/g")));
  fs::create_symlink("loop", folder.File("loop"));
  CHECK(MayExist(folder.File("loop/g")));
}

TEST_CASE("what is not a readable regular file is refused by name", "[base]") {
  const TempFolder folder;
  CheckRefused(folder.File("absent"), Code::kNotFound, "absent");
  CheckRefused(folder.File(""), Code::kIo, "directory");
  CheckRefused("/dev/zero", Code::kIo, "character device");
  REQUIRE(::mkfifo(folder.File("fifo").c_str(), 0600) == 0);
  CheckRefused(folder.File("fifo"), Code::kIo, "FIFO");  // nobody writes to it: an open for reading would wait
  fs::create_symlink("loop", folder.File("loop"));
  CheckRefused(folder.File("loop"), Code::kIo, "cannot be read");
  CheckRefused(std::string("a\0b", 3), Code::kInvalidArgument, "NUL");
  if (::geteuid() != 0) {  // root may read all
    Write(folder.File("closed"), "x");
    REQUIRE(::chmod(folder.File("closed").c_str(), 0) == 0);
    CheckRefused(folder.File("closed"), Code::kIo, "cannot be read");
  }
}

TEST_CASE("a file that shrinks while it is read is an error, not a bus error", "[base]") {
  const TempFolder folder;
  std::string path = folder.File("shrinks");
  Write(path, std::string(100000, 'x'));
  // The allocation comes after the size was asked for and before the first byte is read.
  const Allocator cuts{[](void* user_data, size_t bytes, size_t align) noexcept -> void* {
                         if (::truncate(static_cast<std::string*>(user_data)->c_str(), 4096) != 0) return nullptr;
                         return DefaultAllocator().alloc(nullptr, bytes, align);
                       },
                       [](void*, void* p, size_t bytes) noexcept { DefaultAllocator().free(nullptr, p, bytes); },
                       &path};
  const auto read = MappedFile::Read(path, cuts);
  REQUIRE_FALSE(read.ok());
  CHECK(read.status().code() == Code::kIo);
  CHECK(read.status().message().find("size 4096 bytes, expected 100000") != std::string_view::npos);
}

TEST_CASE("a file that its file system cannot map is an error", "[base]") {
  // Regular files by their mode, of a size that is a guess, and without pages.
  const std::string path = "/sys/kernel/mm/transparent_hugepage/enabled";
  struct stat st;
  if (::stat(path.c_str(), &st) != 0 || st.st_size == 0) BN_SKIP("no sysfs file of its own size");
  const auto mapped = MappedFile::Map(path);
  REQUIRE_FALSE(mapped.ok());
  CHECK(mapped.status().code() == Code::kIo);
  CHECK(mapped.status().message().find("cannot be mapped") != std::string_view::npos);
  const auto read = MappedFile::Read(path, DefaultAllocator());
  REQUIRE_FALSE(read.ok());
  CHECK(read.status().message().find("shrank while it was read") != std::string_view::npos);
}

TEST_CASE("a released part of a mapped file comes back when it is read", "[base]") {
  const TempFolder folder;
  const std::string content(100000, 'x');
  Write(folder.File("f"), content);
  const auto mapped = MappedFile::Map(folder.File("f"));
  const auto copied = MappedFile::Read(folder.File("f"), DefaultAllocator());
  REQUIRE((mapped.ok() && copied.ok()));
  for (const auto* file : {&*mapped, &*copied}) {
    CHECK(TextOf(*file) == content);
    file->Release(file->bytes().subspan(1, 90000));
    file->Release({});
    CHECK(TextOf(*file) == content);
  }
}

TEST_CASE("a refused allocation is a status", "[base]") {
  const TempFolder folder;
  Write(folder.File("f"), "bytes");
  const Allocator refuses{[](void*, size_t, size_t) noexcept -> void* { return nullptr; },
                          [](void*, void*, size_t) noexcept {}, nullptr};
  const auto read = MappedFile::Read(folder.File("f"), refuses);
  REQUIRE_FALSE(read.ok());
  CHECK(read.status().code() == Code::kNoMemory);
}

}  // namespace
}  // namespace bitnet::core
