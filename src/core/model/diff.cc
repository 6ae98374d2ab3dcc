#include "core/model/diff.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <limits>
#include <map>
#include <memory>
#include <utility>

#include "core/model/hparams_reader.h"
#include "core/model/norms.h"
#include "core/model/tensor_rows.h"
#include "core/model/tensor_table.h"

namespace bitnet::core {

namespace {

using Outcome = TensorDiff::Outcome;

// Values decoded at a time, a multiple of every block.
constexpr size_t kChunk = 16384;
// Bytes read between two reports, after which their pages are given back.
constexpr uint64_t kReportBytes = uint64_t{8} << 20;

std::string ShapeText(const GgufTensor& t, uint64_t row_factor) {
  std::string out = "[";
  for (uint32_t i = std::min(t.n_dims, 4u); i-- > 0;) {
    out += Cat(t.ne[i] * (i == 1 ? row_factor : 1), i == 0 ? "" : ", ");
  }
  return out + "]";
}

// One of the two models, opened.
struct Side {
  Checkpoint checkpoint;
  std::unique_ptr<TensorTable> table;
  std::optional<HParams> hparams;
  std::map<std::string, const GgufTensor*, std::less<>> by_graph_name;
  bool i2s_arm_layout = false;

  // The hint of MappedFile::Release, whichever file holds `part`.
  void Release(std::span<const std::byte> part) const {
    for (const MappedFile& file : checkpoint.files) {
      const auto bytes = file.bytes();
      if (part.data() >= bytes.data() && part.data() + part.size() <= bytes.data() + bytes.size()) file.Release(part);
    }
  }
  // Scales of ternary matrices are compared with them, not on their own.
  bool IsPartOfAnother(const std::string& graph_name) const {
    constexpr std::string_view kScale = ".scale";
    if (!graph_name.ends_with(kScale)) return false;
    const std::string weight = graph_name.substr(0, graph_name.size() - kScale.size()) + ".weight";
    const auto found = by_graph_name.find(weight);
    if (!IsLinearName(weight) || found == by_graph_name.end()) return false;
    const GgufTensor& tensor = *found->second;
    return tensor.type == QuantType::kU8 || TernaryLayoutOf(tensor, i2s_arm_layout).has_value();
  }
};

// On the heap: the table points into it.
Result<std::unique_ptr<Side>> Open(const std::string& path, bool i2s_arm_layout) {
  auto opened = std::make_unique<Side>();
  Side& side = *opened;
  side.i2s_arm_layout = i2s_arm_layout;
  auto checkpoint = OpenCheckpoint(path, /*copy=*/false, DefaultAllocator());
  if (!checkpoint.ok()) {
    const Status& s = checkpoint.status();
    const std::string name = Quoted(path, 256);
    // Messages about a path name it already.
    return s.message().find(name) != std::string::npos
               ? s
               : Status(s.code(), Cat("model ", name, ": ", s.message()), std::string(s.what()), s.offset());
  }
  side.checkpoint = *std::move(checkpoint);
  const Checkpoint& c = side.checkpoint;
  if (c.container == Checkpoint::Container::kGguf) {
    side.table = std::make_unique<TensorTable>(c.gguf);
    if (auto h = ReadHParams(c.gguf); h.ok()) side.hparams = *std::move(h);
  } else {
    side.table = std::make_unique<TensorTable>(c.tensors, c.hf);
    side.hparams = c.hf.hparams;
  }
  for (const GgufTensor& t : side.table->tensors()) side.by_graph_name.emplace(side.table->GraphName(t.name), &t);
  return opened;
}

class Comparison {
 public:
  Comparison(const Side& a, const Side& b, const DiffOptions& options) : a_(a), b_(b), options_(options) {
    for (const Side* side : {&a_, &b_}) {
      for (const auto& entry : side->by_graph_name) total_ += entry.second->n_bytes;
    }
  }

  Result<Diff> Run() {
    Diff out;
    out.container_a = a_.checkpoint.container;
    out.container_b = b_.checkpoint.container;
    BN_RETURN_IF_ERROR(Report(0));
    for (const GgufTensor& t : a_.table->tensors()) {
      const std::string name = a_.table->GraphName(t.name);
      const auto other = b_.by_graph_name.find(name);
      const bool paired = other != b_.by_graph_name.end();
      if (a_.IsPartOfAnother(name) && (!paired || b_.IsPartOfAnother(name))) continue;
      if (paired) {
        BN_RETURN_IF_ERROR(Compare(name, t, *other->second, out.tensors.emplace_back()));
      } else {
        out.tensors.push_back(Alone(Outcome::kOnlyA, name, t));
      }
    }
    for (const GgufTensor& t : b_.table->tensors()) {
      const std::string name = b_.table->GraphName(t.name);
      if (a_.by_graph_name.contains(name) || b_.IsPartOfAnother(name)) continue;
      out.tensors.push_back(Alone(Outcome::kOnlyB, name, t));
    }
    DiffMetadata(a_.checkpoint, b_.checkpoint, out);
    BN_RETURN_IF_ERROR(Report(total_ - done_));
    return out;
  }

 private:
  static TensorDiff Alone(Outcome outcome, const std::string& name, const GgufTensor& t) {
    TensorDiff d;
    d.outcome = outcome;
    d.name = name;
    const bool is_a = outcome == Outcome::kOnlyA;
    (is_a ? d.name_a : d.name_b) = t.name;
    (is_a ? d.type_a : d.type_b) = QuantTypeName(t.type);
    (is_a ? d.shape_a : d.shape_b) = ShapeText(t, 1);
    return d;
  }

  Status Report(uint64_t n_bytes) {
    done_ = std::min(done_ + n_bytes, total_);
    if (!options_.progress || options_.progress(done_, total_)) return {};
    return Status(Code::kCancelled, "the comparison was cancelled by the progress callback");
  }

  // Counts what was read of a pair of tensors, and gives their pages back now and then.
  Status Read(const TensorRows& a, const TensorRows& b, double share, uint64_t& reported) {
    const auto so_far = static_cast<uint64_t>(share * static_cast<double>(a.bytes().size() + b.bytes().size()));
    if (share < 1 && so_far < reported + kReportBytes) return {};
    a_.Release(a.bytes());
    b_.Release(b.bytes());
    return Report(so_far - std::exchange(reported, so_far));
  }

  Status Compare(const std::string& name, const GgufTensor& ta, const GgufTensor& tb, TensorDiff& d) {
    TensorRows a(*a_.table, ta, a_.hparams ? &*a_.hparams : nullptr, a_.i2s_arm_layout);
    TensorRows b(*b_.table, tb, b_.hparams ? &*b_.hparams : nullptr, b_.i2s_arm_layout);
    d.name = name;
    d.name_a = ta.name;
    d.name_b = tb.name;
    d.type_a = QuantTypeName(ta.type);
    d.type_b = QuantTypeName(tb.type);
    d.shape_a = ShapeText(ta, RowFactor(a, ta));
    d.shape_b = ShapeText(tb, RowFactor(b, tb));
    uint64_t reported = 0;
    if (a.rows() != b.rows() || a.cols() != b.cols()) {
      d.outcome = Outcome::kShape;
      return Read(a, b, 1, reported);
    }
    d.n_compared = uint64_t{a.rows()} * a.cols();
    bool equal_bytes = a.SameEncoding(b);
    for (size_t at = 0; equal_bytes && at < a.bytes().size(); at += kReportBytes) {
      const size_t n = std::min<size_t>(kReportBytes, a.bytes().size() - at);
      equal_bytes = std::memcmp(a.bytes().data() + at, b.bytes().data() + at, n) == 0;
      if (equal_bytes) {
        BN_RETURN_IF_ERROR(Read(a, b, static_cast<double>(at + n) / static_cast<double>(a.bytes().size()), reported));
      }
    }
    if (equal_bytes) return {};
    if (a.kind() == TensorRows::Kind::kBytes || b.kind() == TensorRows::Kind::kBytes) {
      CompareBytes(a, b, d);
    } else if (a.kind() == TensorRows::Kind::kTernary && b.kind() == TensorRows::Kind::kTernary) {
      BN_RETURN_IF_ERROR(CompareTernary(a, b, d, reported));
    } else {
      BN_RETURN_IF_ERROR(CompareValues(a, b, d, reported));
    }
    return Read(a, b, 1, reported);
  }

  // Packed U8 has four rows of weights in one of the file.
  static uint64_t RowFactor(const TensorRows& rows, const GgufTensor& t) {
    const uint64_t in_file = t.ne[1] * t.ne[2] * t.ne[3];
    return t.n_dims == 2 && in_file != 0 ? rows.rows() / in_file : 1;
  }

  static void Count(TensorDiff& d, uint64_t index) {
    if (d.n_different++ == 0) d.first_different = index;
  }
  static void Widen(TensorDiff& d, double x, double y) {
    const double difference = std::fabs(x - y);
    d.max_difference =
        std::isnan(difference) ? std::numeric_limits<double>::infinity() : std::max(d.max_difference, difference);
  }
  static bool SameValue(float x, float y) { return x == y || std::memcmp(&x, &y, sizeof x) == 0; }

  // Nothing is known of the values, but equal bytes of one type are equal values.
  static void CompareBytes(const TensorRows& a, const TensorRows& b, TensorDiff& d) {
    if (d.type_a != d.type_b || a.bytes().size() != b.bytes().size()) {
      d.outcome = Outcome::kNotCompared;
      d.n_compared = 0;
      return;
    }
    d.n_compared = a.bytes().size();
    for (size_t i = 0; i < a.bytes().size(); ++i) {
      if (a.bytes()[i] != b.bytes()[i]) Count(d, i);
    }
    if (d.n_different != 0) d.outcome = Outcome::kValues;
  }

  // A run of codes whose scales are `sa` and `sb`: the largest difference of the weights.
  static void WidenRun(std::span<const uint8_t> x, std::span<const uint8_t> y, float sa, float sb, TensorDiff& d) {
    std::array<bool, 16> seen{};  // by the pair of codes
    for (size_t i = 0; i < x.size(); ++i) seen[(x[i] & 3u) << 2 | (y[i] & 3u)] = true;
    const auto weight = [](size_t code, float scale) {
      return code == 1 ? 0.0 : (static_cast<double>(code) - 1) * static_cast<double>(scale);
    };
    for (size_t pair = 0; pair < seen.size(); ++pair) {
      if (seen[pair]) Widen(d, weight(pair >> 2, sa), weight(pair & 3, sb));
    }
  }

  Status CompareTernary(TensorRows& a, TensorRows& b, TensorDiff& d, uint64_t& reported) {
    // The shorter run that one scale covers on either side; the blocks are powers of two.
    size_t run = a.cols();
    for (const size_t block : {a.scale_block(), b.scale_block()}) {
      if (block != 0) run = std::min(run, block);
    }
    const bool one_scale = a.has_one_scale() && b.has_one_scale();
    const auto is_zero = [](std::span<const uint8_t> codes) {
      return std::all_of(codes.begin(), codes.end(), [](uint8_t code) { return code == 1; });
    };
    uint64_t first_scaled = 0;  // the first weight under a scale that differs
    for (size_t r = 0; r < a.rows(); ++r) {
      const std::span<const uint8_t> row_a = a.Codes(r), row_b = b.Codes(r);
      for (size_t c = 0; c < a.cols(); c += run) {
        const uint64_t at = uint64_t{r} * a.cols() + c;
        const size_t n = std::min(run, a.cols() - c);
        const std::span<const uint8_t> x = row_a.subspan(c, n), y = row_b.subspan(c, n);
        const bool same_codes = std::memcmp(x.data(), y.data(), n) == 0;
        for (size_t i = 0; !same_codes && i < n; ++i) {
          if (x[i] != y[i]) Count(d, at + i);
        }
        const float sa = a.Scale(r, c), sb = b.Scale(r, c);
        const bool same_scale = SameValue(sa, sb);
        if (!same_codes || !same_scale) WidenRun(x, y, sa, sb, d);
        // A scale of nothing but zeros scales nothing.
        if ((one_scale && d.n_scales != 0) || is_zero(x) || is_zero(y)) continue;
        ++d.n_scales;
        if (!same_scale && d.n_scales_different++ == 0) {
          const auto is_set = [](uint8_t code) { return code != 1; };
          first_scaled = at + static_cast<uint64_t>(std::find_if(x.begin(), x.end(), is_set) - x.begin());
        }
      }
      BN_RETURN_IF_ERROR(Read(a, b, static_cast<double>(r + 1) / static_cast<double>(a.rows()), reported));
    }
    if (d.n_different != 0) {
      d.outcome = Outcome::kValues;
    } else if (d.n_scales_different != 0) {
      d.outcome = Outcome::kScale;
      d.n_compared = d.n_scales;
      d.n_different = d.n_scales_different;
      d.first_different = first_scaled;
    }
    return {};
  }

  Status CompareValues(TensorRows& a, TensorRows& b, TensorDiff& d, uint64_t& reported) {
    const size_t chunk = std::min(kChunk, a.cols());
    std::vector<float> x(chunk), y(chunk);
    for (size_t r = 0; r < a.rows(); ++r) {
      for (size_t c = 0; c < a.cols(); c += chunk) {
        const size_t n = std::min(chunk, a.cols() - c);
        a.Values(r, c, {x.data(), n});
        b.Values(r, c, {y.data(), n});
        for (size_t i = 0; i < n; ++i) {
          if (SameValue(x[i], y[i])) continue;
          Count(d, uint64_t{r} * a.cols() + c + i);
          Widen(d, double{x[i]}, double{y[i]});
        }
      }
      BN_RETURN_IF_ERROR(Read(a, b, static_cast<double>(r + 1) / static_cast<double>(a.rows()), reported));
    }
    if (d.n_different != 0) d.outcome = Outcome::kValues;
    return {};
  }

  const Side &a_, &b_;
  const DiffOptions& options_;
  uint64_t done_ = 0, total_ = 0;
};

}  // namespace

std::string_view OutcomeName(Outcome outcome) {
  switch (outcome) {
    case Outcome::kEqual: return "equal";
    case Outcome::kScale: return "scale";
    case Outcome::kValues: return "values";
    case Outcome::kShape: return "shape";
    case Outcome::kOnlyA: return "only_a";
    case Outcome::kOnlyB: return "only_b";
    case Outcome::kNotCompared: break;
  }
  return "not_compared";
}

uint64_t Diff::Count(Outcome outcome) const {
  return static_cast<uint64_t>(
      std::count_if(tensors.begin(), tensors.end(), [=](const TensorDiff& t) { return t.outcome == outcome; }));
}

Result<Diff> DiffModels(const std::string& path_a, const std::string& path_b, const DiffOptions& options) {
  BN_ASSIGN_OR_RETURN(const auto a, Open(path_a, options.i2s_arm_layout_a));
  BN_ASSIGN_OR_RETURN(const auto b, Open(path_b, options.i2s_arm_layout_b));
  return Comparison(*a, *b, options).Run();
}

}  // namespace bitnet::core
