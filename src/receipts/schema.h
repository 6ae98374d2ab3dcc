// The JSON Schema of receipts, receipt.schema.json, as text.
#ifndef BITNET_RECEIPTS_SCHEMA_H_
#define BITNET_RECEIPTS_SCHEMA_H_

namespace bitnet::receipts {

extern const char kReceiptSchema[];

}  // namespace bitnet::receipts

#endif  // BITNET_RECEIPTS_SCHEMA_H_
