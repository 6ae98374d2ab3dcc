// What goes where: results on standard output, all else on standard error; pipes that close; Ctrl-C.
#include <fstream>

#include "golden/tool.h"
#include "support/catch.h"

namespace bitnet::test {
namespace {

TEST_CASE("text goes to standard output, the closing line to standard error, and --quiet drops it", "[golden]") {
  const Outcome loud = RunTool({"run", "--prompt", "Why is the sky blue?"});
  CHECK(loud.out == "The sky is blue because air scatters blue light more than red light.\n");
  CHECK(loud.err.find("tokens/s") != std::string::npos);
  CHECK(loud.err.find('\033') == std::string::npos);
  const Outcome quiet = RunTool({"run", "--quiet", "--prompt", "Why is the sky blue?"});
  CHECK(quiet.out == loud.out);
  CHECK(quiet.err.empty());
}

TEST_CASE("a pipe that closes ends the tool quietly", "[golden]") {
  ToolProcess tool({"run", "--prompt", "Tell me a story.", "-n", "400", "--ignore-eos"});
  CHECK(tool.WaitForOutput(" "));
  tool.CloseOutput();
  const Outcome run = tool.Finish();
  CHECK(run.exit_code == 0);
  CHECK(run.err.empty());
}

TEST_CASE("Ctrl-C ends a run after the current token: 130, and the document says so", "[golden]") {
  // 490 tokens in chunks of one thread of the reference: long enough to be caught in the middle.
  ToolProcess tool({"run", "--json", "--stream", "--target", "portable", "--threads", "1", "--tokens", "1531", "-n",
                    "490", "--ignore-eos"});
  CHECK(tool.WaitForOutput("\n"));
  tool.Interrupt();
  const Outcome run = tool.Finish();
  CHECK(run.exit_code == 130);
  REQUIRE(run.out.size() > 2);
  const size_t last = run.out.rfind('\n', run.out.size() - 2);
  REQUIRE(last != std::string::npos);
  const Json document = Parse(std::string_view(run.out).substr(last + 1));
  CHECK(Text(document, "stop_reason") == "cancelled");
  CHECK(Ids(document, "output_tokens").size() < 490);
}

TEST_CASE("nothing from a file reaches the terminal as a control character", "[golden]") {
  const ScratchFolder folder;
  const std::string path = folder / "a\033[2Jb\n.gguf";
  std::ofstream(path) << "GGUF\033[31m";
  const Outcome run = RunTool({"info", path});
  CHECK(run.exit_code == 10);
  CHECK(run.err.find('\033') == std::string::npos);
  CHECK(run.err.find("\\x1b") != std::string::npos);
}

TEST_CASE("a prompt comes from a file or from standard input as it is", "[golden]") {
  const ScratchFolder folder;
  std::ofstream(folder / "prompt.txt") << "Why is the sky blue?";
  const std::string expected = "The sky is blue because air scatters blue light more than red light.\n";
  CHECK(RunTool({"run", "--prompt-file", folder / "prompt.txt"}).out == expected);
  CHECK(RunTool({"run", "--prompt-file", "-"}, {.input = "Why is the sky blue?"}).out == expected);
}

}  // namespace
}  // namespace bitnet::test
