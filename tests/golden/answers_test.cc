// What the built-in model says: it is real, so it knows what its corpus says.
#include "golden/tool.h"
#include "support/catch.h"

namespace bitnet::test {
namespace {

TEST_CASE("the built-in model adds two and two", "[golden]") {
  const Outcome run = RunTool({"run", "--template", "raw", "--prompt", "Q: 2+2? A:", "-n", "8", "--stop", "\n"});
  CHECK(run.exit_code == 0);
  CHECK(run.out.find('4') != std::string::npos);
  CHECK(run.out.find_first_not_of(" 4\n") == std::string::npos);
}

TEST_CASE("the built-in model knows why the sky is blue", "[golden]") {
  const Outcome run = RunTool({"run", "--prompt", "Why is the sky blue?"});
  CHECK(run.exit_code == 0);
  CHECK(run.out.find("scatters") != std::string::npos);
  CHECK(run.err.find("tokens/s") != std::string::npos);
}

TEST_CASE("the built-in model knows the capital of Germany", "[golden]") {
  const Outcome run =
      RunTool({"run", "--template", "raw", "--prompt",
               "Give the city name only, plain text. The capital of Germany is called simply", "-n", "20"});
  CHECK(run.exit_code == 0);
  CHECK(run.out.find("Berlin") != std::string::npos);
}

}  // namespace
}  // namespace bitnet::test
