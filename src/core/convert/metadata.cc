#include "core/convert/metadata.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <utility>

#include "core/base/json_reader.h"
#include "core/base/text.h"
#include "core/model/vocabulary.h"
#include "core/tokenizer/gguf_vocabulary.h"
#include "core/tokenizer/pre_tokenizers.h"
#include "core/tokenizer/tokenizer_config.h"

namespace bitnet::core {

namespace {

namespace fs = std::filesystem;

constexpr std::string_view kName = "general.name";
constexpr std::string_view kFileType = "general.file_type";
constexpr std::string_view kQuantisationVersion = "general.quantization_version";
constexpr std::string_view kAlignment = "general.alignment";
constexpr std::string_view kTokenizerKeys = "tokenizer.";
constexpr std::string_view kPre = "tokenizer.ggml.pre";

// LLAMA_FTYPE_MOSTLY_* of llama.cpp, and 40 of bitnet.cpp.
uint32_t FileType(QuantType linear) { return linear == QuantType::kTQ1_0 ? 36 : linear == QuantType::kTQ2_0 ? 37 : 40; }
constexpr uint32_t kQuantisation = 2;  // GGML_QNT_VERSION since the k-quants

Result<MappedFile> Beside(const std::string& folder, const char* name) {
  auto file = MappedFile::Map((fs::path(folder) / name).string());
  if (file.ok()) return file;
  return Status(file.status().code(), Cat(name, ": ", file.status().message()), name);
}

std::string_view AsText(const MappedFile& file) {
  return {reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()};
}

Status CheckPre(std::string_view pre) {
  if (pre.empty() || FindPreTokenizer(pre) != nullptr) return {};
  return Status(Code::kInvalidArgument,
                Cat("unknown pre-tokenizer ", Quoted(pre), ", expected one of ", PreTokenizerNames()), "pre");
}

// The end token where tokenizer_config.json names none: what config.json or else generation_config.json says (of a list
// the first), else one at which the loaded model would stop.
Status FindEnd(const std::string& folder, GgufVocabulary& vocabulary) {
  for (const char* name : {"config.json", "generation_config.json"}) {
    std::error_code ignored;
    if (folder.empty() || !fs::exists(fs::path(folder) / name, ignored)) continue;
    BN_ASSIGN_OR_RETURN(const MappedFile file, Beside(folder, name));
    BN_ASSIGN_OR_RETURN(const JsonValue json, ParseJsonObject(AsText(file), name));
    const JsonValue* id = json.Find("eos_token_id");
    if (id != nullptr && !id->array.empty()) id = &id->array.front();
    if (id == nullptr || id->kind == JsonValue::Kind::kNull) continue;
    if (id->kind != JsonValue::Kind::kUint || id->uinteger >= vocabulary.tokens.size()) {
      return Status(Code::kBadFormat,
                    Cat(name, ": key 'eos_token_id' is no id of the ", vocabulary.tokens.size(), " tokens"),
                    "eos_token_id");
    }
    vocabulary.eos = static_cast<int32_t>(id->uinteger);
    break;
  }
  if (vocabulary.eos < 0 && !vocabulary.stop_ids.empty()) vocabulary.eos = vocabulary.stop_ids.front();
  if (vocabulary.eot == vocabulary.eos) vocabulary.eot = -1;
  if (vocabulary.eos >= 0) return {};
  return Status(Code::kBadFormat,
                "the end token is missing: neither eos_token of tokenizer_config.json nor eos_token_id of config.json "
                "or generation_config.json names one, and without it generation cannot stop",
                "eos_token");
}

Status CheckSize(size_t n_tokens, const MetadataSpec& spec) {
  if (n_tokens == spec.n_vocab) return {};
  return Status(Code::kBadFormat,
                Cat("the model has a vocabulary of ", spec.n_vocab, " rows, but the tokenizer has ", n_tokens,
                    " tokens; use the tokenizer of this model"),
                "vocab_size");
}

// The keys of another GGUF, which must be a whole tokenizer.
Status CopyTokenizer(const MappedFile& file, const MetadataSpec& spec, GgufWriter& out) {
  BN_ASSIGN_OR_RETURN(const Gguf gguf, Gguf::Parse(file.bytes()));
  BN_ASSIGN_OR_RETURN(const auto tokenizer, Tokenizer::FromGguf(gguf, spec.pre, spec.warn));
  BN_RETURN_IF_ERROR(CheckSize(tokenizer->size(), spec));
  bool has_pre = spec.pre.empty();
  for (const GgufValue& v : gguf.values()) {
    if (!v.key.starts_with(kTokenizerKeys)) continue;
    if (v.key == kPre && !spec.pre.empty()) {
      out.String(kPre, spec.pre);
      has_pre = true;
    } else {
      out.Copy(v);
    }
  }
  if (!has_pre) out.String(kPre, spec.pre);
  return {};
}

// The keys of the tokenizer at `path`, a file or a folder. `folder`: the source's own, whose config.json may name the
// end token; "": none.
Status AddTokenizer(const std::string& path, const std::string& folder, const MetadataSpec& spec, GgufWriter& out) {
  BN_ASSIGN_OR_RETURN(const TokenizerFile file, MapTokenizer(path));
  const TokenizerFileKind kind = TokenizerFileKindOf(file.bytes.bytes());
  if (kind == TokenizerFileKind::kGguf) return CopyTokenizer(file.bytes, spec, out);
  const auto make = kind == TokenizerFileKind::kJson ? VocabularyForGguf : VocabularyOfSentencePiece;
  BN_ASSIGN_OR_RETURN(GgufVocabulary vocabulary,
                      make(AsText(file.bytes), file.beside.ConfigText(), file.beside.TemplateText(), spec.n_vocab));
  BN_RETURN_IF_ERROR(CheckSize(vocabulary.tokens.size(), spec));
  if (vocabulary.eos < 0) BN_RETURN_IF_ERROR(FindEnd(folder, vocabulary));
  if (!spec.pre.empty()) {
    if (vocabulary.pre.empty()) {
      return Status(Code::kInvalidArgument,
                    Cat("pre-tokenizer ", Quoted(spec.pre), " asked for, but a tokenizer of model ",
                        Quoted(vocabulary.model), " has none"),
                    "pre");
    }
    vocabulary.pre = spec.pre;
  }
  for (const std::string& note : vocabulary.notes) {
    if (spec.warn) spec.warn(note);
  }
  AddVocabulary(vocabulary, out);
  return {};
}

Status CopyMetadata(const Gguf& source, const MetadataSpec& spec, GgufWriter& out) {
  bool has_name = false, has_type = false, has_version = false, has_pre = false;
  const bool replaces_tokenizer = !spec.tokenizer.empty();
  for (const GgufValue& v : source.values()) {
    if (replaces_tokenizer && v.key.starts_with(kTokenizerKeys)) continue;
    if (v.key == kAlignment || v.key == "split.count") continue;  // the one part that a file of one part has
    if (v.key == kName && spec.name) {
      out.String(kName, *spec.name);
    } else if (v.key == kFileType) {
      out.U32(kFileType, FileType(spec.linear));
    } else if (v.key == kQuantisationVersion) {
      out.U32(kQuantisationVersion, kQuantisation);
    } else if (v.key == kPre && !spec.pre.empty()) {
      out.String(kPre, spec.pre);
    } else {
      out.Copy(v);
    }
    has_name = has_name || v.key == kName;
    has_type = has_type || v.key == kFileType;
    has_version = has_version || v.key == kQuantisationVersion;
    has_pre = has_pre || v.key == kPre;
  }
  if (!has_name && spec.name) out.String(kName, *spec.name);
  if (!has_type) out.U32(kFileType, FileType(spec.linear));
  if (!has_version) out.U32(kQuantisationVersion, kQuantisation);
  if (replaces_tokenizer) return AddTokenizer(spec.tokenizer, /*folder=*/"", spec, out);
  if (!has_pre && !spec.pre.empty()) out.String(kPre, spec.pre);
  return {};
}

// The last part of _name_or_path, where config.json has one.
Result<std::string> NameOf(const std::string& folder) {
  BN_ASSIGN_OR_RETURN(const MappedFile config, Beside(folder, "config.json"));
  BN_ASSIGN_OR_RETURN(const JsonValue json, ParseJson(AsText(config)));
  const JsonValue* name = json.Find("_name_or_path");
  if (name == nullptr || name->kind != JsonValue::Kind::kString) return std::string();
  return fs::path(name->string).filename().string();
}

void AddHyperparameters(const HParams& h, GgufWriter& out) {
  const std::string& a = h.architecture;
  out.U32(a + ".vocab_size", h.n_vocab)
      .U32(a + ".context_length", h.n_ctx_train)
      .U32(a + ".embedding_length", h.n_embd)
      .U32(a + ".block_count", h.n_layers)
      .U32(a + ".feed_forward_length", h.n_ff)
      .U32(a + ".attention.head_count", h.n_heads)
      .U32(a + ".attention.head_count_kv", h.n_heads_kv)
      .U32(a + ".attention.key_length", h.head_dim)
      .U32(a + ".attention.value_length", h.head_dim)
      .F32(a + ".attention.layer_norm_rms_epsilon", h.norm_eps)
      .U32(a + ".rope.dimension_count", h.n_rot)
      .F32(a + ".rope.freq_base", h.rope_base);
  if (h.rope_linear_factor != 1.0f) {
    out.String(a + ".rope.scaling.type", "linear").F32(a + ".rope.scaling.factor", h.rope_linear_factor);
  }
}

Status MakeMetadata(const Checkpoint& source, const MetadataSpec& spec, GgufWriter& out) {
  const HParams& h = source.hf.hparams;
  std::string name = spec.name.value_or("");
  if (!spec.name) {
    BN_ASSIGN_OR_RETURN(name, NameOf(source.folder));
  }
  out.String("general.architecture", h.architecture).String("general.type", "model");
  if (!name.empty()) out.String(kName, name);
  out.U32(kFileType, FileType(spec.linear)).U32(kQuantisationVersion, kQuantisation);
  AddHyperparameters(h, out);

  return AddTokenizer(spec.tokenizer.empty() ? source.folder : spec.tokenizer, source.folder, spec, out);
}

}  // namespace

Status AddMetadata(const Checkpoint& source, const MetadataSpec& spec, GgufWriter& out) {
  BN_RETURN_IF_ERROR(CheckPre(spec.pre));
  if (spec.name && !IsUtf8(*spec.name)) return Status(Code::kInvalidArgument, "the name is no UTF-8", "name");
  return source.container == Checkpoint::Container::kGguf ? CopyMetadata(source.gguf, spec, out)
                                                          : MakeMetadata(source, spec, out);
}

}  // namespace bitnet::core
