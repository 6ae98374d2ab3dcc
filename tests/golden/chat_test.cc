// Conversations, as a person holds them: line by line.
#include "golden/tool.h"
#include "support/catch.h"

namespace bitnet::test {
namespace {

TEST_CASE("a conversation answers line by line and keeps its history", "[golden]") {
  const Outcome chat =
      RunTool({"chat"}, {.input = "What is the capital of Japan?\nWhy is the sky blue?\n/exit\nnever\n"});
  CHECK(chat.exit_code == 0);
  CHECK(chat.out.starts_with("The capital of Japan is Tokyo.\nThe sky is blue"));
  CHECK(chat.out.find("never") == std::string::npos);
}

TEST_CASE("the second turn of a conversation is the pinned prompt", "[golden]") {
  for (const Json& prompt : At(Goldens(), "prompts").array) {
    if (Text(prompt, "name") != "two_turns") continue;
    const Outcome chat = RunTool({"chat", "--json"}, {.input = "What is the capital of Japan?\nTell me a story.\n"});
    INFO(chat.err);
    REQUIRE(chat.exit_code == 0);
    const size_t line = chat.out.find('\n');
    REQUIRE(line != std::string::npos);
    const Json second = Parse(std::string_view(chat.out).substr(line + 1));
    CHECK(Ids(second, "prompt_tokens") == Ids(prompt, "tokens"));
    return;
  }
  FAIL("no golden prompt two_turns");
}

TEST_CASE("the commands of a conversation do what /help says", "[golden]") {
  const ScratchFolder folder;
  const Outcome chat = RunTool(
      {"chat"}, {.input = "/help\n/system Be brief.\nWhy is the sky blue?\n/stats\n/save " + (folder / "chat.json") +
                          "\n/frobnicate\n/clear\n/save " + (folder / "cleared.json") + "\n"});
  CHECK(chat.exit_code == 0);
  CHECK(chat.err.find("/system TEXT") != std::string::npos);
  CHECK(chat.err.find("tokens/s") != std::string::npos);
  CHECK(chat.err.find("\"/frobnicate\"") != std::string::npos);
  const Json saved = Parse(ReadBytes(folder / "chat.json"));
  const auto& messages = At(saved, "messages").array;
  REQUIRE(messages.size() == 3);
  CHECK(Text(messages[0], "role") == "system");
  CHECK(Text(messages[0], "content") == "Be brief.");
  CHECK(Text(messages[1], "content") == "Why is the sky blue?");
  CHECK(Text(messages[2], "role") == "assistant");
  CHECK(At(Parse(ReadBytes(folder / "cleared.json")), "messages").array.size() == 1);
}

TEST_CASE("lines may end as those of other systems do", "[golden]") {
  const Outcome chat = RunTool({"chat"}, {.input = "What is the capital of Japan?\r\n/exit\r\nnever\r\n"});
  CHECK(chat.exit_code == 0);
  CHECK(chat.out == "The capital of Japan is Tokyo.\n");
}

TEST_CASE("history that does not fit is said, and nothing is dropped", "[golden]") {
  const ScratchFolder folder;
  const Outcome chat = RunTool({"chat", "--ctx", "44", "--quiet"},
                               {.input = "Why is the sky blue?\nTell me a story about a fox and a bear.\n/save " +
                                         (folder / "chat.json") + "\n/clear\nWhy is the sky blue?\n"});
  CHECK(chat.exit_code == 0);
  CHECK(chat.err.find("holds 44") != std::string::npos);
  CHECK(chat.err.find("/clear") != std::string::npos);
  CHECK(At(Parse(ReadBytes(folder / "chat.json")), "messages").array.size() == 2);
  const std::string answer = "The sky is blue because air scatters blue light more than red light.\n";
  CHECK(chat.out == answer + answer);
}

TEST_CASE("Ctrl-C stops an answer, and the conversation goes on", "[golden]") {
  ToolProcess tool({"chat", "--target", "portable", "--threads", "1", "-n", "400", "--ignore-eos"});
  tool.WriteInput("Tell me a story.\n");
  CHECK(tool.WaitForOutput(" "));
  tool.Interrupt();
  tool.WriteInput("/clear\n/stats\n");
  const Outcome chat = tool.Finish();
  CHECK(chat.exit_code == 0);
  CHECK(chat.err.find("stopped") != std::string::npos);
  CHECK(chat.err.find("forgotten") != std::string::npos);
}

TEST_CASE("Ctrl-C between answers ends the program", "[golden]") {
  ToolProcess tool({"chat"});
  tool.WriteInput("Why is the sky blue?\n");
  CHECK(tool.WaitForOutput("red light.\n"));
  tool.Interrupt();
  CHECK(tool.Finish().exit_code == 130);
}

}  // namespace
}  // namespace bitnet::test
