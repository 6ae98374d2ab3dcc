// Canonical JSON, RFC 8785 (JCS): the bytes over which a receipt is hashed.
#ifndef BITNET_RECEIPTS_CANONICAL_JSON_H_
#define BITNET_RECEIPTS_CANONICAL_JSON_H_

#include <string>
#include <string_view>

#include "core/base/json_reader.h"

namespace bitnet::receipts {

// Every number counts as binary64, as the RFC says: integers above 2^53 belong into strings.
std::string CanonicalJson(const core::JsonValue& value);

// Number::toString of ECMAScript for a finite value (RFC 8785, section 3.2.2.3).
std::string CanonicalNumber(double value);

}  // namespace bitnet::receipts

#endif  // BITNET_RECEIPTS_CANONICAL_JSON_H_
