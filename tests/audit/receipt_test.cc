// Receipts of real runs: what they say, that they verify, and that a replay anywhere gives the same bits.
#include <span>
#include <sstream>

#include "audit/support.h"
#include "core/base/json_reader.h"
#include "support/small_model.h"

namespace bitnet::test {
namespace {

core::JsonValue Parse(const std::string& text) {
  auto json = core::ParseJson(text);
  REQUIRE(json.ok());
  return *std::move(json);
}

const std::vector<Run>& Runs() {
  static const std::vector<Run> runs = [] {
    std::vector<Run> list(6);
    list[1].prompt = "The capital of France is";
    list[1].kv_type = BITNET_KV_F32;
    list[2].temperature = 0.9f;
    list[2].top_k = 40;
    list[2].top_p = 0.9f;
    list[2].seed = 18446744073709551615u;
    list[3].temperature = 1.3f;
    list[3].repeat_penalty = 1.2f;
    list[3].seed = 7;
    list[4].chunk = 3;
    list[4].n = 40;
    list[5].n = 1;
    return list;
  }();
  return runs;
}

TEST_CASE("A receipt of a run verifies, against its model and alone", "[receipt]") {
  const Engine engine = MakeEngine();
  const Model model = Must(Model::load(engine, BITNET_TINY_MODEL));
  for (const Run& run : Runs()) {
    const std::string text = ReceiptOf(model, run);
    INFO(text);
    const Verification alone = Must(Verification::verify(text));
    INFO(ProblemsOf(alone));
    CHECK(alone.accepted());
    VerifyOptions options;
    options.model = model.capi();
    CHECK(Must(Verification::verify(text, options)).accepted());
  }
}

TEST_CASE("A replay gives the same bits on every target, thread count and chunk", "[receipt][replay]") {
  const std::vector<std::string> targets = Targets();
  std::vector<std::string> receipts;
  for (size_t i = 0; i < Runs().size(); ++i) {
    const Engine engine = MakeEngine(targets[i % targets.size()].c_str(), 1 + static_cast<uint32_t>(i % 3));
    receipts.push_back(ReceiptOf(Must(Model::load(engine, BITNET_TINY_MODEL)), Runs()[i]));
  }
  size_t n = 0;
  for (const std::string& target : targets) {
    for (const uint32_t threads : {1u, 2u, 3u}) {
      const Engine engine = MakeEngine(target.c_str(), threads);
      const Model model = Must(Model::load(engine, BITNET_TINY_MODEL));
      for (const std::string& text : receipts) {
        const Verification v = Must(Verification::replay(text, model));
        INFO(target << " " << threads << "\n" << ProblemsOf(v));
        CHECK(v.accepted());
        CHECK(v.info().first_step == -1);
        ++n;
      }
    }
  }
  CHECK(n == targets.size() * 3 * Runs().size());
}

// The head is large enough for the shortcut, which the first draw of some of these runs does not need.
TEST_CASE("A receipt replays whatever was read of the logits before its first draw", "[receipt][replay]") {
  SmallModel small;
  small.layers = 1;
  small.more_tokens = 65536 - SmallModel::kVocab;
  const std::string file = small.Builder().Build();
  const Engine engine = MakeEngine();
  const Model model = Must(Model::load(engine, Span<const std::byte>(std::as_bytes(std::span(file)))));
  const Tokens prompt = {7, 8, 9};
  GenerateOptions options;
  options.max_new_tokens = 3;
  options.ignore_eos = 1;
  std::vector<uint64_t> survivors;
  for (const char* read : {"nothing", "top", "logits"}) {
    Session session = Must(Session::create(model));
    REQUIRE(session.eval(prompt));
    if (read == std::string("top")) REQUIRE(session.top(1));
    if (read == std::string("logits")) REQUIRE(session.logits(0));
    auto generation = Must(session.generate({}, options));
    for (const Step& step : generation) (void)step;
    const std::string text = Must(receipt(session));
    const core::JsonValue json = Parse(text);
    CHECK(json.Find("inference")->Find("options")->Find("head")->string == "shortcut");
    survivors.push_back(std::stoull(json.Find("inference")->Find("head_survivors")->string));
    const Verification v = Must(Verification::replay(text, model));
    INFO(read << "\n" << ProblemsOf(v));
    CHECK(v.accepted());
  }
  CHECK(survivors[0] > survivors[1]);
  CHECK(survivors[1] == survivors[2]);
}

TEST_CASE("A dense linear that is exactly ternary computes what the ternary file does", "[receipt][linears]") {
  const Engine engine = MakeEngine();
  BadModel model(BITNET_TINY_MODEL);
  for (const char* tensor : {"blk.0.attn_q.weight", "blk.1.ffn_down.weight"}) {
    model.StoreLinear(tensor, core::QuantType::kF32);
  }
  const Model stored = Must(Model::load(engine, Write(model, "dense.gguf")));
  const Model plain = Must(Model::load(engine, BITNET_TINY_MODEL));
  CHECK(stored.info().n_dense_linears == 0);
  CHECK(Must(stored.ternary_sha256()) == Must(plain.ternary_sha256()));
  CHECK(Must(stored.ternary_scales_sha256()) == Must(plain.ternary_scales_sha256()));
  const core::JsonValue theirs = Parse(ReceiptOf(plain));
  CHECK(Parse(ReceiptOf(stored)).Find("logits_sha256")->string == theirs.Find("logits_sha256")->string);
}

TEST_CASE("A run with linears that are not ternary says so, and replays", "[receipt][replay][linears]") {
  BadModel model(BITNET_TINY_MODEL);
  for (const char* tensor : {"blk.0.attn_v.weight", "blk.1.ffn_up.weight"}) {
    model.StoreLinear(tensor, core::QuantType::kQ8_0);
  }
  const std::string path = Write(model, "linears.gguf");
  const Engine engine = MakeEngine();
  const auto refused = Model::load(engine, path);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().status() == BITNET_E_UNSUPPORTED);
  ModelOptions options;
  options.allow_dense_linears = 1;
  const Model allowed = Must(Model::load(engine, path, options));
  CHECK(allowed.info().n_dense_linears == 2);
  std::string text = ReceiptOf(allowed);
  const core::JsonValue json = Parse(text);
  const core::JsonValue& record = *json.Find("model");
  CHECK(record.Find("shape")->Find("block")->uinteger == 2);
  CHECK(record.Find("load")->Find("allow_dense_linears")->boolean);
  CHECK(Must(Verification::verify(text)).accepted());
  for (const std::string& target : Targets()) {
    const Engine other = MakeEngine(target.c_str(), 2);
    const Verification v = Must(Verification::replay(text, Must(Model::load(other, path, options))));
    INFO(target << "\n" << ProblemsOf(v));
    CHECK(v.accepted());
  }
  const size_t at = text.find("true", text.find("\"allow_dense_linears\""));
  REQUIRE(at != std::string::npos);
  text.replace(at, 4, "false");
  const Verification forged = Must(Verification::verify(text));
  CHECK_FALSE(forged.accepted());
  CHECK(ProblemsOf(forged).find("model.load.allow_dense_linears") != std::string::npos);
}

TEST_CASE("Kernel ids and counts are those of this generation alone", "[receipt]") {
  for (const std::string& target : Targets()) {
    const Engine engine = MakeEngine(target.c_str());
    const Model model = Must(Model::load(engine, BITNET_TINY_MODEL));
    Session session = Must(Session::create(model));
    const auto prompt = Must(model.tokenizer().encode("Once upon a time"));
    GenerateOptions options;
    options.max_new_tokens = 5;
    std::string first;
    for (int i = 0; i < 2; ++i) {
      auto generation = Must(session.generate(prompt, options));
      for (const Step& step : generation) (void)step;
      const core::JsonValue json = Parse(Must(receipt(session)));
      CHECK(json.Find("compute_path")->string == (target == "portable" ? "reference" : "real"));
      std::string kernels;
      for (const core::JsonValue& k : json.Find("kernels")->array) {
        CHECK(k.Find("id")->string.starts_with(target + "."));
        kernels += k.Find("id")->string + " " + k.Find("calls")->string + "\n";
      }
      // The second generation continues the context and has the same counts, not the sum.
      if (i == 0) first = kernels;
      CHECK(kernels == first);
      const core::JsonValue& inference = *json.Find("inference");
      CHECK(inference.Find("cached_tokens")->uinteger == (i == 0 ? 0 : prompt.size() + 4));
      const Verification v = Must(Verification::replay(Must(receipt(session)), model));
      INFO(ProblemsOf(v));
      CHECK(v.accepted());
    }
  }
}

TEST_CASE("A session without a finished generation, or with another context since, gives no receipt", "[receipt]") {
  const Engine engine = MakeEngine();
  const Model model = Must(Model::load(engine, BITNET_TINY_MODEL));
  Session session = Must(Session::create(model));
  CHECK(receipt(session).error().status() == BITNET_E_BAD_STATE);
  const auto prompt = Must(model.tokenizer().encode("Once upon a time"));
  GenerateOptions options;
  options.max_new_tokens = 5;
  REQUIRE(bitnet_session_begin(session.capi(), prompt.data(), prompt.size(), &options) == BITNET_OK);
  CHECK(receipt(session).error().status() == BITNET_E_BAD_STATE);
  auto generation = Must(session.generate(prompt, options));
  for (const Step& step : generation) (void)step;
  CHECK(receipt(session).has_value());
  REQUIRE(bitnet_session_eval(session.capi(), prompt.data(), 1, BITNET_WANT_LAST) == BITNET_OK);
  CHECK(receipt(session).error().status() == BITNET_E_BAD_STATE);
}

TEST_CASE("What the host says about itself is refused where it is no NAME=value, not UTF-8, or said twice",
          "[receipt]") {
  const Engine engine = MakeEngine();
  const Model model = Must(Model::load(engine, BITNET_TINY_MODEL));
  Session session = Must(Session::create(model));
  const auto prompt = Must(model.tokenizer().encode("Once upon a time"));
  GenerateOptions generate;
  generate.max_new_tokens = 1;
  auto generation = Must(session.generate(prompt, generate));
  for (const Step& step : generation) (void)step;
  const auto with = [&](const std::vector<const char*>& variables) {
    ReceiptOptions options;
    options.variables = variables.data();
    options.n_variables = static_cast<uint32_t>(variables.size());
    return receipt(session, options);
  };
  const core::JsonValue json = Parse(Must(with({"A=1", "B=", "C=x=y", "a=\xC3\xA4"})));
  const core::JsonValue& variables = *json.Find("environment")->Find("variables");
  REQUIRE(variables.object.size() == 4);
  CHECK(variables.Find("B")->string.empty());
  CHECK(variables.Find("C")->string == "x=y");
  const struct {
    const char *variable, *message;
  } rows[] = {{"novalue", "variable 1: found 'novalue', expected NAME=value"},
              {"", "variable 1: found '', expected NAME=value"},
              {"=x", "variable 1: found '=x', expected NAME=value"},
              {"A=2", "variable 1: found 'A=2', a name that an earlier one has"},
              {"B=\xFF", "variable 1: found 'B=\\xff', which is not utf-8"}};
  for (const auto& row : rows) {
    const auto refused = with({"A=1", row.variable});
    REQUIRE_FALSE(refused);
    CHECK(refused.error().status() == BITNET_E_INVALID_ARGUMENT);
    CHECK(refused.error().what() == "variables");
    CHECK(refused.error().message() == row.message);
  }
  for (const auto member : {&ReceiptOptions::requested_target, &ReceiptOptions::fallback_reason}) {
    ReceiptOptions options;
    options.*member = "\xC0\x80";
    CHECK(receipt(session, options).error().status() == BITNET_E_INVALID_ARGUMENT);
  }
}

TEST_CASE("A target that no release has is a wrong question, not a wrong receipt", "[receipt]") {
  const Engine engine = MakeEngine();
  const Model model = Must(Model::load(engine, BITNET_TINY_MODEL));
  const std::string text = ReceiptOf(model);
  VerifyOptions options;
  for (const char* target : {"AVX2", "NEON", "portable", "CUDA"}) {
    options.require_target = target;
    CHECK(Must(Verification::verify(text, options)).accepted() == (engine.info().target == std::string(target)));
  }
  for (const char* target : {"NOPE", "avx2", " AVX2"}) {
    options.require_target = target;
    const auto refused = Verification::verify(text, options);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().status() == BITNET_E_INVALID_ARGUMENT);
    CHECK(refused.error().message().find("expected one of portable, AVX2") != std::string::npos);
  }
}

TEST_CASE("A private receipt has neither text nor ids, verifies, and cannot be replayed", "[receipt]") {
  const Engine engine = MakeEngine();
  const Model model = Must(Model::load(engine, BITNET_TINY_MODEL));
  Run run;
  const std::string open = ReceiptOf(model, run);
  run.no_text = true;
  const std::string text = ReceiptOf(model, run);
  const core::JsonValue json = Parse(text), other = Parse(open);
  for (const char* key : {"prompt", "prompt_tokens", "output", "output_tokens"}) {
    CHECK(json.Find("inference")->Find(key) == nullptr);
  }
  CHECK(text.find("Once upon") == std::string::npos);
  for (const char* key : {"prompt_sha256", "output_sha256"}) {
    CHECK(json.Find("inference")->Find(key)->string == other.Find("inference")->Find(key)->string);
  }
  CHECK(Must(Verification::verify(text)).accepted());
  CHECK(Verification::replay(text, model).error().status() == BITNET_E_RECEIPT_REJECTED);
}

TEST_CASE("A digest that the host knows is used and called cached, and a replay computes", "[receipt]") {
  const Engine engine = MakeEngine();
  ModelOptions options;
  const std::string wrong(64, '0');
  options.sha256 = wrong.c_str();
  const Model model = Must(Model::load(engine, BITNET_TINY_MODEL, options));
  const std::string text = ReceiptOf(model);
  CHECK(Parse(text).Find("model")->Find("fingerprint_origin")->string == "cached");
  CHECK(Parse(text).Find("model")->Find("fingerprint")->string == "sha256:" + wrong);
  CHECK(Verification::replay(text, model).error().status() == BITNET_E_RECEIPT_REJECTED);
  options.sha256 = "abc";
  CHECK(Model::load(engine, BITNET_TINY_MODEL, options).error().status() == BITNET_E_INVALID_ARGUMENT);
}

TEST_CASE("A digest that is computed while the model loads is the file's, however it is loaded", "[receipt]") {
  const Engine engine = MakeEngine();
  const std::vector<std::byte> bytes = BadModel(BITNET_TINY_MODEL).bytes();
  const std::string expected = Must(Must(File::open(BITNET_TINY_MODEL)).sha256());
  for (const bitnet_load_mode_t mode : {BITNET_LOAD_AUTO, BITNET_LOAD_MAP, BITNET_LOAD_COPY}) {
    ModelOptions options;
    options.mode = mode;
    options.hash = 1;
    for (const Model& model : {Must(Model::load(engine, BITNET_TINY_MODEL, options)),
                               Must(Model::load(engine, Span<const std::byte>(bytes.data(), bytes.size()), options))}) {
      CHECK(Must(model.file().sha256()) == expected);
      const core::JsonValue json = Parse(ReceiptOf(model));
      CHECK(json.Find("model")->Find("fingerprint_origin")->string == "computed");
      CHECK(json.Find("model")->Find("fingerprint")->string == "sha256:" + expected);
    }
    // A load that fails while the digest is computed.
    const Span<const std::byte> cut(bytes.data(), bytes.size() - 4096);
    CHECK(Model::load(engine, cut, options).error().status() == BITNET_E_BAD_FORMAT);
  }
}

TEST_CASE("A comparison of two runs tells tokens and options apart", "[receipt][compare]") {
  const Engine engine = MakeEngine();
  const Model model = Must(Model::load(engine, BITNET_TINY_MODEL));
  Run warm;
  warm.temperature = 1.5f;
  warm.seed = 3;
  const std::string a = ReceiptOf(model), b = ReceiptOf(model, warm);
  CHECK(Must(compare_runs(a, a)).token_agreement == 1);
  std::string json;
  const bitnet_comparison_t c = Must(compare_runs(a, b, &json));
  CHECK(c.token_agreement < 1);
  CHECK(c.first_difference >= 0);
  CHECK(c.n_option_differences == 2);
  CHECK(c.same_prompt == 1);
  CHECK(Parse(json).Find("options")->array.size() == 2);
}

}  // namespace
}  // namespace bitnet::test
