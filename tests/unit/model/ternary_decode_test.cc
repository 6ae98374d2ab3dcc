#include "core/model/ternary_decode.h"

#include <algorithm>

#include "support/catch.h"
#include "support/ternary_encoders.h"

namespace bitnet::core {
namespace {

using test::TernaryFile;
using test::TernaryMatrix;

constexpr std::pair<TernaryFile, TernaryLayout> kLayouts[] = {{TernaryFile::kI2_S, TernaryLayout::kI2S},
                                                              {TernaryFile::kI2_S_Arm, TernaryLayout::kI2SArm},
                                                              {TernaryFile::kTQ1_0, TernaryLayout::kTQ1_0},
                                                              {TernaryFile::kTQ2_0, TernaryLayout::kTQ2_0},
                                                              {TernaryFile::kIQ1_BN, TernaryLayout::kIQ1_BN},
                                                              {TernaryFile::kIQ2_BN, TernaryLayout::kIQ2_BN},
                                                              {TernaryFile::kIQ2_BN_R4, TernaryLayout::kIQ2_BN_R4},
                                                              {TernaryFile::kQ1_0, TernaryLayout::kQ1_0},
                                                              {TernaryFile::kQ2_0, TernaryLayout::kQ2_0},
                                                              {TernaryFile::kQ2_0_Long, TernaryLayout::kQ2_0Long}};

size_t BlockOf(TernaryFile type) {
  if (type == TernaryFile::kI2_S || type == TernaryFile::kI2_S_Arm) return 128;
  return std::max<size_t>(test::ScaleColumns(type), 64);
}

std::vector<uint8_t> Decode(const TernarySource& source) {
  std::vector<uint8_t> codes(source.rows * source.cols);
  const size_t group = RowGroup(source.layout);
  for (size_t g = 0; g < source.rows / group; ++g) DecodeGroup(source, g, codes.data() + g * group * source.cols);
  return codes;
}

TEST_CASE("every ternary layout gives back the codes and scales that were written", "[model]") {
  const size_t blocks = GENERATE(1, 2, 3, 10);
  const uint32_t seed = GENERATE(1u, 2u, 3u);
  for (const auto& [type, layout] : kLayouts) {
    TernaryMatrix m = test::RandomTernary(8, blocks * BlockOf(type), seed);
    if (type == TernaryFile::kQ1_0) std::replace(m.weights.begin(), m.weights.end(), int8_t{0}, int8_t{1});
    std::vector<float> scales(test::ScaleCount(type, m));
    for (size_t i = 0; i < scales.size(); ++i) scales[i] = 0.25f + static_cast<float>(i) / 64;  // exact in f16 too
    const std::string data = test::Encode(type, m, scales);
    const TernarySource source{layout, reinterpret_cast<const std::byte*>(data.data()), m.rows, m.cols};
    const std::vector<uint8_t> codes = Decode(source);
    INFO("layout " << static_cast<int>(layout) << " cols " << m.cols);
    size_t wrong = 0;
    for (size_t i = 0; i < codes.size(); ++i) wrong += codes[i] != m.weights[i] + 1;
    CHECK(wrong == 0);
    for (size_t i = 0; i < scales.size(); ++i) CHECK(ScaleAt(source, i) == scales[i]);
  }
}

TEST_CASE("the smallest and largest scales of a file are exact", "[model]") {
  const TernaryMatrix m = test::RandomTernary(4, 256, 9);
  const std::vector<float> f16 = {0x1p-24f, 65504.0f, 0x1p-14f, 0.0f};
  const std::string data = test::Encode(TernaryFile::kTQ2_0, m, f16);
  const TernarySource source{TernaryLayout::kTQ2_0, reinterpret_cast<const std::byte*>(data.data()), m.rows, m.cols};
  for (size_t i = 0; i < f16.size(); ++i) CHECK(ScaleAt(source, i) == f16[i]);
}

TEST_CASE("two bits that are 3 stay 3, for the check that follows", "[model]") {
  for (const auto& [type, layout] : kLayouts) {
    // Trits and single bits have no fourth value.
    if (type == TernaryFile::kTQ1_0 || type == TernaryFile::kIQ1_BN || type == TernaryFile::kQ1_0) continue;
    const TernaryMatrix m = test::RandomTernary(4, 256, 5);
    std::string data = test::Encode(type, m, std::vector<float>(test::ScaleCount(type, m), 1.0f));
    data[20] = '\xff';
    const auto codes = Decode({layout, reinterpret_cast<const std::byte*>(data.data()), m.rows, m.cols});
    CHECK(std::count(codes.begin(), codes.end(), 3) == 4);
  }
}

}  // namespace
}  // namespace bitnet::core
