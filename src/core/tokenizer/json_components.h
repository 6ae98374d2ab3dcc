// The components of a tokenizer.json around its model: what the library knows of them, the rest refused by name.
#ifndef BITNET_CORE_TOKENIZER_JSON_COMPONENTS_H_
#define BITNET_CORE_TOKENIZER_JSON_COMPONENTS_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/json_reader.h"
#include "core/base/status.h"
#include "core/tokenizer/normalizer.h"
#include "core/tokenizer/tokenizer_parts.h"

namespace bitnet::core {

// An error about the member `field` of a tokenizer.json.
Status BadTokenizerJson(std::string_view field, std::string_view problem, Code code = Code::kBadFormat);

// Members of an object. Absent or null: `absent`. Another kind: an error about `field`.
Result<bool> JsonFlag(const JsonValue& object, std::string_view key, bool absent, std::string_view field);
Result<std::string_view> JsonText(const JsonValue& object, std::string_view key, std::string_view absent,
                                  std::string_view field);

// Each takes the member of that name, null where it is absent or null.
Result<std::vector<NormalizerStep>> ReadJsonNormalizer(const JsonValue* normalizer);

struct JsonPreTokenizer {
  std::vector<SplitStep> split;
  std::vector<std::string> regexes;  // of the steps that are patterns, as the file has them
  SpacePrefix prefix = SpacePrefix::kNever;
  bool byte_level = false;  // tokens are spelled in the byte alphabet
  bool space_sign = false;  // U+2581 stands for a space
};
Result<JsonPreTokenizer> ReadJsonPreTokenizer(const JsonValue* pre_tokenizer);

// The tokens that a post-processor puts around a text; -1: none.
struct JsonPostProcessor {
  int64_t before = -1, after = -1;
};
Result<JsonPostProcessor> ReadJsonPostProcessor(const JsonValue* post_processor);

// Whether decoding drops one space at the start of the text.
Result<bool> ReadJsonDecoder(const JsonValue* decoder);

}  // namespace bitnet::core

#endif  // BITNET_CORE_TOKENIZER_JSON_COMPONENTS_H_
