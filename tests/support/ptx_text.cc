#include "support/ptx_text.h"

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <string_view>
#include <tuple>
#include <utility>

namespace bitnet_test {

void EndAt(const std::string& kernel, uint32_t line, const std::string& what) {
  std::fprintf(stderr, "ptx: line %u, %s: %s\n", line, kernel.c_str(), what.c_str());
  std::abort();
}

namespace {

struct Known {
  const char* name;
  Op op;
  uint32_t bits;
};

// Those with one form; the families by type are put together in Instructions().
// clang-format off
constexpr Known kKnown[] = {
  {"ret", kReturn, 0}, {"bra", kBranch, 0}, {"bra.uni", kBranch, 0}, {"bar.sync", kBarrier, 0},
  {"bar.warp.sync", kWarpBarrier, 0}, {"griddepcontrol.launch_dependents", kNop, 0},
  {"griddepcontrol.wait", kNop, 0}, {"cvta.to.global.u64", kMov, 64}, {"mov.pred", kMov, 1},
  {"mul.wide.u16", kMulWideU, 16}, {"mul.wide.u32", kMulWideU, 32}, {"mul.wide.s16", kMulWideS, 16},
  {"mul.wide.s32", kMulWideS, 32}, {"mad.lo.s32", kMad, 32}, {"bfi.b32", kBfi, 32}, {"bfi.b64", kBfi, 64},
  {"prmt.b32", kPrmt, 32}, {"dp4a.s32.s32", kDp4a, 32}, {"selp.f32", kSelect, 32}, {"add.rn.f32", kAddF, 32},
  {"sub.rn.f32", kSubF, 32}, {"mul.rn.f32", kMulF, 32}, {"div.rn.f32", kDivF, 32}, {"fma.rn.f32", kFmaF, 32},
  {"sqrt.rn.f32", kSqrtF, 32}, {"min.f32", kMinF, 32}, {"max.f32", kMaxF, 32}, {"neg.f32", kNegF, 32},
  {"abs.f32", kAbsF, 32}, {"mov.f32", kMov, 32}, {"cvt.s32.s8", kSignExtend8, 32},
  {"cvt.s64.s32", kSignExtend32, 64}, {"cvt.s32.s16", kSignExtend16, 32}, {"cvt.u32.u16", kZeroExtend, 16},
  {"cvt.u64.u16", kZeroExtend, 16}, {"cvt.u64.u32", kZeroExtend, 32}, {"cvt.u16.u32", kZeroExtend, 16},
  {"cvt.u32.u64", kZeroExtend, 32}, {"cvt.u16.u64", kZeroExtend, 16}, {"cvt.f32.f16", kFromHalf, 32},
  {"cvt.rn.f32.s32", kFloatFromS32, 32}, {"cvt.rn.f32.u32", kFloatFromU32, 32},
  {"cvt.rn.f32.s16", kFloatFromS16, 32}, {"cvt.rni.f32.f32", kRoundF, 32},
  {"cvt.rzi.s32.f32", kTruncateF, 32}, {"setp.num.f32", kNumF, 32}, {"setp.nan.f32", kNanF, 32},
  {"atom.global.min.u64", kAtomGlobalMin, 64}, {"atom.global.add.u32", kAtomGlobalAdd, 32},
  {"atom.shared.add.u32", kAtomSharedAdd, 32}, {"atom.shared.max.u32", kAtomSharedMax, 32},
  {"cp.async.cg.shared.global", kCopyAsync, 128}, {"cp.async.commit_group", kCommit, 0},
  {"cp.async.wait_group", kWaitGroup, 0}, {"shfl.sync.down.b32", kShuffleDown, 32},
  {"redux.sync.max.u32", kReduceMax, 32}, {"mma.sync.aligned.m16n8k32.row.col.s32.s8.s8.s32", kMma32, 32},
  {"mma.sync.aligned.m16n8k16.row.col.s32.s8.s8.s32", kMma16, 32},
};
// clang-format on

const std::map<std::string, Known>& Instructions() {
  static const std::map<std::string, Known> all = [] {
    std::map<std::string, Known> m;
    const auto put = [&](const std::string& name, Op op, uint32_t bits) { m[name] = {"", op, bits}; };
    for (const Known& k : kKnown) m[k.name] = k;
    for (const uint32_t bits : {16u, 32u, 64u}) {
      const std::string n = std::to_string(bits);
      for (const char* type : {".b", ".u", ".s"}) {
        put("mov" + (type + n), kMov, bits);
        put("selp" + (type + n), kSelect, bits);
        put("setp.eq" + (type + n), kEq, bits);
        put("setp.ne" + (type + n), kNe, bits);
      }
      for (const char* type : {".u", ".s"}) {
        put("add" + (type + n), kAdd, bits);
        put("sub" + (type + n), kSub, bits);
        put("mul.lo" + (type + n), kMul, bits);
      }
      for (const auto& [name, op] : {std::pair{"and.b", kAnd},
                                     {"or.b", kOr},
                                     {"xor.b", kXor},
                                     {"not.b", kNot},
                                     {"shl.b", kShl},
                                     {"shr.u", kShrU},
                                     {"shr.s", kShrS},
                                     {"neg.s", kNeg},
                                     {"div.u", kDivU},
                                     {"min.u", kMinU},
                                     {"max.u", kMaxU},
                                     {"min.s", kMinS},
                                     {"max.s", kMaxS}}) {
        put(name + n, op, bits);
      }
      for (const auto& [name, u, s] : {std::tuple{"setp.lt", kLtU, kLtS},
                                       {"setp.le", kLeU, kLeS},
                                       {"setp.gt", kGtU, kGtS},
                                       {"setp.ge", kGeU, kGeS}}) {
        put(name + (".u" + n), u, bits);
        put(name + (".s" + n), s, bits);
      }
    }
    for (const auto& [name, op] :
         {std::pair{"and.pred", kAnd}, {"or.pred", kOr}, {"xor.pred", kXor}, {"not.pred", kNot}}) {
      put(name, op, 1);
    }
    for (const auto& [name, op] : {std::pair{"eq", kEqF},
                                   {"ne", kNeF},
                                   {"lt", kLtF},
                                   {"le", kLeF},
                                   {"gt", kGtF},
                                   {"ge", kGeF},
                                   {"equ", kEqUnordered},
                                   {"neu", kNeUnordered},
                                   {"ltu", kLtUnordered},
                                   {"leu", kLeUnordered},
                                   {"gtu", kGtUnordered},
                                   {"geu", kGeUnordered}}) {
      put(std::string("setp.") + name + ".f32", op, 32);
    }
    return m;
  }();
  return all;
}

std::string Trim(std::string_view s) {
  while (!s.empty() && std::isspace(static_cast<unsigned char>(s.front())) != 0) s.remove_prefix(1);
  while (!s.empty() && std::isspace(static_cast<unsigned char>(s.back())) != 0) s.remove_suffix(1);
  return std::string(s);
}

// At commas outside of brackets.
std::vector<std::string> Operands(const std::string& text) {
  std::vector<std::string> out;
  int depth = 0;
  std::string part;
  for (const char ch : text) {
    depth += ch == '{' || ch == '[' ? 1 : ch == '}' || ch == ']' ? -1 : 0;
    if (ch == ',' && depth == 0) {
      out.push_back(Trim(part));
      part.clear();
    } else {
      part += ch;
    }
  }
  if (!Trim(part).empty()) out.push_back(Trim(part));
  return out;
}

class KernelReader {
 public:
  KernelReader(std::string name, const std::map<std::string, uint64_t>& module_symbols) : symbols_(module_symbols) {
    kernel_.name = std::move(name);
    for (const char* special : {"%tid.x", "%ctaid.x", "%ctaid.y", "%ctaid.z", "%ntid.x", "%nctaid.x"}) {
      Register(special);
    }
  }

  void AddParameter(const std::string& name) { symbols_[name] = 0; }
  void AddShared(const std::string& name, size_t bytes) {
    symbols_[name] = kernel_.shared_bytes;
    kernel_.shared_bytes += (bytes + 15) / 16 * 16;
  }
  void AddLabel(const std::string& label) { labels_[label] = static_cast<uint32_t>(kernel_.code.size()); }
  void AddInstruction(std::string text, uint32_t line) {
    PtxInstruction in;
    in.line = line_ = line;
    if (text[0] == '@') {
      const size_t space = text.find_first_of(" \t");
      std::string guard = text.substr(1, space - 1);
      in.guarded = true;
      in.guard_not = guard[0] == '!';
      in.guard = Register(guard.substr(in.guard_not ? 1 : 0));
      text = Trim(text.substr(space));
    }
    const size_t space = text.find_first_of(" \t");
    const std::string name = text.substr(0, space);
    const std::vector<std::string> operands = Operands(space == std::string::npos ? "" : text.substr(space));
    if (name.starts_with("ld.") || name.starts_with("st.")) {
      Memory(name, operands, &in);
    } else {
      Other(name, operands, &in);
    }
    kernel_.code.push_back(in);
  }
  PtxKernel Finish() {
    for (const auto& [at, label] : branches_) {
      const auto found = labels_.find(label);
      if (found == labels_.end()) Fail("no label " + label);
      kernel_.code[at].target = found->second;
    }
    return std::move(kernel_);
  }

 private:
  [[noreturn]] void Fail(const std::string& what) const { EndAt(kernel_.name, line_, what); }

  PtxSlot Register(const std::string& name) {
    const auto [found, made] = registers_.try_emplace(name, static_cast<PtxSlot>(kernel_.initial.size()));
    if (made) kernel_.initial.push_back(0xcdcdcdcdcdcdcdcdu);  // what was not written is garbage
    return found->second;
  }
  PtxSlot Constant(uint64_t value) {
    const auto [found, made] = constants_.try_emplace(value, static_cast<PtxSlot>(kernel_.initial.size()));
    if (made) kernel_.initial.push_back(value);
    return found->second;
  }
  PtxSlot Value(const std::string& text) {
    if (text.empty()) Fail("no operand");
    if (text[0] == '%') return Register(text);
    if (text.starts_with("0f")) return Constant(std::stoull(text.substr(2), nullptr, 16));
    if (text[0] == '-' || std::isdigit(static_cast<unsigned char>(text[0])) != 0) {
      return Constant(static_cast<uint64_t>(std::stoll(text, nullptr, 0)));
    }
    const auto found = symbols_.find(text);
    if (found == symbols_.end()) Fail("no symbol " + text);
    return Constant(found->second);
  }
  // {%r1, %r2} or %r1
  uint32_t Vector(const std::string& text, PtxSlot (&out)[4]) {
    if (text[0] != '{') {
      out[0] = Value(text);
      return 1;
    }
    const std::vector<std::string> parts = Operands(text.substr(1, text.size() - 2));
    if (parts.size() > 4) Fail("a vector of " + std::to_string(parts.size()));
    for (size_t i = 0; i < parts.size(); ++i) out[i] = Value(parts[i]);
    return static_cast<uint32_t>(parts.size());
  }
  // [%rd1+16]
  PtxSlot Address(const std::string& text, uint64_t* offset) {
    if (text[0] != '[') Fail("no address: " + text);
    const std::string inside = text.substr(1, text.size() - 2);
    const size_t plus = inside.find('+');
    *offset = plus == std::string::npos ? 0 : static_cast<uint64_t>(std::stoll(inside.substr(plus + 1), nullptr, 0));
    return Value(inside.substr(0, plus));
  }

  void Memory(const std::string& name, const std::vector<std::string>& operands, PtxInstruction* in) {
    const bool load = name[0] == 'l';
    const std::string type = name.substr(name.rfind('.') + 1);
    const bool shared = name.find(".shared") != std::string::npos, param = name.find(".param") != std::string::npos;
    if (operands.size() != 2) Fail("operands of " + name);
    in->bits = static_cast<uint32_t>(std::stoul(type.substr(1)));
    in->op = load ? param ? kLoadParam : shared ? kLoadShared : kLoadGlobal : shared ? kStoreShared : kStoreGlobal;
    if (type == "s8" && in->op == kLoadGlobal) in->op = kLoadGlobalS8;
    if ((type[0] == 's' && in->op != kLoadGlobalS8) || in->bits > 64) Fail("unknown: " + name);
    in->a = Address(operands[load ? 1 : 0], &in->offset);
    in->count = load ? Vector(operands[0], in->to) : Vector(operands[1], in->from);
    const uint32_t said = name.find(".v4.") != std::string::npos ? 4 : name.find(".v2.") != std::string::npos ? 2 : 1;
    if (in->count != said) Fail("elements of " + name);
  }

  void Other(const std::string& name, const std::vector<std::string>& operands, PtxInstruction* in) {
    const auto found = Instructions().find(name);
    if (found == Instructions().end()) Fail("unknown: " + name);
    in->op = found->second.op;
    in->bits = found->second.bits;
    const auto value = [&](size_t i) { return i < operands.size() ? Value(operands[i]) : PtxSlot{0}; };
    switch (in->op) {
      case kBranch: branches_.emplace_back(kernel_.code.size(), operands[0]); return;
      case kNop:
      case kReturn:
      case kCommit: return;
      case kBarrier:
      case kWarpBarrier:
      case kWaitGroup: in->a = value(0); return;
      case kCopyAsync: {
        uint64_t source_offset = 0;
        in->a = Address(operands[0], &in->offset);
        in->b = Address(operands[1], &source_offset);
        if (source_offset != 0 || operands[2] != "16") Fail("a form of " + name);
        in->c = value(3);
        return;
      }
      case kAtomGlobalMin:
      case kAtomGlobalAdd:
      case kAtomSharedAdd:
      case kAtomSharedMax:
        in->to[0] = value(0);
        in->a = Address(operands[1], &in->offset);
        in->b = value(2);
        return;
      case kShuffleDown: {
        const size_t bar = operands[0].find('|');
        in->to[0] = Value(operands[0].substr(0, bar));
        in->to[1] = bar == std::string::npos ? Register("%nowhere") : Value(operands[0].substr(bar + 1));
        in->a = value(1);
        in->b = value(2);
        in->c = value(3);
        in->d = value(4);
        return;
      }
      case kMma32:
      case kMma16: {
        PtxSlot b[4], c[4];
        const uint32_t n_a = in->op == kMma32 ? 4 : 2;
        const bool right = Vector(operands[0], in->to) == 4 && Vector(operands[1], in->from) == n_a &&
                           Vector(operands[2], b) == n_a / 2 && Vector(operands[3], c) == 4;
        if (!right || !std::equal(c, c + 4, in->to)) Fail("a form of " + name);
        in->a = b[0];
        in->b = in->op == kMma32 ? b[1] : b[0];
        return;
      }
      case kMov:
        if (operands[0][0] == '{') {
          in->op = kUnpack;
          in->count = Vector(operands[0], in->to);
          in->a = value(1);
          return;
        }
        in->to[0] = value(0);
        if (operands[1][0] == '{') {
          in->op = kPack;
          in->count = Vector(operands[1], in->from);
          return;
        }
        in->a = value(1);
        return;
      default: break;
    }
    if (operands[0].find('|') != std::string::npos) Fail("a form of " + name);
    in->to[0] = value(0);
    in->a = value(1);
    in->b = value(2);
    in->c = value(3);
    in->d = value(4);
  }

  PtxKernel kernel_;
  std::map<std::string, uint64_t> symbols_;
  std::map<std::string, PtxSlot> registers_;
  std::map<uint64_t, PtxSlot> constants_;
  std::map<std::string, uint32_t> labels_;
  std::vector<std::pair<size_t, std::string>> branches_;
  uint32_t line_ = 0;
};

}  // namespace

std::map<std::string, PtxKernel> ReadPtx(const std::string& path) {
  std::map<std::string, PtxKernel> kernels;
  std::ifstream file(path);
  if (!file) EndAt(path, 0, "no such file");
  std::map<std::string, uint64_t> module_symbols;
  std::unique_ptr<KernelReader> reader;
  std::string line, name;
  for (uint32_t n = 1; std::getline(file, line); ++n) {
    std::string text = Trim(line.substr(0, line.find("//")));
    if (text.empty() || text == "{" || text == "(" || text == ")") continue;
    if (text.starts_with(".visible ")) text = Trim(text.substr(9));
    if (text.starts_with(".entry ")) {
      name = text.substr(7, text.find('(') - 7);
      reader = std::make_unique<KernelReader>(name, module_symbols);
    } else if (text.starts_with(".extern .shared")) {
      const size_t end = text.find('['), start = text.rfind(' ', end) + 1;
      module_symbols[text.substr(start, end - start)] = 0;  // beside it no kernel has shared memory of its own
    } else if (reader != nullptr && text.starts_with(".param")) {
      const size_t start = text.find_last_of(" ") + 1;
      reader->AddParameter(text.substr(start, text.find_first_of("[,", start) - start));
    } else if (reader != nullptr && text.starts_with(".shared")) {
      const size_t start = text.find_last_of(" ") + 1, end = text.find('[');
      reader->AddShared(text.substr(start, end - start), std::stoul(text.substr(end + 1)));
    } else if (text[0] == '.') {
      continue;
    } else if (text == "}") {
      if (reader != nullptr) kernels.emplace(name, reader->Finish());
      reader.reset();
    } else if (reader == nullptr) {
      EndAt(path, n, "outside of a kernel: " + text);
    } else if (text.back() == ':') {
      reader->AddLabel(text.substr(0, text.size() - 1));
    } else if (text.back() == ';') {
      reader->AddInstruction(text.substr(0, text.size() - 1), n);
    } else {
      EndAt(name, n, "not understood: " + text);
    }
  }
  if (kernels.empty()) EndAt(path, 0, "no kernel");
  return kernels;
}

}  // namespace bitnet_test
