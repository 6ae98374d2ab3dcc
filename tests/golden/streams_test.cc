// What goes where: results on standard output, all else on standard error; pipes that close; Ctrl-C.
#include <sys/stat.h>

#include <filesystem>
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

TEST_CASE("a pipe that closes takes no file along that the run was asked for", "[golden]") {
  const ScratchFolder folder;
  for (const char* form : {"--quiet", "--json"}) {
    INFO(form);
    const std::string document = folder / std::string(form), receipt = document + ".receipt";
    ToolProcess tool(
        {"run", form, "--prompt-file", "-", "-n", "40", "--ignore-eos", "--output", document, "--receipt", receipt});
    tool.CloseOutput();  // it waits for its prompt
    tool.WriteInput("Tell me a story.");
    CHECK(tool.Finish().exit_code == 0);
    CHECK(Ids(Parse(ReadBytes(document)), "output_tokens").size() == 40);
    CHECK(RunTool({"verify-receipt", receipt, "--replay"}).exit_code == 0);
  }
}

TEST_CASE("no output file takes the place of a standard stream that is closed", "[golden]") {
  const ScratchFolder folder;
  const std::string document = folder / "run.json", receipt = folder / "receipt.json";
  const std::vector<std::string> run = {
      "run", "--prompt", "Why is the sky blue?", "-n", "8", "--output", document, "--receipt", receipt};
  // Without standard output the run fails as one that cannot write it, and leaves no file.
  for (const std::vector<int>& closed : {std::vector{1}, std::vector{0, 1, 2}}) {
    CHECK(RunTool(run, {.closed = closed}).exit_code == 3);
    CHECK_FALSE(std::filesystem::exists(document));
    CHECK_FALSE(std::filesystem::exists(receipt));
  }
  const Outcome deaf = RunTool(run, {.closed = {0, 2}});
  CHECK(deaf.exit_code == 0);
  CHECK(Text(Parse(ReadBytes(document)), "output") + "\n" == deaf.out);
  CHECK(RunTool({"verify-receipt", receipt}).exit_code == 0);
}

TEST_CASE("Ctrl-C while a pipe waits for its other end ends the tool: 130", "[golden]") {
  const ScratchFolder folder;
  const std::string fifo = folder / "fifo";
  REQUIRE(mkfifo(fifo.c_str(), 0600) == 0);
  for (const char* option : {"--output", "--prompt-file"}) {
    INFO(option);
    ToolProcess tool({"run", "--json", option, fifo, std::string(option) == "--output" ? "--prompt=hi" : "--quiet"});
    REQUIRE(tool.WaitUntilStarted(/*asleep=*/true));
    tool.Interrupt();
    const Outcome run = tool.Finish();
    CHECK(run.exit_code == 130);
    CHECK(run.err == "bitnet: interrupted\n");
  }
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

TEST_CASE("Ctrl-C ends work that cannot be asked to stop: 130 at once, and nothing half-written stays", "[golden]") {
  const ScratchFolder folder;
  const std::string model = folder / "model.gguf";
  std::filesystem::copy_file(BITNET_TINY_MODEL, model);
  std::filesystem::permissions(model, std::filesystem::perms::owner_write, std::filesystem::perm_options::add);
  std::filesystem::resize_file(model, uint64_t{4} << 30);  // a hole after the data, which the digest of the file reads
  ToolProcess tool({"inspect", model, "--output", folder / "report.txt"});
  const auto n_files = [&] {
    const std::filesystem::directory_iterator files(folder.path());
    return std::distance(begin(files), end(files));
  };
  REQUIRE(tool.WaitUntilStarted());
  while (n_files() < 2) REQUIRE(tool.WaitUntilStarted());
  tool.Interrupt();
  const Outcome run = tool.Finish();
  CHECK(run.exit_code == 130);
  CHECK(run.out.empty());
  CHECK(run.err == "bitnet: interrupted\n");
  CHECK(n_files() == 1);
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
