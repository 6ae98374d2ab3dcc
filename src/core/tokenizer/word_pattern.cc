#include "core/tokenizer/word_pattern.h"

#include <algorithm>
#include <map>
#include <utility>

#include "core/base/text.h"
#include "core/tokenizer/utf8.h"

namespace bitnet::core {
namespace {

// Published patterns have up to 60 states and 30 classes; building and checking take about 50 ns a step.
constexpr size_t kMaxStates = 2048;
constexpr size_t kMaxSteps = size_t{1} << 20;

using Places = std::vector<uint16_t>;  // instructions, the preferred first

Status TooComplex() { return Status(Code::kLimit, "a pattern that is too complex"); }

// Follows what takes no character. `signature`: the sets that the next character is in, 0 at the end of the text.
class Closure {
 public:
  explicit Closure(const RegexProgram& program) : program_(program), seen_(program.code.size()) {}

  // The places after the next character, from `places`; whether the text before it matches.
  bool Step(const Places& places, uint64_t signature, Places& out) {
    std::fill(seen_.begin(), seen_.end(), false);
    out.clear();
    bool matches = false;
    for (const uint16_t place : places) {
      stack_.push_back(place);
      while (!stack_.empty()) {
        const uint16_t at = stack_.back();
        stack_.pop_back();
        ++n_steps_;
        if (seen_[at]) continue;
        seen_[at] = true;
        const RegexInstruction& i = program_.code[at];
        const bool in_set = (signature >> i.set & 1) != 0;
        switch (i.kind) {
          case RegexInstruction::kChar:
            if (in_set && std::find(out.begin(), out.end(), i.next) == out.end()) out.push_back(i.next);
            break;
          case RegexInstruction::kAhead:
            if (in_set) stack_.push_back(i.next);
            break;
          case RegexInstruction::kNot:
            if (!in_set) stack_.push_back(i.next);
            break;
          case RegexInstruction::kChoice:
            stack_.push_back(i.other);
            stack_.push_back(i.next);
            break;
          case RegexInstruction::kMatch:  // what comes after it is not preferred
            matches = true;
            stack_.clear();
            break;
        }
        if (matches) return true;
      }
    }
    return false;
  }
  size_t n_steps() const { return n_steps_; }

 private:
  const RegexProgram& program_;
  std::vector<bool> seen_;
  std::vector<uint16_t> stack_;
  size_t n_steps_ = 0;
};

}  // namespace

Result<std::shared_ptr<const WordPattern>> WordPattern::Compile(std::string_view regex) {
  BN_ASSIGN_OR_RETURN(const RegexProgram program, ParseRegex(regex));
  std::shared_ptr<WordPattern> out(new WordPattern());
  out->regex_ = regex;
  out->MapClasses(program);
  BN_RETURN_IF_ERROR(out->BuildStates(program));
  BN_RETURN_IF_ERROR(out->CheckLinear());
  return std::shared_ptr<const WordPattern>(std::move(out));
}

void WordPattern::MapClasses(const RegexProgram& program) {
  // Where sets begin and end, in order: between two such places all characters are alike.
  std::map<uint32_t, uint64_t> toggles = {{0, 0}};
  for (size_t s = 0; s < program.sets.size(); ++s) {
    for (const CharSet::Range& range : program.sets[s].ranges()) {
      toggles[range.first] ^= uint64_t{1} << s;
      toggles[range.last + 1] ^= uint64_t{1} << s;
    }
  }
  toggles.erase(kMaxCodePoint + 1);

  std::map<uint64_t, uint16_t> class_of;  // by signature
  std::map<uint16_t, uint16_t> uniform;   // by class: a block of nothing else
  std::vector<uint16_t> block;            // the part of the block that is known
  uint64_t signature = 0;
  for (auto it = toggles.begin(); it != toggles.end();) {
    signature ^= it->second;
    uint32_t at = it->first;
    ++it;
    const uint32_t end = it != toggles.end() ? it->first : kMaxCodePoint + 1;
    const auto [entry, added] = class_of.emplace(signature, static_cast<uint16_t>(class_of.size()));
    if (added) signatures_.push_back(signature);
    while (at < end) {
      const uint32_t n = std::min(end - at, kBlock - at % kBlock);
      at += n;
      if (n == kBlock) {
        const auto [same, is_new] = uniform.emplace(entry->second, static_cast<uint16_t>(classes_.size() / kBlock));
        if (is_new) classes_.insert(classes_.end(), kBlock, entry->second);
        block_of_.push_back(same->second);
        continue;
      }
      block.insert(block.end(), n, entry->second);
      if (block.size() < kBlock) continue;
      block_of_.push_back(static_cast<uint16_t>(classes_.size() / kBlock));
      classes_.insert(classes_.end(), block.begin(), block.end());
      block.clear();
    }
  }
  n_columns_ = static_cast<uint32_t>(signatures_.size()) + 1;
}

Status WordPattern::BuildStates(const RegexProgram& program) {
  std::vector<Places> states = {{}, {program.start}};
  std::map<Places, uint16_t> index = {{{}, uint16_t{kDead}}, {states[kStart], uint16_t{kStart}}};
  Closure closure(program);
  Places next;
  for (size_t state = 0; state < states.size(); ++state) {
    for (uint32_t column = 0; column < n_columns_; ++column) {
      const uint64_t signature = column < signatures_.size() ? signatures_[column] : 0;
      const bool matches = closure.Step(states[state], signature, next);
      const auto [entry, added] = index.emplace(next, static_cast<uint16_t>(states.size()));
      if (added) states.push_back(next);
      edges_.push_back(static_cast<uint16_t>(entry->second | (matches ? kMatchBit : 0)));
      if (states.size() > kMaxStates || closure.n_steps() > kMaxSteps) return TooComplex();
    }
  }
  return {};
}

// A scan that reads on after its last match in vain makes the next ones read those characters again. That stays linear
// if no two scans can go on together forever, both without a match: then each character is read in vain a bounded
// number of times. Seen on pairs of states that read the same characters: any state that the first scan comes to, and
// the start of another that begins there.
Status WordPattern::CheckLinear() const {
  using Pair = std::pair<uint16_t, uint16_t>;
  const auto edge = [&](uint32_t state, uint32_t column) { return edges_[state * n_columns_ + column]; };
  const uint32_t n_classes = n_columns_ - 1;
  std::map<Pair, uint32_t> index;
  std::vector<Pair> pairs;
  const auto add = [&](Pair pair) {
    const auto [entry, added] = index.emplace(pair, static_cast<uint32_t>(pairs.size()));
    if (added) pairs.push_back(pair);
    return entry->second;
  };
  for (const uint16_t e : edges_) {
    const auto state = static_cast<uint16_t>(e & ~kMatchBit);
    if (state != kDead) add({state, uint16_t{kStart}});
  }
  // The edges on which neither matches must have no cycle: they are taken off from the pairs that none leads to.
  std::vector<std::vector<uint32_t>> silent;
  size_t n_steps = 0;
  for (size_t i = 0; i < pairs.size(); ++i) {
    const Pair pair = pairs[i];
    silent.emplace_back();
    for (uint32_t column = 0; column < n_classes; ++column) {
      if (++n_steps > kMaxSteps) return TooComplex();
      const uint16_t first = edge(pair.first, column), second = edge(pair.second, column);
      const auto second_target = static_cast<uint16_t>(second & ~kMatchBit);
      if ((first & kMatchBit) != 0 || first == kDead || second_target == kDead) continue;
      const uint32_t next = add({first, second_target});
      if ((second & kMatchBit) == 0) silent[i].push_back(next);
    }
  }
  std::vector<uint32_t> n_before(pairs.size()), free;
  for (const auto& targets : silent) {
    for (const uint32_t t : targets) ++n_before[t];
  }
  for (uint32_t i = 0; i < pairs.size(); ++i) {
    if (n_before[i] == 0) free.push_back(i);
  }
  size_t n_free = 0;
  for (; !free.empty(); ++n_free) {
    const uint32_t i = free.back();
    free.pop_back();
    for (const uint32_t t : silent[i]) {
      if (--n_before[t] == 0) free.push_back(t);
    }
  }
  if (n_free == pairs.size()) return {};
  return Status(Code::kUnsupported, "a pattern that could take quadratic time");
}

bool WordPattern::CoversText() const {
  // Enough, and so with the published ones: each character matches alone, whatever comes after it.
  for (uint32_t first = 0; first + 1 < n_columns_; ++first) {
    const uint32_t state = edges_[kStart * n_columns_ + first];
    for (uint32_t next = 0; next < n_columns_; ++next) {
      if ((edges_[state * n_columns_ + next] & kMatchBit) == 0) return false;
    }
  }
  return true;
}

size_t WordPattern::MatchAt(std::string_view text, size_t pos) const {
  size_t end = 0;
  uint32_t state = kStart;
  while (state != kDead) {
    if (pos == text.size()) {
      if ((edges_[state * n_columns_ + n_columns_ - 1] & kMatchBit) != 0) end = pos;
      break;
    }
    const Utf8Char c = DecodeWellFormed(text, pos);
    const uint16_t edge = edges_[state * n_columns_ + ClassOf(c.code_point)];
    if ((edge & kMatchBit) != 0) end = pos;
    state = edge & ~kMatchBit;
    pos += c.length;
  }
  return end;
}

size_t WordPattern::PieceEnd(std::string_view text, size_t pos) const {
  if (const size_t end = MatchAt(text, pos); end != 0) return end;
  do {
    pos += DecodeWellFormed(text, pos).length;
  } while (pos < text.size() && MatchAt(text, pos) == 0);
  return pos;
}

}  // namespace bitnet::core
