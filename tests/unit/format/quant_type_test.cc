#include "core/format/quant_type.h"

#include "support/catch.h"

namespace bitnet::core {
namespace {

TEST_CASE("block sizes are those of the files", "[format]") {
  struct Row {
    uint32_t id;
    std::string_view name;
    uint32_t block, bytes;
  };
  const Row rows[] = {
      {0, "F32", 1, 4},        {1, "F16", 1, 2},          {30, "BF16", 1, 2},     {28, "F64", 1, 8},
      {24, "I8", 1, 1},        {25, "I16", 1, 2},         {26, "I32", 1, 4},      {27, "I64", 1, 8},
      {2, "Q4_0", 32, 18},     {3, "Q4_1", 32, 20},       {6, "Q5_0", 32, 22},    {7, "Q5_1", 32, 24},
      {8, "Q8_0", 32, 34},     {10, "Q2_K", 256, 84},     {11, "Q3_K", 256, 110}, {12, "Q4_K", 256, 144},
      {13, "Q5_K", 256, 176},  {14, "Q6_K", 256, 210},    {34, "TQ1_0", 256, 54}, {35, "TQ2_0", 256, 66},
      {36, "I2_S", 128, 32},   {41, "Q1_0", 128, 18},     {42, "Q2_0", 64, 18},   {134, "IQ1_BN", 64, 13},
      {135, "IQ2_BN", 64, 16}, {335, "IQ2_BN_R4", 64, 16}};
  for (const Row& r : rows) {
    const QuantTypeInfo* info = FindQuantType(r.id);
    REQUIRE(info != nullptr);
    CHECK(static_cast<uint32_t>(info->type) == r.id);
    CHECK(info->name == r.name);
    CHECK(info->block == r.block);
    CHECK(info->block_bytes == r.bytes);
    CHECK(QuantTypeName(info->type) == r.name);
  }
}

TEST_CASE("types that are not read have advice instead of a size", "[format]") {
  for (const uint32_t id : {37u, 38u, 39u, 40u, 142u, 143u}) {
    const QuantTypeInfo* info = FindQuantType(id);
    REQUIRE(info != nullptr);
    CHECK(info->block == 0);
    CHECK_FALSE(info->advice.empty());
  }
}

TEST_CASE("ids that nobody uses, or that are gone, are unknown", "[format]") {
  for (const uint32_t id : {4u, 5u, 9u, 15u, 29u, 999u, 0x80000000u}) CHECK(FindQuantType(id) == nullptr);
}

}  // namespace
}  // namespace bitnet::core
