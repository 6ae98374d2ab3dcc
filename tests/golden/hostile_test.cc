// The malformed files of tests/data/hostile.tar.xz, as a user meets them: `info --verify`.
#include <algorithm>

#include "golden/tool.h"
#include "support/catch.h"

namespace bitnet::test {
namespace {

bool NamesPlace(const std::string& message, const Json& entry) {
  if (message.find(Text(entry, "field")) != std::string::npos) return true;
  if (const Json* also = entry.Find("also")) {
    for (const Json& other : also->array) {
      if (message.find(other.string) != std::string::npos) return true;
    }
  }
  return false;
}

TEST_CASE("every malformed GGUF file exits with 10 and a line that names the place, every valid one loads",
          "[golden]") {
  const Json manifest = Parse(ReadBytes(BITNET_TEST_UNPACKED "/hostile/manifest.json"));
  size_t n_refused = 0, n_loaded = 0;
  for (const Json& entry : manifest.array) {
    const std::string file = Text(entry, "file");
    if (!file.starts_with("gguf/")) continue;  // the others are made by tests of the loader
    const Outcome run = RunTool({"info", "--verify", BITNET_TEST_UNPACKED "/hostile/" + file});
    INFO(file << ": exit " << run.exit_code << "\n" << run.err);
    if (Text(entry, "expect") == "ok") {
      CHECK(run.exit_code == 0);
      ++n_loaded;
    } else {
      CHECK(run.exit_code == 10);
      CHECK(run.out.empty());
      CHECK(NamesPlace(run.err, entry));
      CHECK(std::count(run.err.begin(), run.err.end(), '\n') == 1);
      CHECK(std::none_of(run.err.begin(), run.err.end() - 1, [](unsigned char c) { return c < 0x20 || c == 0x7f; }));
      ++n_refused;
    }
  }
  CHECK(n_refused > 150);
  CHECK(n_loaded > 10);
}

}  // namespace
}  // namespace bitnet::test
