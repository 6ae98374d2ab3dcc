#include <bitnet/receipt.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>
#include <vector>

#include "capi/audit_handles.h"
#include "capi/guard.h"
#include "capi/handles.h"
#include "capi/receipt_record.h"
#include "capi/replay.h"
#include "capi/session_lock.h"
#include "capi/structs.h"
#include "capi/two_call.h"
#include "core/base/json_writer.h"
#include "receipts/compare.h"
#include "receipts/schema.h"
#include "receipts/verify.h"
#include "receipts/writer.h"

using namespace bitnet::capi;  // NOLINT: the C functions are these helpers' only users
namespace core = bitnet::core;
namespace receipts = bitnet::receipts;

namespace {

bitnet_status_t ReadReceiptOptions(const bitnet_receipt_options_t* options, bitnet_receipt_options_t* o) {
  BN_TRY(ReadOptions(options, o));
  if (o->no_text > 1) return InvalidArgument(core::Cat("no_text is ", o->no_text, ", expected 0 or 1"), "no_text");
  if (o->ci > 1) return InvalidArgument(core::Cat("ci is ", o->ci, ", expected 0 or 1"), "ci");
  if (o->variables == nullptr && o->n_variables > 0) {
    return InvalidArgument("variables is NULL, but n_variables is not 0", "variables");
  }
  std::unordered_set<std::string_view> names;
  for (uint32_t i = 0; i < o->n_variables; ++i) {
    if (o->variables[i] == nullptr) return InvalidArgument(core::Cat("variable ", i, " is NULL"), "variables");
    const std::string_view variable = o->variables[i];
    const auto bad = [&](std::string_view why) {
      return InvalidArgument(core::Cat("variable ", i, ": found ", core::Quoted(variable), ", ", why), "variables");
    };
    if (!core::IsUtf8(variable)) return bad("which is not utf-8");
    const size_t equals = variable.find('=');
    if (equals == 0 || equals == std::string_view::npos) return bad("expected NAME=value");
    if (!names.insert(variable.substr(0, equals)).second) return bad("a name that an earlier one has");
  }
  const auto is_text = [](const char* text) { return text == nullptr || core::IsUtf8(text); };
  if (!is_text(o->requested_target)) return InvalidArgument("requested_target is not utf-8", "requested_target");
  if (!is_text(o->fallback_reason)) return InvalidArgument("fallback_reason is not utf-8", "fallback_reason");
  return BITNET_OK;
}

std::string VerificationJson(const bitnet_verification_t& v) {
  core::JsonWriter w(/*pretty=*/true);
  w.BeginObject().Key("accepted").Bool(v.problems.empty()).Key("problems").BeginArray();
  for (const receipts::Problem& p : v.problems) {
    w.BeginObject().Key("field").String(p.field).Key("message").String(p.message).EndObject();
  }
  w.EndArray().Key("first_step");
  v.first_step < 0 ? w.Null() : w.Int(v.first_step);
  return w.EndObject().Take() + "\n";
}

void WriteDifferences(std::string_view key, const std::vector<receipts::Difference>& list, core::JsonWriter& w) {
  w.Key(key).BeginArray();
  for (const receipts::Difference& d : list) {
    w.BeginObject().Key("field").String(d.field).Key("a").String(d.a).Key("b").String(d.b).EndObject();
  }
  w.EndArray();
}

std::string ComparisonJson(const receipts::Comparison& c) {
  core::JsonWriter w(/*pretty=*/true);
  const auto number = [&](std::string_view key, const std::optional<double>& value) {
    w.Key(key);
    value ? w.Double(*value) : w.Null();
  };
  w.BeginObject();
  number("token_agreement", c.token_agreement);
  w.Key("first_difference");
  c.first_difference ? w.Uint(*c.first_difference) : w.Null();
  number("text_similarity", c.text_similarity);
  w.Key("n_tokens").BeginArray().Uint(c.n_tokens_a).Uint(c.n_tokens_b).EndArray();
  w.Key("same_prompt");
  c.same_prompt ? w.Bool(*c.same_prompt) : w.Null();
  WriteDifferences("model", c.model, w);
  c.corrections_known ? WriteDifferences("corrections", c.corrections, w) : void(w.Key("corrections").Null());
  c.options_known ? WriteDifferences("options", c.options, w) : void(w.Key("options").Null());
  return w.EndObject().Take() + "\n";
}

}  // namespace

extern "C" {

bitnet_status_t bitnet_receipt_create(const bitnet_session_t* session, const bitnet_receipt_options_t* options,
                                      bitnet_receipt_t** out_receipt) noexcept {
  return GuardCompute([&]() -> bitnet_status_t {
    if (out_receipt == nullptr) return InvalidArgument("out_receipt is NULL");
    *out_receipt = nullptr;
    if (session == nullptr) return InvalidArgument("session is NULL");
    bitnet_receipt_options_t o;
    BN_TRY(ReadReceiptOptions(options, &o));
    const Shared lock(session);
    if (!lock.held()) return Busy();
    const auto record = RecordOf(*session, o);
    if (!record.ok()) return Fail(record.status());
    auto text = receipts::WriteReceipt(*record);
    if (!text.ok()) return Fail(text.status());
    *out_receipt = new bitnet_receipt_t{*std::move(text)};
    return BITNET_OK;
  });
}

void bitnet_receipt_free(bitnet_receipt_t* receipt) noexcept { delete receipt; }

const char* bitnet_receipt_text(const bitnet_receipt_t* receipt, size_t* out_n_bytes) noexcept {
  if (out_n_bytes != nullptr) *out_n_bytes = receipt != nullptr ? receipt->text.size() : 0;
  return receipt != nullptr ? receipt->text.c_str() : nullptr;
}

const char* bitnet_receipt_schema(void) noexcept { return receipts::kReceiptSchema; }

bitnet_status_t bitnet_receipt_verify(const char* text, size_t n_bytes, const bitnet_verify_options_t* options,
                                      bitnet_verification_t** out_verification) noexcept {
  return GuardCompute([&]() -> bitnet_status_t {
    if (out_verification == nullptr) return InvalidArgument("out_verification is NULL");
    *out_verification = nullptr;
    if (text == nullptr) return InvalidArgument("text is NULL");
    bitnet_verify_options_t o;
    BN_TRY(ReadOptions(options, &o));
    if (o.allow_corrections > 1) {
      return InvalidArgument(core::Cat("allow_corrections is ", o.allow_corrections, ", expected 0 or 1"),
                             "allow_corrections");
    }
    receipts::VerifyOptions verify;
    verify.registry = AllKernels();
    verify.allow_corrections = o.allow_corrections != 0;
    if (o.require_target != nullptr && *o.require_target != '\0') {
      verify.require_target = o.require_target;
      const std::vector<std::string>& tables = verify.registry.tables;
      if (std::find(tables.begin(), tables.end(), verify.require_target) == tables.end()) {
        std::string known;
        for (const std::string& table : tables) known += (known.empty() ? "" : ", ") + table;
        return InvalidArgument(
            core::Cat("require_target: found ", core::Quoted(verify.require_target), ", expected one of ", known),
            "require_target");
      }
    }
    if (o.model != nullptr) {
      verify.model = ModelRecordOf(*o.model->model, *o.model->audit, /*trust_host=*/true);
      verify.max_ctx = o.model->model->hparams().n_ctx_train;
    }
    auto verification = std::make_unique<bitnet_verification_t>();
    auto report = receipts::VerifyReceipt({text, n_bytes}, verify);
    if (!report.ok()) return Fail(report.status());
    verification->problems = std::move(report->problems);
    *out_verification = verification.release();
    return BITNET_OK;
  });
}

bitnet_status_t bitnet_receipt_replay(const char* text, size_t n_bytes, const bitnet_model_t* model,
                                      bitnet_verification_t** out_verification) noexcept {
  return GuardCompute([&]() -> bitnet_status_t {
    if (out_verification == nullptr) return InvalidArgument("out_verification is NULL");
    *out_verification = nullptr;
    if (text == nullptr) return InvalidArgument("text is NULL");
    if (model == nullptr) return InvalidArgument("model is NULL");
    auto verification = std::make_unique<bitnet_verification_t>();
    if (const core::Status status = Replay({text, n_bytes}, *model, verification.get()); !status.ok()) {
      return Fail(status);
    }
    *out_verification = verification.release();
    return BITNET_OK;
  });
}

void bitnet_verification_free(bitnet_verification_t* verification) noexcept { delete verification; }

bitnet_status_t bitnet_verification_info(const bitnet_verification_t* verification,
                                         bitnet_verification_info_t* out_info) noexcept {
  return Guard([&]() -> bitnet_status_t {
    if (verification == nullptr) return InvalidArgument("verification is NULL");
    BN_TRY(CheckOut(out_info));
    bitnet_verification_info_t info = BITNET_VERIFICATION_INFO_INIT;
    info.accepted = verification->problems.empty();
    info.n_problems = verification->problems.size();
    info.first_step = verification->first_step;
    CopyOut(info, out_info);
    return BITNET_OK;
  });
}

bitnet_status_t bitnet_verification_problem(const bitnet_verification_t* verification, size_t index,
                                            bitnet_problem_t* out_problem) noexcept {
  return Guard([&]() -> bitnet_status_t {
    if (verification == nullptr) return InvalidArgument("verification is NULL");
    BN_TRY(CheckOut(out_problem));
    const auto& list = verification->problems;
    if (index >= list.size()) {
      return Fail(BITNET_E_NOT_FOUND, core::Cat("no problem number ", index, ", there are ", list.size()));
    }
    bitnet_problem_t problem = BITNET_PROBLEM_INIT;
    problem.field = list[index].field.c_str();
    problem.message = list[index].message.c_str();
    CopyOut(problem, out_problem);
    return BITNET_OK;
  });
}

bitnet_status_t bitnet_verification_json(const bitnet_verification_t* verification, char* buf, size_t capacity,
                                         size_t* needed) noexcept {
  return Guard([&]() -> bitnet_status_t {
    if (verification == nullptr) return InvalidArgument("verification is NULL");
    return PutText(VerificationJson(*verification), buf, capacity, needed);
  });
}

bitnet_status_t bitnet_compare_runs(const char* a, size_t n_bytes_a, const char* b, size_t n_bytes_b,
                                    bitnet_comparison_t* out_comparison, char* out_json, size_t capacity,
                                    size_t* json_needed) noexcept {
  return Guard([&]() -> bitnet_status_t {
    if (a == nullptr || b == nullptr) return InvalidArgument("a or b is NULL");
    BN_TRY(CheckOut(out_comparison));
    const auto c = receipts::Compare({a, n_bytes_a}, {b, n_bytes_b});
    if (!c.ok()) return Fail(c.status());
    bitnet_comparison_t out = BITNET_COMPARISON_INIT;
    out.same_prompt = c->same_prompt ? static_cast<uint32_t>(*c->same_prompt) : BITNET_COMPARISON_NOT_KNOWN;
    out.token_agreement = c->token_agreement.value_or(-1);
    out.text_similarity = c->text_similarity.value_or(-1);
    out.first_difference = c->first_difference ? static_cast<int64_t>(*c->first_difference) : -1;
    out.n_tokens_a = c->n_tokens_a;
    out.n_tokens_b = c->n_tokens_b;
    out.n_model_differences = static_cast<uint32_t>(c->model.size());
    out.n_correction_differences =
        c->corrections_known ? static_cast<uint32_t>(c->corrections.size()) : BITNET_COMPARISON_NOT_KNOWN;
    out.n_option_differences =
        c->options_known ? static_cast<uint32_t>(c->options.size()) : BITNET_COMPARISON_NOT_KNOWN;
    CopyOut(out, out_comparison);
    if (json_needed == nullptr && out_json == nullptr && capacity == 0) return BITNET_OK;
    return PutText(ComparisonJson(*c), out_json, capacity, json_needed);
  });
}

}  // extern "C"
