// Where in a JSON text something is. The parser does not tell, so this second, slower look at the text is taken where
// there is something to report.
#ifndef BITNET_CORE_BASE_JSON_PLACE_H_
#define BITNET_CORE_BASE_JSON_PLACE_H_

#include <span>
#include <string_view>
#include <vector>

#include "core/base/json_reader.h"
#include "core/base/text.h"

namespace bitnet::core {

// The first thing in `text` that ParseJson refuses, as "line L, column C: " and the reason; ok where there is none.
// Size is not looked at.
Status FindJsonFault(std::string_view text, const JsonLimits& limits);

// Where `values`, parts of `root`, begin in `text`. `root` is what ParseJson made of `text`, unchanged; a value that is
// no part of it has the place of the first character.
std::vector<TextPlace> PlacesInJson(std::string_view text, const JsonValue& root,
                                    std::span<const JsonValue* const> values);

}  // namespace bitnet::core

#endif  // BITNET_CORE_BASE_JSON_PLACE_H_
