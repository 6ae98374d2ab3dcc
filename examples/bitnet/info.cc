// bitnet info: what a model file is.
#include <bitnet/file.hpp>
#include <bitnet/tiny.hpp>

#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "api_error.h"
#include "command.h"
#include "generation.h"
#include "interrupt.h"
#include "model_source.h"
#include "terminal.h"
#include "text.h"

namespace bitnet::tool {
namespace {

struct InfoFlags {
  ModelFlags model;
  SessionFlags session;
  bool verify = false;
  bool json = false;
};

// How often a type occurs among the tensors.
struct TypeUse {
  uint64_t n_tensors = 0;
  uint64_t n_bytes = 0;
};

// All that there is to say about a file. A vocabulary-only file has no model.
struct Findings {
  ModelSource source;
  std::optional<File> opened;  // the texts of what follows lie in these three
  std::optional<LoadedModel> loaded;
  std::optional<Tokenizer> own_tokenizer;

  bool is_gguf() const { return file.gguf_version != 0; }  // else SafeTensors
  bitnet_file_info_t file = BITNET_FILE_INFO_INIT;
  std::string why;  // by which mark of its content it was recognised
  std::map<std::string, TypeUse> types;
  std::string file_type;  // general.file_type, "" without
  std::optional<bitnet_model_info_t> model;
  std::optional<bitnet_memory_t> memory;
  std::string ternary_sha256, ternary_scales_sha256;
  bool verified = false;
  bitnet_tokenizer_info_t tokenizer = BITNET_TOKENIZER_INFO_INIT;
  Tokens stop_ids;
  bool has_template = false;
};

std::string Container(const Findings& f) { return f.is_gguf() ? "GGUF" : f.model ? "SafeTensors" : "tokenizer"; }

std::string KindOf(const Findings& f) {
  const std::string what = f.model ? "model in " : "vocabulary only (no tensors) in ";
  return what + (f.is_gguf() ? "GGUF version " + std::to_string(f.file.gguf_version)
                 : f.model   ? "SafeTensors"
                             : "a tokenizer file");
}

std::string TemplateOf(const Findings& f) {
  if (*f.tokenizer.chat_form == '\0') return "tokenizer.chat_template cannot be run (info --verify says why)";
  return f.tokenizer.chat_form + std::string(f.has_template ? " (tokenizer.chat_template is run)"
                                                            : " (the file has no tokenizer.chat_template)");
}

std::string Id(int32_t id) { return id < 0 ? "none" : std::to_string(id); }

void WriteMemory(Json& json, const Findings& f) {
  json.Key("memory")
      .BeginObject()
      .Field("ctx", f.memory->n_ctx)
      .Field("weights_mapped_bytes", f.memory->mapped_bytes)
      .Field("weights_owned_bytes", f.memory->weight_bytes)
      .Field("cache_bytes", f.memory->cache_bytes)
      .Field("scratch_bytes", f.memory->scratch_bytes)
      .EndObject();
}

void WriteModelFields(Json& json, const bitnet_model_info_t& m) {
  json.Field("architecture", m.architecture)
      .Field("architecture_key", m.architecture_key)
      .Field("name", m.name)
      .Field("quantization", m.quantization)
      .Field("dense_linears", m.n_dense_linears)
      .Field("n_params", m.n_params)
      .Field("context_length", m.n_ctx_train)
      .Key("hyperparameters")
      .BeginObject()
      .Field("layers", m.n_layers)
      .Field("embedding_length", m.n_embd)
      .Field("feed_forward_length", m.n_ff)
      .Field("heads", m.n_heads)
      .Field("heads_kv", m.n_heads_kv)
      .Field("head_dim", m.head_dim)
      .Field("rope_dimensions", m.n_rot)
      .Field("rope_base", static_cast<double>(m.rope_base))
      .Field("rope_linear_factor", static_cast<double>(m.rope_linear_factor))
      .Field("rope_pairs", m.rope_adjacent ? "adjacent" : "halves")
      .Field("activation", m.silu ? "silu" : "relu2")
      .Field("sub_norms", m.sub_norms != 0)
      .Field("tied_head", m.tied_head != 0)
      .Field("norm_eps", static_cast<double>(m.norm_eps))
      .Field("vocab", m.n_vocab)
      .EndObject();
}

Json Document(const Findings& f) {
  Json json;
  json.BeginObject()
      .Field("path", f.source.embedded() ? "embedded" : f.source.path)
      .Field("source", f.source.kind)
      .Field("source_reason", f.source.why)
      .Field("kind", f.model ? "model" : "vocabulary")
      .Key("format")
      .BeginObject()
      .Field("container", Container(f))
      .Field("why", f.why)
      .Field("tensors", f.file.n_tensors);
  if (f.is_gguf()) {
    json.Field("version", f.file.gguf_version)
        .Field("metadata_keys", f.file.n_metadata)
        .Field("alignment", f.file.alignment);
  }
  json.EndObject().Field("size_bytes", f.file.size_bytes);
  if (f.model) WriteModelFields(json, *f.model);
  json.Key("types").BeginObject();
  for (const auto& [type, use] : f.types) {
    json.Key(type).BeginObject().Field("tensors", use.n_tensors).Field("bytes", use.n_bytes).EndObject();
  }
  json.EndObject()
      .Key("tokenizer")
      .BeginObject()
      .Field("model", f.tokenizer.model)
      .Field("pre", f.tokenizer.pre)
      .Field("vocab", f.tokenizer.n_vocab)
      .Field("bos", f.tokenizer.bos)
      .Field("eos", f.tokenizer.eos)
      .Field("eot", f.tokenizer.eot)
      .Field("add_bos", f.tokenizer.add_bos != 0)
      .Field("add_eos", f.tokenizer.add_eos != 0)
      .Field("stop_ids", f.stop_ids)
      .EndObject()
      .Field("template", f.tokenizer.chat_form)
      .Field("has_chat_template", f.has_template);
  if (f.model) {
    WriteMemory(json, f);
    json.Field("ternary_sha256", f.ternary_sha256)
        .Field("ternary_scales_sha256", f.ternary_scales_sha256)
        .Field("verified", f.verified);
  }
  json.EndObject();
  return json;
}

void AppendModelRows(const Findings& f, std::vector<std::vector<std::string>>& rows) {
  const bitnet_model_info_t& m = *f.model;
  const auto row = [&](const char* name, const std::string& value) { rows.push_back({name, value}); };
  row("name", *m.name == '\0' ? "none" : Shortened(m.name));
  row("architecture", std::string(m.architecture) + (std::string_view(m.architecture) == m.architecture_key
                                                         ? ""
                                                         : " (the file says " + Quoted(m.architecture_key) + ")"));
  row("weights", m.quantization + std::string(", ") + Grouped(m.n_params) + " parameters" +
                     (m.n_dense_linears == 0 ? ""
                                             : "; " + Counted(m.n_dense_linears, "linear") +
                                                   " not ternary, computed as dense or block products"));
  row("graph", Format("%u layers, hidden %u, feed-forward %u, heads %u/%u of %u", m.n_layers, m.n_embd, m.n_ff,
                      m.n_heads, m.n_heads_kv, m.head_dim) +
                   (m.silu ? ", SiLU" : ", squared ReLU") + (m.sub_norms ? ", sub-norms" : "") +
                   (m.tied_head ? ", tied head" : ", own head"));
  row("rope",
      Format("base %g, %u of %u values, pairs %s", static_cast<double>(m.rope_base), m.n_rot, m.head_dim,
             m.rope_adjacent ? "adjacent" : "in halves") +
          (m.rope_linear_factor == 1 ? "" : Format(", linear factor %g", static_cast<double>(m.rope_linear_factor))));
  row("context", Grouped(m.n_ctx_train) + " tokens");
}

std::string Report(const Findings& f) {
  std::vector<std::vector<std::string>> rows;
  const auto row = [&](const char* name, const std::string& value) { rows.push_back({name, value}); };
  row("model", (f.source.embedded() ? "built in" : Printable(f.source.path)) + " (" + f.source.why + ")");
  row("detected",
      KindOf(f) + ", " + Bytes(f.file.size_bytes) + (f.file_type.empty() ? "" : ", general.file_type " + f.file_type));
  row("because", Printable(f.why));
  if (f.model) AppendModelRows(f, rows);
  std::string types;
  for (const auto& [type, use] : f.types) {
    types += (types.empty() ? "" : "; ") + type + ": " + Counted(use.n_tensors, "tensor") + ", " + Bytes(use.n_bytes);
  }
  if (!types.empty()) row("tensors", types);
  row("tokenizer", f.tokenizer.model + std::string(*f.tokenizer.pre ? "/" : "") + f.tokenizer.pre + ", " +
                       Grouped(f.tokenizer.n_vocab) + " ids; bos " + Id(f.tokenizer.bos) +
                       (f.tokenizer.add_bos ? " (added)" : "") + ", eos " + Id(f.tokenizer.eos) +
                       (f.tokenizer.add_eos ? " (added)" : "") + ", eot " + Id(f.tokenizer.eot));
  row("template", TemplateOf(f));
  if (f.model) {
    row("memory", "weights " + Bytes(f.memory->mapped_bytes) + " mapped + " + Bytes(f.memory->weight_bytes) +
                      " owned; at " + Grouped(f.memory->n_ctx) + " tokens: cache " + Bytes(f.memory->cache_bytes) +
                      ", scratch " + Bytes(f.memory->scratch_bytes));
    row("ternary sha256", f.ternary_sha256);
    row("scales sha256", f.ternary_scales_sha256);
    row("checked", f.verified ? "everything: header, metadata, codes, scales, norms and every dense tensor"
                              : "header, metadata, codes, scales, norms; --verify reads the dense tensors too");
  }
  return Columns(rows, "");
}

void InspectTokenizer(const Tokenizer& tokenizer, Findings& f) {
  f.tokenizer = tokenizer.info();
  f.stop_ids = Get(tokenizer.stop_ids());
  f.has_template = !Get(tokenizer.chat_template()).empty();
}

void InspectFile(const File& file, Findings& f) {
  f.file = file.info();
  for (const bitnet_tensor_t& tensor : file.tensors()) {
    TypeUse& use = f.types[tensor.type];
    ++use.n_tensors;
    use.n_bytes += tensor.n_bytes;
  }
  if (const auto type = file.metadata("general.file_type")) f.file_type = Shortened(*type);
}

void InspectModel(const InfoFlags& flags, Findings& f) {
  ModelFlags once = flags.model;  // what is read once is not copied
  if (once.load_mode == "auto") once.load_mode = "map";
  f.loaded = LoadModel(once, flags.verify);
  const Model& model = f.loaded->model;
  f.model = model.info();
  f.verified = flags.verify;
  f.why = model.detected();
  if (!f.opened) InspectFile(model.file(), f);
  const File own = model.file();
  const EndOnInterrupt while_it_computes;
  f.memory =
      Get(memory(f.opened ? *f.opened : own, f.loaded->engine, ToOptions(flags.model), ToOptions(flags.session)));
  f.ternary_sha256 = Get(model.ternary_sha256());
  f.ternary_scales_sha256 = Get(model.ternary_scales_sha256());
  InspectTokenizer(model.tokenizer(), f);
}

// A file with nothing but a tokenizer starts as JSON (tokenizer.json) or as protobuf (tokenizer.model); SafeTensors
// start with a length, and their JSON after it.
bool LooksLikeTokenizer(const std::string& path) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error)) return false;  // opening a pipe would wait for its writer
  char head[9] = {};
  std::ifstream(path, std::ios::binary).read(head, sizeof head);
  return (head[0] == '{' || head[0] == '\n') && head[8] != '{';
}

Findings Inspect(const InfoFlags& flags) {
  Findings f;
  f.source = FindModel(flags.model);
  // What is no GGUF file may be a model all the same: the load tells, or says why not.
  if (auto opened = f.source.embedded() ? File::open(tiny_model()) : File::open(f.source.path)) {
    f.opened = *std::move(opened);
    InspectFile(*f.opened, f);
  }
  const bool vocabulary_only = f.opened ? f.file.n_tensors == 0 : LooksLikeTokenizer(f.source.path);
  if (!vocabulary_only || flags.verify) {
    InspectModel(flags, f);
  } else {
    if (!f.opened) f.file.size_bytes = std::filesystem::file_size(f.source.path);
    f.why = f.opened ? "the file begins with the magic GGUF and version " + std::to_string(f.file.gguf_version) +
                           " and has no tensors"
                     : "its content is that of a tokenizer";
    f.own_tokenizer = LoadTokenizer(flags.model);
    InspectTokenizer(*f.own_tokenizer, f);
  }
  return f;
}

ExitCode Info(const InfoFlags& flags) {
  const Findings findings = Inspect(flags);
  Print(flags.json ? Document(findings).Line() : Report(findings));
  return ExitCode::kSuccess;
}

std::function<ExitCode()> SetUp(CLI::App& app) {
  auto flags = std::make_shared<InfoFlags>();
  AddFlag(app, "--verify", flags->verify, "also read every dense tensor, and check that the chat template can be read")
      ->group("Check");
  AddOutputFlags(app, &flags->json);
  AddSessionFlags(app, flags->session);
  AddSourceFlags(app, flags->model, ModelArgument::kPositional);
  AddThreads(app, flags->model);
  AddLoadFlags(app, flags->model);
  return [flags] { return Info(*flags); };
}

}  // namespace

const Command kInfoCommand = {"info", "tell what a model file is, and check it",
                              "bitnet info model.gguf\n"
                              "bitnet info --verify --json model.gguf\n"
                              "bitnet info --ctx 4096 --kv f32  # memory at that context",
                              SetUp};

}  // namespace bitnet::tool
