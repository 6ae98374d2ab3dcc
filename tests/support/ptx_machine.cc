#include "support/ptx_machine.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <deque>
#include <limits>
#include <utility>

#include "kernels/half.h"

namespace bitnet_test {

namespace {

using bitnet::kernels::gpu::GpuGrid;

constexpr uint32_t kWarp = 32;

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
  [[noreturn]] void Fail(const PtxInstruction& in, const std::string& what) const {
    EndAt(kernel_.name, in.line, what);
  }

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

const PtxKernel& PtxMachine::Find(const std::string& key) const {
  const PtxKernel*& kernel = found_[key];
  if (kernel == nullptr) {
    const auto at = std::find_if(kernels_.begin(), kernels_.end(),
                                 [&](const auto& k) { return k.first.find(key) != std::string::npos; });
    if (at == kernels_.end()) EndAt(key, 0, "no such kernel");
    kernel = &at->second;
  }
  return *kernel;
}

void PtxMachine::Run(const std::string& key, GpuGrid grid, uint32_t n_threads, const void* args, size_t args_bytes,
                     size_t given_shared, bool falling) const {
  if (given_shared != 0 && Find(key).shared_bytes != 0) EndAt(key, 0, "shared memory of two kinds");
  Block block(Find(key), n_threads, given_shared);
  for (uint32_t z = 0; z < grid.z; ++z) {
    for (uint32_t y = 0; y < grid.y; ++y) {
      for (uint32_t x = 0; x < grid.x; ++x) block.Run({x, y, z}, grid, args, args_bytes, falling);
    }
  }
}

}  // namespace bitnet_test
