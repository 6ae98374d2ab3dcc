#include "support/ptx_machine.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <fstream>
#include <limits>
#include <string_view>
#include <utility>

#include "kernels/half.h"

namespace bitnet_test {

namespace {

using bitnet::kernels::gpu::GpuGrid;

constexpr uint32_t kWarp = 32;

[[noreturn]] void Die(const std::string& kernel, uint32_t line, const std::string& what) {
  std::fprintf(stderr, "ptx: line %u, %s: %s\n", line, kernel.c_str(), what.c_str());
  std::abort();
}

// ---- Instructions ----

enum Op : uint32_t {
  kMov,
  kPack,
  kUnpack,
  kNop,
  kReturn,
  kBranch,
  kBarrier,
  kWarpBarrier,
  kAdd,
  kSub,
  kMul,
  kMulWideU,
  kMulWideS,
  kMad,
  kDivU,
  kMinU,
  kMaxU,
  kMinS,
  kMaxS,
  kNeg,
  kAnd,
  kOr,
  kXor,
  kNot,
  kShl,
  kShrU,
  kShrS,
  kBfi,
  kPrmt,
  kDp4a,
  kSelect,
  kEq,
  kNe,
  kLtU,
  kLeU,
  kGtU,
  kGeU,
  kLtS,
  kLeS,
  kGtS,
  kGeS,
  kEqF,
  kNeF,
  kLtF,
  kLeF,
  kGtF,
  kGeF,
  kEqUnordered,
  kNeUnordered,
  kLtUnordered,
  kLeUnordered,
  kGtUnordered,
  kGeUnordered,
  kNumF,
  kNanF,
  kAddF,
  kSubF,
  kMulF,
  kDivF,
  kFmaF,
  kSqrtF,
  kMinF,
  kMaxF,
  kNegF,
  kAbsF,
  kZeroExtend,
  kSignExtend8,
  kSignExtend16,
  kSignExtend32,
  kFromHalf,
  kFloatFromS32,
  kFloatFromU32,
  kFloatFromS16,
  kRoundF,
  kTruncateF,
  kLoadGlobal,
  kLoadGlobalS8,
  kLoadShared,
  kLoadParam,
  kStoreGlobal,
  kStoreShared,
  kAtomGlobalMin,
  kAtomGlobalAdd,
  kAtomSharedAdd,
  kAtomSharedMax,
  kCopyAsync,
  kCommit,
  kWaitGroup,
  kShuffleDown,
  kReduceMax,
  kMma32,
  kMma16,
};

struct Known {
  const char* name;
  Op op;
  uint32_t bits;
};

// Those with one form; the families by type are put together in Instructions().
constexpr Known kKnown[] = {
    {"ret", kReturn, 0},
    {"bra", kBranch, 0},
    {"bra.uni", kBranch, 0},
    {"bar.sync", kBarrier, 0},
    {"bar.warp.sync", kWarpBarrier, 0},
    {"griddepcontrol.launch_dependents", kNop, 0},
    {"griddepcontrol.wait", kNop, 0},
    {"cvta.to.global.u64", kMov, 64},
    {"mov.pred", kMov, 1},
    {"mul.wide.u16", kMulWideU, 16},
    {"mul.wide.u32", kMulWideU, 32},
    {"mul.wide.s16", kMulWideS, 16},
    {"mul.wide.s32", kMulWideS, 32},
    {"mad.lo.s32", kMad, 32},
    {"bfi.b32", kBfi, 32},
    {"bfi.b64", kBfi, 64},
    {"prmt.b32", kPrmt, 32},
    {"dp4a.s32.s32", kDp4a, 32},
    {"selp.f32", kSelect, 32},
    {"add.rn.f32", kAddF, 32},
    {"sub.rn.f32", kSubF, 32},
    {"mul.rn.f32", kMulF, 32},
    {"div.rn.f32", kDivF, 32},
    {"fma.rn.f32", kFmaF, 32},
    {"sqrt.rn.f32", kSqrtF, 32},
    {"min.f32", kMinF, 32},
    {"max.f32", kMaxF, 32},
    {"neg.f32", kNegF, 32},
    {"abs.f32", kAbsF, 32},
    {"mov.f32", kMov, 32},
    {"cvt.s32.s8", kSignExtend8, 32},
    {"cvt.s64.s32", kSignExtend32, 64},
    {"cvt.s32.s16", kSignExtend16, 32},
    {"cvt.u32.u16", kZeroExtend, 16},
    {"cvt.u64.u16", kZeroExtend, 16},
    {"cvt.u64.u32", kZeroExtend, 32},
    {"cvt.u16.u32", kZeroExtend, 16},
    {"cvt.u32.u64", kZeroExtend, 32},
    {"cvt.u16.u64", kZeroExtend, 16},
    {"cvt.f32.f16", kFromHalf, 32},
    {"cvt.rn.f32.s32", kFloatFromS32, 32},
    {"cvt.rn.f32.u32", kFloatFromU32, 32},
    {"cvt.rn.f32.s16", kFloatFromS16, 32},
    {"cvt.rni.f32.f32", kRoundF, 32},
    {"cvt.rzi.s32.f32", kTruncateF, 32},
    {"setp.num.f32", kNumF, 32},
    {"setp.nan.f32", kNanF, 32},
    {"atom.global.min.u64", kAtomGlobalMin, 64},
    {"atom.global.add.u32", kAtomGlobalAdd, 32},
    {"atom.shared.add.u32", kAtomSharedAdd, 32},
    {"atom.shared.max.u32", kAtomSharedMax, 32},
    {"cp.async.cg.shared.global", kCopyAsync, 128},
    {"cp.async.commit_group", kCommit, 0},
    {"cp.async.wait_group", kWaitGroup, 0},
    {"shfl.sync.down.b32", kShuffleDown, 32},
    {"redux.sync.max.u32", kReduceMax, 32},
    {"mma.sync.aligned.m16n8k32.row.col.s32.s8.s8.s32", kMma32, 32},
    {"mma.sync.aligned.m16n8k16.row.col.s32.s8.s8.s32", kMma16, 32},
};

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

// ---- Reading ----

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
  [[noreturn]] void Fail(const std::string& what) const { Die(kernel_.name, line_, what); }

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

enum Special : PtxSlot { kTidX, kCtaidX, kCtaidY, kCtaidZ, kNtidX, kNctaidX };

// ---- Running ----

uint64_t Mask(uint32_t bits) { return bits == 64 ? ~uint64_t{0} : (uint64_t{1} << bits) - 1; }
int64_t Signed(uint64_t v, uint32_t bits) { return static_cast<int64_t>(v << (64 - bits)) >> (64 - bits); }
float FloatOf(uint64_t v) {
  const auto bits = static_cast<uint32_t>(v);
  float f;
  std::memcpy(&f, &bits, sizeof f);
  return f;
}
uint64_t BitsOf(float f) {
  if (std::isnan(f)) return 0x7fffffff;  // the only NaN that arithmetic gives
  uint32_t bits;
  std::memcpy(&bits, &f, sizeof bits);
  return bits;
}
int32_t ByteOf(uint64_t word, uint32_t i) { return static_cast<int8_t>(word >> (8 * i)); }

enum class State { kRuns, kAtWarp, kAtBlock, kDone };

struct Copy {
  uint64_t to;
  uint64_t from;
  uint64_t bytes;  // 16, or 0: zeros
};

struct Thread {
  std::vector<uint64_t> r;
  uint32_t pc = 0;
  State state = State::kRuns;
  std::deque<std::vector<Copy>> groups;  // of asynchronous copies, the last one open
};

class Block {
 public:
  Block(const PtxKernel& kernel, uint32_t n_threads, size_t given_shared)
      : kernel_(kernel), threads_(n_threads), shared_(kernel.shared_bytes + given_shared) {}

  void Run(GpuGrid at, GpuGrid size, const void* args, size_t args_bytes, bool falling) {
    args_ = static_cast<const uint8_t*>(args);
    args_bytes_ = args_bytes;
    std::fill(shared_.begin(), shared_.end(), uint8_t{0xa7});
    const auto n = static_cast<uint32_t>(threads_.size());
    for (uint32_t t = 0; t < n; ++t) {
      Thread& thread = threads_[t];
      thread.r = kernel_.initial;
      thread.r[kTidX] = t;
      thread.r[kCtaidX] = at.x;
      thread.r[kCtaidY] = at.y;
      thread.r[kCtaidZ] = at.z;
      thread.r[kNtidX] = n;
      thread.r[kNctaidX] = size.x;
      thread.pc = 0;
      thread.state = State::kRuns;
      thread.groups.assign(1, {});
    }
    while (!AllDone()) {
      for (uint32_t i = 0; i < n / kWarp; ++i) RunWarp(falling ? n / kWarp - 1 - i : i, falling);
      EndBarrier();
    }
  }

 private:
  [[noreturn]] void Fail(const PtxInstruction& in, const std::string& what) const { Die(kernel_.name, in.line, what); }

  bool AllDone() const {
    return std::all_of(threads_.begin(), threads_.end(), [](const Thread& t) { return t.state == State::kDone; });
  }

  // As far as it gets without the other warps.
  void RunWarp(uint32_t warp, bool falling) {
    Thread* const lanes = &threads_[warp * kWarp];
    for (;;) {
      for (uint32_t i = 0; i < kWarp; ++i) {
        Thread& lane = lanes[falling ? kWarp - 1 - i : i];
        if (lane.state == State::kRuns) RunThread(lane);
      }
      if (std::none_of(lanes, lanes + kWarp, [](const Thread& t) { return t.state == State::kAtWarp; })) return;
      const PtxInstruction& in = kernel_.code[lanes[0].pc];
      for (uint32_t i = 0; i < kWarp; ++i) {
        if (lanes[i].state != State::kAtWarp || lanes[i].pc != lanes[0].pc) {
          Fail(in, "lane " + std::to_string(i) + " is not where the others of its warp wait");
        }
      }
      Together(in, lanes);
      for (uint32_t i = 0; i < kWarp; ++i) {
        ++lanes[i].pc;
        lanes[i].state = State::kRuns;
      }
    }
  }

  void EndBarrier() {
    if (AllDone()) return;
    for (const Thread& t : threads_) {
      if (t.state != State::kAtBlock || t.pc != threads_[0].pc) {
        Fail(kernel_.code[threads_[0].pc], "not all threads of the block reach a barrier");
      }
    }
    for (Thread& t : threads_) {
      ++t.pc;
      t.state = State::kRuns;
    }
  }

  void Together(const PtxInstruction& in, Thread* lanes) const {
    const auto full = [&](PtxSlot mask) {
      if (static_cast<uint32_t>(lanes[0].r[mask]) != 0xffffffffu) Fail(in, "a mask that is not full");
    };
    switch (in.op) {
      case kWarpBarrier: full(in.a); return;
      case kShuffleDown: {
        full(in.d);
        std::array<uint64_t, kWarp> value;
        for (uint32_t i = 0; i < kWarp; ++i) value[i] = lanes[i].r[in.a];
        for (uint32_t i = 0; i < kWarp; ++i) {
          if ((lanes[i].r[in.c] & 0x1fffffffu) != 31) Fail(in, "a clamp that is not 31");
          const uint64_t from = i + (lanes[i].r[in.b] & 31);
          lanes[i].r[in.to[0]] = from < kWarp ? value[from] : value[i];
          lanes[i].r[in.to[1]] = from < kWarp ? 1 : 0;
        }
        return;
      }
      case kReduceMax: {
        full(in.b);
        uint64_t max = 0;
        for (uint32_t i = 0; i < kWarp; ++i) max = std::max(max, lanes[i].r[in.a] & 0xffffffffu);
        for (uint32_t i = 0; i < kWarp; ++i) lanes[i].r[in.to[0]] = max;
        return;
      }
      default: return Multiply(in, lanes);
    }
  }

  // PTX ISA, "Matrix fragments for mma.m16n8k16 / m16n8k32" of .s8: with group = lane / 4, in = lane % 4, byte j of
  // register i of a holds row group + 8 * (i % 2), column 4 * in + j + 16 * (i / 2); of b, row 4 * in + j + 16 * i and
  // column group; register i of c, row group + 8 * (i / 2) and column 2 * in + i % 2.
  void Multiply(const PtxInstruction& in, Thread* lanes) const {
    const uint32_t n_a = in.op == kMma32 ? 4 : 2, depth = in.op == kMma32 ? 32 : 16;
    int32_t a[16][32] = {}, b[32][8] = {};
    for (uint32_t lane = 0; lane < kWarp; ++lane) {
      const uint32_t group = lane / 4, in_group = lane % 4;
      const std::vector<uint64_t>& r = lanes[lane].r;
      for (uint32_t j = 0; j < 4; ++j) {
        for (uint32_t i = 0; i < n_a; ++i) {
          a[group + 8 * (i % 2)][4 * in_group + j + 16 * (i / 2)] = ByteOf(r[in.from[i]], j);
        }
        b[4 * in_group + j][group] = ByteOf(r[in.a], j);
        if (in.op == kMma32) b[16 + 4 * in_group + j][group] = ByteOf(r[in.b], j);
      }
    }
    for (uint32_t lane = 0; lane < kWarp; ++lane) {
      for (uint32_t i = 0; i < 4; ++i) {
        const uint32_t row = lane / 4 + 8 * (i / 2), column = 2 * (lane % 4) + i % 2;
        uint64_t& c = lanes[lane].r[in.to[i]];
        int64_t sum = Signed(c & 0xffffffffu, 32);
        for (uint32_t k = 0; k < depth; ++k) sum += a[row][k] * b[k][column];
        c = static_cast<uint32_t>(sum);
      }
    }
  }

  // Memory of `bytes` bytes for an access; of shared memory, or the host's own, which stands for a GPU's.
  uint8_t* At(const PtxInstruction& in, const uint64_t* r, PtxSlot base, uint64_t offset, size_t bytes, bool shared) {
    const uint64_t address = r[base] + offset;
    if (address % bytes != 0) Fail(in, "an address that is not aligned to " + std::to_string(bytes));
    if (!shared) {
      if (address < 4096) Fail(in, "a null pointer");
      return reinterpret_cast<uint8_t*>(address);
    }
    const uint64_t in_window = address & 0xffffffffu;
    if (in_window + bytes > shared_.size()) Fail(in, "past the end of shared memory");
    return shared_.data() + in_window;
  }

  void Wait(const PtxInstruction& in, Thread& t, uint64_t left) {
    // The open group has no number yet.
    while (t.groups.size() - 1 > left) {
      for (const Copy& c : t.groups.front()) {
        uint8_t* const to = shared_.data() + c.to;
        if (c.bytes == 16) std::memcpy(to, reinterpret_cast<const void*>(c.from), 16);
        if (c.bytes != 16) std::memset(to, 0, 16);
      }
      t.groups.pop_front();
    }
    if (t.groups.empty()) Fail(in, "groups of copies");
  }

  // Until it waits or ends.
  void RunThread(Thread& t) {
    uint64_t* const r = t.r.data();
    const PtxInstruction* const code = kernel_.code.data();
    for (;; ++t.pc) {
      const PtxInstruction& in = code[t.pc];
      if (in.guarded && ((r[in.guard] & 1) != 0) == in.guard_not) continue;
      const auto u = [&](PtxSlot s) { return r[s] & Mask(in.bits); };
      const auto s = [&](PtxSlot x) { return Signed(r[x], in.bits); };
      const auto f = [&](PtxSlot x) { return FloatOf(r[x]); };
      const auto put = [&](uint64_t v) { r[in.to[0]] = v & Mask(in.bits); };
      const auto put_float = [&](float v) { r[in.to[0]] = BitsOf(v); };
      const auto test = [&](bool v) { r[in.to[0]] = v ? 1 : 0; };
      const auto unordered = [&] { return std::isnan(f(in.a)) || std::isnan(f(in.b)); };
      switch (in.op) {
        case kNop: break;
        case kReturn: t.state = State::kDone; return;
        case kBarrier: t.state = State::kAtBlock; return;
        case kWarpBarrier:
        case kShuffleDown:
        case kReduceMax:
        case kMma32:
        case kMma16: t.state = State::kAtWarp; return;
        case kBranch: t.pc = in.target - 1; break;
        case kMov: put(r[in.a]); break;
        case kPack: {
          uint64_t v = 0;
          const uint32_t part = in.bits / in.count;
          for (uint32_t i = 0; i < in.count; ++i) v |= (r[in.from[i]] & Mask(part)) << (part * i);
          put(v);
          break;
        }
        case kUnpack: {
          const uint32_t part = in.bits / in.count;
          const uint64_t v = r[in.a];
          for (uint32_t i = 0; i < in.count; ++i) r[in.to[i]] = v >> (part * i) & Mask(part);
          break;
        }
        case kAdd: put(r[in.a] + r[in.b]); break;
        case kSub: put(r[in.a] - r[in.b]); break;
        case kMul: put(r[in.a] * r[in.b]); break;
        case kMad: put(r[in.a] * r[in.b] + r[in.c]); break;
        case kMulWideU: r[in.to[0]] = u(in.a) * u(in.b) & Mask(2 * in.bits); break;
        case kMulWideS: r[in.to[0]] = static_cast<uint64_t>(s(in.a) * s(in.b)) & Mask(2 * in.bits); break;
        case kDivU:
          if (u(in.b) == 0) Fail(in, "a division by zero");
          put(u(in.a) / u(in.b));
          break;
        case kMinU: put(std::min(u(in.a), u(in.b))); break;
        case kMaxU: put(std::max(u(in.a), u(in.b))); break;
        case kMinS: put(static_cast<uint64_t>(std::min(s(in.a), s(in.b)))); break;
        case kMaxS: put(static_cast<uint64_t>(std::max(s(in.a), s(in.b)))); break;
        case kNeg: put(~r[in.a] + 1); break;
        case kAnd: put(r[in.a] & r[in.b]); break;
        case kOr: put(r[in.a] | r[in.b]); break;
        case kXor: put(r[in.a] ^ r[in.b]); break;
        case kNot: put(~r[in.a]); break;
        case kShl: {
          const uint64_t by = r[in.b] & 0xffffffffu;
          put(by >= in.bits ? 0 : u(in.a) << by);
          break;
        }
        case kShrU: {
          const uint64_t by = r[in.b] & 0xffffffffu;
          put(by >= in.bits ? 0 : u(in.a) >> by);
          break;
        }
        case kShrS:
          put(static_cast<uint64_t>(s(in.a) >> std::min<uint64_t>(r[in.b] & 0xffffffffu, in.bits - 1)));
          break;
        case kBfi: {  // a into b, c: first bit, d: bits
          const uint64_t at = r[in.c] & 255, n = r[in.d] & 255;
          const uint64_t field =
              at >= in.bits || n == 0 ? 0 : Mask(static_cast<uint32_t>(std::min<uint64_t>(n, 64))) << at;
          put((r[in.b] & ~field) | (at >= in.bits ? 0 : r[in.a] << at & field));
          break;
        }
        case kPrmt: {
          const uint64_t bytes = u(in.a) | u(in.b) << 32;
          uint64_t v = 0;
          for (uint32_t i = 0; i < 4; ++i) {
            const uint64_t select = r[in.c] >> (4 * i);
            uint64_t byte = bytes >> (8 * (select & 7)) & 255;
            if ((select & 8) != 0) byte = (byte & 128) != 0 ? 255 : 0;
            v |= byte << (8 * i);
          }
          put(v);
          break;
        }
        case kDp4a: {
          int64_t sum = Signed(r[in.c], 32);
          for (uint32_t i = 0; i < 4; ++i) sum += ByteOf(r[in.a], i) * ByteOf(r[in.b], i);
          put(static_cast<uint64_t>(sum));
          break;
        }
        case kSelect: put((r[in.c] & 1) != 0 ? r[in.a] : r[in.b]); break;
        case kEq: test(u(in.a) == u(in.b)); break;
        case kNe: test(u(in.a) != u(in.b)); break;
        case kLtU: test(u(in.a) < u(in.b)); break;
        case kLeU: test(u(in.a) <= u(in.b)); break;
        case kGtU: test(u(in.a) > u(in.b)); break;
        case kGeU: test(u(in.a) >= u(in.b)); break;
        case kLtS: test(s(in.a) < s(in.b)); break;
        case kLeS: test(s(in.a) <= s(in.b)); break;
        case kGtS: test(s(in.a) > s(in.b)); break;
        case kGeS: test(s(in.a) >= s(in.b)); break;
        case kEqF: test(f(in.a) == f(in.b)); break;
        case kNeF: test(!unordered() && f(in.a) != f(in.b)); break;
        case kLtF: test(f(in.a) < f(in.b)); break;
        case kLeF: test(f(in.a) <= f(in.b)); break;
        case kGtF: test(f(in.a) > f(in.b)); break;
        case kGeF: test(f(in.a) >= f(in.b)); break;
        case kEqUnordered: test(unordered() || f(in.a) == f(in.b)); break;
        case kNeUnordered: test(unordered() || f(in.a) != f(in.b)); break;
        case kLtUnordered: test(unordered() || f(in.a) < f(in.b)); break;
        case kLeUnordered: test(unordered() || f(in.a) <= f(in.b)); break;
        case kGtUnordered: test(unordered() || f(in.a) > f(in.b)); break;
        case kGeUnordered: test(unordered() || f(in.a) >= f(in.b)); break;
        case kNumF: test(!unordered()); break;
        case kNanF: test(unordered()); break;
        case kAddF: put_float(f(in.a) + f(in.b)); break;
        case kSubF: put_float(f(in.a) - f(in.b)); break;
        case kMulF: put_float(f(in.a) * f(in.b)); break;
        case kDivF: put_float(f(in.a) / f(in.b)); break;
        case kFmaF: put_float(std::fma(f(in.a), f(in.b), f(in.c))); break;
        case kSqrtF: put_float(std::sqrt(f(in.a))); break;
        case kMinF:
        case kMaxF: {  // the one that is a number; -0 is less than +0
          const bool less = f(in.a) < f(in.b) || (f(in.a) == f(in.b) && std::signbit(f(in.a)));
          const bool first = std::isnan(f(in.b)) || (!std::isnan(f(in.a)) && less == (in.op == kMinF));
          put_float(first ? f(in.a) : f(in.b));
          break;
        }
        case kNegF: put(r[in.a] ^ 0x80000000u); break;
        case kAbsF: put(r[in.a] & 0x7fffffffu); break;
        case kZeroExtend: put(r[in.a]); break;
        case kSignExtend8: put(static_cast<uint64_t>(Signed(r[in.a], 8))); break;
        case kSignExtend16: put(static_cast<uint64_t>(Signed(r[in.a], 16))); break;
        case kSignExtend32: put(static_cast<uint64_t>(Signed(r[in.a], 32))); break;
        case kFromHalf: put_float(bitnet::kernels::F16ToF32(static_cast<uint16_t>(r[in.a]))); break;
        case kFloatFromS32: put_float(static_cast<float>(Signed(r[in.a], 32))); break;
        case kFloatFromU32: put_float(static_cast<float>(static_cast<uint32_t>(r[in.a]))); break;
        case kFloatFromS16: put_float(static_cast<float>(Signed(r[in.a], 16))); break;
        case kRoundF: put_float(std::nearbyint(f(in.a))); break;
        case kTruncateF: {
          const float v = f(in.a);
          const int32_t low = std::numeric_limits<int32_t>::min(), high = std::numeric_limits<int32_t>::max();
          put(static_cast<uint32_t>(std::isnan(v)   ? 0
                                    : v <= -0x1p31f ? low
                                    : v >= 0x1p31f  ? high
                                                    : static_cast<int32_t>(v)));
          break;
        }
        case kLoadParam: {
          const uint64_t at = r[in.a] + in.offset, bytes = in.bits / 8;
          if (at + in.count * bytes > args_bytes_) Fail(in, "past the end of the arguments");
          for (uint32_t i = 0; i < in.count; ++i) {
            uint64_t v = 0;
            std::memcpy(&v, args_ + at + i * bytes, bytes);
            r[in.to[i]] = v;
          }
          break;
        }
        case kLoadGlobal:
        case kLoadGlobalS8:
        case kLoadShared: {
          const size_t bytes = in.bits / 8;
          const uint8_t* const p = At(in, r, in.a, in.offset, bytes * in.count, in.op == kLoadShared);
          for (uint32_t i = 0; i < in.count; ++i) {
            uint64_t v = 0;
            std::memcpy(&v, p + i * bytes, bytes);
            r[in.to[i]] = in.op == kLoadGlobalS8 ? static_cast<uint64_t>(Signed(v, 8)) : v;
          }
          break;
        }
        case kStoreGlobal:
        case kStoreShared: {
          const size_t bytes = in.bits / 8;
          uint8_t* const p = At(in, r, in.a, in.offset, bytes * in.count, in.op == kStoreShared);
          for (uint32_t i = 0; i < in.count; ++i) std::memcpy(p + i * bytes, &r[in.from[i]], bytes);
          break;
        }
        case kAtomGlobalMin:
        case kAtomGlobalAdd:
        case kAtomSharedAdd:
        case kAtomSharedMax: {
          const size_t bytes = in.bits / 8;
          const bool shared = in.op == kAtomSharedAdd || in.op == kAtomSharedMax;
          uint8_t* const p = At(in, r, in.a, in.offset, bytes, shared);
          uint64_t old = 0;
          std::memcpy(&old, p, bytes);
          const uint64_t with = u(in.b);
          const uint64_t v = in.op == kAtomGlobalMin   ? std::min(old, with)
                             : in.op == kAtomSharedMax ? std::max(old, with)
                                                       : old + with;
          std::memcpy(p, &v, bytes);
          put(old);
          break;
        }
        case kCopyAsync: {  // as late as may be; what it overwrites is lost at once
          uint8_t* const to = At(in, r, in.a, in.offset, 16, true);
          const uint64_t bytes = r[in.c] & 0xffffffffu;
          if (bytes != 0 && bytes != 16) Fail(in, "a copy of a part");
          if (r[in.b] % 16 != 0) Fail(in, "a source that is not aligned to 16");
          std::memset(to, 0x6e, 16);
          t.groups.back().push_back({static_cast<uint64_t>(to - shared_.data()), r[in.b], bytes});
          break;
        }
        case kCommit: t.groups.emplace_back(); break;
        case kWaitGroup: Wait(in, t, r[in.a]); break;
        default: Fail(in, "an instruction that nobody runs");
      }
    }
  }

  const PtxKernel& kernel_;
  std::vector<Thread> threads_;
  std::vector<uint8_t> shared_;
  const uint8_t* args_ = nullptr;
  size_t args_bytes_ = 0;
};

}  // namespace

PtxMachine::PtxMachine(const std::string& path) {
  std::ifstream file(path);
  if (!file) Die(path, 0, "no such file");
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
      if (reader != nullptr) kernels_.emplace(name, reader->Finish());
      reader.reset();
    } else if (reader == nullptr) {
      Die(path, n, "outside of a kernel: " + text);
    } else if (text.back() == ':') {
      reader->AddLabel(text.substr(0, text.size() - 1));
    } else if (text.back() == ';') {
      reader->AddInstruction(text.substr(0, text.size() - 1), n);
    } else {
      Die(name, n, "not understood: " + text);
    }
  }
  if (kernels_.empty()) Die(path, 0, "no kernel");
}

const PtxKernel& PtxMachine::Find(const std::string& key) const {
  const PtxKernel*& kernel = found_[key];
  if (kernel == nullptr) {
    const auto at = std::find_if(kernels_.begin(), kernels_.end(),
                                 [&](const auto& k) { return k.first.find(key) != std::string::npos; });
    if (at == kernels_.end()) Die(key, 0, "no such kernel");
    kernel = &at->second;
  }
  return *kernel;
}

void PtxMachine::Run(const std::string& key, GpuGrid grid, uint32_t n_threads, const void* args, size_t args_bytes,
                     size_t given_shared, bool falling) const {
  if (given_shared != 0 && Find(key).shared_bytes != 0) Die(key, 0, "shared memory of two kinds");
  Block block(Find(key), n_threads, given_shared);
  for (uint32_t z = 0; z < grid.z; ++z) {
    for (uint32_t y = 0; y < grid.y; ++y) {
      for (uint32_t x = 0; x < grid.x; ++x) block.Run({x, y, z}, grid, args, args_bytes, falling);
    }
  }
}

}  // namespace bitnet_test
