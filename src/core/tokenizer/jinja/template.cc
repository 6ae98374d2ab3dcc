#include "core/tokenizer/jinja/template.h"

#include "core/tokenizer/jinja/evaluator.h"
#include "core/tokenizer/jinja/parser.h"

namespace bitnet::core::jinja {

Status Check(std::string_view source) { return Parse(source).status(); }

Result<Text> Render(std::string_view source, const Variables& variables, std::optional<int64_t> now, Budget& budget) {
  BN_ASSIGN_OR_RETURN(const Body body, Parse(source));
  return Evaluator(variables, now, budget).Render(body);
}

}  // namespace bitnet::core::jinja
