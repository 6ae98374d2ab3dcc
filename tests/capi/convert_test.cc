// Conversion as a host sees it. What it writes is tested in tests/unit/convert.
#include <unistd.h>

#include <filesystem>

#include "support/host.h"
#include "support/struct_checks.h"

namespace bitnet::test {
namespace {

namespace fs = std::filesystem;

struct ConvertFixture {
  ConvertFixture() {
    std::string pattern = (fs::temp_directory_path() / "bitnet_capi.XXXXXX").string();
    REQUIRE(::mkdtemp(pattern.data()) != nullptr);
    folder = pattern;
    target = (folder / "target.gguf").string();
  }
  ~ConvertFixture() { fs::remove_all(folder); }

  bitnet_status_t Convert(const bitnet_convert_options_t* options, bitnet_convert_report_t* report = nullptr) {
    return bitnet_convert(engine.get(), BITNET_TINY_MODEL, target.c_str(), options, report);
  }

  const EnginePtr engine = MakeEngine();
  fs::path folder;
  std::string target;
};

TEST_CASE_METHOD(ConvertFixture, "a host converts a model and loads the result", "[capi][convert]") {
  bitnet_convert_options_t options = BITNET_CONVERT_OPTIONS_INIT;
  options.ternary = BITNET_TERNARY_TQ2_0;
  options.table = BITNET_TABLE_Q6_K;
  options.name = "renamed";
  bitnet_convert_report_t report = BITNET_CONVERT_REPORT_INIT;
  BN_OK(Convert(&options, &report));
  CHECK(report.exact_scales == 0);
  CHECK(report.file_bytes == fs::file_size(target));
  bitnet_model_t* loaded = nullptr;
  BN_OK(bitnet_model_load(engine.get(), target.c_str(), nullptr, &loaded));
  const ModelPtr model(loaded);
  char hex[BITNET_SHA256_HEX_SIZE];
  BN_OK(bitnet_model_ternary_sha256(model.get(), hex));
  CHECK(std::string(hex) == report.ternary_sha256);
  const ModelPtr tiny = LoadTiny(engine);
  char expected[BITNET_SHA256_HEX_SIZE];
  BN_OK(bitnet_model_ternary_sha256(tiny.get(), expected));
  CHECK(std::string(hex) == expected);
  BN_OK(bitnet_model_ternary_scales_sha256(model.get(), hex));
  CHECK(std::string(hex) == report.ternary_scales_sha256);
  bitnet_model_info_t info = BITNET_MODEL_INFO_INIT;
  BN_OK(bitnet_model_info(model.get(), &info));
  CHECK(std::string(info.name) == "renamed");
  CHECK(std::string(info.quantization) == "TQ2_0");
}

TEST_CASE_METHOD(ConvertFixture, "an engine freed in a callback of a conversion stays alive as long as needed",
                 "[capi][convert]") {
  EnginePtr lender = MakeEngine(nullptr, 2);
  bitnet_convert_options_t options = BITNET_CONVERT_OPTIONS_INIT;
  options.progress = [](uint64_t, uint64_t, void* user_data) -> int32_t {
    static_cast<EnginePtr*>(user_data)->reset();
    return 0;
  };
  options.progress_user_data = &lender;
  BN_OK(bitnet_convert(lender.get(), BITNET_TINY_MODEL, target.c_str(), &options, nullptr));
  CHECK(lender == nullptr);
  CHECK(fs::file_size(target) > 0);
}

TEST_CASE_METHOD(ConvertFixture, "a conversion refuses NULL, unknown choices and a target that is there",
                 "[capi][convert][null]") {
  const char* tiny = BITNET_TINY_MODEL;
  BN_FAILS(BITNET_E_INVALID_ARGUMENT, bitnet_convert(nullptr, tiny, target.c_str(), nullptr, nullptr));
  BN_FAILS(BITNET_E_INVALID_ARGUMENT, bitnet_convert(engine.get(), nullptr, target.c_str(), nullptr, nullptr));
  BN_FAILS(BITNET_E_INVALID_ARGUMENT, bitnet_convert(engine.get(), tiny, nullptr, nullptr, nullptr));
  for (uint32_t bitnet_convert_options_t::*field :
       {&bitnet_convert_options_t::ternary, &bitnet_convert_options_t::table, &bitnet_convert_options_t::overwrite,
        &bitnet_convert_options_t::i2s_arm_layout, &bitnet_convert_options_t::reserved}) {
    bitnet_convert_options_t options = BITNET_CONVERT_OPTIONS_INIT;
    options.*field = 7;
    BN_FAILS(BITNET_E_INVALID_ARGUMENT, Convert(&options));
  }
  BN_FAILS(BITNET_E_NOT_FOUND, bitnet_convert(engine.get(), "no-such.gguf", target.c_str(), nullptr, nullptr));
  CHECK(fs::is_empty(folder));
  BN_OK(Convert(nullptr));
  BN_FAILS(BITNET_E_IO, Convert(nullptr));
  bitnet_error_info_t error = {};
  error.struct_size = sizeof error;
  BN_FAILS(BITNET_E_IO, Convert(nullptr));
  bitnet_last_error(&error);
  CHECK(std::string(error.what) == "output");
}

TEST_CASE_METHOD(ConvertFixture, "progress of a conversion cancels it", "[capi][convert]") {
  bitnet_convert_options_t options = BITNET_CONVERT_OPTIONS_INIT;
  options.progress = [](uint64_t done, uint64_t total, void*) -> int32_t { return done > total / 2; };
  BN_FAILS(BITNET_E_CANCELLED, Convert(&options));
  CHECK(fs::is_empty(folder));
}

TEST_CASE_METHOD(ConvertFixture, "structs of a conversion of older and newer headers", "[capi][convert]") {
  CheckOptions<bitnet_convert_options_t>(BITNET_CONVERT_OPTIONS_INIT,
                                         BN_FIRST_SIZE(bitnet_convert_options_t, progress_user_data), [&](auto* o) {
                                           fs::remove(target);
                                           return Convert(o);
                                         });
  CheckResult<bitnet_convert_report_t>(
      BITNET_CONVERT_REPORT_INIT, BN_FIRST_SIZE(bitnet_convert_report_t, reserved), [&](auto* o) {
        fs::remove(target);
        // NULL is legal here: no report is wanted.
        return o == nullptr ? bitnet_convert(nullptr, "", "", nullptr, o) : Convert(nullptr, o);
      });
}

}  // namespace
}  // namespace bitnet::test
