#include "core/runtime/sampler.h"

#include <algorithm>
#include <cmath>

#include "kernels/exp_c.h"

namespace bitnet::core {

namespace {

bool Descending(const kernels::TopEntry& a, const kernels::TopEntry& b) {
  return a.logit > b.logit || (a.logit == b.logit && a.id < b.id);
}

Status Range(const char* option, const char* expected, float found) {
  return Status(Code::kInvalidArgument, Cat(option, ": found ", found, ", expected ", expected), option);
}

}  // namespace

Status CheckSamplerOptions(const SamplerOptions& o) {
  // Written so that NaN fails each of them.
  if (!(o.temperature >= 0) || !std::isfinite(o.temperature)) return Range("temperature", "0 or more", o.temperature);
  if (!(o.top_p > 0 && o.top_p <= 1)) return Range("top_p", "more than 0, at most 1", o.top_p);
  if (!(o.min_p >= 0 && o.min_p <= 1)) return Range("min_p", "0 to 1", o.min_p);
  if (!(o.repeat_penalty > 0) || !std::isfinite(o.repeat_penalty)) {
    return Range("repeat_penalty", "more than 0", o.repeat_penalty);
  }
  return {};
}

uint32_t PhiloxWord0(uint64_t seed, uint64_t position) {
  uint32_t c[4] = {static_cast<uint32_t>(position), static_cast<uint32_t>(position >> 32), 0, 0};
  uint32_t k[2] = {static_cast<uint32_t>(seed), static_cast<uint32_t>(seed >> 32)};
  for (int round = 0; round < 10; ++round) {
    if (round != 0) {
      k[0] += 0x9E3779B9u;
      k[1] += 0xBB67AE85u;
    }
    const uint64_t a = uint64_t{0xD2511F53u} * c[0];
    const uint64_t b = uint64_t{0xCD9E8D57u} * c[2];
    const uint32_t next[4] = {static_cast<uint32_t>(b >> 32) ^ c[1] ^ k[0], static_cast<uint32_t>(b),
                              static_cast<uint32_t>(a >> 32) ^ c[3] ^ k[1], static_cast<uint32_t>(a)};
    std::copy(next, next + 4, c);
  }
  return c[0];
}

Result<int32_t> Draw(std::span<kernels::TopEntry> top, std::span<const int32_t> context, const SamplerOptions& o) {
  BN_ENSURE(!top.empty() && top.size() <= kernels::kMaxTop);
  if (o.repeat_penalty != 1.0f && o.repeat_last_n != 0) {
    const std::span<const int32_t> recent = context.last(std::min<size_t>(context.size(), o.repeat_last_n));
    for (kernels::TopEntry& e : top) {
      if (std::find(recent.begin(), recent.end(), static_cast<int32_t>(e.id)) == recent.end()) continue;
      e.logit = e.logit > 0 ? e.logit / o.repeat_penalty : e.logit * o.repeat_penalty;
      if (!std::isfinite(e.logit)) {
        return Status(Code::kNonFinite, "a logit under the repetition penalty is not finite; use one nearer to 1",
                      "repeat_penalty");
      }
    }
    std::sort(top.begin(), top.end(), Descending);
  }
  if (o.temperature == 0) return static_cast<int32_t>(top[0].id);

  for (kernels::TopEntry& e : top) {
    e.logit = e.logit / o.temperature;
    if (!std::isfinite(e.logit)) {
      return Status(Code::kNonFinite, "a logit divided by the temperature is not finite; use a larger temperature",
                    "temperature");
    }
  }
  size_t n = o.top_k == 0 ? top.size() : std::min<size_t>(o.top_k, top.size());
  float e[kernels::kMaxTop], c[kernels::kMaxTop];
  float sum = 0;
  for (size_t i = 0; i < n; ++i) {
    e[i] = kernels::ExpC(top[i].logit - top[0].logit);
    sum = sum + e[i];
    c[i] = sum;
  }
  const float enough = o.top_p * c[n - 1];
  const size_t top_p = static_cast<size_t>(std::find_if(c, c + n, [&](float x) { return x >= enough; }) - c) + 1;
  const size_t min_p = static_cast<size_t>(std::count_if(e, e + n, [&](float x) { return x >= o.min_p; }));
  n = std::min({n, top_p, std::max<size_t>(1, min_p)});
  const float u = static_cast<float>(PhiloxWord0(o.seed, context.size()) >> 8) * 0x1p-24f;
  const float at = u * c[n - 1];
  const size_t i = static_cast<size_t>(std::find_if(c, c + n, [&](float x) { return x > at; }) - c);
  return static_cast<int32_t>(top[std::min(i, n - 1)].id);
}

}  // namespace bitnet::core
