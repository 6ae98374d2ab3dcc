#include "core/tokenizer/regex_program.h"

#include <algorithm>
#include <utility>

#include "core/base/text.h"
#include "core/tokenizer/utf8.h"

namespace bitnet::core {
namespace {

constexpr uint32_t kNoMaximum = UINT32_MAX;

// ASCII characters that an escape makes stand for themselves.
bool IsSign(char c) {
  return (c >= '!' && c <= '/') || (c >= ':' && c <= '@') || (c >= '[' && c <= '`') || (c >= '{' && c <= '~');
}

// What was parsed: a tree by indices. A node comes after its children.
struct Node {
  enum Kind : uint8_t { kSet, kAhead, kNot, kRow, kChoice, kRepeat };
  Kind kind = kRow;
  bool nullable = false;           // may match the empty text
  uint32_t set = 0;                // kSet, kAhead, kNot
  uint32_t min = 0, max = 0;       // kRepeat
  std::vector<uint32_t> children;  // kRow, kChoice; one of kRepeat
};

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  Result<RegexProgram> Parse() {
    if (text_.size() > kMaxRegexBytes) {
      return Status(Code::kLimit, Cat("a pattern of ", text_.size(), " bytes, expected at most ", kMaxRegexBytes));
    }
    if (!IsUtf8(text_)) return Status(Code::kBadFormat, "a pattern that is not UTF-8");
    BN_ASSIGN_OR_RETURN(const uint32_t root, Alternatives(0));
    if (pos_ < text_.size()) return Unknown("a ')' without its '('");
    if (nodes_[root].nullable) return Unknown("a pattern that matches the empty text");
    program_.code.push_back({});
    BN_ASSIGN_OR_RETURN(program_.start, Emit(root, 0));
    return std::move(program_);
  }

 private:
  Status Unknown(std::string_view what) const {
    return Status(Code::kUnsupported, Cat(what, " at byte ", pos_, " of the pattern"), {}, pos_);
  }
  bool At(std::string_view token) const { return text_.substr(pos_).starts_with(token); }
  bool Take(std::string_view token) {
    if (!At(token)) return false;
    pos_ += token.size();
    return true;
  }
  uint32_t TakeChar() {  // there is one
    const Utf8Char c = DecodeWellFormed(text_, pos_);
    pos_ += c.length;
    return c.code_point;
  }

  uint32_t Add(Node node) {
    nodes_.push_back(std::move(node));
    return static_cast<uint32_t>(nodes_.size() - 1);
  }
  Result<uint32_t> AddSet(const CharSet& set, Node::Kind kind = Node::kSet) {
    const auto at = std::find(program_.sets.begin(), program_.sets.end(), set);
    const auto index = static_cast<uint32_t>(at - program_.sets.begin());
    if (at == program_.sets.end()) {
      if (index == kMaxRegexSets) {
        return Status(Code::kLimit, Cat("a pattern of more than ", kMaxRegexSets, " sets of characters"));
      }
      program_.sets.push_back(set);
    }
    Node node;
    node.kind = kind;
    node.nullable = kind != Node::kSet;
    node.set = index;
    return Add(std::move(node));
  }

  // Up to the end of the text or a ')'.
  Result<uint32_t> Alternatives(uint32_t depth) {
    if (depth > kMaxRegexDepth) return Status(Code::kLimit, Cat("a pattern of more than ", kMaxRegexDepth, " levels"));
    Node choice;
    choice.kind = Node::kChoice;
    do {
      Node row;
      row.nullable = true;
      last_folded_ = 0;
      while (pos_ < text_.size() && !At("|") && !At(")")) {
        BN_ASSIGN_OR_RETURN(const uint32_t part, Repeated(depth));
        row.nullable = row.nullable && nodes_[part].nullable;
        row.children.push_back(part);
      }
      choice.nullable = choice.nullable || row.nullable;
      choice.children.push_back(Add(std::move(row)));
    } while (Take("|"));
    return choice.children.size() == 1 ? choice.children[0] : Add(std::move(choice));
  }

  // A part and the quantifier after it.
  Result<uint32_t> Repeated(uint32_t depth) {
    BN_ASSIGN_OR_RETURN(const uint32_t part, Part(depth));
    Node repeat;
    repeat.kind = Node::kRepeat;
    if (Take("?")) {
      repeat.max = 1;
    } else if (Take("*")) {
      repeat.max = kNoMaximum;
    } else if (Take("+")) {
      repeat.min = 1;
      repeat.max = kNoMaximum;
    } else if (Take("{")) {
      BN_ASSIGN_OR_RETURN(repeat.min, Number());
      repeat.max = repeat.min;
      if (Take(",")) {
        repeat.max = kNoMaximum;
        if (!At("}")) {
          BN_ASSIGN_OR_RETURN(repeat.max, Number());
        }
      }
      if (!Take("}") || repeat.max < repeat.min || repeat.max == 0) return Unknown("a quantifier that is not one");
    } else {
      return part;
    }
    if (At("?") || At("*") || At("+") || At("{")) return Unknown("a quantifier after another");
    if (nodes_[part].nullable) return Unknown("a quantifier of what matches the empty text");
    repeat.nullable = repeat.min == 0;
    repeat.children = {part};
    return Add(std::move(repeat));
  }

  Result<uint32_t> Number() {
    uint32_t value = 0;
    const size_t start = pos_;
    while (pos_ < text_.size() && text_[pos_] >= '0' && text_[pos_] <= '9' && value < 1000) {
      value = value * 10 + static_cast<uint32_t>(text_[pos_++] - '0');
    }
    if (pos_ == start || value >= 1000) return Unknown("a quantifier without a number below 1000");
    return value;
  }

  Result<uint32_t> Part(uint32_t depth) {
    if (Take("(?=")) return Lookahead(depth, Node::kAhead);
    if (Take("(?!")) return Lookahead(depth, Node::kNot);
    if (Take("(?i:")) {
      const bool outer = std::exchange(fold_, true);
      BN_ASSIGN_OR_RETURN(const uint32_t inside, Group(depth));
      fold_ = outer;
      return inside;
    }
    if (Take("(?:")) return Group(depth);
    if (At("(?")) return Unknown("a group of an unknown kind");
    if (Take("(")) return Group(depth);
    if (Take("[")) return Class();
    if (At("\\")) {
      CharSet set;
      BN_ASSIGN_OR_RETURN([[maybe_unused]] const uint32_t one, Escape(set));
      return AddSet(set);
    }
    for (const char* sign : {".", "^", "$", "?", "*", "+", "{", "}", "]"}) {
      if (At(sign)) return Unknown(Cat("the sign ", Quoted(sign)));
    }
    return Letter(TakeChar());
  }

  Result<uint32_t> Group(uint32_t depth) {
    BN_ASSIGN_OR_RETURN(const uint32_t inside, Alternatives(depth + 1));
    if (!Take(")")) return Unknown("a '(' without its ')'");
    last_folded_ = 0;
    return inside;
  }

  Result<uint32_t> Lookahead(uint32_t depth, Node::Kind kind) {
    BN_ASSIGN_OR_RETURN(uint32_t inside, Group(depth));
    while (nodes_[inside].kind == Node::kRow && nodes_[inside].children.size() == 1)
      inside = nodes_[inside].children[0];
    if (nodes_[inside].kind != Node::kSet) return Unknown("lookahead at more than one character");
    const CharSet set = program_.sets[nodes_[inside].set];
    return AddSet(set, kind);
  }

  // A character that stands for itself, with (?i:..) for all that fold to it. Two letters that one character folds to
  // as well (U+FB01 is fi) are not known there.
  Result<uint32_t> Letter(uint32_t c) {
    CharSet set(c, c);
    if (fold_) {
      const uint32_t lower = c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c;
      if (c >= 0x80) return Unknown("a character outside of ASCII in (?i:..)");
      for (const char* pair : {"ss", "st", "ff", "fi", "fl"}) {
        if (last_folded_ == static_cast<uint32_t>(pair[0]) && lower == static_cast<uint32_t>(pair[1])) {
          return Unknown(Cat("the letters ", Quoted(pair), " in (?i:..)"));
        }
      }
      last_folded_ = lower;
      set = CharSet(lower, lower);
      if (lower >= 'a' && lower <= 'z') set.Add({lower - 'a' + 'A', lower - 'a' + 'A'});
      if (lower == 's') set.Add({0x17F, 0x17F});    // the long s
      if (lower == 'k') set.Add({0x212A, 0x212A});  // the sign of the kelvin
    }
    return AddSet(set);
  }

  // After '['.
  Result<uint32_t> Class() {
    const bool negated = Take("^");
    CharSet set;
    while (!At("]")) {
      if (pos_ == text_.size()) return Unknown("a '[' without its ']'");
      if (fold_) return Unknown("a class in (?i:..)");
      if (At("[") || At("&&")) return Unknown("a class in a class");
      uint32_t first = kNoMaximum;
      BN_RETURN_IF_ERROR(ClassItem(set, first));
      if (!At("-") || text_.substr(pos_ + 1).starts_with(']') || first == kNoMaximum) continue;
      ++pos_;
      uint32_t last = kNoMaximum;
      if (pos_ == text_.size() || At("[")) return Unknown("a range without an end");
      BN_RETURN_IF_ERROR(ClassItem(set, last));
      if (last == kNoMaximum || last < first) return Unknown("a range without an end");
      set.Add({first, last});
    }
    ++pos_;
    if (set.ranges().empty()) return Unknown("an empty class");
    return AddSet(negated ? set.Complement() : set);
  }

  // Adds a character, then `one` is it, or a set.
  Status ClassItem(CharSet& set, uint32_t& one) {
    if (At("\\")) {
      CharSet escaped;
      BN_ASSIGN_OR_RETURN(one, Escape(escaped));
      set.Add(escaped);
    } else {
      one = TakeChar();
      set.Add({one, one});
    }
    return {};
  }

  // At '\': the set that the escape stands for, and the character where it is one (else kNoMaximum).
  Result<uint32_t> Escape(CharSet& set) {
    ++pos_;
    if (pos_ == text_.size()) return Unknown("a '\\' at the end");
    const char c = text_[pos_++];
    constexpr std::pair<char, char> kControls[] = {{'r', '\r'}, {'n', '\n'}, {'t', '\t'}, {'f', '\f'}, {'v', '\v'}};
    for (const auto& [letter, control] : kControls) {
      if (c != letter) continue;
      const auto code_point = static_cast<uint32_t>(control);
      set = CharSet(code_point, code_point);
      return code_point;
    }
    if (c == 's' || c == 'S') {
      set = c == 's' ? CharSet::Spaces() : CharSet::Spaces().Complement();
    } else if (c == 'd' || c == 'D') {
      set = c == 'd' ? CharSet::Category("Nd") : CharSet::Category("Nd").Complement();
    } else if (c == 'p' || c == 'P') {
      const size_t end = text_.find('}', pos_);
      if (!Take("{") || end == std::string_view::npos) return Unknown("a '\\p' without '{..}'");
      set = CharSet::Category(text_.substr(pos_, end - pos_));
      if (set.ranges().empty()) {
        return Unknown(Cat("the property ", Quoted(text_.substr(pos_, end - pos_)), ", no general category,"));
      }
      pos_ = end + 1;
      if (c == 'P') set = set.Complement();
    } else if (IsSign(c)) {
      const auto code_point = static_cast<uint32_t>(c);
      set = CharSet(code_point, code_point);
      return code_point;
    } else {
      return Unknown(Cat("the escape ", Quoted(std::string_view(&c, 1))));
    }
    return kNoMaximum;
  }

  // The place of the instructions for a node that go on at `next`. Of two ways the first is the greedy one.
  Result<uint16_t> Emit(uint32_t index, uint16_t next) {
    const Node& node = nodes_[index];
    switch (node.kind) {
      case Node::kSet: return Instruction({RegexInstruction::kChar, Narrow(node.set), next, 0});
      case Node::kAhead: return Instruction({RegexInstruction::kAhead, Narrow(node.set), next, 0});
      case Node::kNot: return Instruction({RegexInstruction::kNot, Narrow(node.set), next, 0});
      case Node::kRow:
        for (size_t i = node.children.size(); i-- > 0;) {
          BN_ASSIGN_OR_RETURN(next, Emit(node.children[i], next));
        }
        return next;
      case Node::kChoice: {
        BN_ASSIGN_OR_RETURN(uint16_t first, Emit(node.children.back(), next));
        for (size_t i = node.children.size() - 1; i-- > 0;) {
          BN_ASSIGN_OR_RETURN(const uint16_t before, Emit(node.children[i], next));
          BN_ASSIGN_OR_RETURN(first, Instruction({RegexInstruction::kChoice, 0, before, first}));
        }
        return first;
      }
      case Node::kRepeat: return EmitRepeat(node, next);
    }
    return next;
  }

  Result<uint16_t> EmitRepeat(const Node& node, uint16_t next) {
    const uint32_t child = node.children[0];
    uint16_t start = next;
    if (node.max == kNoMaximum) {
      BN_ASSIGN_OR_RETURN(start, Instruction({RegexInstruction::kChoice, 0, 0, next}));
      BN_ASSIGN_OR_RETURN(const uint16_t body, Emit(child, start));
      program_.code[start].next = body;
    } else {
      for (uint32_t i = node.min; i < node.max; ++i) {
        BN_ASSIGN_OR_RETURN(const uint16_t body, Emit(child, start));
        BN_ASSIGN_OR_RETURN(start, Instruction({RegexInstruction::kChoice, 0, body, next}));
      }
    }
    for (uint32_t i = 0; i < node.min; ++i) {
      BN_ASSIGN_OR_RETURN(start, Emit(child, start));
    }
    return start;
  }

  Result<uint16_t> Instruction(const RegexInstruction& instruction) {
    if (program_.code.size() >= kMaxRegexInstructions) {
      return Status(Code::kLimit, Cat("a pattern of more than ", kMaxRegexInstructions, " steps"));
    }
    program_.code.push_back(instruction);
    return Narrow(program_.code.size() - 1);
  }
  static uint16_t Narrow(size_t i) { return static_cast<uint16_t>(i); }

  std::string_view text_;
  size_t pos_ = 0;
  bool fold_ = false;         // inside (?i:..)
  uint32_t last_folded_ = 0;  // the letter before, inside (?i:..)
  std::vector<Node> nodes_;
  RegexProgram program_;
};

}  // namespace

Result<RegexProgram> ParseRegex(std::string_view regex) { return Parser(regex).Parse(); }

std::string LiteralRegex(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (IsSign(c)) out.push_back('\\');
    out.push_back(c);
  }
  return out;
}

}  // namespace bitnet::core
