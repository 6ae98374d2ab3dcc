#include "core/convert/export.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <filesystem>
#include <vector>

#include "core/base/json_reader.h"
#include "core/base/json_writer.h"
#include "core/base/output_file.h"
#include "core/base/text.h"
#include "core/convert/bands.h"
#include "core/convert/code_reader.h"
#include "core/convert/verify.h"
#include "core/format/safetensors_writer.h"
#include "core/model/checkpoint.h"
#include "core/model/dense_decode.h"
#include "core/model/hparams_reader.h"
#include "core/model/norms.h"
#include "core/tokenizer/json_vocabulary.h"
#include "core/tokenizer/tokenizer.h"

namespace bitnet::core {

namespace {

namespace fs = std::filesystem;

Status OutputError(const std::string& path, std::string_view problem) {
  return Status(Code::kIo, Cat("path ", Quoted(path, 256), " ", problem), "output");
}

// `target` with symbolic links resolved, as far as it is there.
std::string RealPath(const std::string& target) {
  std::error_code error;
  fs::path path = fs::weakly_canonical(fs::absolute(target, error), error);
  if (error || path.empty()) path = fs::path(target).lexically_normal();
  std::string out = path.string();
  if (out.size() > 1 && out.ends_with('/')) out.pop_back();
  return out;
}

// A folder that is there and that nothing can be moved over.
bool IsMountPoint(const std::string& folder) {
  struct stat self, parent;
  if (::stat(folder.c_str(), &self) != 0 || ::stat((folder + "/..").c_str(), &parent) != 0) return false;
  if (self.st_dev != parent.st_dev || self.st_ino == parent.st_ino) return true;
#ifdef STATX_ATTR_MOUNT_ROOT
  struct statx extended;  // knows folders that are mounted from the same file system too
  if (::statx(AT_FDCWD, folder.c_str(), 0, 0, &extended) == 0)
    return (extended.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
#endif
  return false;
}

// A folder under a temporary name beside its place, gone unless it is moved there.
class OutputFolder {
 public:
  explicit OutputFolder(const std::string& target) : target_(RealPath(target)), temporary_() {}
  ~OutputFolder() {
    std::error_code ignored;
    if (!temporary_.empty()) fs::remove_all(temporary_, ignored);
  }

  Status Create() {
    std::error_code error;
    if (fs::exists(fs::symlink_status(target_, error)) &&
        !(fs::is_directory(target_, error) && fs::is_empty(target_, error)))
      return OutputError(target_, "exists already; give a folder that is not there or is empty");
    // Neither can be replaced: known before the work.
    if (fs::equivalent(target_, fs::current_path(error), error))
      return OutputError(target_, "is the current directory; give another folder, or export from outside of it");
    if (IsMountPoint(target_)) return OutputError(target_, "is a mount point; give a folder inside it");
    const std::string name = Cat(target_, ".", ::getpid(), ".tmp");
    if (!fs::create_directory(name, error) || error)
      return OutputError(target_, Cat("cannot be created: ", error ? error.message() : "a temporary one is there"));
    temporary_ = name;
    return {};
  }
  std::string File(std::string_view name) const { return (fs::path(temporary_) / name).string(); }
  const std::string& path() const { return temporary_; }
  Status Commit() {
    std::error_code error;
    fs::rename(temporary_, target_, error);  // also over a folder that is empty
    if (error) return OutputError(target_, Cat("cannot be put in its place: ", error.message()));
    temporary_.clear();
    return {};
  }

 private:
  std::string target_, temporary_;
};

Status WriteText(const std::string& path, std::string_view text) {
  BN_ASSIGN_OR_RETURN(OutputFile out, OutputFile::Create(path, false));
  BN_RETURN_IF_ERROR(out.WriteAt(0, std::as_bytes(std::span(text))));
  return out.Commit();
}

// Keys of config.json that no graph needs, and that go along: ids for generation, the type of the dense tensors.
constexpr const char* kKeptKeys[] = {"bos_token_id", "eos_token_id", "pad_token_id", "torch_dtype", "dtype"};

void WriteValue(const JsonValue& value, JsonWriter& json) {
  switch (value.kind) {
    case JsonValue::Kind::kInt: json.Int(value.integer); break;
    case JsonValue::Kind::kUint: json.Uint(value.uinteger); break;
    case JsonValue::Kind::kString: json.String(value.string); break;
    case JsonValue::Kind::kBool: json.Bool(value.boolean); break;
    case JsonValue::Kind::kDouble: json.Double(value.number); break;
    case JsonValue::Kind::kObject:
      json.BeginObject();
      for (const JsonMember& member : value.object) {
        json.Key(member.key);
        WriteValue(member.value, json);
      }
      json.EndObject();
      break;
    case JsonValue::Kind::kArray:
      json.BeginArray();
      for (const JsonValue& element : value.array) WriteValue(element, json);
      json.EndArray();
      break;
    case JsonValue::Kind::kNull: json.Null();
  }
}

// What ParseHfConfig, and the library that the folder is for, read.
std::string ConfigText(const HParams& h, bool tied, const std::vector<JsonMember>& kept) {
  const bool llama = h.architecture == "llama";
  JsonWriter json(true);
  json.BeginObject();
  json.Key("architectures").BeginArray().String(llama ? "LlamaForCausalLM" : "BitNetForCausalLM").EndArray();
  json.Key("model_type").String(llama ? "llama" : "bitnet");
  json.Key("hidden_act").String(h.activation == Activation::kRelu2 ? "relu2" : "silu");
  const std::pair<const char*, uint64_t> sizes[] = {{"hidden_size", h.n_embd},
                                                    {"intermediate_size", h.n_ff},
                                                    {"num_hidden_layers", h.n_layers},
                                                    {"num_attention_heads", h.n_heads},
                                                    {"num_key_value_heads", h.n_heads_kv},
                                                    {"head_dim", h.head_dim},
                                                    {"max_position_embeddings", h.n_ctx_train},
                                                    {"vocab_size", h.n_vocab}};
  for (const auto& [key, value] : sizes) json.Key(key).Uint(value);
  json.Key("rms_norm_eps").Double(static_cast<double>(h.norm_eps));
  json.Key("rope_theta").Double(static_cast<double>(h.rope_base));
  if (h.rope_linear_factor != 1.0f) {
    json.Key("rope_scaling").BeginObject().Key("rope_type").String("linear");
    json.Key("factor").Double(static_cast<double>(h.rope_linear_factor)).EndObject();
  }
  for (const JsonMember& member : kept) {
    json.Key(member.key);
    WriteValue(member.value, json);
  }
  json.Key("tie_word_embeddings").Bool(tied);
  json.Key("quantization_config").BeginObject().Key("quant_method").String("bitnet");
  json.Key("linear_class").String("autobitlinear").Key("quantization_mode").String("offline").EndObject();
  json.EndObject();
  return json.Take() + "\n";
}

class Exporter {
 public:
  Exporter(const ConvertSpec& spec, ThreadPool& pool) : spec_(spec), pool_(pool) {}

  Result<ConvertReport> Run(const std::string& source, const std::string& target) {
    BN_ASSIGN_OR_RETURN(source_, OpenCheckpoint(source, false, DefaultAllocator()));
    const bool gguf = source_.container == Checkpoint::Container::kGguf;
    if (gguf) {
      BN_ASSIGN_OR_RETURN(hparams_, ReadHParams(source_.gguf));
      table_.emplace(source_.gguf);
    } else {
      hparams_ = source_.hf.hparams;
      table_.emplace(source_.tensors, source_.hf);
    }
    BN_ASSIGN_OR_RETURN(plan_, PlanTensors(*table_, hparams_, weights_));
    if (hparams_.n_rot != hparams_.head_dim) {
      return Status(Code::kUnsupported, "RoPE turns a part of each head alone, which config.json does not say");
    }
    OutputFolder folder(target);
    BN_RETURN_IF_ERROR(folder.Create());
    BN_RETURN_IF_ERROR(PlanFile());
    {
      BN_ASSIGN_OR_RETURN(OutputFile out, OutputFile::Create(folder.File("model.safetensors"), false));
      BN_RETURN_IF_ERROR(out.Reserve(writer_.FileBytes()));
      const std::string header = writer_.Header();
      BN_RETURN_IF_ERROR(out.WriteAt(0, std::as_bytes(std::span(header))));
      out_ = &out;
      BN_RETURN_IF_ERROR(Tick(0));
      for (size_t i = 0; i < plan_.tensors.size(); ++i) BN_RETURN_IF_ERROR(WriteTensor(plan_.tensors[i], first_[i]));
      BN_RETURN_IF_ERROR(out.Commit());
    }
    BN_RETURN_IF_ERROR(WriteTexts(folder, gguf));
    BN_RETURN_IF_ERROR(Verify(folder.path()));
    report_.file_bytes = writer_.FileBytes();
    BN_RETURN_IF_ERROR(folder.Commit());
    return report_;
  }

 private:
  Status Tick(uint64_t bytes) {
    done_ = std::min(done_ + bytes, total_);
    if (!spec_.progress || spec_.progress(done_, total_)) return {};
    return Status(Code::kCancelled, "the export was cancelled by the progress callback");
  }

  size_t Add(const std::string& graph_name, std::string_view dtype, std::initializer_list<uint64_t> shape) {
    ++report_.n_tensors;
    return writer_.AddTensor(names_.FileName(graph_name), dtype, {shape.begin(), shape.size()});
  }

  // A linear is followed by its scale and, where it has one, its bias.
  Status PlanFile() {
    for (const PlannedTensor& t : plan_.tensors) {
      const std::string stem = t.name.substr(0, t.name.rfind('.'));
      switch (t.role) {
        case PlannedTensor::Role::kRopeFreqs:
          if (source_.hf.rope_divisors == nullptr)
            return TensorError(Code::kUnsupported, *t.tensor, "has no place in config.json");
          first_.push_back(0);  // of the rope_scaling that config.json keeps
          break;
        case PlannedTensor::Role::kNorm: first_.push_back(Add(t.name, "F32", {t.tensor->ne[0]})); break;
        case PlannedTensor::Role::kTable: {
          const QuantType type = t.tensor->type;
          const bool kept = type == QuantType::kF16 || type == QuantType::kBF16;
          first_.push_back(Add(t.name, kept ? QuantTypeName(type) : "F32", {t.matrix->rows, t.matrix->cols}));
          break;
        }
        case PlannedTensor::Role::kLinear:
          if (t.matrix->rows % 4 != 0) {
            return TensorError(Code::kUnsupported, *t.tensor,
                               Cat("has ", t.matrix->rows, " rows, which do not pack by four"));
          }
          first_.push_back(Add(t.name, "U8", {t.matrix->rows / 4, t.matrix->cols}));
          Add(stem + ".scale", "F32", {1});
          if (t.bias != nullptr) Add(stem + ".bias", "F32", {t.matrix->rows});
          total_ += uint64_t{t.matrix->rows} * t.matrix->cols / 4;
      }
      total_ += t.tensor->n_bytes;
    }
    return {};
  }

  Status WriteTensor(const PlannedTensor& t, size_t index) {
    if (t.role == PlannedTensor::Role::kLinear) return WriteLinear(t, index);
    if (t.role == PlannedTensor::Role::kTable) return WriteTable(t, index);
    if (t.role == PlannedTensor::Role::kRopeFreqs) return {};
    return WriteVector(*t.tensor, index, 0);
  }

  Status WriteVector(const GgufTensor& tensor, size_t index, size_t head_dim) {
    if (IsQuantised(tensor.type)) {
      return TensorError(Code::kBadFormat, tensor,
                         Cat("is a vector in the quantised type ", QuantTypeName(tensor.type),
                             ", which has lost what it was; use the model's original"));
    }
    std::vector<float> x(tensor.ne[0]), in_order(tensor.ne[0]);
    BN_RETURN_IF_ERROR(ReadVector(tensor, false, x));
    BN_RETURN_IF_ERROR(CheckFinite(tensor, x));
    for (size_t r = 0; r < x.size(); ++r) in_order[r] = x[InterleavedRow(r, head_dim)];
    return out_->WriteAt(writer_.TensorOffset(index), std::as_bytes(std::span(in_order)));
  }

  Status WriteTable(const PlannedTensor& t, size_t index) {
    const GgufTensor& tensor = *t.tensor;
    const bool kept = tensor.type == QuantType::kF16 || tensor.type == QuantType::kBF16;
    if (!DenseTypeOf(tensor.type) && !BlockTypeOf(tensor.type)) {
      return TensorError(Code::kUnsupported, tensor,
                         Cat("is an embedding or head of type ", QuantTypeName(tensor.type), ", which is not read"));
    }
    const size_t rows = t.matrix->rows, cols = t.matrix->cols, from_bytes = tensor.n_bytes / rows;
    const size_t to_bytes = kept ? from_bytes : cols * sizeof(float);
    const Bands bands(rows, to_bytes, 1, 1);
    std::vector<std::byte> buffers[2];
    for (auto& b : buffers) b.resize(bands.band_rows * to_bytes);
    std::atomic<size_t> bad_row{rows};
    const auto make = [&](size_t band, size_t first, size_t end, uint32_t) {
      for (size_t r = first; r < end; ++r) {
        std::byte* to = buffers[band % 2].data() + (r - bands.first(band)) * to_bytes;
        const auto from = tensor.data.subspan(r * from_bytes, from_bytes);
        const bool bad = FindNonFinite(tensor.type, from).has_value();
        size_t lowest = bad_row.load();
        while (bad && r < lowest && !bad_row.compare_exchange_weak(lowest, r)) {
        }
        if (kept) {
          std::memcpy(to, from.data(), to_bytes);
        } else {
          DecodeToF32(tensor.type, from, cols, reinterpret_cast<float*>(to));
        }
      }
    };
    const auto done = [&](size_t band) -> Status {
      if (const size_t row = bad_row.load(); row < rows) {
        return TensorError(Code::kBadFormat, tensor,
                           Cat("holds in row ", row, " infinity or nan; fetch the model again"));
      }
      return Tick((bands.end(band) - bands.first(band)) * from_bytes);
    };
    const auto use = [&](size_t band) {
      const size_t first = bands.first(band), n = bands.end(band) - first;
      for (const MappedFile& f : source_.files) f.Release(tensor.data.subspan(first * from_bytes, n * from_bytes));
      return out_->WriteAt(writer_.TensorOffset(index) + first * to_bytes, {buffers[band % 2].data(), n * to_bytes});
    };
    return ForEachBand(pool_, bands, make, done, use);
  }

  Status WriteLinear(const PlannedTensor& t, size_t index) {
    const size_t head_dim = InterleavedHeadDim(t, hparams_);
    if (t.bias != nullptr) BN_RETURN_IF_ERROR(WriteVector(*t.bias, index + 2, head_dim));
    BN_ASSIGN_OR_RETURN(CodeReader reader, CodeReader::Open(source_, *table_, t, spec_.i2s_arm_layout, pool_));
    reader.ReadSingleRows(head_dim);
    BN_RETURN_IF_ERROR(WriteCodes(reader, index));
    reader.DropScales();
    readers_.push_back(std::move(reader));
    return {};
  }

  // Byte row r holds the rows r, r + rows / 4, ... in its bits from the lowest.
  Status WriteCodes(const CodeReader& m, size_t index) {
    const size_t rows = m.rows(), cols = m.cols(), quarter = rows / 4;
    const size_t per_row = m.units_per_row();
    std::vector<uint8_t> used(rows * per_row);  // by row of the tensor
    std::atomic<size_t> bad_row{rows};
    const Bands bands(quarter, cols, 1, 1);
    std::vector<std::byte> buffers[2];
    for (auto& b : buffers) b.resize(bands.band_rows * cols);
    std::vector<uint8_t> codes(pool_.size() * cols);
    std::vector<float> scratch(pool_.size() * m.scratch_floats());
    const auto make = [&](size_t band, size_t first, size_t end, uint32_t thread) {
      uint8_t* c = codes.data() + thread * cols;
      for (size_t r = first; r < end; ++r) {
        auto* to = reinterpret_cast<uint8_t*>(buffers[band % 2].data()) + (r - bands.first(band)) * cols;
        std::fill(to, to + cols, uint8_t{0});
        for (size_t i = 0; i < 4; ++i) {
          const size_t row = i * quarter + r;
          m.Read(row, scratch.data() + thread * m.scratch_floats(), c);
          if (std::any_of(c, c + cols, [](uint8_t code) { return code > 2; })) {
            size_t lowest = bad_row.load();
            while (row < lowest && !bad_row.compare_exchange_weak(lowest, row)) {
            }
          }
          for (size_t u = 0; u < per_row; ++u) {
            const uint8_t* part = c + u * (cols / per_row);
            used[m.SourceRow(row) * per_row + u] =
                std::any_of(part, part + cols / per_row, [](uint8_t code) { return code != 1; }) ? 1 : 0;
          }
          for (size_t k = 0; k < cols; ++k) to[k] = static_cast<uint8_t>(to[k] | c[k] << (2 * i));
        }
      }
    };
    const auto done = [&](size_t band) -> Status {
      if (const size_t row = bad_row.load(); row < rows) {
        return m.BadCode(row);
      }
      return Tick((bands.end(band) - bands.first(band)) * (m.tensor().n_bytes / quarter));
    };
    const auto use = [&](size_t band) {
      const size_t first = bands.first(band), n = bands.end(band) - first;
      return out_->WriteAt(writer_.TensorOffset(index) + first * cols, {buffers[band % 2].data(), n * cols});
    };
    BN_RETURN_IF_ERROR(ForEachBand(pool_, bands, make, done, use));
    m.Release(0, rows);
    const auto scale = m.scale_kind() == ScaleKind::kTensor ? std::optional(m.scale(0)) : m.CommonScale(used);
    if (!scale || *scale <= 0) {
      return TensorError(
          Code::kUnsupported, m.tensor(),
          scale ? "has scale 0, and a weight_scale is above 0"
                : "has scales that differ from row to row or block to block, and there is one weight_scale");
    }
    return out_->WriteAt(writer_.TensorOffset(index + 1), std::as_bytes(std::span(&*scale, 1)));
  }

  Status WriteTexts(const OutputFolder& folder, bool gguf) {
    BN_ASSIGN_OR_RETURN(const std::vector<JsonMember> kept, gguf ? KeptOfGguf() : KeptOfFolder());
    const bool tied = weights_.output.rows == 0;
    BN_RETURN_IF_ERROR(WriteText(folder.File("config.json"), ConfigText(hparams_, tied, kept)));
    if (gguf) return WriteTokenizer(folder);
    bool has_tokenizer = false;
    for (const std::string_view name : {"tokenizer.json", "tokenizer.model", "tokenizer_config.json",
                                        "chat_template.jinja", "generation_config.json"}) {
      const fs::path from = fs::path(source_.folder) / name;
      std::error_code ignored;
      if (!fs::exists(from, ignored)) continue;
      has_tokenizer = has_tokenizer || name == "tokenizer.json" || name == "tokenizer.model";
      BN_ASSIGN_OR_RETURN(const MappedFile file, MappedFile::Map(from.string()));
      const auto* text = reinterpret_cast<const char*>(file.bytes().data());
      BN_RETURN_IF_ERROR(WriteText(folder.File(name), {text, file.bytes().size()}));
    }
    if (!has_tokenizer && spec_.warn) {
      spec_.warn(
          "the source has neither a tokenizer.json nor a tokenizer.model: the new folder has none either, and needs "
          "one "
          "to be loaded");
    }
    return {};
  }

  // A tokenizer.json of the same rules, or a word on why there is none.
  Status WriteTokenizer(const OutputFolder& folder) {
    const auto warn = [this](std::string_view line) {
      if (spec_.warn) spec_.warn(line);
    };
    const auto write = [&]() -> Status {
      BN_ASSIGN_OR_RETURN(const auto tokenizer, Tokenizer::FromGguf(source_.gguf, spec_.pre, warn));
      BN_ASSIGN_OR_RETURN(const JsonVocabulary texts, VocabularyForJson(source_.gguf, *tokenizer));
      for (const std::string& note : texts.notes) warn(note);
      BN_RETURN_IF_ERROR(WriteText(folder.File("tokenizer_config.json"), texts.tokenizer_config_json));
      return WriteText(folder.File("tokenizer.json"), texts.tokenizer_json);
    };
    const Status written = write();
    if (written.ok() || written.code() == Code::kIo) return written;
    warn(Cat("no tokenizer.json is written: ", written.message(), "; take the one of the model's original"));
    return {};
  }

  Result<std::vector<JsonMember>> KeptOfGguf() const {
    std::vector<JsonMember> kept;
    for (const char* name : {"bos", "eos"}) {
      BN_ASSIGN_OR_RETURN(const auto id, source_.gguf.Count(Cat("tokenizer.ggml.", name, "_token_id")));
      if (!id) continue;
      JsonValue value;
      value.kind = JsonValue::Kind::kUint;
      value.uinteger = *id;
      kept.push_back({Cat(name, "_token_id"), std::move(value)});
    }
    return kept;
  }

  // Opening the source has read and checked the file.
  Result<std::vector<JsonMember>> KeptOfFolder() const {
    BN_ASSIGN_OR_RETURN(const MappedFile file, MappedFile::Map((fs::path(source_.folder) / "config.json").string()));
    BN_ASSIGN_OR_RETURN(const JsonValue config,
                        ParseJson({reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()}));
    std::vector<JsonMember> kept;
    for (const char* key : kKeptKeys) {
      const JsonValue* value = config.Find(key);
      if (value != nullptr && value->kind != JsonValue::Kind::kNull) kept.push_back({key, *value});
    }
    for (const char* key : {"rope_scaling", "rope_parameters"}) {
      const JsonValue* value = config.Find(key);
      if (source_.hf.rope_divisors != nullptr && value != nullptr && value->kind != JsonValue::Kind::kNull)
        kept.push_back({key, *value});
    }
    return kept;
  }

  Status Verify(const std::string& folder) {
    BN_ASSIGN_OR_RETURN(const Checkpoint file, OpenCheckpoint(folder, false, DefaultAllocator()));
    return VerifyCodes(
        file, TensorTable(file.tensors, file.hf), file.hf.hparams, readers_, pool_,
        [this](uint64_t bytes) { return Tick(bytes); }, report_);
  }

  const ConvertSpec& spec_;
  ThreadPool& pool_;
  Checkpoint source_;
  HParams hparams_;
  Weights weights_;
  std::optional<TensorTable> table_;
  TensorPlan plan_;
  const TensorTable names_{{}, {}};  // of Hugging Face
  SafetensorsWriter writer_;
  std::vector<size_t> first_;  // in the file, by place in the plan
  OutputFile* out_ = nullptr;
  std::vector<CodeReader> readers_;
  uint64_t done_ = 0, total_ = 0;
  ConvertReport report_;
};

}  // namespace

Result<ConvertReport> ExportSafetensors(const std::string& source, const std::string& target, const ConvertSpec& spec,
                                        ThreadPool& pool) {
  return Exporter(spec, pool).Run(source, target);
}

}  // namespace bitnet::core
