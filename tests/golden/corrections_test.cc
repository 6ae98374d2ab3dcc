// Corrections at the command line: the two switches, the brakes, and what inspection finds (docs/policy.md).
#include <cmath>
#include <fstream>

#include "golden/tool.h"
#include "support/bad_models.h"
#include "support/catch.h"

namespace bitnet::test {
namespace {

constexpr char kPolicy[] = "BITNET_CORRECTION_POLICY", kPermission[] = "BITNET_ALLOW_RUNTIME_CORRECTIONS";

// A policy that matches the built-in model and changes it.
std::string WritePolicy(const ScratchFolder& folder) {
  const std::string path = folder / "policy.yaml";
  std::ofstream(path) << "version: 1\npolicies:\n- name: scores\n  fingerprint: {type: metadata, architecture: "
                         "bitnet-b1.58}\n  corrections: [{type: attention_scale, parameters: {scale_factor: 2, "
                         "apply_to: all_layers}}]\n";
  return path;
}

struct Case {
  std::vector<std::string> flags;
  std::vector<std::pair<std::string, std::string>> variables;
  const char* word;  // in the message; null: the run goes through
};

TEST_CASE("nothing is corrected and nothing loaded without both switches, in CI without a third, or in strict mode",
          "[golden][corrections]") {
  const ScratchFolder folder;
  const std::string policy = WritePolicy(folder);
  const std::string p = "--correction-policy", allow = "--allow-corrections", ci = "--allow-corrections-in-ci";
  const std::vector<Case> cases = {
      {{}, {}, nullptr},
      {{p, policy}, {}, "--allow-corrections"},
      {{allow}, {}, "--correction-policy"},
      {{p, policy, allow}, {}, nullptr},
      // The environment stands for the flags.
      {{}, {{kPolicy, policy}}, "--allow-corrections"},
      {{}, {{kPermission, "1"}}, "--correction-policy"},
      {{}, {{kPolicy, policy}, {kPermission, "1"}}, nullptr},
      {{p, policy}, {{kPermission, "1"}}, nullptr},
      {{allow}, {{kPolicy, policy}}, nullptr},
      {{p, policy}, {{kPermission, "0"}}, "--allow-corrections"},
      {{p, policy}, {{kPermission, ""}}, "--allow-corrections"},
      // CI is a brake, unless it is empty, 0 or false.
      {{p, policy, allow}, {{"CI", "true"}}, "--allow-corrections-in-ci"},
      {{p, policy, allow}, {{"CI", "1"}}, "--allow-corrections-in-ci"},
      {{}, {{kPolicy, policy}, {kPermission, "1"}, {"CI", "yes"}}, "--allow-corrections-in-ci"},
      {{p, policy, allow, ci}, {{"CI", "true"}}, nullptr},
      {{p, policy, ci}, {{"CI", "true"}}, "--allow-corrections"},  // the third replaces neither of the two
      {{p, policy, allow}, {{"CI", ""}}, nullptr},
      {{p, policy, allow}, {{"CI", "0"}}, nullptr},
      {{p, policy, allow}, {{"CI", "false"}}, nullptr},
      {{}, {{"CI", "true"}}, nullptr},  // nothing to correct, nothing to brake
      // Strict refuses what is switched on, wherever it was.
      {{"--strict"}, {}, nullptr},
      {{"--strict", p, policy, allow}, {}, "--strict"},
      {{"--strict", p, policy, allow, ci}, {{"CI", "1"}}, "--strict"},
      {{"--strict"}, {{kPolicy, policy}, {kPermission, "1"}}, "--strict"},
  };
  for (const Case& c : cases) {
    std::string line;
    for (const std::string& flag : c.flags) line += flag + " ";
    for (const auto& [name, value] : c.variables) line += name + "=" + value + " ";
    INFO(line);
    std::vector<std::string> run = {"run", "-n", "1", "-p", "a"}, chat = {"chat"};
    run.insert(run.end(), c.flags.begin(), c.flags.end());
    chat.insert(chat.end(), c.flags.begin(), c.flags.end());
    const Given given{.input = "/exit\n", .variables = c.variables};
    if (c.word == nullptr) {
      CHECK(RunTool(run, given).exit_code == 0);
      CHECK(RunTool(chat, given).exit_code == 0);
      continue;
    }
    // The model does not exist, and nobody notices: nothing is read before the switches are.
    for (std::vector<std::string>* arguments : {&run, &chat}) {
      arguments->insert(arguments->end(), {"--model", folder / "absent.gguf"});
      const Outcome refused = RunTool(*arguments, given);
      INFO(refused.err);
      CHECK(refused.exit_code == 13);
      CHECK(refused.out.empty());
      CHECK(refused.err.find(c.word) != std::string::npos);
    }
  }
}

TEST_CASE("strict mode refuses a model with suspicious norms, which runs without it", "[golden][corrections]") {
  const ScratchFolder folder;
  const std::string bad = folder / "bad.gguf";
  BadModel(BITNET_TINY_MODEL).ScaleNorms(Named("blk.3.attn_sub_norm.weight"), 64).WriteTo(bad);
  const Outcome strict = RunTool({"run", "-n", "1", "-p", "a", "--strict", "--model", bad});
  CHECK(strict.exit_code == 13);
  CHECK(strict.err.find("blk.3.attn_sub_norm.weight") != std::string::npos);
  CHECK(RunTool({"run", "-n", "1", "-p", "a", "--model", bad}).exit_code == 0);
}

TEST_CASE("guard fails when a correction variable is set", "[golden][corrections]") {
  CHECK(RunTool({"guard"}).exit_code == 0);
  CHECK(RunTool({"guard"}, {.variables = {{"CI", "true"}}}).exit_code == 0);
  for (const char* name : {kPolicy, kPermission}) {
    const Outcome run = RunTool({"guard"}, {.variables = {{name, "1"}}});
    CHECK(run.exit_code == 13);
    CHECK(run.err.find(name) != std::string::npos);
    const Outcome json = RunTool({"guard", "--json"}, {.variables = {{name, "1"}}});
    CHECK(json.exit_code == 13);
    const Json report = Parse(json.out);
    CHECK(At(report, "corrections_possible").boolean);
    REQUIRE(At(report, "variables").array.size() == 1);
    CHECK(At(report, "variables").array[0].string == name);
  }
  CHECK(At(RunToolJson({"guard", "--json"}), "variables").kind == Json::Kind::kArray);
  const Outcome both = RunTool({"guard", "--json"}, {.variables = {{kPolicy, "x"}, {kPermission, "1"}}});
  CHECK(At(Parse(both.out), "variables").array.size() == 2);
}

TEST_CASE("a policy or ruleset beyond the limits is an invalid one, whatever is too much", "[golden][corrections]") {
  const ScratchFolder folder;
  const std::string file = folder / "file.yaml";
  const auto repeat = [](const std::string& text, size_t n) {
    std::string out;
    for (size_t i = 0; i < n; ++i) out += text;
    return out;
  };
  const struct {
    const char* what;
    std::string text;
  } rows[] = {{"more than 1048576 bytes", std::string((1 << 20) + 1, '#')},
              {"more than 1048576 bytes", std::string(3 << 20, '#')},
              {"nested deeper than 16 levels", repeat("[", 100) + repeat("]", 100)},
              {"more than 64 aliases", "a: &x [1]\nb: [" + repeat("*x, ", 100) + "1]\n"},
              {"more than 65536 values", "a: [" + repeat("1,", 70000) + "1]\n"},
              {"control character 0x0", std::string("version: 1\n\0rules: {}", 21)},
              {"line 2, column 4: control character 0x0", std::string("version: 1\n# \xc3\xa4\0x", 17)}};
  for (const auto& row : rows) {
    INFO(row.what);
    std::ofstream(file) << row.text;
    for (const std::vector<std::string>& command :
         {std::vector<std::string>{"validate-policy", "--policy", file},
          {"run", "-p", "a", "-n", "1", "--correction-policy", file, "--allow-corrections"},
          {"inspect", "--rules", file, BITNET_TINY_MODEL}}) {
      const Outcome run = RunTool(command);
      INFO(command[0] << ": " << run.err);
      CHECK(run.exit_code == 11);
      CHECK(run.err.find("\"" + file + "\": line ") != std::string::npos);
      CHECK(run.err.find(row.what) != std::string::npos);
    }
  }
}

TEST_CASE("a receipt of a corrected run is rejected without permission and lets its reader redo the arithmetic",
          "[golden][corrections]") {
  const ScratchFolder folder;
  const std::string receipt = folder / "receipt.json";
  const auto run = [&](std::vector<std::string> more) {
    std::vector<std::string> all = {"run", "-n", "4", "-p", "a", "-m", BITNET_TINY_MODEL, "--receipt", receipt};
    all.insert(all.end(), more.begin(), more.end());
    REQUIRE(RunTool(all).exit_code == 0);
  };
  run({"--correction-policy", WritePolicy(folder), "--allow-corrections"});
  const Outcome refused = RunTool({"verify-receipt", receipt});
  CHECK(refused.exit_code == 14);
  CHECK(refused.out.starts_with("corrections: "));
  CHECK(RunTool({"verify-receipt", receipt, "--allow-corrections"}).exit_code == 0);
  CHECK(
      RunTool({"verify-receipt", receipt, "--allow-corrections", "--replay", "--model", BITNET_TINY_MODEL}).exit_code ==
      0);
  const Json applied = At(Parse(ReadBytes(receipt)), "corrections.applied").array.at(0);
  CHECK(At(applied, "parameters.scale_factor").number == 2);
  run({});
  CHECK(RunTool({"verify-receipt", receipt}).exit_code == 0);
}

TEST_CASE("inspect flags exactly the damaged norms, and its policy passes unedited", "[golden][corrections]") {
  const ScratchFolder folder;
  const std::string bad = folder / "bad.gguf", policy = folder / "fix.yaml";
  const auto good = [] { return BadModel(BITNET_TINY_MODEL); };
  const std::vector<std::pair<const char*, BadModel>> models = {
      {"scaled by a factor", good().ScaleNorms(OfClass("ffn_norm"), 56)},
      {"one layer's norm damaged", good().ScaleNorms(Named("blk.3.attn_norm.weight"), 1.0f / 64)},
      {"stored as Q8_0", good().QuantiseNorms(AnyNorm, core::QuantType::kQ8_0)},
      {"stored as Q4_0", good().QuantiseNorms(OfClass("attn_sub_norm"), core::QuantType::kQ4_0)},
      {"NaN in one norm", good().SetNormValue("blk.1.ffn_norm.weight", 7, std::nanf(""))},
      {"trained with another attention scale", good().TrainAttentionWith(2)},
  };
  for (const auto& [what, model] : models) {
    INFO(what);
    model.WriteTo(bad);
    const bool beyond_repair = std::string_view(what).starts_with("NaN");
    const bool norms_are_good = std::string_view(what).starts_with("trained");
    const Outcome run = RunTool({"inspect", "--ln-stats", "--json", bad});
    CHECK(run.exit_code == (norms_are_good ? 0 : 8));
    std::vector<std::string> suspects;
    const Json report = Parse(run.out);
    for (const Json& tensor : At(report, "tensors").array) {
      if (!At(tensor, "suspicions").array.empty()) suspects.push_back(Text(tensor, "name"));
    }
    CHECK(suspects == (norms_are_good ? std::vector<std::string>() : model.damaged()));
    if (norms_are_good) continue;
    const Outcome generate = RunTool({"inspect", "--ln-stats", "--generate-policy", policy, bad});
    CHECK(generate.exit_code == (beyond_repair ? 11 : 8));
    CHECK(generate.out.find("[SUSPICIOUS - ") != std::string::npos);  // the report is there in either case
    if (beyond_repair) continue;
    const Outcome valid = RunTool({"validate-policy", "--policy", policy, "--model", bad});
    INFO(valid.out << valid.err);
    CHECK(valid.exit_code == 0);
    CHECK(valid.out.find("READY") != std::string::npos);
    CHECK(RunTool({"run", "-n", "1", "-p", "a", "-m", bad, "--correction-policy", policy, "--allow-corrections"})
              .exit_code == 0);
  }
}

}  // namespace
}  // namespace bitnet::test
