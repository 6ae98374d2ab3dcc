#include <algorithm>

#include "core/graph/ops.h"

namespace bitnet::core {

namespace {

// More survivors than this and the full product is as fast.
size_t MaxSurvivors(size_t n_vocab) { return std::max<size_t>(n_vocab / 8, 2 * kernels::kMaxTop); }

struct Offsets {
  size_t query, upper, rows, values, total;
};
// Every part starts where a cache line does, or 16 bytes are read at a time.
Offsets OffsetsFor(size_t n_vocab, size_t n_embd) {
  const auto round_up = [](size_t n) { return (n + Buffer::kAlign - 1) / Buffer::kAlign * Buffer::kAlign; };
  Offsets o{};
  o.query = round_up(2 * kernels::PadHead(n_embd));  // digits come first
  o.upper = o.query + round_up(sizeof(kernels::HeadQuery));
  o.rows = o.upper + round_up(n_vocab * sizeof(float));
  o.values = o.rows + round_up(MaxSurvivors(n_vocab) * sizeof(uint32_t));
  o.total = o.values + round_up(MaxSurvivors(n_vocab) * sizeof(float));
  return o;
}

}  // namespace

uint64_t HeadScratch::Bytes(size_t n_vocab, size_t n_embd) { return OffsetsFor(n_vocab, n_embd).total; }

HeadScratch HeadScratch::In(const Buffer& memory, size_t n_vocab, size_t n_embd) {
  const Offsets o = OffsetsFor(n_vocab, n_embd);
  auto* const base = memory.as<std::byte>();
  HeadScratch s;
  s.digits = reinterpret_cast<int8_t*>(base);
  s.query = reinterpret_cast<kernels::HeadQuery*>(base + o.query);
  s.upper = reinterpret_cast<float*>(base + o.upper);
  s.rows = reinterpret_cast<uint32_t*>(base + o.rows);
  s.values = reinterpret_cast<float*>(base + o.values);
  s.max_survivors = MaxSurvivors(n_vocab);
  return s;
}

}  // namespace bitnet::core
