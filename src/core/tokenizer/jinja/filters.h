// The names of filters and tests.
#ifndef BITNET_CORE_TOKENIZER_JINJA_FILTERS_H_
#define BITNET_CORE_TOKENIZER_JINJA_FILTERS_H_

#include <string_view>

#include "core/tokenizer/jinja/evaluator.h"

namespace bitnet::core::jinja {

bool HasFilter(std::string_view name);
bool HasTest(std::string_view name);

using Filter = Result<Value> (*)(Evaluator& evaluator, const Value& value, const Arguments& arguments);
struct NamedFilter {
  std::string_view name;
  Filter filter;
};

// filters_of_lists.cc; null: no filter of that name there.
Filter FindListFilter(std::string_view name);

}  // namespace bitnet::core::jinja

#endif  // BITNET_CORE_TOKENIZER_JINJA_FILTERS_H_
