#include "core/runtime/sampler.h"

#include <limits>
#include <vector>

#include "support/catch.h"

namespace bitnet::core {
namespace {

using kernels::TopEntry;

int32_t Drawn(std::vector<TopEntry> top, std::vector<int32_t> context, const SamplerOptions& o) {
  const auto id = Draw(top, context, o);
  REQUIRE(id.ok());
  return *id;
}

TEST_CASE("philox gives the first word of the published vector", "[runtime][sampler]") {
  // Random123 kat_vectors, philox4x32 10: counter 0, key 0 -> 6627e8d5 e169c58d bc57ac4c 9b00dbd8.
  CHECK(PhiloxWord0(0, 0) == 0x6627e8d5u);
  CHECK(PhiloxWord0(0, 1) != PhiloxWord0(0, 0));
  CHECK(PhiloxWord0(uint64_t{1} << 40, 0) != PhiloxWord0(0, 0));  // the high word of the seed counts
}

TEST_CASE("greedy takes the largest logit after the penalty, ties by lower id", "[runtime][sampler]") {
  SamplerOptions o;
  CHECK(Drawn({{7, 2.0f}, {3, 1.9f}}, {}, o) == 7);
  o.repeat_penalty = 2.0f;
  CHECK(Drawn({{7, 2.0f}, {3, 1.9f}}, {7}, o) == 3);
  CHECK(Drawn({{7, 2.0f}, {3, 1.0f}}, {7, 7, 7}, o) == 3);  // penalised once: 1.0 ties 1.0, the lower id wins
  CHECK(Drawn({{7, -1.0f}, {9, -1.5f}}, {7}, o) == 9);      // negative logits are multiplied
  o.repeat_last_n = 1;
  CHECK(Drawn({{7, 2.0f}, {3, 1.9f}}, {7, 5}, o) == 7);  // out of the window
  o.repeat_last_n = 0;
  CHECK(Drawn({{7, 2.0f}, {3, 1.9f}}, {7}, o) == 7);
}

TEST_CASE("top-k, top-p and min-p of one keep the first candidate only", "[runtime][sampler]") {
  const std::vector<TopEntry> top = {{1, 1.0f}, {2, 0.9f}, {3, 0.8f}};
  for (uint64_t seed = 0; seed < 50; ++seed) {
    SamplerOptions o;
    o.temperature = 1;
    o.seed = seed;
    o.top_k = 1;
    CHECK(Drawn(top, {}, o) == 1);
    o.top_k = 0;
    o.top_p = 1e-6f;
    CHECK(Drawn(top, {}, o) == 1);
    o.top_p = 1;
    o.min_p = 1;
    CHECK(Drawn(top, {}, o) == 1);
  }
}

TEST_CASE("draws of a flat distribution reach every candidate and nothing else", "[runtime][sampler]") {
  std::vector<TopEntry> top;
  for (uint32_t i = 0; i < 8; ++i) top.push_back({i, 0.5f});
  SamplerOptions o;
  o.temperature = 1;
  std::vector<int> seen(8);
  for (o.seed = 0; o.seed < 400; ++o.seed) ++seen.at(static_cast<size_t>(Drawn(top, {}, o)));
  for (const int n : seen) CHECK(n > 20);  // 50 expected; 20 is 4.5 standard deviations below
}

TEST_CASE("a quotient by the temperature that overflows is an error", "[runtime][sampler]") {
  SamplerOptions o;
  o.temperature = 1e-30f;
  std::vector<TopEntry> top = {{1, 1e20f}, {2, 1.0f}};
  CHECK(Draw(top, {}, o).status().code() == Code::kNonFinite);
}

TEST_CASE("a penalty that overflows is an error, greedy or not", "[runtime][sampler]") {
  SamplerOptions o;
  o.repeat_penalty = 1e-38f;
  const std::vector<int32_t> context = {2};
  std::vector<TopEntry> top = {{1, 9.0f}, {2, 8.0f}};
  CHECK(Draw(top, context, o).status().code() == Code::kNonFinite);
  o.repeat_penalty = 1e38f;
  top = {{1, 9.0f}, {2, -8.0f}};
  CHECK(Draw(top, context, o).status().code() == Code::kNonFinite);
  top = {{1, 9.0f}, {2, -8.0f}};
  CHECK(Drawn(top, {3}, o) == 1);  // nothing penalised
}

TEST_CASE("options outside their range are refused by name", "[runtime][sampler]") {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const auto what = [](auto change) {
    SamplerOptions o;
    change(o);
    return std::string(CheckSamplerOptions(o).what());
  };
  CHECK(CheckSamplerOptions({}).ok());
  CHECK(what([&](SamplerOptions& o) { o.temperature = -1; }) == "temperature");
  CHECK(what([&](SamplerOptions& o) { o.temperature = nan; }) == "temperature");
  CHECK(what([&](SamplerOptions& o) { o.top_p = 0; }) == "top_p");
  CHECK(what([&](SamplerOptions& o) { o.top_p = 1.5f; }) == "top_p");
  CHECK(what([&](SamplerOptions& o) { o.min_p = nan; }) == "min_p");
  CHECK(what([&](SamplerOptions& o) { o.repeat_penalty = 0; }) == "repeat_penalty");
}

}  // namespace
}  // namespace bitnet::core
