#include "policy/inspect.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>
#include <span>

#include "core/model/dense_decode.h"
#include "core/model/ternary_decode.h"
#include "policy/bf16_grid.h"

namespace bitnet::policy {

namespace {

using core::Cat;
using core::Gguf;
using core::GgufTensor;

constexpr size_t kDecodeChunk = 65536;  // elements: stays in the cache, a multiple of every block

std::vector<uint64_t> ShapeOf(const GgufTensor& t) {
  std::vector<uint64_t> shape(t.ne, t.ne + t.n_dims);
  std::reverse(shape.begin(), shape.end());
  return shape;
}

std::string TypeName(const GgufTensor& t) {
  const core::QuantTypeInfo* info = core::FindQuantType(static_cast<uint32_t>(t.type));
  return info != nullptr ? std::string(info->name) : Cat("type ", static_cast<uint32_t>(t.type));
}

// Shares of the codes, scales and RMS of a ternary matrix; false when it has a shape that its layout does not allow.
bool ReadTernary(const GgufTensor& t, core::TernaryLayout layout, TensorReport& r) {
  const size_t cols = t.ne[0], rows = t.ne[1], group = core::RowGroup(layout);
  if (t.n_dims != 2 || rows == 0 || rows % group != 0) return false;
  const core::TernarySource source{layout, t.data.data(), rows, cols};
  std::vector<uint8_t> codes(group * cols);
  uint64_t count[4] = {0, 0, 0, 0};
  double sum = 0;  // of squares
  bool first = true;
  const auto add = [&](size_t scale_index, std::span<const uint8_t> part) {
    uint64_t n[4] = {0, 0, 0, 0};
    for (const uint8_t c : part) ++n[c & 3];
    for (int c = 0; c < 4; ++c) count[c] += n[c];
    const float scale = core::ScaleAt(source, scale_index);
    r.scale_min = first ? scale : std::min(r.scale_min, scale);
    r.scale_max = first ? scale : std::max(r.scale_max, scale);
    first = false;
    sum += static_cast<double>(scale) * scale * static_cast<double>(n[0] + n[2]);
  };
  for (size_t g = 0; g < rows / group; ++g) {
    core::DecodeGroup(source, g, codes.data());
    for (size_t i = 0; i < group; ++i) {
      const size_t row = g * group + i;
      const std::span<const uint8_t> row_codes(codes.data() + i * cols, cols);
      switch (core::ScaleKindOf(layout)) {
        case core::ScaleKind::kTensor: add(0, row_codes); break;
        case core::ScaleKind::kRow: add(row, row_codes); break;
        case core::ScaleKind::kBlock: {
          const size_t block = core::ScaleBlock(layout);
          const size_t n_blocks = cols / block;
          for (size_t b = 0; b < n_blocks; ++b) {
            add(row * n_blocks + b, row_codes.subspan(b * block, block));
          }
          break;
        }
      }
    }
  }
  const auto n = static_cast<double>(rows * cols);
  r.share_minus = static_cast<double>(count[0]) / n;
  r.share_zero = static_cast<double>(count[1]) / n;
  r.share_plus = static_cast<double>(count[2]) / n;
  r.rms = std::sqrt(sum / n);
  if (count[3] > 0) r.suspicions.push_back(Cat(count[3], " weights have the code 3, which does not exist"));
  return true;
}

// RMS of a dense or block tensor, chunk by chunk.
std::optional<double> ReadRms(const GgufTensor& t) {
  if (!core::DenseTypeOf(t.type) && !core::BlockTypeOf(t.type)) return std::nullopt;
  const core::QuantTypeInfo& info = *core::FindQuantType(static_cast<uint32_t>(t.type));
  const uint64_t n = t.ne[0] * t.ne[1] * t.ne[2] * t.ne[3];
  std::vector<float> values(std::min<uint64_t>(n, kDecodeChunk));
  double sum = 0;
  for (uint64_t at = 0; at < n; at += kDecodeChunk) {
    const size_t count = std::min<uint64_t>(kDecodeChunk, n - at);
    core::DecodeToF32(t.type, t.data.subspan(at / info.block * info.block_bytes), count, values.data());
    for (size_t i = 0; i < count; ++i) sum += static_cast<double>(values[i]) * values[i];
  }
  return n == 0 ? 0 : std::sqrt(sum / static_cast<double>(n));
}

// Four digits tell a person enough.
std::string Short(double x) {
  char text[32];
  const auto end = std::to_chars(text, text + sizeof text, x, std::chars_format::general, 4);
  return std::string(text, end.ptr);
}

std::string TextOf(const Range& r) { return Cat(Short(r.min), " to ", Short(r.max)); }

// Median RMS of each class over the layers, of norms that are finite; only where at least three layers have one.
std::map<std::string, double> Medians(const std::vector<TensorReport>& tensors) {
  std::map<std::string, std::vector<double>> by_class;
  for (const TensorReport& r : tensors) {
    if (r.kind == TensorReport::Kind::kNorm && r.layer && r.rms && std::isfinite(*r.rms)) {
      by_class[r.cls].push_back(*r.rms);
    }
  }
  std::map<std::string, double> medians;
  for (auto& [cls, values] : by_class) {
    if (values.size() < 3) continue;
    std::sort(values.begin(), values.end());
    medians[cls] = values[values.size() / 2];
  }
  return medians;
}

void JudgeNorm(const Ruleset& rules, const std::map<std::string, double>& medians, const GgufTensor& tensor,
               TensorReport& r) {
  if (const NormRule* rule = rules.Find(r.name)) {
    r.expected = rule->rms;
    r.source = rule->source;
  }
  if (core::IsQuantised(tensor.type)) r.suspicions.push_back(Cat("stored in the quantised type ", r.type));
  if (!r.stats) return;
  const VectorStats& s = *r.stats;
  if (s.n_nan > 0) r.suspicions.push_back(Cat(s.n_nan, " values are nan"));
  if (s.n_inf > 0) r.suspicions.push_back(Cat(s.n_inf, " values are infinite"));
  if (s.n_zero == s.n) r.suspicions.push_back("all values are zero");
  if (s.n_nan + s.n_inf > 0 || s.n_zero == s.n) return;
  if (r.expected && !r.expected->Contains(s.rms)) r.suspicions.push_back(Cat("expected ", TextOf(*r.expected)));
  const auto median = medians.find(r.cls);
  if (!r.layer || median == medians.end()) return;
  if (s.rms > median->second * kOutlierFactor || s.rms * kOutlierFactor < median->second) {
    r.suspicions.push_back(Cat("outlier: the median of ", r.cls, " is ", Short(median->second)));
  }
}

void JudgeProjection(const Ruleset& rules, TensorReport& r) {
  if (!r.layer || !IsLinear(r.cls) || !r.rms || (!rules.proj_rms_min && !rules.proj_rms_max)) return;
  r.expected = Range{rules.proj_rms_min.value_or(0), rules.proj_rms_max.value_or(HUGE_VAL)};
  r.source = Cat("ruleset ", core::Quoted(rules.key));
  if (!r.expected->Contains(*r.rms)) r.suspicions.push_back(Cat("expected ", TextOf(*r.expected)));
}

}  // namespace

size_t Inspection::n_suspicious() const {
  return static_cast<size_t>(
      std::count_if(tensors.begin(), tensors.end(), [](const TensorReport& r) { return r.suspicious(); }));
}

Inspection Inspect(const Gguf& file, const ModelIdentity& identity, const InspectOptions& options) {
  Inspection out;
  out.model = identity;
  const Ruleset built_in = BuiltInRules(identity.architecture);
  const Ruleset& rules = options.rules != nullptr ? *options.rules : built_in;
  if (options.gate) out.rules = rules.key;
  const bool judge_projections = options.gate && (rules.proj_rms_min || rules.proj_rms_max);
  out.weights = options.weights || judge_projections;
  std::map<std::string_view, Norm> norms;
  for (Norm& norm : ReadNorms(file)) norms.emplace(norm.tensor->name, std::move(norm));

  for (const GgufTensor& t : file.tensors()) {
    const auto norm = norms.find(t.name);
    if (norm == norms.end() && !out.weights) continue;
    TensorReport& r = out.tensors.emplace_back();
    const TensorName name = TakeApart(t.name);
    r.name = t.name;
    r.type = TypeName(t);
    r.cls = name.cls;
    r.layer = name.layer;
    r.shape = ShapeOf(t);
    if (norm != norms.end()) {
      r.kind = TensorReport::Kind::kNorm;
      if (norm->second.readable) {
        r.stats = norm->second.stats;
        r.rms = r.stats->rms;
        if (!norm->second.quantised()) r.bf16_factor = Bf16Factor(norm->second.values);
      }
    } else if (const auto layout = core::TernaryLayoutOf(t, /*i2s_arm_layout=*/false)) {
      if (ReadTernary(t, *layout, r)) r.kind = TensorReport::Kind::kTernary;
    } else {
      r.rms = ReadRms(t);
    }
  }
  if (!options.gate) {
    for (TensorReport& r : out.tensors) r.suspicions.clear();
    return out;
  }
  const std::map<std::string, double> medians = Medians(out.tensors);
  for (TensorReport& r : out.tensors) {
    if (r.kind == TensorReport::Kind::kNorm) {
      JudgeNorm(rules, medians, *norms.at(r.name).tensor, r);
    } else {
      JudgeProjection(rules, r);
    }
  }
  return out;
}

}  // namespace bitnet::policy
