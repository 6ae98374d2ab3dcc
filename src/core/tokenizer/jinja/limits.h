// Every bound of the template interpreter, each with its reason. A run beyond one is kLimit, with line and column.
#ifndef BITNET_CORE_TOKENIZER_JINJA_LIMITS_H_
#define BITNET_CORE_TOKENIZER_JINJA_LIMITS_H_

#include <cstddef>
#include <cstdint>

namespace bitnet::core::jinja {

// The longest published chat templates have about 30 KB.
inline constexpr size_t kMaxTemplateBytes = size_t{256} << 10;
// Levels of statements in statements and of expressions in expressions, of the tree and so of the walk over it. A
// level takes up to some KB of stack under the sanitizers: well below a megabyte together.
inline constexpr uint32_t kMaxSyntaxDepth = 100;
// Levels of the walk while a template runs, calls of macros included.
inline constexpr uint32_t kMaxCallDepth = 300;
// Lists in lists. The messages come from JSON of at most 64 levels (base/json_reader.h).
inline constexpr uint32_t kMaxValueDepth = 100;
// A step is a node that is evaluated, an element that is made or looked at, or 32 bytes of text that are made: so the
// steps bound time (under a second) and memory (a few hundred MB in the worst case) at once. A published template takes
// about a hundred steps a message.
inline constexpr uint64_t kMaxSteps = 4'000'000;
inline constexpr uint64_t kBytesPerStep = 32;
inline constexpr uint64_t kComparisonsPerStep = 8;  // of names, while one is looked for
// Steps for an element that is made: it takes up to 200 bytes.
inline constexpr uint64_t kStepsPerElement = 4;
// One text, the rendered conversation included: far beyond every context.
inline constexpr size_t kMaxTextBytes = size_t{16} << 20;
// The bound of the sandbox of Jinja on range().
inline constexpr int64_t kMaxRange = 100'000;

}  // namespace bitnet::core::jinja

#endif  // BITNET_CORE_TOKENIZER_JINJA_LIMITS_H_
