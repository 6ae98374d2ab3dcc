// Two models compared, as a host does it. Each outcome in each form is tested in tests/unit/model.
#include <bitnet/diff.h>

#include <algorithm>
#include <fstream>

#include "support/hf_folder.h"
#include "support/struct_checks.h"

namespace bitnet::test {
namespace {

using DiffPtr = std::unique_ptr<bitnet_diff_t, Free<bitnet_diff_free>>;

#define BN_NULL(...) BN_FAILS(BITNET_E_INVALID_ARGUMENT, __VA_ARGS__)

class Fixture {
 public:
  Fixture() {
    folder.Write("a.gguf", SmallModel().Builder().Build());
    SmallModel other;
    other.scales["blk.0.attn_q"] = {0.5f};
    GgufBuilder builder = other.Builder();
    builder.String("general.name2", "x");
    folder.Write("b.gguf", builder.Build());
    a = folder.File("a.gguf");
    b = folder.File("b.gguf");
  }
  DiffPtr Compare() const {
    bitnet_diff_t* diff = nullptr;
    BN_OK(bitnet_diff(a.c_str(), b.c_str(), nullptr, &diff));
    return DiffPtr(diff);
  }

  Folder folder;
  std::string a, b;
};

TEST_CASE_METHOD(Fixture, "a host sees what differs between two models", "[capi][diff]") {
  const DiffPtr diff = Compare();
  bitnet_diff_info_t info = BITNET_DIFF_INFO_INIT;
  BN_OK(bitnet_diff_info(diff.get(), &info));
  CHECK(info.equal == 0);
  CHECK(info.n_tensors == 24);
  CHECK(info.n_equal == 23);
  CHECK(info.n_scale == 1);
  CHECK(info.n_values + info.n_shape + info.n_only_a + info.n_only_b + info.n_not_compared == 0);
  CHECK(info.n_metadata_different == 1);
  CHECK(info.n_notes == 0);
  CHECK(info.n_metadata > 10);
  size_t n_scale = 0;
  for (size_t i = 0; i < info.n_tensors; ++i) {
    bitnet_tensor_diff_t t = BITNET_TENSOR_DIFF_INIT;
    BN_OK(bitnet_diff_tensor(diff.get(), i, &t));
    if (t.outcome == BITNET_DIFF_EQUAL) continue;
    CHECK(t.outcome == BITNET_DIFF_SCALE);
    CHECK(t.name == std::string("blk.0.attn_q.weight"));
    CHECK(t.name_b == std::string("blk.0.attn_q.weight"));
    CHECK(t.type_a == std::string("I2_S"));
    CHECK(t.shape_b == std::string("[256, 256]"));
    CHECK(t.n_compared == 1);
    CHECK(t.n_different == 1);
    CHECK(t.n_scales == 1);
    CHECK(t.n_scales_different == 1);
    CHECK(t.max_difference == 0.4375);
    ++n_scale;
  }
  CHECK(n_scale == 1);
  bitnet_metadata_diff_t m = BITNET_METADATA_DIFF_INIT;
  BN_OK(bitnet_diff_metadata(diff.get(), 0, &m));
  CHECK(m.key == std::string("general.name2"));
  CHECK(m.a == nullptr);
  CHECK(m.b == std::string("x"));
  size_t n = 0;
  BN_OK(bitnet_diff_json(diff.get(), nullptr, 0, &n));
  std::string json(n, '\0');
  BN_OK(bitnet_diff_json(diff.get(), json.data(), n, &n));
  CHECK(json.find("\"scale\": 1") != std::string::npos);
  BN_FAILS(BITNET_E_NOT_FOUND, [&] {
    bitnet_tensor_diff_t t = BITNET_TENSOR_DIFF_INIT;
    return bitnet_diff_tensor(diff.get(), 24, &t);
  }());
  BN_FAILS(BITNET_E_NOT_FOUND, bitnet_diff_metadata(diff.get(), 1, &m));
  CHECK(bitnet_diff_outcome_name(BITNET_DIFF_NOT_COMPARED) == std::string("not_compared"));
  CHECK(bitnet_diff_outcome_name(7) == std::string());
}

TEST_CASE_METHOD(Fixture, "a comparison fails and is cancelled like a load", "[capi][diff]") {
  bitnet_diff_t* diff = nullptr;
  BN_FAILS(BITNET_E_NOT_FOUND, bitnet_diff(a.c_str(), folder.File("absent").c_str(), nullptr, &diff));
  folder.Write("b.gguf", "GGUF");
  BN_FAILS(BITNET_E_BAD_FORMAT, bitnet_diff(a.c_str(), b.c_str(), nullptr, &diff));
  bitnet_diff_options_t options = BITNET_DIFF_OPTIONS_INIT;
  int calls = 0;
  options.progress_user_data = &calls;
  options.progress = [](uint64_t done, uint64_t total, void* n) -> int32_t {
    return done <= total && ++*static_cast<int*>(n) == 3 ? 1 : 0;
  };
  BN_FAILS(BITNET_E_CANCELLED, bitnet_diff(a.c_str(), a.c_str(), &options, &diff));
  CHECK(calls == 3);
  options.i2s_arm_layout_a = 2;
  BN_FAILS(BITNET_E_INVALID_ARGUMENT, bitnet_diff(a.c_str(), a.c_str(), &options, &diff));
  CHECK(diff == nullptr);
}

TEST_CASE_METHOD(Fixture, "NULL is refused by comparisons, and their structs grow", "[capi][null][structs]") {
  const DiffPtr diff = Compare();
  bitnet_diff_t* out = nullptr;
  size_t n = 0;
  bitnet_diff_info_t info = BITNET_DIFF_INFO_INIT;
  bitnet_tensor_diff_t tensor = BITNET_TENSOR_DIFF_INIT;
  bitnet_metadata_diff_t metadata = BITNET_METADATA_DIFF_INIT;
  BN_NULL(bitnet_diff(nullptr, b.c_str(), nullptr, &out));
  BN_NULL(bitnet_diff(a.c_str(), nullptr, nullptr, &out));
  BN_NULL(bitnet_diff(a.c_str(), b.c_str(), nullptr, nullptr));
  BN_NULL(bitnet_diff_info(nullptr, &info));
  BN_NULL(bitnet_diff_tensor(nullptr, 0, &tensor));
  BN_NULL(bitnet_diff_metadata(nullptr, 0, &metadata));
  BN_NULL(bitnet_diff_json(nullptr, nullptr, 0, &n));
  bitnet_diff_free(nullptr);
  CHECK(out == nullptr);
  CheckOptions<bitnet_diff_options_t>(BITNET_DIFF_OPTIONS_INIT,
                                      BN_FIRST_SIZE(bitnet_diff_options_t, progress_user_data), [&](auto* o) {
                                        bitnet_diff_t* d = nullptr;
                                        const bitnet_status_t s = bitnet_diff(a.c_str(), a.c_str(), o, &d);
                                        CHECK((d == nullptr) == (s != BITNET_OK));
                                        bitnet_diff_free(d);
                                        return s;
                                      });
  CheckResult<bitnet_diff_info_t>(BITNET_DIFF_INFO_INIT, BN_FIRST_SIZE(bitnet_diff_info_t, n_metadata_different),
                                  [&](auto* o) { return bitnet_diff_info(diff.get(), o); });
  CheckResult<bitnet_tensor_diff_t>(BITNET_TENSOR_DIFF_INIT, BN_FIRST_SIZE(bitnet_tensor_diff_t, max_difference),
                                    [&](auto* o) { return bitnet_diff_tensor(diff.get(), 0, o); });
  CheckResult<bitnet_metadata_diff_t>(BITNET_METADATA_DIFF_INIT, BN_FIRST_SIZE(bitnet_metadata_diff_t, b),
                                      [&](auto* o) { return bitnet_diff_metadata(diff.get(), 0, o); });
}

}  // namespace
}  // namespace bitnet::test
