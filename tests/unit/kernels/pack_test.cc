#include "kernels/pack.h"

#include <vector>

#include "support/catch.h"
#include "unit/kernels/kernel_inputs.h"

namespace bitnet::kernels {
namespace {

TEST_CASE("a packed row has the layout of I2_S and pads with zero weights", "[kernels][pack]") {
  std::vector<uint8_t> codes(200, 1);
  codes[0] = 0;
  codes[31] = 2;
  codes[32] = 2;   // byte 0, bits 5:4
  codes[96] = 2;   // byte 0, bits 1:0
  codes[128] = 2;  // the second block
  std::vector<uint8_t> packed(PackedRowBytes(PadTernary(codes.size())), 0xff);
  PackTernaryRow(codes.data(), codes.size(), packed.data());
  REQUIRE(packed.size() == 64);
  CHECK(packed[0] == 0b00'10'01'10);
  CHECK(packed[31] == 0b10'01'01'01);
  CHECK(packed[32] == 0b10'01'01'01);
  CHECK(packed[63] == 0b01'01'01'01);
}

TEST_CASE("unpacking gives back what was packed, at any width", "[kernels][pack]") {
  for (const size_t cols : {1u, 31u, 32u, 127u, 128u, 129u, 640u, 1000u}) {
    const auto codes = bitnet_test::Ints<uint8_t>(cols, cols, 0, 2);
    std::vector<uint8_t> packed(PackedRowBytes(PadTernary(cols)));
    PackTernaryRow(codes.data(), cols, packed.data());
    std::vector<uint8_t> padded(PadTernary(cols));
    UnpackTernaryRow(packed.data(), padded.size(), padded.data());
    for (size_t c = 0; c < padded.size(); ++c) REQUIRE(padded[c] == (c < cols ? codes[c] : 1));
    std::vector<uint8_t> back(cols);
    UnpackTernaryRow(packed.data(), cols, back.data());
    CHECK(back == codes);
  }
}

TEST_CASE("a code 3 is found in every field of every byte", "[kernels][pack]") {
  for (const size_t bytes : {1u, 7u, 8u, 9u, 64u, 4095u, 4103u}) {
    std::vector<uint8_t> packed(bytes, 0b10'01'10'00);
    CHECK(TernaryCodesValid(packed.data(), bytes));
    for (size_t i = 0; i < bytes; i += bytes < 100 ? 1 : 41) {
      for (unsigned shift = 0; shift < 8; shift += 2) {
        const uint8_t saved = packed[i];
        packed[i] = static_cast<uint8_t>(saved | 3u << shift);
        REQUIRE_FALSE(TernaryCodesValid(packed.data(), bytes));
        packed[i] = saved;
      }
    }
    packed.back() = 0b11'00'00'00;
    CHECK_FALSE(TernaryCodesValid(packed.data(), bytes));
    CHECK(TernaryCodesValid(packed.data(), bytes - 1));
  }
  CHECK(TernaryCodesValid(nullptr, 0));
}

TEST_CASE("neighbouring fields do not make a code 3", "[kernels][pack]") {
  for (unsigned byte = 0; byte < 256; ++byte) {
    bool has_three = false;
    for (unsigned shift = 0; shift < 8; shift += 2) has_three = has_three || (byte >> shift & 3) == 3;
    const std::vector<uint8_t> packed(16, static_cast<uint8_t>(byte));
    REQUIRE(TernaryCodesValid(packed.data(), 16) == !has_three);
    REQUIRE(TernaryCodesValid(packed.data(), 3) == !has_three);
  }
}

}  // namespace
}  // namespace bitnet::kernels
