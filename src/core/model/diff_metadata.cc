// What two model files say about their models, compared; and the comparison as JSON.
#include <algorithm>
#include <cmath>
#include <iterator>
#include <memory>
#include <set>
#include <utility>

#include "core/base/json_writer.h"
#include "core/base/sha256.h"
#include "core/format/gguf_text.h"
#include "core/model/diff.h"
#include "core/model/hparams_reader.h"
#include "core/model/tensor_table.h"
#include "core/model/vocabulary.h"
#include "core/tokenizer/rules.h"

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

// Whether the embedding is the output matrix too, by the rule of tensor_plan.cc.
bool IsTied(const Checkpoint& c) {
  const bool is_gguf = c.container == Checkpoint::Container::kGguf;
  const TensorTable table = is_gguf ? TensorTable(c.gguf) : TensorTable(c.tensors, c.hf);
  return table.tied().value_or(table.Find("output.weight") == nullptr);
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
          {"context_length", Cat(h.n_ctx_train)},
          {"tie_word_embeddings", IsTied(c) ? "true" : "false"}};
}

struct Vocabulary {
  Entries entries;
  bool readable = true;
};

Vocabulary VocabularyOf(const Checkpoint& c) {
  const auto loaded = c.container == Checkpoint::Container::kGguf ? Tokenizer::FromGguf(c.gguf, "", {})
                                                                  : LoadTokenizer(c.folder, "", {});
  if (loaded.ok()) {
    Vocabulary out{RulesOf(**loaded)};
    out.entries.emplace_back("tokenizer.chat_template", Shorten((*loaded)->chat_template()));
    return out;
  }
  const Status& s = loaded.status();
  if (s.code() == Code::kNotFound) return {{{"tokenizer", "none"}}};
  return {{{"tokenizer", Cat("not readable: ", s.message())}}, false};
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

// What cannot be compared is said, and does not count as equal.
void CompareVocabularies(Vocabulary a, Vocabulary b, Diff& out) {
  if (!a.readable && !b.readable) {
    ++out.n_metadata;
    out.metadata.push_back(
        {"tokenizer", "not compared: " + a.entries[0].second, "not compared: " + b.entries[0].second});
    return;
  }
  const auto merges_of = [](Vocabulary& v) -> std::string* {
    const auto found =
        std::find_if(v.entries.begin(), v.entries.end(), [](const auto& e) { return e.first == kMergesRule; });
    return found != v.entries.end() ? &found->second : nullptr;
  };
  std::string *x = merges_of(a), *y = merges_of(b);
  if (x != nullptr && y != nullptr && x->starts_with("by rank") != y->starts_with("by rank")) {
    for (std::string* text : {x, y}) text->insert(0, "not compared: ");
  }
  CompareEntries(a.entries, b.entries, out);
}

// What names the types of tensors says nothing of the weights where the types are others: a note then.
void MoveNotes(Diff& out) {
  const bool other_types = std::any_of(out.tensors.begin(), out.tensors.end(), [](const TensorDiff& t) {
    return !t.name_a.empty() && !t.name_b.empty() && t.type_a != t.type_b;
  });
  if (!other_types) return;
  const auto first_note = std::stable_partition(out.metadata.begin(), out.metadata.end(), [](const MetadataDiff& m) {
    return m.key != "general.file_type" && m.key != "general.quantization_version";
  });
  out.notes.assign(std::make_move_iterator(first_note), std::make_move_iterator(out.metadata.end()));
  out.metadata.erase(first_note, out.metadata.end());
}

void WriteText(JsonWriter& json, std::string_view key, const std::optional<std::string>& text) {
  json.Key(key);
  if (text) {
    json.String(*text);
  } else {
    json.Null();
  }
}

void WriteEntries(JsonWriter& json, std::string_view key, const std::vector<MetadataDiff>& entries) {
  json.Key(key).BeginArray();
  for (const MetadataDiff& m : entries) {
    json.BeginObject().Key("key").String(m.key);
    WriteText(json, "a", m.a);
    WriteText(json, "b", m.b);
    json.EndObject();
  }
  json.EndArray();
}

std::string_view ContainerName(Checkpoint::Container container) {
  return container == Checkpoint::Container::kGguf ? "GGUF" : "SafeTensors";
}

}  // namespace

void DiffMetadata(const Checkpoint& a, const Checkpoint& b, Diff& out) {
  if (a.container == Checkpoint::Container::kGguf && b.container == Checkpoint::Container::kGguf) {
    CompareKeys(a.gguf, b.gguf, out);
    return MoveNotes(out);
  }
  CompareEntries(HyperparametersOf(a), HyperparametersOf(b), out);
  CompareVocabularies(VocabularyOf(a), VocabularyOf(b), out);
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
    if (t.n_scales != 0) json.Key("scales").Uint(t.n_scales).Key("scales_different").Uint(t.n_scales_different);
    json.EndObject();
  }
  json.EndArray();
  WriteEntries(json, "metadata", diff.metadata);
  WriteEntries(json, "notes", diff.notes);
  json.EndObject();
  return json.Take() + "\n";
}

}  // namespace bitnet::core
