// Operators on values, as Python and Jinja's sandbox have them. Errors say what, not where.
#ifndef BITNET_CORE_TOKENIZER_JINJA_OPERATORS_H_
#define BITNET_CORE_TOKENIZER_JINJA_OPERATORS_H_

#include <string_view>
#include <vector>

#include "core/tokenizer/jinja/value.h"

namespace bitnet::core::jinja {

// + - * / // % **
Result<Value> Arithmetic(std::string_view op, const Value& a, const Value& b, Budget& budget);
Result<Value> Negative(const Value& value);
// a in b
Result<bool> Contains(const Value& container, const Value& item, Budget& budget);
// < <= > >= == !=
Result<bool> Related(std::string_view op, const Value& a, const Value& b, Budget& budget);

// value.name, and value[key]: each tries the other as well, as Jinja does.
Result<Value> Member(const Value& value, std::string_view name, Budget& budget);
Result<Value> Item(const Value& value, const Value& key, Budget& budget);
// value[from:to:step]; null: left out.
Result<Value> Slice(const Value& value, const Value* from, const Value* to, const Value* step, Budget& budget);

// "..." % values: %s, %r, %d, %i and %%. `all`: each value must have a place.
Result<Value> Format(const Text& format, const std::vector<Value>& values, bool all, Budget& budget);

}  // namespace bitnet::core::jinja

#endif  // BITNET_CORE_TOKENIZER_JINJA_OPERATORS_H_
