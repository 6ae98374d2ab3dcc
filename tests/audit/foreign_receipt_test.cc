// Receipts that were made on other machines (tests/data/receipts), by x86-64 kernels and, under qemu, by those of Arm,
// replayed on this one. scripts/aarch64.sh replays them on the Arm kernels.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "audit/support.h"

namespace bitnet::test {
namespace {

TEST_CASE("A receipt made on another machine verifies here, and its replay gives the same bits", "[receipt][replay]") {
  size_t n = 0;
  for (const std::string& target : Targets()) {
    const Engine engine = MakeEngine(target.c_str(), 2);
    const Model model = Must(Model::load(engine, BITNET_TINY_MODEL));
    VerifyOptions options;
    options.model = model.capi();
    for (const auto& entry : std::filesystem::directory_iterator(BITNET_TEST_DATA "/receipts")) {
      std::ifstream in(entry.path());
      const std::string text{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
      INFO(entry.path() << " on " << target);
      const Verification verified = Must(Verification::verify(text, options));
      INFO(ProblemsOf(verified));
      CHECK(verified.accepted());
      const Verification replay = Must(Verification::replay(text, model));
      INFO(ProblemsOf(replay));
      CHECK(replay.accepted());
      ++n;
    }
  }
  CHECK(n == 5 * Targets().size());
}

}  // namespace
}  // namespace bitnet::test
