// Files that fail while they are read or used: the read of this program fails when it is told to, in the library too.
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <filesystem>
#include <fstream>

#include "support/hf_folder.h"
#include "support/host.h"

namespace {

// What the next reads do: -1 none, else how many still succeed.
int g_reads_left = -1;
int g_error = 0;
size_t g_most_bytes = SIZE_MAX;

}  // namespace

// Stands before the C library's.
extern "C" __attribute__((visibility("default"))) ssize_t read(int fd, void* buf, size_t n) {
  if (g_reads_left == 0) {
    if (g_error == EINTR) g_reads_left = -1;  // once
    errno = g_error;
    return -1;
  }
  if (g_reads_left > 0) --g_reads_left;
  return syscall(SYS_read, fd, buf, n < g_most_bytes ? n : g_most_bytes);
}

namespace bitnet::test {
namespace {

class Fixture {
 public:
  Fixture() : engine(MakeEngine()) {
    folder.Write("model.gguf", SmallModel().Builder().Build());
    path = folder.File("model.gguf");
    options.mode = BITNET_LOAD_COPY;
  }
  ~Fixture() {
    g_reads_left = -1;
    g_most_bytes = SIZE_MAX;
  }
  bitnet_status_t Load(bitnet_model_t** model) const {
    return bitnet_model_load(engine.get(), path.c_str(), &options, model);
  }

  Folder folder;
  EnginePtr engine;
  std::string path;
  bitnet_model_options_t options = BITNET_MODEL_OPTIONS_INIT;
};

TEST_CASE_METHOD(Fixture, "a read error of the file system is an error that names the file", "[capi][io]") {
  g_most_bytes = 100000;  // several reads a file
  g_error = EIO;
  bool loaded = false;
  int n_failed = 0;
  for (int reads = 0; !loaded && reads < 100; ++reads) {
    g_reads_left = reads;
    bitnet_model_t* raw = nullptr;
    const bitnet_status_t status = Load(&raw);
    const std::string message = bitnet_last_error_message();
    loaded = status == BITNET_OK;
    g_reads_left = -1;
    const ModelPtr model(raw);
    if (loaded) break;
    CHECK(status == BITNET_E_IO);
    CHECK(raw == nullptr);
    CHECK(message.find(path) != std::string::npos);
    CHECK(message.find("Input/output error") != std::string::npos);
    ++n_failed;
  }
  CHECK(loaded);
  CHECK(n_failed > 2);
}

TEST_CASE_METHOD(Fixture, "interrupted and short reads are gone on with", "[capi][io]") {
  const auto sha256 = [&] {
    bitnet_model_t* raw = nullptr;
    BN_OK(Load(&raw));
    const ModelPtr model(raw);
    char hex[BITNET_SHA256_HEX_SIZE];
    BN_OK(bitnet_file_sha256(bitnet_model_file(raw), hex));
    return std::string(hex);
  };
  const std::string want = sha256();
  g_most_bytes = 4093;
  CHECK(sha256() == want);
  g_error = EINTR;
  g_reads_left = 3;
  CHECK(sha256() == want);
  CHECK(g_reads_left == -1);  // it came
}

// Loads the file, cuts it short, and goes on: 0 when all went well, 42 for a bus error.
int UseWhileItShrinks(const Fixture& fixture) {
  bitnet_model_t* raw = nullptr;
  bitnet_session_t* session = nullptr;
  const int32_t prompt[] = {256, 65, 66};
  if (fixture.Load(&raw) != BITNET_OK || bitnet_session_create(raw, nullptr, &session) != BITNET_OK) return 1;
  std::filesystem::resize_file(fixture.path, 4096);
  const bitnet_status_t status = bitnet_session_eval(session, prompt, 3, BITNET_WANT_LAST);
  bitnet_session_free(session);
  bitnet_model_free(raw);
  return status == BITNET_OK ? 0 : 2;
}

TEST_CASE_METHOD(Fixture, "a copied model survives a file that shrinks", "[capi][io]") {
  CHECK(UseWhileItShrinks(*this) == 0);
}

// What model.h says of BITNET_LOAD_MAP. In a process of its own, whose signal tells.
TEST_CASE_METHOD(Fixture, "a mapped model that shrinks is a bus error, as documented", "[capi][io]") {
  options.mode = BITNET_LOAD_MAP;
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    std::signal(SIGBUS, [](int) { _exit(42); });
    _exit(UseWhileItShrinks(*this));
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  REQUIRE(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 42);
}

}  // namespace
}  // namespace bitnet::test
