#include "core/convert/convert.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <vector>

#include "core/base/output_file.h"
#include "core/base/text.h"
#include "core/convert/bands.h"
#include "core/convert/code_reader.h"
#include "core/convert/metadata.h"
#include "core/convert/table_encode.h"
#include "core/convert/ternary_encode.h"
#include "core/convert/verify.h"
#include "core/format/gguf_writer.h"
#include "core/model/checkpoint.h"
#include "core/model/dense_decode.h"
#include "core/model/hparams_reader.h"
#include "core/model/norms.h"
#include "core/tokenizer/tokenizer.h"
#include "kernels/half.h"

namespace bitnet::core {

namespace {

namespace fs = std::filesystem;

uint64_t Elements(const GgufTensor& t) { return t.ne[0] * t.ne[1] * t.ne[2] * t.ne[3]; }

// Whether writing `target` would replace `path` or a file of a model in `folder` ("": none).
bool IsPartOf(const std::string& target, const std::string& path, const std::string& folder) {
  std::error_code error;
  if (fs::equivalent(target, path, error) && !error) return true;
  if (folder.empty()) return false;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    const std::string kind = entry.path().extension().string();
    if (kind != ".safetensors" && kind != ".json" && kind != ".model" && kind != ".jinja") continue;
    if (fs::equivalent(target, entry.path(), error) && !error) return true;
  }
  return false;
}

constexpr size_t kTQBlock = 256;  // columns under a scale of the TQ types

bool HasWeight(const uint8_t* codes, size_t n) {
  return std::any_of(codes, codes + n, [](uint8_t c) { return c != 1; });
}

class Converter {
 public:
  Converter(const ConvertSpec& spec, ThreadPool& pool) : spec_(spec), pool_(pool) {}

  Result<ConvertReport> Run(const std::string& source, const std::string& target) {
    BN_ASSIGN_OR_RETURN(source_, OpenCheckpoint(source, false, DefaultAllocator()));
    if (IsPartOf(target, source, source_.folder)) {
      return Status(Code::kInvalidArgument,
                    Cat("path ", Quoted(target, 256), " is a file of the source; choose another name"), "path");
    }
    if (!spec_.tokenizer.empty() && IsPartOf(target, spec_.tokenizer, FolderOfTokenizer())) {
      return Status(Code::kInvalidArgument,
                    Cat("path ", Quoted(target, 256), " is a file of the tokenizer; choose another name"), "path");
    }
    BN_RETURN_IF_ERROR(ReadModel());
    // Before any work: an output that cannot be made is known at once.
    BN_ASSIGN_OR_RETURN(OutputFile out, OutputFile::Create(target, spec_.overwrite));
    BN_RETURN_IF_ERROR(PlanFile());
    BN_RETURN_IF_ERROR(out.Reserve(writer_.FileBytes()));
    const std::string header = writer_.Header();
    BN_RETURN_IF_ERROR(out.WriteAt(0, std::as_bytes(std::span(header))));
    out_ = &out;
    BN_RETURN_IF_ERROR(Tick(0));
    for (size_t i = 0; i < plan_.tensors.size(); ++i) BN_RETURN_IF_ERROR(WriteTensor(plan_.tensors[i], first_[i]));
    BN_RETURN_IF_ERROR(VerifyGguf(
        out.ReadPath(), readers_, pool_, [this](uint64_t bytes) { return Tick(bytes); }, report_));
    report_.file_bytes = writer_.FileBytes();
    report_.n_tensors = n_tensors_;
    BN_RETURN_IF_ERROR(out.Commit());
    return report_;
  }

 private:
  std::string FolderOfTokenizer() const {
    std::error_code error;
    if (fs::is_directory(spec_.tokenizer, error)) return spec_.tokenizer;
    const fs::path parent = fs::path(spec_.tokenizer).parent_path();
    return parent.empty() ? "." : parent.string();
  }

  bool IsGguf() const { return source_.container == Checkpoint::Container::kGguf; }
  void Warn(const std::string& line) const {
    if (spec_.warn) spec_.warn(line);
  }

  Status Tick(uint64_t bytes) {
    done_ = std::min(done_ + bytes, total_);
    if (!spec_.progress || spec_.progress(done_, total_)) return {};
    return Status(Code::kCancelled, "the conversion was cancelled by the progress callback");
  }

  Status ReadModel() {
    if (IsGguf()) {
      BN_ASSIGN_OR_RETURN(hparams_, ReadHParams(source_.gguf));
      if (spec_.tokenizer.empty()) {
        BN_ASSIGN_OR_RETURN(const auto tokenizer, Tokenizer::FromGguf(source_.gguf, spec_.pre, spec_.warn));
        if (hparams_.n_vocab != tokenizer->size()) {
          return Status(Code::kBadFormat, Cat("the vocabulary has ", hparams_.n_vocab,
                                              " rows by the model's metadata, but ", tokenizer->size(), " tokens"));
        }
      }
      table_.emplace(source_.gguf);
    } else {
      hparams_ = source_.hf.hparams;
      interleave_ = hparams_.architecture == "llama";
      table_.emplace(source_.tensors, source_.hf);
    }
    BN_ASSIGN_OR_RETURN(plan_, PlanTensors(*table_, hparams_, weights_));
    if (plan_.n_unused != 0) {
      Warn(Cat(plan_.n_unused, " tensors of the source are not part of the graph and are left out, the first is ",
               Quoted(plan_.first_unused)));
    }
    return {};
  }

  // Header, and the order of the tensors in the file: that of the graph, a bias after its matrix.
  Status PlanFile() {
    BN_RETURN_IF_ERROR(AddMetadata(source_,
                                   {.linear = spec_.linear,
                                    .name = spec_.name,
                                    .pre = spec_.pre,
                                    .tokenizer = spec_.tokenizer,
                                    .n_vocab = hparams_.n_vocab,
                                    .warn = spec_.warn},
                                   writer_));
    for (const PlannedTensor& t : plan_.tensors) {
      const bool linear = t.role == PlannedTensor::Role::kLinear;
      const QuantType type = linear                                  ? spec_.linear
                             : t.role == PlannedTensor::Role::kTable ? spec_.table
                                                                     : QuantType::kF32;
      if (t.matrix == nullptr) {
        const uint64_t n = Elements(*t.tensor);
        first_.push_back(writer_.AddTensor(t.name, {{n}}, type));
      } else {
        const std::array<uint64_t, 2> ne = {t.matrix->cols, t.matrix->rows};
        const uint32_t block = FindQuantType(static_cast<uint32_t>(type))->block;
        if (ne[0] % block != 0) {
          return TensorError(Code::kUnsupported, *t.tensor,
                             Cat("has rows of ", ne[0], " weights; ", QuantTypeName(type), " needs a multiple of ",
                                 block, ": choose another type"));
        }
        first_.push_back(writer_.AddTensor(t.name, ne, type));
        // Read once, again where it is a master, and the new file's once.
        total_ += t.tensor->n_bytes + (linear ? writer_.TensorBytes(first_.back()) : 0);
      }
      ++n_tensors_;
      if (t.bias == nullptr) continue;
      const std::string name = t.name.substr(0, t.name.rfind('.')) + ".bias";
      writer_.AddTensor(name, {{uint64_t{t.matrix->rows}}}, QuantType::kF32);
      ++n_tensors_;
    }
    return {};
  }

  Status WriteTensor(const PlannedTensor& t, size_t index) {
    switch (t.role) {
      case PlannedTensor::Role::kNorm:
      case PlannedTensor::Role::kRopeFreqs: return WriteVector(*t.tensor, index, 0);
      case PlannedTensor::Role::kTable: return WriteTable(t, index);
      case PlannedTensor::Role::kLinear: return WriteLinear(t, index);
    }
    return {};
  }

  // `head_dim`: of rows that are interleaved, else 0.
  Status WriteVector(const GgufTensor& tensor, size_t index, size_t head_dim) {
    if (IsQuantised(tensor.type)) {
      return TensorError(Code::kBadFormat, tensor,
                         Cat("is a vector in the quantised type ", QuantTypeName(tensor.type),
                             ", which has lost what it was; convert from the model's original"));
    }
    std::vector<float> x(Elements(tensor));
    BN_RETURN_IF_ERROR(ReadVector(tensor, false, x));
    BN_RETURN_IF_ERROR(CheckFinite(tensor, x));
    if (head_dim != 0) {
      std::vector<float> turned(x.size());
      for (size_t f = 0; f < x.size(); ++f) turned[f] = x[HuggingFaceRow(f, head_dim)];
      x = std::move(turned);
    }
    return out_->WriteAt(writer_.TensorOffset(index), std::as_bytes(std::span(x)));
  }

  Status WriteTable(const PlannedTensor& t, size_t index) {
    const GgufTensor& tensor = *t.tensor;
    if (!DenseTypeOf(tensor.type) && !BlockTypeOf(tensor.type)) {
      return TensorError(Code::kUnsupported, tensor,
                         Cat("is an embedding or head of type ", QuantTypeName(tensor.type), ", which is not read"));
    }
    const size_t rows = t.matrix->rows, cols = t.matrix->cols;
    const size_t from_bytes = tensor.n_bytes / rows, to_bytes = writer_.TensorBytes(index) / rows;
    const bool same = tensor.type == spec_.table;
    const Bands bands(rows, std::max(cols * sizeof(float), to_bytes), 1, 1);
    std::vector<std::byte> buffers[2];
    for (auto& b : buffers) b.resize(bands.band_rows * to_bytes);
    std::vector<float> scratch(pool_.size() * cols);
    std::atomic<size_t> bad_row{rows};
    const auto make = [&](size_t band, size_t first, size_t end, uint32_t thread) {
      float* x = scratch.data() + thread * cols;
      for (size_t r = first; r < end; ++r) {
        const auto from = tensor.data.subspan(r * from_bytes, from_bytes);
        std::byte* to = buffers[band % 2].data() + (r - bands.first(band)) * to_bytes;
        bool good = true;
        if (same) {
          good = !FindNonFinite(tensor.type, from);
          std::memcpy(to, from.data(), to_bytes);
        } else {
          DecodeToF32(tensor.type, from, cols, x);
          good = EncodeTableRow(spec_.table, x, cols, to);
        }
        size_t lowest = bad_row.load();
        while (!good && r < lowest && !bad_row.compare_exchange_weak(lowest, r)) {
        }
      }
    };
    const auto done = [&](size_t band) -> Status {
      if (const size_t row = bad_row.load(); row < rows) {
        return TensorError(Code::kBadFormat, tensor,
                           Cat("holds in row ", row, " infinity, nan or a number beyond ", QuantTypeName(spec_.table),
                               "; choose bf16, or fetch the model again"));
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
    const size_t head_dim = interleave_ ? HeadDimOf(t) : 0;
    if (t.bias != nullptr) BN_RETURN_IF_ERROR(WriteVector(*t.bias, index + 1, head_dim));
    BN_ASSIGN_OR_RETURN(CodeReader reader, CodeReader::Open(source_, *table_, t, spec_.i2s_arm_layout, pool_));
    if (head_dim != 0) reader.InterleaveHeads(head_dim);
    BN_RETURN_IF_ERROR(WriteCodes(reader, index, BandUnit(head_dim)));
    reader.DropScales();
    readers_.push_back(std::move(reader));
    return {};
  }

  size_t HeadDimOf(const PlannedTensor& t) const {
    HParams turned = hparams_;
    turned.rope_adjacent = true;
    return InterleavedHeadDim(t, turned);
  }

  Status WriteCodes(const CodeReader& m, size_t index, size_t unit) {
    const size_t rows = m.rows(), cols = m.cols(), group = m.group();
    const size_t blocks = cols / kTQBlock;  // of a row, for the TQ types
    const bool by_block = m.scale_kind() == ScaleKind::kBlock, to_blocks = spec_.linear != QuantType::kI2_S;
    const QuantTypeInfo& info = *FindQuantType(static_cast<uint32_t>(spec_.linear));
    const size_t row_bytes = cols / info.block * info.block_bytes;
    const size_t per_row = m.units_per_row();
    std::vector<uint8_t> used(rows * per_row);
    std::atomic<size_t> bad_code{rows}, bad_scale{rows};
    std::atomic<bool> exact{true};
    const auto note = [](std::atomic<size_t>& first, size_t row) {
      size_t lowest = first.load();
      while (row < lowest && !first.compare_exchange_weak(lowest, row)) {
      }
    };
    const Bands bands(rows, cols, unit, group);
    std::vector<std::byte> buffers[2];
    for (auto& b : buffers) b.resize(bands.band_rows * row_bytes);
    const size_t stride = group * cols;
    std::vector<uint8_t> codes(pool_.size() * stride);
    std::vector<float> scratch(pool_.size() * m.scratch_floats());
    std::vector<uint16_t> halves(pool_.size() * blocks);
    // The f16 scales of a row's blocks; false where one is beyond f16, or not one, and counts.
    const auto halve = [&](size_t row, uint16_t* out) {
      bool good = true;
      for (size_t b = 0; b < blocks; ++b) {
        const size_t n = by_block ? per_row / blocks : 1;  // of the source's units under one of the target's
        const size_t unit = row * per_row + (by_block ? b * n : 0);
        const auto scale_of = [&](size_t u) { return m.scale(m.scale_kind() == ScaleKind::kTensor ? 0 : u); };
        float scale = scale_of(unit);
        bool counts = false;
        for (size_t u = unit; u < unit + n; ++u) {
          if (used[u] == 0) continue;
          if (counts && scale_of(u) != scale) good = false;
          scale = scale_of(u);
          counts = true;
        }
        out[b] = kernels::F32ToF16(scale);
        const float back = kernels::F16ToF32(out[b]);
        if (counts && (!std::isfinite(back) || back == 0)) good = false;
        if (counts && back != scale) exact.store(false, std::memory_order_relaxed);
        if (!std::isfinite(back)) out[b] = 0;
      }
      return good;
    };
    const auto make = [&](size_t band, size_t first, size_t end, uint32_t thread) {
      uint8_t* c = codes.data() + thread * stride;
      for (size_t r = first; r < end; r += group) {
        m.Read(r, scratch.data() + thread * m.scratch_floats(), c);
        for (size_t k = 0; k < group; ++k) {
          const uint8_t* row = c + k * cols;
          if (std::any_of(row, row + cols, [](uint8_t code) { return code > 2; })) note(bad_code, r + k);
          for (size_t u = 0; u < per_row; ++u) {
            used[(r + k) * per_row + u] = HasWeight(row + u * (cols / per_row), cols / per_row) ? 1 : 0;
          }
          uint16_t* scales = halves.data() + thread * blocks;
          if (to_blocks && !halve(r + k, scales)) note(bad_scale, r + k);
          EncodeTernaryRow(spec_.linear, row, cols, scales,
                           buffers[band % 2].data() + (r + k - bands.first(band)) * row_bytes);
        }
      }
    };
    const auto done = [&](size_t band) -> Status {
      if (const size_t row = bad_code.load(); row < rows) {
        return m.BadCode(row);
      }
      if (const size_t row = bad_scale.load(); row < rows) {
        return TensorError(Code::kUnsupported, m.tensor(),
                           Cat("has in row ", row, " a scale that f16 does not hold, or several for ", kTQBlock,
                               " columns, as ", QuantTypeName(spec_.linear), " needs it; choose i2_s"));
      }
      return Tick((bands.end(band) - bands.first(band)) * (m.tensor().n_bytes / rows));
    };
    const auto use = [&](size_t band) {
      const size_t first = bands.first(band), n = bands.end(band) - first;
      m.Release(first, first + n);
      return out_->WriteAt(writer_.TensorOffset(index) + first * row_bytes, {buffers[band % 2].data(), n * row_bytes});
    };
    BN_RETURN_IF_ERROR(ForEachBand(pool_, bands, make, done, use));
    report_.exact_scales = report_.exact_scales && exact.load();
    return to_blocks ? Status() : WriteTail(m, used, writer_.TensorOffset(index) + rows * row_bytes);
  }

  // The one scale of an I2_S tensor, and its padding.
  Status WriteTail(const CodeReader& m, const std::vector<uint8_t>& used, uint64_t offset) {
    const bool has_weight = std::any_of(used.begin(), used.end(), [](uint8_t u) { return u != 0; });
    const auto scale = m.scale_kind() == ScaleKind::kTensor ? std::optional(m.scale(0)) : m.CommonScale(used);
    if (!scale) {
      return TensorError(Code::kUnsupported, m.tensor(),
                         "has scales that differ from row to row or block to block, and I2_S holds one for all; choose "
                         "tq2_0 or tq1_0");
    }
    if (*scale == 0 && has_weight) {
      return TensorError(Code::kBadFormat, m.tensor(), "has scale 0 beside weights that are not 0");
    }
    std::array<std::byte, 32> tail{};
    std::memcpy(tail.data(), &*scale, sizeof *scale);
    return out_->WriteAt(offset, tail);
  }

  const ConvertSpec& spec_;
  ThreadPool& pool_;
  Checkpoint source_;
  HParams hparams_;
  Weights weights_;
  std::optional<TensorTable> table_;
  TensorPlan plan_;
  bool interleave_ = false;  // from the halves of Hugging Face to the adjacent pairs of a `llama` GGUF
  GgufWriter writer_;
  std::vector<size_t> first_;  // in the file, by place in the plan
  uint32_t n_tensors_ = 0;
  OutputFile* out_ = nullptr;
  std::vector<CodeReader> readers_;  // the linears in graph order
  uint64_t done_ = 0, total_ = 0;    // bytes
  ConvertReport report_;
};

}  // namespace

Result<ConvertReport> ConvertToGguf(const std::string& source, const std::string& target, const ConvertSpec& spec,
                                    ThreadPool& pool) {
  if (!IsTernaryTarget(spec.linear) || !IsTableTarget(spec.table)) {
    return Status(Code::kInvalidArgument, "linears become I2_S, TQ1_0 or TQ2_0, embeddings F16, BF16, Q8_0 or Q6_K");
  }
  return Converter(spec, pool).Run(source, target);
}

}  // namespace bitnet::core
