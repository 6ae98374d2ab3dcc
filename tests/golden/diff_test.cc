// bitnet diff, and files that change or fail under the tool.
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "golden/tool.h"
#include "support/catch.h"
#include "support/gguf_builder.h"
#include "support/hf_master.h"

namespace bitnet::test {
namespace {

namespace fs = std::filesystem;

std::string Form(const std::string& type) { return std::string(BITNET_TEST_UNPACKED) + "/tiny." + type + ".gguf"; }

Json DiffJson(const std::string& a, const std::string& b, int exit_code) {
  const Outcome run = RunTool({"diff", "--json", a, b});
  INFO(run.err);
  REQUIRE(run.exit_code == exit_code);
  return Parse(run.out);
}

TEST_CASE("a model is equal to itself and to a copy of another name", "[golden][diff]") {
  const ScratchFolder folder;
  fs::copy_file(BITNET_TINY_MODEL, folder / "model.safetensors");
  const Outcome run = RunTool({"diff", BITNET_TINY_MODEL, folder / "model.safetensors"});
  CHECK(run.exit_code == 0);
  CHECK(run.err.empty());
  CHECK(run.out.find("68 tensors: 68 equal; metadata: 0 of ") != std::string::npos);
  CHECK(run.out.find("blk.0") == std::string::npos);
  CHECK(RunTool({"diff", "--all", BITNET_TINY_MODEL, BITNET_TINY_MODEL}).out.find("blk.5.ffn_down.weight") !=
        std::string::npos);
}

TEST_CASE("the forms of one model have the same codes, and their own scales", "[golden][diff]") {
  for (const char* type : {"iq2_bn_r4", "iq1_bn", "tq1_0", "tq2_0"}) {
    INFO(type);
    // Scales of 16 bits are rounded; IQ2_BN_R4 keeps 32.
    const uint64_t n_scale = std::string(type) == "iq2_bn_r4" ? 0 : 42;
    const Json diff = DiffJson(BITNET_TINY_MODEL, Form(type), n_scale == 0 ? 0 : 18);
    CHECK(At(diff, "summary.scale").uinteger == n_scale);
    CHECK(At(diff, "summary.equal").uinteger == 68 - n_scale);
    CHECK(At(diff, "summary.tensors").uinteger == 68);
    CHECK(At(diff, "equal").boolean == (n_scale == 0));
    CHECK(At(diff, "metadata").array.size() == At(diff, "summary.metadata_different").uinteger);
    REQUIRE(At(diff, "notes").array.size() == 1);
    CHECK(Text(At(diff, "notes").array[0], "key") == "general.file_type");
  }
}

// The text of a file with `from`, which is there, once replaced.
void Replace(const std::string& path, std::string_view from, std::string_view to) {
  std::stringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  std::string changed = text.str();
  const size_t at = changed.find(from);
  REQUIRE(at != std::string::npos);
  changed.replace(at, from.size(), to);
  std::ofstream(path, std::ios::binary) << changed;
}

TEST_CASE("a tokenizer is compared by all that decides the ids, in every form", "[golden][diff]") {
  const std::string tokenizer = std::string(BITNET_TEST_UNPACKED) + "/tokenizers/tiny/tokenizer.json";
  const ScratchFolder a, b;
  for (const std::string& folder : {a.path(), b.path()}) {
    const core::Status written = WriteHfMaster(BITNET_TINY_MODEL, tokenizer, folder);
    INFO(written.message());
    REQUIRE(written.ok());
  }
  CHECK(At(DiffJson(BITNET_TINY_MODEL, a.path(), 0), "summary.metadata").uinteger > 25);
  const struct {
    const char *key, *file, *from, *to;
  } kChanges[] = {
      {"tokenizer.merges", "tokenizer.json", "[\"h\", \"e\"], [\"\xC4\xA0\", \"t\"]",
       "[\"\xC4\xA0\", \"t\"], [\"h\", \"e\"]"},
      {"tokenizer.token_types", "tokenizer.json", R"("special": true)", R"("special": false)"},
      {"tokenizer.added_tokens", "tokenizer.json", R"("lstrip": false)", R"("lstrip": true)"},
      {"tokenizer.ignore_merges", "tokenizer.json", R"("ignore_merges": true)", R"("ignore_merges": false)"},
      {"tokenizer.normalizer", "tokenizer.json", R"("normalizer": null)", R"("normalizer": {"type": "NFC"})"},
      {"tokenizer.split", "tokenizer.json", "{1,3}", "{1,2}"},
      {"tie_word_embeddings", "config.json", R"("tie_word_embeddings": true)", R"("tie_word_embeddings": false)"},
      {"tokenizer.chat_template", "tokenizer_config.json", "chat_template\": \"", "chat_template\": \"x"},
  };
  for (const auto& change : kChanges) {
    INFO(change.key);
    const std::string path = b / change.file;
    Replace(path, change.from, change.to);
    for (const std::string& other : {std::string(BITNET_TINY_MODEL), a.path()}) {
      const Json diff = DiffJson(other, b.path(), 18);
      CHECK(At(diff, "summary.equal").uinteger == At(diff, "summary.tensors").uinteger);
      const auto& rows = At(diff, "metadata").array;
      CHECK(std::any_of(rows.begin(), rows.end(), [&](const Json& row) { return Text(row, "key") == change.key; }));
      CHECK(rows.size() <= 2);  // a token that is no longer special has another flag too
    }
    fs::copy_file(a / change.file, path, fs::copy_options::overwrite_existing);
  }
  CHECK(At(DiffJson(a.path(), b.path(), 0), "equal").boolean);
}

TEST_CASE("a repacked model is equal, and a note says what its types are called", "[golden][diff]") {
  const Outcome run = RunTool({"diff", BITNET_TINY_MODEL, Form("iq2_bn_r4")});
  INFO(run.out);
  CHECK(run.exit_code == 0);
  CHECK(run.out.find("general.file_type (a note") != std::string::npos);
}

TEST_CASE("what cannot be compared is said", "[golden][diff]") {
  const ScratchFolder folder;
  std::ofstream(folder / "text.gguf") << "this is no model\n";
  for (const std::string& bad : {folder / "text.gguf", folder / "absent.gguf", std::string("/dev/zero")}) {
    const Outcome run = RunTool({"diff", BITNET_TINY_MODEL, bad});
    CHECK(run.exit_code == 10);
    CHECK(run.out.empty());
    CHECK(run.err.find(bad) != std::string::npos);
  }
  CHECK(RunTool({"diff", BITNET_TINY_MODEL}).exit_code == 2);
}

TEST_CASE("Ctrl-C ends a comparison", "[golden][diff]") {
  const ScratchFolder folder;
  GgufBuilder builder;
  builder.String("general.architecture", "bitnet").Add({"large", {1 << 20, 1 << 14}, 0, ""});
  for (const char* name : {"a.gguf", "b.gguf"}) {
    const std::string header = builder.Build();
    std::ofstream(folder / name, std::ios::binary) << header;
    fs::resize_file(folder / name, header.size() + (uint64_t{4} << 34));  // sparse: takes minutes to compare
  }
  ToolProcess diff({"diff", folder / "a.gguf", folder / "b.gguf"});
  REQUIRE(diff.WaitUntilStarted());
  diff.Interrupt();
  const Outcome run = diff.Finish();
  CHECK(run.exit_code == 130);
  CHECK(run.out.empty());
}

TEST_CASE("files are recognised by content, and the report says by what", "[golden]") {
  const ScratchFolder folder;
  fs::copy_file(BITNET_TINY_MODEL, folder / "model.safetensors");
  const Json gguf = RunToolJson({"info", "--json", folder / "model.safetensors"});
  CHECK(Text(gguf, "format.container") == "GGUF");
  CHECK(Text(gguf, "format.why").find("magic GGUF") != std::string::npos);
  const std::string control = std::string(BITNET_TEST_UNPACKED) + "/hostile/safetensors/valid_base/";
  fs::create_directory(folder / "hf");
  for (const char* name : {"config.json", "tokenizer.json"}) fs::copy_file(control + name, (folder / "hf/") + name);
  fs::copy_file(control + "model.safetensors", folder / "hf/model.gguf");
  const Json hf = RunToolJson({"info", "--json", "--ctx", "16", folder / "hf/model.gguf"});
  CHECK(Text(hf, "format.container") == "SafeTensors");
  CHECK(Text(hf, "format.why").find("SafeTensors header; config.json says bitnet with packed ternary weights") !=
        std::string::npos);
  CHECK(At(hf, "format.tensors").uinteger > 10);
  CHECK(At(hf, "types.U8.tensors").uinteger > 0);
  CHECK(At(hf, "memory.ctx").uinteger == 16);
  CHECK(At(hf, "memory.weights_mapped_bytes").uinteger < At(hf, "size_bytes").uinteger);  // linears are packed anew
  CHECK(At(hf, "memory.weights_owned_bytes").uinteger > 0);
  CHECK(At(hf, "memory.scratch_bytes").uinteger > 0);
}

TEST_CASE("a pipe or a device is no model, and nothing waits for it", "[golden]") {
  const ScratchFolder folder;
  REQUIRE(::mkfifo((folder / "fifo.gguf").c_str(), 0600) == 0);
  for (const std::string& path : {folder / "fifo.gguf", std::string("/dev/zero"), folder.path()}) {
    for (const char* command : {"info", "run", "inspect"}) {
      std::vector<std::string> arguments = {command, "--model", path};
      if (std::string(command) == "run") arguments.insert(arguments.end(), {"--tokens", "1"});
      const Outcome run = RunTool(arguments);
      INFO(command << " " << path << ": " << run.err);
      CHECK(run.exit_code == 10);
      CHECK(run.out.empty());
    }
  }
}

TEST_CASE("a model file that shrinks in use ends a mapped run with a line, and no copied one", "[golden]") {
  for (const char* mode : {"map", "copy"}) {
    const ScratchFolder folder;
    fs::copy_file(BITNET_TINY_MODEL, folder / "model.gguf");
    ToolProcess chat({"chat", "--load-mode", mode, "--model", folder / "model.gguf"});
    chat.WriteInput("What is the capital of Japan?\n");
    REQUIRE(chat.WaitForOutput("Tokyo"));
    fs::resize_file(folder / "model.gguf", 4096);
    chat.WriteInput("What is the capital of France?\n");
    const Outcome run = chat.Finish();
    INFO(mode << ": " << run.err);
    const bool mapped = std::string(mode) == "map";
    CHECK(run.exit_code == (mapped ? 3 : 0));
    CHECK((run.err.find("--load-mode copy") != std::string::npos) == mapped);
    CHECK((run.out.find("Paris") != std::string::npos) == !mapped);
  }
}

}  // namespace
}  // namespace bitnet::test
