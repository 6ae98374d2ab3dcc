// Policies, receipts and inspections: NULLs and structs. What they say is tested in tests/audit.
#include <bitnet/experimental.h>

#include "support/struct_checks.h"

namespace bitnet::test {
namespace {

using PolicyPtr = std::unique_ptr<bitnet_policy_t, Free<bitnet_policy_free>>;
using ValidationPtr = std::unique_ptr<bitnet_validation_t, Free<bitnet_validation_free>>;
using ReceiptPtr = std::unique_ptr<bitnet_receipt_t, Free<bitnet_receipt_free>>;
using VerificationPtr = std::unique_ptr<bitnet_verification_t, Free<bitnet_verification_free>>;
using InspectionPtr = std::unique_ptr<bitnet_inspection_t, Free<bitnet_inspection_free>>;

#define BN_NULL(...) BN_FAILS(BITNET_E_INVALID_ARGUMENT, __VA_ARGS__)

class Fixture {
 public:
  Fixture() : engine(MakeEngine()), model(LoadTiny(engine)), session(MakeSession(model)) {
    Generate(session.get(), {1531, 402}, 3);
    file = bitnet_model_file(model.get());
  }
  ReceiptPtr Receipt() const {
    bitnet_receipt_t* receipt = nullptr;
    BN_OK(bitnet_receipt_create(session.get(), nullptr, &receipt));
    return ReceiptPtr(receipt);
  }

  EnginePtr engine;
  ModelPtr model;
  SessionPtr session;
  const bitnet_file_t* file = nullptr;
};

TEST_CASE_METHOD(Fixture, "NULL is refused by policies, receipts and inspections", "[capi][null]") {
  size_t n = 0;
  bitnet_policy_t* policy = nullptr;
  bitnet_policy_info_t policy_info = BITNET_POLICY_INFO_INIT;
  BN_NULL(bitnet_policy_parse(nullptr, 4, nullptr, &policy));
  BN_NULL(bitnet_policy_parse("a", 1, nullptr, nullptr));
  BN_NULL(bitnet_policy_info(nullptr, &policy_info));
  bitnet_validation_t* validation = nullptr;
  bitnet_validation_info_t validation_info = BITNET_VALIDATION_INFO_INIT;
  bitnet_correction_t correction = BITNET_CORRECTION_INIT;
  BN_NULL(bitnet_policy_validate(nullptr, file, nullptr, &validation));
  BN_NULL(bitnet_validation_info(nullptr, &validation_info));
  BN_NULL(bitnet_validation_correction(nullptr, 0, &correction));
  BN_NULL(bitnet_validation_json(nullptr, nullptr, 0, &n));

  bitnet_receipt_t* receipt = nullptr;
  BN_NULL(bitnet_receipt_create(nullptr, nullptr, &receipt));
  BN_NULL(bitnet_receipt_create(session.get(), nullptr, nullptr));
  bitnet_verification_t* verification = nullptr;
  BN_NULL(bitnet_receipt_verify(nullptr, 4, nullptr, &verification));
  BN_NULL(bitnet_receipt_verify("{}", 2, nullptr, nullptr));
  BN_NULL(bitnet_receipt_replay("{}", 2, nullptr, &verification));
  BN_NULL(bitnet_receipt_replay(nullptr, 2, model.get(), &verification));
  BN_NULL(bitnet_receipt_replay("{}", 2, model.get(), nullptr));
  bitnet_verification_info_t verification_info = BITNET_VERIFICATION_INFO_INIT;
  bitnet_problem_t problem = BITNET_PROBLEM_INIT;
  BN_NULL(bitnet_verification_info(nullptr, &verification_info));
  BN_NULL(bitnet_verification_problem(nullptr, 0, &problem));
  BN_NULL(bitnet_verification_json(nullptr, nullptr, 0, &n));
  bitnet_comparison_t comparison = BITNET_COMPARISON_INIT;
  BN_NULL(bitnet_compare_runs(nullptr, 2, "{}", 2, &comparison, nullptr, 0, &n));
  BN_NULL(bitnet_compare_runs("{}", 2, nullptr, 2, &comparison, nullptr, 0, &n));

  bitnet_inspection_t* inspection = nullptr;
  bitnet_inspection_info_t inspection_info = BITNET_INSPECTION_INFO_INIT;
  bitnet_tensor_report_t report = BITNET_TENSOR_REPORT_INIT;
  BN_NULL(bitnet_inspect(nullptr, nullptr, &inspection));
  BN_NULL(bitnet_inspect(file, nullptr, nullptr));
  BN_NULL(bitnet_inspection_info(nullptr, &inspection_info));
  BN_NULL(bitnet_inspection_tensor(nullptr, 0, &report));
  BN_NULL(bitnet_inspection_policy(nullptr, nullptr, 0, &n));
  BN_NULL(bitnet_inspection_json(nullptr, nullptr, 0, &n));

  char hex[BITNET_SHA256_HEX_SIZE];
  BN_NULL(bitnet_x_session_logits_sha256(nullptr, hex));
  BN_NULL(bitnet_x_session_logits_sha256(session.get(), nullptr));
  uint64_t products = 0;
  double limit = 0;
  BN_NULL(bitnet_x_gpu_limits(0, nullptr, &limit));
  BN_NULL(bitnet_x_gpu_limits(0, &limit, nullptr));
  BN_NULL(bitnet_x_multiply_add_rounds(nullptr, 1, &products));
  BN_NULL(bitnet_x_multiply_add_rounds("portable", 1, nullptr));

  bitnet_policy_free(nullptr);
  bitnet_validation_free(nullptr);
  bitnet_receipt_free(nullptr);
  bitnet_verification_free(nullptr);
  bitnet_inspection_free(nullptr);
  CHECK((policy == nullptr && validation == nullptr && receipt == nullptr && verification == nullptr));
  CHECK(inspection == nullptr);
}

TEST_CASE_METHOD(Fixture, "their options and results grow as all structs do", "[capi][structs]") {
  CheckOptions<bitnet_receipt_options_t>(BITNET_RECEIPT_OPTIONS_INIT,
                                         BN_FIRST_SIZE(bitnet_receipt_options_t, fallback_reason), [&](auto* o) {
                                           bitnet_receipt_t* r = nullptr;
                                           const bitnet_status_t s = bitnet_receipt_create(session.get(), o, &r);
                                           CHECK((r == nullptr) == (s != BITNET_OK));
                                           bitnet_receipt_free(r);
                                           return s;
                                         });
  CheckOptions<bitnet_inspect_options_t>(BITNET_INSPECT_OPTIONS_INIT, BN_FIRST_SIZE(bitnet_inspect_options_t, sha256),
                                         [&](auto* o) {
                                           bitnet_inspection_t* i = nullptr;
                                           const bitnet_status_t s = bitnet_inspect(file, o, &i);
                                           CHECK((i == nullptr) == (s != BITNET_OK));
                                           bitnet_inspection_free(i);
                                           return s;
                                         });
  const ReceiptPtr receipt = Receipt();
  size_t n = 0;
  const char* text = bitnet_receipt_text(receipt.get(), &n);
  CheckOptions<bitnet_verify_options_t>(BITNET_VERIFY_OPTIONS_INIT, BN_FIRST_SIZE(bitnet_verify_options_t, model),
                                        [&](auto* o) {
                                          bitnet_verification_t* v = nullptr;
                                          const bitnet_status_t s = bitnet_receipt_verify(text, n, o, &v);
                                          bitnet_verification_free(v);
                                          return s;
                                        });

  bitnet_verification_t* v = nullptr;
  BN_OK(bitnet_receipt_verify(text, n, nullptr, &v));
  const VerificationPtr verification(v);
  size_t needed = 0;
  CheckResult<bitnet_verification_info_t>(BITNET_VERIFICATION_INFO_INIT,
                                          BN_FIRST_SIZE(bitnet_verification_info_t, first_step),
                                          [&](auto* o) { return bitnet_verification_info(verification.get(), o); });
  CheckResult<bitnet_comparison_t>(BITNET_COMPARISON_INIT, BN_FIRST_SIZE(bitnet_comparison_t, reserved), [&](auto* o) {
    return bitnet_compare_runs(text, n, text, n, o, nullptr, 0, &needed);
  });
  bitnet_inspection_t* i = nullptr;
  BN_OK(bitnet_inspect(file, nullptr, &i));
  const InspectionPtr inspection(i);
  CheckResult<bitnet_inspection_info_t>(BITNET_INSPECTION_INFO_INIT, BN_FIRST_SIZE(bitnet_inspection_info_t, temporary),
                                        [&](auto* o) { return bitnet_inspection_info(inspection.get(), o); });
  CheckResult<bitnet_tensor_report_t>(BITNET_TENSOR_REPORT_INIT, BN_FIRST_SIZE(bitnet_tensor_report_t, scale_max),
                                      [&](auto* o) { return bitnet_inspection_tensor(inspection.get(), 0, o); });
}

}  // namespace
}  // namespace bitnet::test
