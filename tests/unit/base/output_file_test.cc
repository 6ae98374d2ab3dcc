#include "core/base/output_file.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "support/catch.h"

namespace bitnet::core {
namespace {

namespace fs = std::filesystem;

class Folder {
 public:
  Folder() {
    std::string pattern = (fs::temp_directory_path() / "bitnet_output.XXXXXX").string();
    REQUIRE(::mkdtemp(pattern.data()) != nullptr);
    path_ = pattern;
  }
  ~Folder() { fs::remove_all(path_); }
  std::string File(std::string_view name) const { return (path_ / name).string(); }
  void Write(std::string_view name, std::string_view text) const { std::ofstream(File(name)) << text; }
  size_t count() const { return static_cast<size_t>(std::distance(fs::directory_iterator(path_), {})); }

 private:
  fs::path path_;
};

std::string ReadText(const std::string& path) {
  std::ifstream in(path);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::span<const std::byte> AsBytes(std::string_view text) { return std::as_bytes(std::span(text)); }

// Writes `text` in two pieces, out of order.
Status WriteAll(OutputFile& out, std::string_view text) {
  const size_t half = text.size() / 2;
  BN_RETURN_IF_ERROR(out.WriteAt(half, AsBytes(text.substr(half))));
  return out.WriteAt(0, AsBytes(text.substr(0, half)));
}

TEST_CASE("an output file appears whole with its commit and not before", "[base]") {
  const Folder folder;
  const std::string path = folder.File("new");
  auto out = OutputFile::Create(path, false);
  REQUIRE(out.ok());
  REQUIRE(out->Reserve(10).ok());
  REQUIRE(WriteAll(*out, "ten bytes!").ok());
  CHECK_FALSE(fs::exists(path));
  CHECK(ReadText(out->ReadPath()) == "ten bytes!");
  REQUIRE(out->Commit().ok());
  CHECK(ReadText(path) == "ten bytes!");
  CHECK(folder.count() == 1);
}

TEST_CASE("an output file is no standard stream of a host that has closed them", "[base]") {
  const Folder folder;
  const int kept = ::dup(STDIN_FILENO);
  REQUIRE(kept >= 0);
  REQUIRE(::close(STDIN_FILENO) == 0);
  auto out = OutputFile::Create(folder.File("new"), false);
  const bool still_closed = ::fcntl(STDIN_FILENO, F_GETFD) == -1;
  REQUIRE(::dup2(kept, STDIN_FILENO) == STDIN_FILENO);
  ::close(kept);
  CHECK(still_closed);
  REQUIRE(out.ok());
  REQUIRE(WriteAll(*out, "ten bytes!").ok());
  REQUIRE(out->Commit().ok());
  CHECK(ReadText(folder.File("new")) == "ten bytes!");
}

TEST_CASE("an output file that is given up leaves the old file and nothing else", "[base]") {
  const Folder folder;
  folder.Write("old", "old");
  for (const bool overwrite : {false, true}) {
    auto out = OutputFile::Create(folder.File(overwrite ? "old" : "new"), overwrite);
    REQUIRE(out.ok());
    REQUIRE(WriteAll(*out, "half of it").ok());
  }
  CHECK(ReadText(folder.File("old")) == "old");
  CHECK(folder.count() == 1);
}

TEST_CASE("an existing file is replaced only where that is allowed, also through a link", "[base]") {
  const Folder folder;
  folder.Write("old", "old");
  const auto refused = OutputFile::Create(folder.File("old"), false);
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.status().code() == Code::kIo);
  CHECK(refused.status().what() == "output");
  CHECK(refused.status().message().find("exists already") != std::string_view::npos);
  fs::create_symlink("old", folder.File("link"));
  auto out = OutputFile::Create(folder.File("link"), true);
  REQUIRE(out.ok());
  REQUIRE(WriteAll(*out, "new").ok());
  REQUIRE(out->Commit().ok());
  CHECK(fs::is_symlink(folder.File("link")));
  CHECK(ReadText(folder.File("old")) == "new");
  CHECK(folder.count() == 2);
}

TEST_CASE("a file that is replaced keeps its permission bits", "[base]") {
  const Folder folder;
  for (const unsigned bits : {0600u, 0640u, 0755u, 0444u, 0666u}) {
    CAPTURE(bits);
    fs::remove(folder.File("old"));
    folder.Write("old", "old");
    const auto mode = static_cast<fs::perms>(bits);
    fs::permissions(folder.File("old"), mode);
    auto out = OutputFile::Create(folder.File("old"), true);
    REQUIRE(out.ok());
    REQUIRE(WriteAll(*out, "new").ok());
    CHECK((fs::status(out->ReadPath()).permissions() & fs::perms(0177) & ~mode) == fs::perms::none);
    REQUIRE(out->Commit().ok());
    CHECK(fs::status(folder.File("old")).permissions() == mode);
    CHECK(ReadText(folder.File("old")) == "new");
  }
}

TEST_CASE("a file that appears while another is written stays, unless it may be replaced", "[base]") {
  const Folder folder;
  auto out = OutputFile::Create(folder.File("late"), false);
  REQUIRE(out.ok());
  REQUIRE(WriteAll(*out, "ours").ok());
  folder.Write("late", "theirs");
  const Status status = out->Commit();
  CHECK(status.code() == Code::kIo);
  CHECK(ReadText(folder.File("late")) == "theirs");
  CHECK(folder.count() == 1);
}

TEST_CASE("folders, devices and missing folders are no places for an output file", "[base]") {
  const Folder folder;
  for (const auto& [path, code] : {std::pair<std::string, Code>{folder.File(""), Code::kInvalidArgument},
                                   {"/dev/null", Code::kInvalidArgument},
                                   {"", Code::kInvalidArgument},
                                   {folder.File("no/such"), Code::kNotFound}}) {
    const auto out = OutputFile::Create(path, true);
    REQUIRE_FALSE(out.ok());
    CHECK(out.status().code() == code);
  }
}

TEST_CASE("a file that may not grow so large is an error, in advance and while it is written", "[base]") {
  const Folder folder;
  struct rlimit before;
  REQUIRE(::getrlimit(RLIMIT_FSIZE, &before) == 0);
  const auto old = ::signal(SIGXFSZ, SIG_IGN);
  struct rlimit limit = before;
  limit.rlim_cur = 4096;
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &limit) == 0);
  Status reserved, written;
  {
    auto out = OutputFile::Create(folder.File("large"), false);
    reserved = out->Reserve(8192);
    written = WriteAll(*out, std::string(8192, 'x'));
  }
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &before) == 0);
  ::signal(SIGXFSZ, old);
  CHECK(reserved.code() == Code::kIo);
  CHECK(written.code() == Code::kIo);
  CHECK(folder.count() == 0);
}

}  // namespace
}  // namespace bitnet::core
