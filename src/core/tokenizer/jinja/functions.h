// What calls go to: methods of values, members of loops, filters, tests, and how their arguments are read.
#ifndef BITNET_CORE_TOKENIZER_JINJA_FUNCTIONS_H_
#define BITNET_CORE_TOKENIZER_JINJA_FUNCTIONS_H_

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/tokenizer/jinja/evaluator.h"

namespace bitnet::core::jinja {

// Arguments in the order of the parameters; null: not given. Errors for too many, unknown ones, and fewer than
// `n_required`.
Result<std::vector<const Value*>> Bind(std::string_view function, const Arguments& arguments,
                                       std::initializer_list<std::string_view> parameters, size_t n_required = 0);

// Whether a value of this kind has a method of that name in Python; `safe` says whether the sandbox lets it be called.
bool HasMethod(const Value& self, std::string_view name, bool* safe);
Result<Value> CallMethod(const Value& self, std::string_view name, const Arguments& arguments, Budget& budget);

// loop.index and the others; undefined where there is none.
Result<Value> LoopMember(Loop& loop, std::string_view name);

// "%Y-%m-%d" of seconds since 1970; an error for a directive that is not known.
Result<std::string> FormatTime(std::string_view format, int64_t seconds);

// As json.dumps, without ASCII escapes. What a template puts between values may come from a message.
struct JsonStyle {
  bool ensure_ascii = false;
  std::optional<Text> indent;  // of a level; none: one line
  Text item_separator, key_separator;
  bool sort_keys = false;
};
Result<Text> ToJson(const Value& value, const JsonStyle& style, Budget& budget);

// A list of what a text was split into.
Result<Value> TextList(Result<std::vector<Text>> texts);
// Every `from` in `text` becomes `to`, at most `max` of them (negative: all).
Result<Text> Replace(const Text& text, const Text& from, const Text& to, int64_t max, Budget& budget);
Result<Text> Join(const Text& separator, const std::vector<Value>& items, bool strict, Budget& budget);

}  // namespace bitnet::core::jinja

#endif  // BITNET_CORE_TOKENIZER_JINJA_FUNCTIONS_H_
