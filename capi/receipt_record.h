// The one place where facts of a run become a receipt: values of runtime, model and policy go in, receipts::Receipt
// out.
#ifndef BITNET_CAPI_RECEIPT_RECORD_H_
#define BITNET_CAPI_RECEIPT_RECORD_H_

#include <optional>

#include "capi/handles.h"
#include "receipts/record.h"
#include "receipts/verify.h"

namespace bitnet::capi {

// `options` has been read (structs.h). kBadState when the session has no finished generation.
core::Result<receipts::Receipt> RecordOf(const bitnet_session_t& session, const bitnet_receipt_options_t& options);

// The `model` part; `origin` of the digest: the host's word where `trust_host`, else computed.
receipts::Model ModelRecordOf(const core::Model& model, const LoadAudit& audit, bool trust_host);

// 64 hex digits of a tokenizer; of that of a load, computed once.
std::string ComputeTokenizerSha256(const core::Tokenizer& tokenizer);
const std::string& TokenizerSha256(const core::Tokenizer& tokenizer, const LoadAudit& audit);

// The `corrections` part; none for a model that was loaded without a policy.
std::optional<receipts::Corrections> CorrectionsOf(const LoadAudit& audit);

// The text of tokens as receipts hold it: control tokens included, ill-formed bytes as U+FFFD.
core::Result<std::string> PromptText(const core::Tokenizer& tokenizer, std::span<const int32_t> tokens);

// Every table and operation that was ever released: ids of other machines' receipts are known too.
receipts::KernelRegistry AllKernels();

}  // namespace bitnet::capi

#endif  // BITNET_CAPI_RECEIPT_RECORD_H_
