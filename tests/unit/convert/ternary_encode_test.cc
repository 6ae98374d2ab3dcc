#include "core/convert/ternary_encode.h"

#include "support/catch.h"
#include "support/ternary_encoders.h"

namespace bitnet::core {
namespace {

TEST_CASE("rows are encoded as the file layouts say", "[convert]") {
  const test::TernaryMatrix m = test::RandomTernary(3, 768, 5);
  const std::vector<float> scales = {0.5f, 2, 1, 0.25f, 3, 1, 1, 1, 8};
  std::vector<uint16_t> halves;
  for (const float s : scales) halves.push_back(kernels::F32ToF16(s));
  const std::pair<QuantType, test::TernaryFile> types[] = {{QuantType::kI2_S, test::TernaryFile::kI2_S},
                                                           {QuantType::kTQ1_0, test::TernaryFile::kTQ1_0},
                                                           {QuantType::kTQ2_0, test::TernaryFile::kTQ2_0}};
  for (const auto& [type, file] : types) {
    CHECK(IsTernaryTarget(type));
    std::string expected = test::Encode(file, m, scales);
    if (type == QuantType::kI2_S) expected.resize(expected.size() - 32);  // the tail of the tensor
    std::string found(expected.size(), '\0');
    for (size_t r = 0; r < m.rows; ++r) {
      std::vector<uint8_t> codes;
      for (size_t c = 0; c < m.cols; ++c) codes.push_back(static_cast<uint8_t>(m.Code(r, c)));
      EncodeTernaryRow(type, codes.data(), m.cols, halves.data() + 3 * r,
                       reinterpret_cast<std::byte*>(found.data()) + r * (found.size() / m.rows));
    }
    CHECK(found == expected);
  }
  CHECK_FALSE(IsTernaryTarget(QuantType::kIQ2_BN));
}

}  // namespace
}  // namespace bitnet::core
