// A forger changes one leaf of a receipt and makes its digest good again: what still gives it away, and what nothing
// can.
#include <fstream>
#include <functional>
#include <iterator>
#include <map>
#include <set>

#include "audit/support.h"
#include "core/base/json_writer.h"
#include "core/base/text.h"
#include "receipts/writer.h"

namespace bitnet::test {
namespace {

using core::JsonMember;
using core::JsonValue;

void WriteJson(const JsonValue& v, core::JsonWriter& w) {
  switch (v.kind) {
    case JsonValue::Kind::kNull: w.Null(); break;
    case JsonValue::Kind::kBool: w.Bool(v.boolean); break;
    case JsonValue::Kind::kInt:
    case JsonValue::Kind::kUint:
    case JsonValue::Kind::kDouble: w.Double(v.number); break;
    case JsonValue::Kind::kString: w.String(v.string); break;
    case JsonValue::Kind::kArray:
      w.BeginArray();
      for (const JsonValue& e : v.array) WriteJson(e, w);
      w.EndArray();
      break;
    case JsonValue::Kind::kObject:
      w.BeginObject();
      for (const JsonMember& m : v.object) WriteJson(m.value, w.Key(m.key));
      w.EndObject();
      break;
  }
}

// The document with a digest that is right for it.
std::string Forged(JsonValue document) {
  const std::string digest = receipts::ReceiptSha256(document);
  for (JsonMember& m : document.object) {
    if (m.key == "receipt_sha256") m.value.string = digest;
  }
  core::JsonWriter w;
  WriteJson(document, w);
  return w.Take();
}

// fn(path with indices as [], leaf).
using Visit = std::function<void(const std::string&, JsonValue&)>;
void ForEachLeaf(JsonValue& value, const std::string& path, const Visit& fn) {
  if (value.kind == JsonValue::Kind::kObject) {
    for (JsonMember& m : value.object) ForEachLeaf(m.value, path.empty() ? m.key : path + "." + m.key, fn);
  } else if (value.kind == JsonValue::Kind::kArray) {
    for (JsonValue& e : value.array) ForEachLeaf(e, path + "[]", fn);
  } else {
    fn(path, value);
  }
}

// Another value that the field could have: of an enumeration its neighbour, of an option one that makes a difference to
// this run, of any other number a near one.
void Mutate(const std::string& path, JsonValue& leaf, const JsonValue& inference) {
  static const std::map<std::string, double> kOptions = {
      {"inference.options.sampler.temperature", 0},    {"inference.options.sampler.top_k", 1},
      {"inference.options.sampler.top_p", 0.01},       {"inference.options.sampler.min_p", 1},
      {"inference.options.sampler.repeat_penalty", 9}, {"inference.options.sampler.repeat_last_n", 0}};
  if (const auto option = kOptions.find(path); option != kOptions.end()) {
    leaf.number = option->second;
    return;
  }
  if (path == "inference.options.stop_ids[]") {
    leaf.number = inference.Find("output_tokens")->array[0].number;
    return;
  }
  if (path == "inference.options.stop_strings[]") {
    leaf.string = inference.Find("output")->string.substr(1, 2);
    return;
  }
  static const std::map<std::string, std::string> kOther = {{"compute_path", "reference"},
                                                            {"backend.device", "cuda"},
                                                            {"backend.target", "NEON"},
                                                            {"model.fingerprint_origin", "cached"},
                                                            {"model.shape.head", "block"},
                                                            {"inference.options.kv_type", "f32"},
                                                            {"inference.options.head", "shortcut"},
                                                            {"inference.stop_reason", "stop_id"},
                                                            {"timestamp", "2020-02-29T00:00:00Z"},
                                                            {"backend.detected[]", "NEON"}};
  if (leaf.kind == JsonValue::Kind::kBool) {
    leaf.boolean = !leaf.boolean;
  } else if (leaf.kind != JsonValue::Kind::kString) {
    const bool whole = leaf.kind == JsonValue::Kind::kUint && path.find("_ms") == std::string::npos;
    leaf.number = whole ? leaf.number + 1 : leaf.number * 1.001 + 1e-6;
    leaf.kind = JsonValue::Kind::kDouble;
  } else if (const auto other = kOther.find(path); other != kOther.end() && leaf.string != other->second) {
    leaf.string = other->second;
  } else if (leaf.string.empty()) {
    leaf.string = "x";
  } else {
    leaf.string.back() = leaf.string.back() == '1' ? '2' : '1';
  }
}

// The fields that docs/receipts.md calls unprovable: lines "- `field`" between two markers.
std::set<std::string> DocumentedAsUnprovable() {
  std::ifstream in(BITNET_RECEIPTS_PAGE);
  REQUIRE(in.good());
  const std::string page{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  const size_t begin = page.find("<!-- unprovable -->"), end = page.find("<!-- end -->");
  REQUIRE(begin < end);
  std::set<std::string> fields;
  for (size_t at = page.find("- `", begin); at < end; at = page.find("- `", at + 1)) {
    fields.insert(page.substr(at + 3, page.find('`', at + 3) - at - 3));
  }
  return fields;
}

struct Setting {
  uint32_t n_ctx, max_new_tokens;
  uint64_t seed;
  bool chat;
  bitnet_stop_reason_t reason;
};

// Three runs, for each way to end: what an option says can be refuted where it made a difference.
constexpr Setting kSettings[] = {
    {0, 12, 7, false, BITNET_STOP_LENGTH}, {0, 200, 3, true, BITNET_STOP_ID}, {40, 200, 5, false, BITNET_STOP_CONTEXT}};

std::string ReceiptFor(const Setting& setting, const Model& model) {
  SessionOptions session_options;
  session_options.n_ctx = setting.n_ctx;
  Session session = Must(Session::create(model, session_options));
  GenerateOptions options;
  options.max_new_tokens = setting.max_new_tokens;
  options.temperature = 1.2f;
  options.top_k = 40;
  options.top_p = 0.95f;
  options.min_p = 0.01f;
  options.repeat_penalty = 1.3f;
  options.seed = setting.seed;
  const int32_t stop_ids[] = {1};
  const char* const stop_strings[] = {"never said"};
  options.stop_ids = stop_ids;
  options.n_stop_ids = 1;
  options.stop_strings = stop_strings;
  options.n_stop_strings = 1;
  const Tokenizer tokenizer = model.tokenizer();
  const std::vector<Message> messages = {{"user", "Tell me a story."}};
  const Tokens prompt =
      setting.chat ? Must(tokenizer.apply_chat(messages, "bitnet")) : Must(tokenizer.encode("Once upon a time"));
  auto generation = Must(session.generate(prompt, options));
  for (const Step& step : generation) (void)step;
  REQUIRE(Must(generation.result()) == setting.reason);
  const char* const variables[] = {"BITNET_SEED=7"};
  ReceiptOptions receipt_options;
  receipt_options.variables = variables;
  receipt_options.n_variables = 1;
  return Must(receipt(session, receipt_options));
}

TEST_CASE("Each leaf of a receipt is refuted by replay or by consistency, or documented as unprovable",
          "[receipt][mutation]") {
  const Engine engine = MakeEngine();
  const Model model = Must(Model::load(engine, BITNET_TINY_MODEL));
  VerifyOptions verify;
  verify.model = model.capi();
  std::map<std::string, bool> refuted;  // by path: in one of the runs
  std::map<std::string, int> count;
  for (const Setting& setting : kSettings) {
    auto json = core::ParseJson(ReceiptFor(setting, model));
    REQUIRE(json.ok());
    JsonValue document = *std::move(json);
    REQUIRE(Must(Verification::verify(Forged(document), verify)).accepted());
    REQUIRE(Must(Verification::replay(Forged(document), model)).accepted());
    const JsonValue inference = *document.Find("inference");
    ForEachLeaf(document, "", [&](const std::string& path, JsonValue& leaf) {
      if (path == "receipt_sha256" || (path.ends_with("s[]") && ++count[path] > 40)) return;
      const JsonValue before = leaf;
      Mutate(path, leaf, inference);
      const std::string text = Forged(document);
      leaf = before;
      const bool rejected = !Must(Verification::verify(text, verify)).accepted();
      const auto replay = Verification::replay(text, model);
      const bool differs = !replay || !replay->accepted();
      // Consistency alone must find what the kernels did; tokens, logits and weights the replay alone.
      if (path.starts_with("kernels")) CHECK(rejected);
      if (path == "inference.output_tokens[]" || path == "inference.prompt_tokens[]") CHECK(differs);
      if (path.starts_with("model.ternary_")) CHECK((rejected && differs));
      refuted[path] |= rejected || differs;
    });
  }
  std::set<std::string> unprovable;
  for (const auto& [path, found] : refuted) {
    if (!found) unprovable.insert(path);
  }
  CHECK(refuted.size() >= 80);
  CHECK(unprovable == DocumentedAsUnprovable());
  CHECK(refuted.count("model.ternary_sha256") + refuted.count("model.ternary_scales_sha256") == 2);
}

TEST_CASE("Other weights than those of the model are named before anything is run again", "[receipt][mutation]") {
  const Engine engine = MakeEngine();
  const Model model = Must(Model::load(engine, BITNET_TINY_MODEL));
  const auto json = core::ParseJson(ReceiptOf(model));
  REQUIRE(json.ok());
  for (const char* key : {"ternary_sha256", "ternary_scales_sha256"}) {
    JsonValue document = *json;
    std::string& digest = const_cast<JsonValue*>(document.Find("model")->Find(key))->string;
    CHECK(digest ==
          Must(std::string(key) == "ternary_sha256" ? model.ternary_sha256() : model.ternary_scales_sha256()));
    digest.back() = digest.back() == '1' ? '2' : '1';
    CHECK(Must(Verification::verify(Forged(document))).accepted());  // alone it holds together
    VerifyOptions options;
    options.model = model.capi();
    const Verification verified = Must(Verification::verify(Forged(document), options));
    CHECK(ProblemsOf(verified).starts_with(std::string("model.") + key + ": "));
    const auto replay = Verification::replay(Forged(document), model);
    REQUIRE_FALSE(replay);
    CHECK(replay.error().status() == BITNET_E_RECEIPT_REJECTED);
    CHECK(replay.error().what() == std::string("model.") + key);
  }
}

TEST_CASE(
    "A run that the model cannot make was never made: the receipt is rejected, by replay alone too, with the field",
    "[receipt][mutation]") {
  const Engine engine = MakeEngine();
  const Model model = Must(Model::load(engine, BITNET_TINY_MODEL));
  Run run;
  run.temperature = 0.9f;
  const auto json = core::ParseJson(ReceiptOf(model, run));
  REQUIRE(json.ok());
  const auto at = [](JsonValue& document, std::string_view path) -> JsonValue& {
    JsonValue* value = &document;
    for (size_t begin = 0; begin < path.size();) {
      const size_t end = std::min(path.find('.', begin), path.size());
      value = const_cast<JsonValue*>(value->Find(path.substr(begin, end - begin)));
      REQUIRE(value != nullptr);
      begin = end + 1;
    }
    return *value;
  };
  const std::string options = "inference.options.", sampler = options + "sampler.";
  const struct {
    std::string field;
    double number;
    const char* text;
    bool alone;  // the receipt does not hold together even without the model
  } rows[] = {
      {options + "n_ctx", 1 << 20, nullptr, false},   {options + "n_ctx", 4294967295, nullptr, false},
      {options + "n_ctx", 0, nullptr, true},          {options + "n_ctx", 3, nullptr, true},
      {options + "kv_type", 0, "q8", true},           {options + "head", 0, "half", true},
      {sampler + "temperature", -1, nullptr, true},   {sampler + "temperature", 1e-45, nullptr, false},
      {sampler + "top_p", 0, nullptr, true},          {sampler + "top_p", 1.5, nullptr, true},
      {sampler + "min_p", -0.5, nullptr, true},       {sampler + "min_p", 2, nullptr, true},
      {sampler + "repeat_penalty", 0, nullptr, true}, {options + "stop_strings", 0, "", true},
      {"inference.prompt_tokens", -1, nullptr, true}, {"inference.prompt_tokens", 1 << 20, nullptr, true},
  };
  for (const auto& row : rows) {
    JsonValue document = *json;
    JsonValue& value = at(document, row.field);
    JsonValue changed;
    changed.kind = row.text != nullptr ? JsonValue::Kind::kString : JsonValue::Kind::kDouble;
    changed.number = row.number;
    if (row.text != nullptr) changed.string = row.text;
    if (value.kind == JsonValue::Kind::kArray) {
      value.array.insert(value.array.begin(), changed);
      if (!value.array.empty() && row.text == nullptr) value.array.pop_back();
    } else {
      value = changed;
    }
    const std::string text = Forged(document);
    INFO(row.field << " " << row.number << " " << (row.text != nullptr ? row.text : ""));
    const Verification verified = Must(Verification::verify(text));
    INFO(ProblemsOf(verified));
    CHECK(verified.accepted() != row.alone);
    if (row.alone) CHECK(ProblemsOf(verified).find(row.field) != std::string::npos);
    const auto replay = Verification::replay(text, model);
    REQUIRE_FALSE(replay);
    INFO(replay.error().message());
    CHECK(replay.error().status() == BITNET_E_RECEIPT_REJECTED);
    CHECK(replay.error().what().starts_with(row.field));
    CHECK(replay.error().message().starts_with(row.field));
  }
  // The tokenizer that a replay makes must be the recorded one, whatever rule of splitting it is loaded with.
  JsonValue split = *json;
  at(split, "model.load.pre").string = "qwen2";
  const auto replay = Verification::replay(Forged(split), model);
  REQUIRE_FALSE(replay);
  CHECK(replay.error().status() == BITNET_E_RECEIPT_REJECTED);
  CHECK(replay.error().what() == "model.tokenizer_sha256");
  at(split, "model.load.pre").string = "no such rule";
  CHECK(Verification::replay(Forged(split), model).error().what() == "model.load.pre");
  // With the model at hand its context counts without a replay.
  JsonValue document = *json;
  at(document, options + "n_ctx").number = 1 << 20;
  VerifyOptions verify;
  verify.model = model.capi();
  CHECK(ProblemsOf(Must(Verification::verify(Forged(document), verify))).starts_with("inference.options.n_ctx: "));
}

TEST_CASE("A changed token or logit is named by the step where the replay first differs", "[receipt][mutation]") {
  const Engine engine = MakeEngine();
  const Model model = Must(Model::load(engine, BITNET_TINY_MODEL));
  const auto json = core::ParseJson(ReceiptOf(model));
  REQUIRE(json.ok());
  const auto first_step = [&](const std::function<void(JsonValue&)>& damage) {
    JsonValue document = *json;
    damage(document);
    const Verification v = Must(Verification::replay(Forged(document), model));
    CHECK_FALSE(v.accepted());
    return v.info().first_step;
  };
  const auto member = [](JsonValue& v, const char* key) -> JsonValue& { return *const_cast<JsonValue*>(v.Find(key)); };
  CHECK(first_step([&](JsonValue& d) {
          JsonValue& token = member(member(d, "inference"), "output_tokens").array[5];
          token.number += 1;
          token.kind = JsonValue::Kind::kDouble;
        }) == 5);
  CHECK(first_step([&](JsonValue& d) {
          JsonValue& prefix = member(d, "logits_prefixes").array[3];
          prefix.number = prefix.number == 0 ? 1 : prefix.number - 1;
          prefix.kind = JsonValue::Kind::kDouble;
        }) == 3);
  CHECK(first_step([&](JsonValue& d) {
          // Another prompt: the first logits differ already.
          JsonValue& token = member(member(d, "inference"), "prompt_tokens").array.back();
          token.number += 1;
          token.kind = JsonValue::Kind::kDouble;
        }) == 0);
}

}  // namespace
}  // namespace bitnet::test
