#include "core/convert/verify.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <numeric>

#include "core/base/text.h"
#include "core/convert/bands.h"
#include "core/model/checkpoint.h"
#include "core/model/hparams_reader.h"
#include "core/tokenizer/tokenizer.h"

namespace bitnet::core {

namespace {

Status Differs(std::string_view what) {
  return Status(Code::kInternal, Cat("the new file was read again and differs from the source: ", what,
                                     "; it is not kept; please report this"));
}

class Verifier {
 public:
  Verifier(ThreadPool& pool, const std::function<Status(uint64_t)>& tick) : pool_(pool), tick_(tick) {}

  Status Compare(const CodeReader& written, const CodeReader& source, size_t head_dim) {
    if (written.rows() != source.rows() || written.cols() != source.cols()) return Differs(written.tensor().name);
    const size_t rows = written.rows(), cols = written.cols(), group = std::max(written.group(), source.group());
    const size_t per_row = written.units_per_row();
    std::vector<uint8_t> used(rows * per_row);
    std::atomic<size_t> bad_row{rows};
    const Bands bands(rows, cols, BandUnit(head_dim), group);
    std::vector<uint8_t> codes[2], other(pool_.size() * group * cols);
    for (auto& c : codes) c.resize(bands.band_rows * cols);
    const size_t n_scratch = std::max(written.scratch_floats(), source.scratch_floats());
    std::vector<float> scratch(pool_.size() * n_scratch);
    const auto make = [&](size_t band, size_t first, size_t end, uint32_t thread) {
      float* floats = scratch.data() + thread * n_scratch;
      uint8_t* expected = other.data() + thread * group * cols;
      for (size_t r = first; r < end; r += group) {
        uint8_t* found = codes[band % 2].data() + (r - bands.first(band)) * cols;
        for (size_t k = 0; k < group; k += written.group()) written.Read(r + k, floats, found + k * cols);
        for (size_t k = 0; k < group; k += source.group()) source.Read(r + k, floats, expected + k * cols);
        if (std::memcmp(found, expected, group * cols) != 0) {
          size_t lowest = bad_row.load();
          while (r < lowest && !bad_row.compare_exchange_weak(lowest, r)) {
          }
        }
        for (size_t u = 0; u < group * per_row; ++u) {
          const uint8_t* c = found + u * (cols / per_row);
          used[r * per_row + u] = std::any_of(c, c + cols / per_row, [](uint8_t code) { return code != 1; }) ? 1 : 0;
        }
      }
    };
    const auto done = [&](size_t band) -> Status {
      if (const size_t row = bad_row.load(); row < rows) {
        return Differs(Cat("codes of ", Quoted(written.tensor().name), " from row ", row));
      }
      const size_t n_rows = bands.end(band) - bands.first(band);
      return tick_(written.tensor().n_bytes / rows * n_rows);
    };
    const auto use = [&](size_t band) {
      const size_t first = bands.first(band), n = bands.end(band) - first;
      if (head_dim == 0) {
        codes_.Update(codes[band % 2].data(), n * cols);
      } else {
        for (size_t r = 0; r < n; ++r) codes_.Update(codes[band % 2].data() + InterleavedRow(r, head_dim) * cols, cols);
      }
      written.Release(first, first + n);
      source.Release(first, first + n);
      return Status();
    };
    BN_RETURN_IF_ERROR(ForEachBand(pool_, bands, make, done, use));
    HashScales(written, used, per_row, head_dim);
    return {};
  }

  void Finish(ConvertReport& report) const {
    report.ternary_sha256 = codes_.Finish();
    report.ternary_scales_sha256 = scales_.Finish();
  }

 private:
  // As the loader keeps them (Model::TernaryScalesSha256).
  void HashScales(const CodeReader& m, const std::vector<uint8_t>& used, size_t per_row, size_t head_dim) {
    if (m.scale_kind() == ScaleKind::kTensor) return Put(m.scale(0));
    if (const auto common = m.CommonScale(used)) return Put(*common);
    for (size_t r = 0; r < m.rows(); ++r) {
      for (size_t b = 0; b < per_row; ++b) Put(m.scale(InterleavedRow(r, head_dim) * per_row + b));
    }
  }
  void Put(float scale) { scales_.Update(&scale, sizeof scale); }

  ThreadPool& pool_;
  const std::function<Status(uint64_t)>& tick_;
  Sha256 codes_, scales_;
};

}  // namespace

size_t InterleavedHeadDim(const PlannedTensor& planned, const HParams& hparams) {
  const bool turned = planned.name.ends_with(".attn_q.weight") || planned.name.ends_with(".attn_k.weight");
  return hparams.rope_adjacent && turned ? hparams.head_dim : 0;
}

size_t BandUnit(size_t interleaved_head_dim) {
  constexpr size_t kGroup = 4;  // rows that IQ2_BN_R4 interleaves
  return interleaved_head_dim == 0 ? kGroup : std::lcm(interleaved_head_dim, kGroup);
}

Status VerifyCodes(const Checkpoint& file, const TensorTable& table, const HParams& hparams,
                   std::span<const CodeReader> sources, ThreadPool& pool, const std::function<Status(uint64_t)>& tick,
                   ConvertReport& report) {
  Weights weights;
  BN_ASSIGN_OR_RETURN(const TensorPlan plan, PlanTensors(table, hparams, weights));
  if (plan.n_unused != 0) return Differs(Cat("tensor ", Quoted(plan.first_unused), " is not of the graph"));
  Verifier verifier(pool, tick);
  size_t n = 0;
  for (const PlannedTensor& t : plan.tensors) {
    if (t.role != PlannedTensor::Role::kLinear) continue;
    if (n == sources.size()) return Differs("the number of linears");
    BN_ASSIGN_OR_RETURN(const CodeReader written, CodeReader::Open(file, table, t, false, pool));
    BN_RETURN_IF_ERROR(verifier.Compare(written, sources[n++], InterleavedHeadDim(t, hparams)));
    report.n_codes += uint64_t{written.rows()} * written.cols();
  }
  if (n != sources.size()) return Differs("the number of linears");
  verifier.Finish(report);
  return {};
}

Status VerifyGguf(const std::string& path, std::span<const CodeReader> sources, ThreadPool& pool,
                  const std::function<Status(uint64_t)>& tick, ConvertReport& report) {
  BN_ASSIGN_OR_RETURN(const Checkpoint file, OpenCheckpoint(path, false, DefaultAllocator()));
  BN_ASSIGN_OR_RETURN(const HParams hparams, ReadHParams(file.gguf));
  BN_ASSIGN_OR_RETURN(const auto tokenizer, Tokenizer::FromGguf(file.gguf, "", {}));
  if (hparams.n_vocab != tokenizer->size()) return Differs("the vocabulary's size");
  return VerifyCodes(file, TensorTable(file.gguf), hparams, sources, pool, tick, report);
}

}  // namespace bitnet::core
