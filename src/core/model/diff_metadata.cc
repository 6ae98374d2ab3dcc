// What two model files say about their models, compared; and the comparison as JSON.
#include <cmath>
#include <memory>
#include <set>
#include <utility>

#include "core/base/json_writer.h"
#include "core/base/sha256.h"
#include "core/format/gguf_text.h"
#include "core/model/diff.h"
#include "core/model/hparams_reader.h"
#include "core/model/vocabulary.h"

namespace bitnet::core {

namespace {

using Entries = std::vector<std::pair<std::string, std::string>>;

constexpr size_t kMaxTextBytes = 160;  // of a value that is shown; longer ones are named by their digest

std::string Shorten(std::string_view text) {
  if (text.size() <= kMaxTextBytes) return std::string(text);
  return Cat(text.size(), " bytes, sha256 ", ToHex(Sha256Of(text.data(), text.size())));
}

std::string TextOf(const GgufValue& v) {
  if (v.type != GgufType::kArray) return Shorten(GgufValueText(v));
  return Cat(v.count, " of ", GgufTypeName(v.element), ", sha256 ", ToHex(Sha256Of(v.raw.data(), v.raw.size())));
}

// Counts may be written in any integer type: equal numbers are equal.
bool SameValue(const GgufValue& a, const GgufValue& b) {
  if (a.type == b.type) {
    return a.element == b.element && a.count == b.count &&
           std::equal(a.raw.begin(), a.raw.end(), b.raw.begin(), b.raw.end());
  }
  const auto is_other = [](GgufType t) {
    return t == GgufType::kArray || t == GgufType::kString || t == GgufType::kBool;
  };
  return !is_other(a.type) && !is_other(b.type) && GgufValueText(a) == GgufValueText(b);
}

void CompareKeys(const Gguf& a, const Gguf& b, Diff& out) {
  for (const GgufValue& v : a.values()) {
    ++out.n_metadata;
    const GgufValue* other = b.Find(v.key);
    if (other == nullptr) {
      out.metadata.push_back({std::string(v.key), TextOf(v), std::nullopt});
    } else if (!SameValue(v, *other)) {
      out.metadata.push_back({std::string(v.key), TextOf(v), TextOf(*other)});
    }
  }
  for (const GgufValue& v : b.values()) {
    if (a.Find(v.key) != nullptr) continue;
    ++out.n_metadata;
    out.metadata.push_back({std::string(v.key), std::nullopt, TextOf(v)});
  }
}

// The order of RoPE pairs is left out: converters change it together with the rows, which are compared in one order.
Entries HyperparametersOf(const Checkpoint& c) {
  HParams h = c.hf.hparams;
  if (c.container == Checkpoint::Container::kGguf) {
    auto read = ReadHParams(c.gguf);
    if (!read.ok()) return {{"hyperparameters", Cat("not readable: ", read.status().message())}};
    h = *std::move(read);
  }
  return {{"architecture", h.architecture},
          {"layers", Cat(h.n_layers)},
          {"embedding_length", Cat(h.n_embd)},
          {"feed_forward_length", Cat(h.n_ff)},
          {"heads", Cat(h.n_heads)},
          {"heads_kv", Cat(h.n_heads_kv)},
          {"head_dim", Cat(h.head_dim)},
          {"rope_dimensions", Cat(h.n_rot)},
          {"rope_base", Cat(h.rope_base)},
          {"rope_linear_factor", Cat(h.rope_linear_factor)},
          {"activation", h.activation == Activation::kSilu ? "silu" : "relu2"},
          {"sub_norms", Cat(h.sub_norms)},
          {"norm_eps", Cat(h.norm_eps)},
          {"vocab", Cat(h.n_vocab)},
          {"context_length", Cat(h.n_ctx_train)}};
}

Entries VocabularyOf(const Checkpoint& c) {
  const auto loaded = c.container == Checkpoint::Container::kGguf ? Tokenizer::FromGguf(c.gguf, "", {})
                                                                  : LoadTokenizer(c.folder, "", {});
  if (!loaded.ok()) return {{"tokenizer", Cat("not readable: ", loaded.status().message())}};
  const Tokenizer& t = **loaded;
  Sha256 tokens;
  for (uint32_t id = 0; id < t.size(); ++id) {
    const std::string_view piece = t.Piece(static_cast<int32_t>(id));
    const uint64_t n_bytes = piece.size();
    tokens.Update(&n_bytes, sizeof n_bytes);
    tokens.Update(piece.data(), piece.size());
  }
  return {{"tokenizer.model", std::string(t.model())},
          {"tokenizer.tokens", Cat(t.size(), ", sha256 ", ToHex(tokens.Finish()))},
          {"tokenizer.bos", Cat(t.bos())},
          {"tokenizer.eos", Cat(t.eos())},
          {"tokenizer.add_bos", Cat(t.add_bos())},
          {"tokenizer.add_eos", Cat(t.add_eos())},
          {"tokenizer.chat_template", Shorten(t.chat_template())}};
}

// Lists that have the same keys in the same order, or the one key that says why there are none.
void CompareEntries(const Entries& a, const Entries& b, Diff& out) {
  const auto find = [](const Entries& list, const std::string& key) -> std::optional<std::string> {
    for (const auto& [k, value] : list) {
      if (k == key) return value;
    }
    return std::nullopt;
  };
  for (const auto& [key, value] : a) {
    ++out.n_metadata;
    const auto other = find(b, key);
    if (other != value) out.metadata.push_back({key, value, other});
  }
  for (const auto& [key, value] : b) {
    if (find(a, key)) continue;
    ++out.n_metadata;
    out.metadata.push_back({key, std::nullopt, value});
  }
}

void WriteText(JsonWriter& json, std::string_view key, const std::optional<std::string>& text) {
  json.Key(key);
  if (text) {
    json.String(*text);
  } else {
    json.Null();
  }
}

std::string_view ContainerName(Checkpoint::Container container) {
  return container == Checkpoint::Container::kGguf ? "GGUF" : "SafeTensors";
}

}  // namespace

void DiffMetadata(const Checkpoint& a, const Checkpoint& b, Diff& out) {
  if (a.container == Checkpoint::Container::kGguf && b.container == Checkpoint::Container::kGguf) {
    return CompareKeys(a.gguf, b.gguf, out);
  }
  CompareEntries(HyperparametersOf(a), HyperparametersOf(b), out);
  CompareEntries(VocabularyOf(a), VocabularyOf(b), out);
}

std::string DiffJson(const Diff& diff) {
  using Outcome = TensorDiff::Outcome;
  JsonWriter json(/*pretty=*/true);
  json.BeginObject();
  json.Key("equal").Bool(diff.equal());
  json.Key("container_a").String(ContainerName(diff.container_a));
  json.Key("container_b").String(ContainerName(diff.container_b));
  json.Key("summary").BeginObject().Key("tensors").Uint(diff.tensors.size());
  for (uint32_t i = 0; i <= static_cast<uint32_t>(Outcome::kNotCompared); ++i) {
    const auto outcome = static_cast<Outcome>(i);
    json.Key(OutcomeName(outcome)).Uint(diff.Count(outcome));
  }
  json.Key("metadata").Uint(diff.n_metadata).Key("metadata_different").Uint(diff.metadata.size()).EndObject();
  json.Key("tensors").BeginArray();
  for (const TensorDiff& t : diff.tensors) {
    json.BeginObject().Key("name").String(t.name).Key("outcome").String(OutcomeName(t.outcome));
    if (t.outcome != Outcome::kOnlyB) {
      json.Key("a").BeginObject().Key("name").String(t.name_a).Key("type").String(t.type_a);
      json.Key("shape").String(t.shape_a).EndObject();
    }
    if (t.outcome != Outcome::kOnlyA) {
      json.Key("b").BeginObject().Key("name").String(t.name_b).Key("type").String(t.type_b);
      json.Key("shape").String(t.shape_b).EndObject();
    }
    json.Key("compared").Uint(t.n_compared);
    if (t.n_different != 0) {
      json.Key("different").Uint(t.n_different).Key("first_different").Uint(t.first_different);
      json.Key("max_difference").Double(t.max_difference);
    }
    json.EndObject();
  }
  json.EndArray().Key("metadata").BeginArray();
  for (const MetadataDiff& m : diff.metadata) {
    json.BeginObject().Key("key").String(m.key);
    WriteText(json, "a", m.a);
    WriteText(json, "b", m.b);
    json.EndObject();
  }
  json.EndArray().EndObject();
  return json.Take() + "\n";
}

}  // namespace bitnet::core
