// From the bytes of a file to a Model: header, hyperparameters, tokenizer, plan of tensors, then the tensors
// themselves, in this order, each checked before the next. Nothing is allocated for weights before all shapes fit.
#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstring>
#include <functional>
#include <map>
#include <set>
#include <unordered_map>

#include "core/base/system_info.h"
#include "core/format/limits.h"
#include "core/model/checkpoint.h"
#include "core/model/dense_decode.h"
#include "core/model/float_arena.h"
#include "core/model/hparams_reader.h"
#include "core/model/model.h"
#include "core/model/norms.h"
#include "core/model/placement.h"
#include "core/model/tensor_plan.h"
#include "core/model/tensor_table.h"
#include "core/model/ternary_loader.h"
#include "core/model/vocabulary.h"
#include "core/model/weight_arena.h"
#include "core/tokenizer/chat_template.h"

namespace bitnet::core {

namespace {

Status TensorError(Code code, const GgufTensor& tensor, std::string_view problem) {
  return Status(code, Cat("tensor ", Quoted(tensor.name), " ", problem), std::string(tensor.name), tensor.info_offset);
}

// A file of metadata alone has a tokenizer and no weights.
Status RefuseVocabularyOnly(const Gguf& gguf) {
  if (!gguf.tensors().empty()) return {};
  return Status(
      Code::kUnsupported,
      "the file has no tensors, not even token_embd.weight: it is a vocabulary alone, which can be listed and can "
      "tokenize, but not run; use the file of the whole model",
      "tensor_count", 8);
}

TensorEntry EntryOf(const GgufTensor& t) {
  TensorEntry entry{std::string(t.name), std::string(QuantTypeName(t.type)), {}, t.n_bytes, t.offset};
  for (uint32_t i = std::min(t.n_dims, kMaxDims); i-- > 0;) entry.shape.push_back(t.ne[i]);
  return entry;
}

uint64_t Elements(const GgufTensor& t) { return t.ne[0] * t.ne[1] * t.ne[2] * t.ne[3]; }

// Of the weights, also where four of them lie in one element of the file.
uint64_t Elements(const PlannedTensor& t) {
  return t.matrix != nullptr ? uint64_t{t.matrix->rows} * t.matrix->cols : Elements(*t.tensor);
}

Result<ModelEstimate> EstimateOf(const TensorTable& table, const HParams& hparams, uint64_t file_bytes,
                                 const LoadSpec& spec) {
  ModelEstimate out;
  out.hparams = hparams;
  Weights weights;
  BN_ASSIGN_OR_RETURN(const TensorPlan plan, PlanTensors(table, hparams, weights));
  out.head = HeadOf(plan, weights);
  const Placement placement = PlaceWeights(plan, weights, spec);
  out.owned_bytes = placement.arena_bytes + placement.other_bytes;
  if (spec.mode == LoadMode::kCopy) {
    out.owned_bytes += file_bytes;
  } else {
    out.mapped_bytes = file_bytes - placement.replaced_bytes;
  }
  return out;
}

}  // namespace

class Loader {
 public:
  Loader(const LoadSpec& spec, ThreadPool& pool, const Allocator& allocator)
      : spec_(spec),
        model_(new Model()),
        allocator_(allocator),
        pool_(pool),
        floats_(allocator_, model_->buffers_),
        matrices_(allocator_, pool, model_->buffers_),
        ternary_(pool, allocator_, floats_, matrices_, model_->buffers_) {
    model_->i2s_arm_layout_ = spec.i2s_arm_layout;
  }

  Status FromFile(const std::string& path) {
    model_->path_ = path;
    BN_ASSIGN_OR_RETURN(checkpoint_, OpenCheckpoint(path, spec_.mode == LoadMode::kCopy, allocator_));
    model_->files_ = std::move(checkpoint_.files);
    model_->gguf_ = std::move(checkpoint_.gguf);
    model_->detected_ = std::move(checkpoint_.detected);
    for (const MappedFile& f : model_->files_) {
      model_->bytes_.push_back(f.bytes());
      (spec_.mode == LoadMode::kCopy ? model_->buffer_bytes_ : model_->mapped_bytes_) += f.bytes().size();
    }
    return {};
  }

  // Of the model's own from now on.
  Status FromBuffer(Buffer bytes) {
    const std::span<const std::byte> view(bytes.as<const std::byte>(), bytes.size());
    model_->buffers_.push_back(std::move(bytes));
    return Parse(view);
  }

  Status FromMemory(std::span<const std::byte> bytes) {
    if (spec_.mode == LoadMode::kCopy || reinterpret_cast<uintptr_t>(bytes.data()) % kMinAlignment != 0) {
      BN_ASSIGN_OR_RETURN(Buffer copy, Buffer::Allocate(allocator_, bytes.size()));
      AskForHugePages(copy.data(), copy.size());
      std::copy(bytes.begin(), bytes.end(), copy.as<std::byte>());
      return FromBuffer(std::move(copy));
    }
    model_->mapped_bytes_ = bytes.size();
    return Parse(bytes);
  }

  Result<std::shared_ptr<const Model>> Load() {
    Model& m = *model_;
    if (spec_.hash) m.file_digest_.Start(m.bytes_);
    if (IsGguf()) {
      BN_RETURN_IF_ERROR(RefuseVocabularyOnly(m.gguf_));
      BN_ASSIGN_OR_RETURN(m.hparams_, ReadHParams(m.gguf_));
    } else {
      m.hparams_ = checkpoint_.hf.hparams;
    }
    BN_RETURN_IF_ERROR(LoadTokenizer());
    if (spec_.verify) BN_RETURN_IF_ERROR(CheckChatTemplate(m.tokenizer_->chat_template()));
    const TensorTable table = IsGguf() ? TensorTable(m.gguf_) : TensorTable(checkpoint_.tensors, checkpoint_.hf);
    BN_ASSIGN_OR_RETURN(const TensorPlan plan, PlanTensors(table, m.hparams_, m.weights_));
    if (plan.n_unused != 0) {
      Warn(Cat(plan.n_unused, " tensors of the file are not part of the graph and stay unused, the first is ",
               Quoted(plan.first_unused)));
    }
    BN_RETURN_IF_ERROR(IndexCorrections(plan));
    PlaceMatrices(plan);
    BN_RETURN_IF_ERROR(LoadTensors(table, plan));
    CountMapped(plan);
    if (m.n_dense_linears_ != 0) {
      Warn(Cat(m.n_dense_linears_,
               " linears are not ternary and are computed as the matrices that they are, the first is ",
               Quoted(first_dense_linear_)));
    }
    BN_RETURN_IF_ERROR(ScaleAttention());
    BN_RETURN_IF_ERROR(Describe(table, plan));
    if (spec_.hash) {
      m.TernarySha256();  // here, while the file's may still be computed beside it
      m.TernaryScalesSha256();
      m.FileSha256();  // nothing of it runs on into the caller's measurements
      for (const PlannedTensor& t : plan.tensors) ReleaseUnused(t);  // the hash has read all of the file
    }
    return std::shared_ptr<const Model>(std::move(model_));
  }

  bool copies() const { return placement_.copies; }

 private:
  Status Parse(std::span<const std::byte> bytes) {
    model_->bytes_ = {bytes};
    BN_ASSIGN_OR_RETURN(model_->gguf_, Gguf::Parse(bytes));
    model_->detected_ = DetectedGguf(model_->gguf_);
    return {};
  }

  bool IsGguf() const { return checkpoint_.container == Checkpoint::Container::kGguf; }

  void Warn(const std::string& line) const {
    if (spec_.warn) spec_.warn(line);
  }

  Status LoadTokenizer() {
    Model& m = *model_;
    HParams& h = m.hparams_;
    m.tokenizer_ = spec_.tokenizer;
    if (m.tokenizer_ == nullptr && IsGguf()) {
      BN_ASSIGN_OR_RETURN(m.tokenizer_, Tokenizer::FromGguf(m.gguf_, spec_.pre, spec_.warn));
    } else if (m.tokenizer_ == nullptr) {
      BN_ASSIGN_OR_RETURN(m.tokenizer_, core::LoadTokenizer(checkpoint_.folder, spec_.pre, spec_.warn));
    }
    const uint32_t n_tokens = m.tokenizer_->size();
    if (h.n_vocab == 0) h.n_vocab = n_tokens;
    if (h.n_vocab == n_tokens) return {};
    // Hugging Face models often have more rows than tokens, so that matrices have round sizes.
    if (!IsGguf() && h.n_vocab > n_tokens) {
      Warn(Cat("the vocabulary has ", h.n_vocab, " rows, but the tokenizer only ", n_tokens,
               " tokens: the rest have no text"));
      return {};
    }
    const std::string key = IsGguf() ? h.architecture_key + ".vocab_size" : "vocab_size";
    const GgufValue* v = m.gguf_.Find(key);
    return Status(Code::kBadFormat,
                  Cat("key ", Quoted(key), " says that the vocabulary has ", h.n_vocab,
                      " tokens, but the tokenizer has ", n_tokens, "; use the tokenizer of this model"),
                  key, v != nullptr ? v->offset : Status::kNoOffset);
  }

  Status IndexCorrections(const TensorPlan& plan) {
    for (const NormScale& c : spec_.corrections.norm_scales) norm_scales_[c.tensor].push_back(&c);
    size_t found = 0;
    for (const PlannedTensor& t : plan.tensors) {
      found += t.role == PlannedTensor::Role::kNorm && norm_scales_.contains(t.name) ? 1 : 0;
    }
    if (found == norm_scales_.size()) return {};
    for (const auto& entry : norm_scales_) {
      const std::string_view name = entry.first;
      const bool is_norm = std::any_of(plan.tensors.begin(), plan.tensors.end(), [&](const PlannedTensor& t) {
        return t.role == PlannedTensor::Role::kNorm && t.name == name;
      });
      if (!is_norm) {
        return Status(Code::kPolicyInvalid,
                      Cat("correction names tensor ", Quoted(name), ", expected a norm of this model"),
                      std::string(name));
      }
    }
    return {};
  }

  void PlaceMatrices(const TensorPlan& plan) {
    LoadSpec spec = spec_;
    if (model_->files_.empty() && spec.mode == LoadMode::kAuto) spec.mode = LoadMode::kMap;  // the host's own memory
    placement_ = PlaceWeights(plan, model_->weights_, spec);
    matrices_.Expect(placement_.arena_bytes);
  }

  Status LoadTensors(const TensorTable& table, const TensorPlan& plan) {
    uint64_t total = 0, done = 0;
    for (const PlannedTensor& t : plan.tensors) total += t.tensor->n_bytes;
    BN_RETURN_IF_ERROR(Report(done, total));
    for (const PlannedTensor& t : plan.tensors) {
      switch (t.role) {
        case PlannedTensor::Role::kNorm: BN_RETURN_IF_ERROR(LoadNorm(t)); break;
        case PlannedTensor::Role::kRopeFreqs: BN_RETURN_IF_ERROR(LoadRopeFreqs(t)); break;
        case PlannedTensor::Role::kTable: BN_RETURN_IF_ERROR(LoadTable(t)); break;
        case PlannedTensor::Role::kLinear: BN_RETURN_IF_ERROR(LoadLinear(table, t)); break;
      }
      ReleaseUnused(t);
      done += t.tensor->n_bytes;
      BN_RETURN_IF_ERROR(Report(done, total));
    }
    return {};
  }

  static bool IsInPlace(const PlannedTensor& t) {
    return t.matrix != nullptr && t.matrix->data == t.tensor->data.data();
  }

  // Gives the file's pages back to the system where nothing reads them again.
  void ReleaseUnused(const PlannedTensor& t) const {
    if (!IsInPlace(t)) Release(t.tensor->data);
  }

  void CountMapped(const TensorPlan& plan) {
    if (model_->mapped_bytes_ == 0) return;
    for (const PlannedTensor& t : plan.tensors) model_->mapped_bytes_ -= IsInPlace(t) ? 0 : BytesInFile(*t.tensor);
  }

  void Release(std::span<const std::byte> bytes) const {
    for (const MappedFile& f : model_->files_) f.Release(bytes);
  }

  Status Report(uint64_t done, uint64_t total) const {
    if (!spec_.progress || spec_.progress(done, total)) return {};
    return Status(Code::kCancelled, "loading was cancelled by the progress callback");
  }

  // An f32 copy of a dense vector, every value finite.
  Result<std::span<float>> LoadVector(const GgufTensor& tensor) {
    const uint64_t n = Elements(tensor);
    BN_ASSIGN_OR_RETURN(float* const x, floats_.Allocate(n));
    if (!DenseTypeOf(tensor.type)) {
      return TensorError(
          Code::kUnsupported, tensor,
          Cat("is a vector of type ", QuantTypeName(tensor.type), ", expected F32; convert the model again"));
    }
    const std::span<float> out(x, n);
    BN_RETURN_IF_ERROR(ReadVector(tensor, spec_.i2s_arm_layout, out));
    BN_RETURN_IF_ERROR(CheckFinite(tensor, out));
    return out;
  }

  Status LoadNorm(const PlannedTensor& t) {
    const auto corrections = norm_scales_.find(t.name);
    const bool corrected = corrections != norm_scales_.end();
    if (IsQuantised(t.tensor->type) && !corrected && !spec_.allow_suspicious_norms) {
      return TensorError(Code::kBadFormat, *t.tensor,
                         Cat("is a norm in the quantised type ", QuantTypeName(t.tensor->type),
                             ", expected F32; convert the model again, or repair it with a correction policy"));
    }
    const uint64_t n = Elements(*t.tensor);
    BN_ASSIGN_OR_RETURN(float* const gamma, floats_.Allocate(n));
    BN_RETURN_IF_ERROR(ReadVector(*t.tensor, spec_.i2s_arm_layout, {gamma, n}));
    if (corrected) {
      for (const NormScale* c : corrections->second) BN_RETURN_IF_ERROR(ApplyNormScale(*c, {gamma, n}));
      model_->corrected_ = true;
    }
    *t.vector = gamma;
    return CheckFinite(*t.tensor, {gamma, n});
  }

  Status LoadRopeFreqs(const PlannedTensor& t) {
    BN_ASSIGN_OR_RETURN(const std::span<float> freqs, LoadVector(*t.tensor));
    for (const float f : freqs) {
      if (!(f > 0)) return TensorError(Code::kBadFormat, *t.tensor, Cat("holds ", f, ", expected divisors above 0"));
    }
    *t.vector = freqs.data();
    return {};
  }

  Status LoadTable(const PlannedTensor& t) {
    if (HasMatrixType(t.tensor->type)) return UseAsItIs(t);
    return TensorError(Code::kUnsupported, *t.tensor,
                       Cat("is an embedding or head of type ", QuantTypeName(t.tensor->type),
                           ", expected F32, F16, BF16, F64, Q4_0 to Q8_0 or Q2_K to Q6_K; convert the model again"));
  }

  static bool HasMatrixType(QuantType type) { return DenseTypeOf(type) || BlockTypeOf(type); }

  // A matrix that the kernels read as the file has it, or F64 as F32.
  Status UseAsItIs(const PlannedTensor& t) {
    const GgufTensor& tensor = *t.tensor;
    Matrix& m = *t.matrix;
    if (const auto dense = DenseTypeOf(tensor.type)) {
      m.kind = Matrix::Kind::kDense;
      m.dense = *dense;
    } else {
      m.kind = Matrix::Kind::kBlock;
      m.block_type = *BlockTypeOf(tensor.type);
    }
    if (tensor.type == QuantType::kF64) {
      BN_ASSIGN_OR_RETURN(m.data, Narrow(tensor));
    } else {
      BN_ASSIGN_OR_RETURN(m.data, BytesOf(t, m.kind == Matrix::Kind::kDense ? kernels::DenseBytes(m.dense) : 1));
    }
    return spec_.verify ? VerifyFinite(tensor) : Status();
  }

  // The bytes of a matrix: the file's own, or a copy where it is to have one or where they are not aligned for their
  // elements, as in SafeTensors they need not be.
  Result<const void*> BytesOf(const PlannedTensor& t, size_t align) {
    const std::span<const std::byte> bytes = t.tensor->data;
    if (!placement_.Copies(t, spec_) && reinterpret_cast<uintptr_t>(bytes.data()) % align == 0) return bytes.data();
    BN_ASSIGN_OR_RETURN(std::byte* const copy, matrices_.Allocate(bytes.size()));
    constexpr size_t kTile = size_t{1} << 20;
    pool_.ParallelFor(bytes.size(), kTile, [&](size_t begin, size_t end, uint32_t) {
      const auto part = bytes.subspan(begin, end - begin);
      std::memcpy(copy + begin, part.data(), part.size());
      Release(part);
    });
    return copy;
  }

  // An f32 copy of an F64 matrix.
  Result<const void*> Narrow(const GgufTensor& tensor) {
    const size_t n = Elements(tensor);
    BN_ASSIGN_OR_RETURN(std::byte* const copy, matrices_.Allocate(n * sizeof(float)));
    auto* const out = reinterpret_cast<float*>(copy);
    pool_.ParallelFor(n, 16384, [&](size_t begin, size_t end, uint32_t) {
      DecodeToF32(tensor.type, tensor.data.subspan(begin * sizeof(double)), end - begin, out + begin);
    });
    return copy;
  }

  // Reads all of a dense or block tensor, in parallel.
  Status VerifyFinite(const GgufTensor& tensor) {
    const QuantTypeInfo& info = *FindQuantType(static_cast<uint32_t>(tensor.type));
    const size_t n_blocks = tensor.n_bytes / info.block_bytes;
    std::atomic<uint64_t> first{n_blocks};
    pool_.ParallelFor(n_blocks, 16384, [&](size_t begin, size_t end, uint32_t) {
      const auto found =
          FindNonFinite(tensor.type, tensor.data.subspan(begin * info.block_bytes, (end - begin) * info.block_bytes));
      if (!found) return;
      uint64_t lowest = first.load();
      while (begin + *found < lowest && !first.compare_exchange_weak(lowest, begin + *found)) {
      }
    });
    const uint64_t bad = first.load();
    if (bad == n_blocks) return {};
    return Status(Code::kBadFormat,
                  Cat("tensor ", Quoted(tensor.name), " holds infinity or nan at element ", bad * info.block,
                      ", expected finite numbers; fetch or convert the model again"),
                  std::string(tensor.name), tensor.offset + bad * info.block_bytes);
  }

  Status LoadLinear(const TensorTable& table, const PlannedTensor& t) {
    if (t.bias != nullptr) {
      BN_ASSIGN_OR_RETURN(const std::span<float> bias, LoadVector(*t.bias));
      t.matrix->bias = bias.data();
    }
    const QuantType type = t.tensor->type;
    if (table.linears() == TensorTable::Linears::kMaster) {
      if (DenseTypeOf(type)) return ternary_.LoadMaster(*t.tensor, *t.matrix);
      return TensorError(Code::kUnsupported, *t.tensor,
                         Cat("is a master weight of type ", QuantTypeName(type), ", expected F32, F16, BF16 or F64"));
    }
    const float* factor = nullptr;
    if (t.scale != nullptr) {
      BN_ASSIGN_OR_RETURN(factor, LoadFactor(table, *t.scale));
    }
    if (table.linears() == TensorTable::Linears::kPacked) {
      if (type == QuantType::kU8)
        return ternary_.Load(*t.tensor, TernaryLayout::kHfPacked, /*copy=*/false, factor, *t.matrix);
      return TensorError(Code::kUnsupported, *t.tensor,
                         Cat("is a packed weight of type ", QuantTypeName(type), ", expected U8"));
    }
    if (const auto layout = TernaryLayoutOf(*t.tensor, spec_.i2s_arm_layout))
      return ternary_.Load(*t.tensor, *layout, placement_.Copies(t, spec_), factor, *t.matrix);
    return LoadOtherLinear(t);
  }

  // A linear of no ternary type: ternary all the same where it is dense and holds 0, s and -s alone.
  Status LoadOtherLinear(const PlannedTensor& t) {
    const GgufTensor& tensor = *t.tensor;
    constexpr std::string_view kTernaryTypes =
        "I2_S, TQ1_0, TQ2_0, IQ1_BN, IQ2_BN, IQ2_BN_R4, Q1_0 or Q2_0, or F32, F16, BF16 or F64 that holds 0, s and -s "
        "alone";
    if (!HasMatrixType(tensor.type)) {
      return TensorError(Code::kUnsupported, tensor,
                         Cat("is a linear of type ", QuantTypeName(tensor.type),
                             ", expected a ternary one: ", kTernaryTypes, "; convert the model again"));
    }
    if (t.scale != nullptr) {
      return TensorError(
          Code::kUnsupported, *t.scale,
          Cat("is a scale beside a matrix of type ", QuantTypeName(tensor.type), "; convert the model again"));
    }
    if (DenseTypeOf(tensor.type)) {
      BN_ASSIGN_OR_RETURN(const bool ternary, ternary_.LoadExact(tensor, *t.matrix));
      if (ternary) return {};
    }
    if (!spec_.allow_dense_linears) {
      return TensorError(Code::kUnsupported, tensor,
                         Cat("is a linear of type ", QuantTypeName(tensor.type), " that is not ternary, expected ",
                             kTernaryTypes, "; use a ternary file of the model, or allow dense linears"));
    }
    if (model_->n_dense_linears_++ == 0) first_dense_linear_ = tensor.name;
    return UseAsItIs(t);
  }

  // What the scales of a matrix are multiplied by. A packed matrix has no other scale, so there it must be above 0.
  Result<const float*> LoadFactor(const TensorTable& table, const GgufTensor& tensor) {
    BN_ASSIGN_OR_RETURN(const std::span<float> scale, LoadVector(tensor));
    const bool packed = table.linears() == TensorTable::Linears::kPacked;
    if (scale[0] < 0 || (packed && scale[0] == 0)) {
      return TensorError(Code::kBadFormat, tensor,
                         Cat("is ", scale[0], ", expected a scale ", packed ? "above 0" : "that is not negative"));
    }
    if (table.reciprocal_scale()) scale[0] = 1.0f / scale[0];
    return static_cast<const float*>(scale.data());
  }

  Status ScaleAttention() {
    auto& layers = model_->weights_.layers;
    for (const auto& [layer, factor] : spec_.corrections.attention_scales) {
      if (layer >= layers.size()) {
        return Status(Code::kPolicyInvalid,
                      Cat("correction of attention names layer ", layer, ", the model has ", layers.size()),
                      "attention_scale");
      }
      if (!std::isfinite(factor) || factor <= 0) {
        return Status(Code::kPolicyInvalid,
                      Cat("correction of attention in layer ", layer, " has factor ", factor,
                          ", expected a finite number above 0"),
                      "attention_scale");
      }
      layers[layer].attention_scale *= factor;
      model_->corrected_ = true;
    }
    return {};
  }

  // What the accessors report.
  Status Describe(const TensorTable& table, const TensorPlan& plan) {
    Model& m = *model_;
    for (const GgufTensor& t : table.tensors()) m.tensors_.push_back(EntryOf(t));
    BN_ASSIGN_OR_RETURN(const auto name, m.gguf_.String("general.name"));
    m.name_ = name.value_or("");
    std::map<std::string_view, uint64_t> linear_elements;
    for (const PlannedTensor& t : plan.tensors) {
      m.n_params_ += Elements(t);
      if (t.role == PlannedTensor::Role::kLinear) linear_elements[QuantTypeName(t.tensor->type)] += Elements(t);
    }
    m.quantization_ =
        std::max_element(linear_elements.begin(), linear_elements.end(), [](const auto& a, const auto& b) {
          return a.second < b.second;
        })->first;
    for (const auto& bytes : m.bytes_) m.size_bytes_ += bytes.size();
    for (const Buffer& b : m.buffers_) m.buffer_bytes_ += b.size();
    return {};
  }

  const LoadSpec& spec_;
  std::shared_ptr<Model> model_;
  const Allocator allocator_;
  ThreadPool& pool_;
  FloatArena floats_;
  WeightArena matrices_;
  TernaryLoader ternary_;
  Placement placement_;
  Checkpoint checkpoint_;  // its files and metadata move into the model
  std::string_view first_dense_linear_;
  std::unordered_map<std::string_view, std::vector<const NormScale*>> norm_scales_;  // in order, by tensor
};

Result<std::shared_ptr<const Model>> Model::LoadFile(const std::string& path, const LoadSpec& spec, ThreadPool& pool,
                                                     const Allocator& allocator) {
  std::set<std::string, std::less<>> warnings;
  LoadSpec once = spec;  // says each warning once
  if (spec.warn) {
    once.warn = [&](std::string_view line) {
      if (warnings.emplace(line).second) spec.warn(line);
    };
  }
  {
    Loader loader(once, pool, allocator);
    BN_RETURN_IF_ERROR(loader.FromFile(path));
    auto model = loader.Load();
    if (!loader.copies() || model.ok() || model.status().code() != Code::kNoMemory) return model;
  }
  once.mode = LoadMode::kMap;  // copies that memory refuses are given up
  Loader loader(once, pool, allocator);
  BN_RETURN_IF_ERROR(loader.FromFile(path));
  return loader.Load();
}

Result<std::shared_ptr<const Model>> Model::LoadMemory(std::span<const std::byte> bytes, const LoadSpec& spec,
                                                       ThreadPool& pool, const Allocator& allocator) {
  Loader loader(spec, pool, allocator);
  BN_RETURN_IF_ERROR(loader.FromMemory(bytes));
  return loader.Load();
}

Result<std::shared_ptr<const Model>> Model::LoadBuffer(Buffer bytes, const LoadSpec& spec, ThreadPool& pool,
                                                       const Allocator& allocator) {
  Loader loader(spec, pool, allocator);
  BN_RETURN_IF_ERROR(loader.FromBuffer(std::move(bytes)));
  return loader.Load();
}

Result<ModelEstimate> Model::Estimate(const std::string& path, const LoadSpec& spec) {
  BN_ASSIGN_OR_RETURN(const Checkpoint checkpoint, OpenCheckpoint(path, false, DefaultAllocator()));
  uint64_t file_bytes = 0;
  for (const MappedFile& f : checkpoint.files) file_bytes += f.bytes().size();
  if (checkpoint.container == Checkpoint::Container::kGguf) return Estimate(checkpoint.gguf, file_bytes, spec);
  return EstimateOf(TensorTable(checkpoint.tensors, checkpoint.hf), checkpoint.hf.hparams, file_bytes, spec);
}

Result<ModelEstimate> Model::Estimate(const Gguf& gguf, uint64_t file_bytes, const LoadSpec& spec) {
  BN_RETURN_IF_ERROR(RefuseVocabularyOnly(gguf));
  BN_ASSIGN_OR_RETURN(const HParams hparams, ReadHParams(gguf));
  return EstimateOf(TensorTable(gguf), hparams, file_bytes, spec);
}

}  // namespace bitnet::core
