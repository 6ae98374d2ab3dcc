// THE contract between the graph and the kernels: one table of functions per CPU target.
//
// Every function gives, bit for bit, what the reference table gives (docs/numerics.md): float operations have one
// defined order, integer products are exact. Kernels are noexcept, allocate nothing, keep no state, touch only what
// their arguments point to, and run on one thread; the caller splits work into row ranges over threads. No pointer
// may overlap another argument unless a function says so. Pointers need only the alignment of their type.
//
// C++17, pointers and sizes only: this header knows no file format and no model.
#ifndef BITNET_KERNELS_KERNEL_TABLE_H_
#define BITNET_KERNELS_KERNEL_TABLE_H_

#include <cstddef>
#include <cstdint>

#include "kernels/token_group.h"

namespace bitnet::kernels {

// Rows of quantised activations and of packed ternary codes are padded to a multiple of this many elements, with
// zero activations against code 1 (weight 0). Source: the block of the I2_S layout, see pack.h.
inline constexpr size_t kTernaryPad = 128;
// Keys are attended in blocks of this many absolute positions (docs/numerics.md, "softmax and output").
inline constexpr size_t kKeyBlock = 256;
// At most this many candidates reach the sampler and the digest (docs/numerics.md).
inline constexpr size_t kMaxTop = 256;

// A row of the head copy is coded in blocks of this many elements, each with its own scale.
inline constexpr size_t kHeadBlock = 64;
// The head shortcut takes rows of at most this many elements: its error bounds count roundings.
inline constexpr size_t kMaxHeadColumns = 65536;

constexpr size_t PadTernary(size_t n) { return (n + kTernaryPad - 1) / kTernaryPad * kTernaryPad; }

// Element types of dense matrices, embeddings and the key-value cache.
enum class Dense : uint32_t { kF32, kF16, kBF16 };
// Block-quantised matrix types. Blocks lie in memory as in the file (pack.h names the layouts).
enum class Block : uint32_t { kQ4_0, kQ4_1, kQ5_0, kQ5_1, kQ8_0, kQ2_K, kQ3_K, kQ4_K, kQ5_K, kQ6_K, kCount };

// The operations that are counted; a kernel id is TABLE.NAME, for example "AVX2.ternary_gemv".
enum class Op : uint32_t {
  kEmbed,  // embedding rows
  kRmsNorm,
  kQuantiseRow,
  kTernaryGemv,    // few tokens
  kTernaryGemm,    // tiles of tokens
  kTernaryBlocks,  // block scales that differ
  kDense,
  kQuantiseBlocks,
  kBlockProduct,
  kRope,
  kCacheStore,
  kAttention,
  kGate,
  kAdd,
  kSelectTop,
  kHeadShortcut,  // draws that the head shortcut answered
  kCount
};
inline constexpr size_t kOpCount = static_cast<size_t>(Op::kCount);
// "ternary_gemv" and so on.
const char* OpName(Op op) noexcept;

// A ternary product for `n_tokens` activation rows.
struct TernaryJob {
  const uint8_t* w;     // [rows, cols / 4] bytes, packed as pack.h says; cols a multiple of kTernaryPad
  size_t cols;          // padded; at most 2^22, so that every sum stays in int32: 2 * 128 * 2^22 = 2^30
  const float* scale;   // scale of row r is scale[r * scale_stride]
  size_t scale_stride;  // 0: one scale for the tensor, 1: one for each row
  const int8_t* q;      // [n_tokens, q_stride], q_stride >= cols, zero beyond the row's real columns
  size_t q_stride;
  const int32_t* q_sum;  // [n_tokens] sum of each activation row
  const float* d;        // [n_tokens] dequantisation scales
  size_t n_tokens;
  float* y;  // [n_tokens, y_stride]; row r of the matrix is column r of y
  size_t y_stride;
};

// A block-quantised product for a group of tokens.
struct BlockTokensJob {
  Block type;
  const void* w;     // [rows, n / block] blocks
  size_t n;          // columns; a multiple of the type's block
  TokenGroup group;  // of n columns and that block
  size_t n_tokens;   // at most kGroupTokens
  float* y;          // [n_tokens, y_stride]; row r of the matrix is column r of y
  size_t y_stride;
};

// A dense product for `n_tokens` activation rows.
struct DenseTokensJob {
  Dense type;
  const void* w;   // [rows, n]
  size_t n;        // columns
  const float* x;  // [n_tokens, n]
  size_t n_tokens;
  float* y;  // [n_tokens, y_stride]; row r of the matrix is column r of y
  size_t y_stride;
};

// Attention of `n_queries` query heads over one block of at most kKeyBlock keys of one key-value head.
struct AttentionBlockJob {
  const float* q;          // [n_queries, head_dim], after RoPE
  const void* k;           // [keys, kv_stride] elements of kv_type, keys after RoPE
  const void* v;           // [keys, kv_stride]
  Dense kv_type;           // kF16 or kF32
  size_t kv_stride;        // in elements
  size_t head_dim;         // a multiple of 2, at most 1024
  const uint32_t* n_keys;  // [n_queries] keys of this block that each query sees, 1..kKeyBlock
  size_t n_queries;
  float scale;
  float* m;  // [n_queries] out: largest score
  float* s;  // [n_queries] out: sum64 of exp_c(z - m)
  float* o;  // [n_queries, head_dim] out: sum of exp_c(z - m) * v
  float* z;  // [n_queries, kKeyBlock] scratch
};

// The result of select_top and of the head shortcut.
struct TopEntry {
  uint32_t id;
  float logit;
};

constexpr size_t PadHead(size_t n) { return (n + kHeadBlock - 1) / kHeadBlock * kHeadBlock; }
// A row of the head copy: int8 codes [PadHead(n)], a bf16 scale for each block, then at the row's end two f32: an upper
// bound of the 2-norm of (row - copy) and one of the row. Rows are multiples of 64 bytes.
constexpr size_t HeadCopyRowBytes(size_t n) {
  return (PadHead(n) + PadHead(n) / kHeadBlock * 2 + 2 * sizeof(float) + 63) / 64 * 64;
}

// A hidden row as the head copy meets it (docs/kernels.md, "The head shortcut").
struct HeadQuery {
  float unit;         // a power of two: x is about unit * (128 * high digit + low digit)
  float length;       // upper bound of the 2-norms of x and of its digits
  float error_bound;  // |logit - score| <= error_bound * (row's error) + norm_bound * (row's norm) + least_bound
  float norm_bound;
  float least_bound;
};

struct KernelTable {
  const char* name;    // "portable", "AVX2", "AVX3", "AVX3_VNNI", "NEON", ...
  size_t gemv_tokens;  // ternary_gemv is the faster of the two up to so many (measured: docs/kernels.md)

  // y[i] = (x[i] * inv) * gamma[i], inv = 1 / sqrt(dot64(x, x) / float(n) + eps). y may be x.
  // False when the sum of squares is not finite; y is then undefined.
  bool (*rms_norm)(const float* x, const float* gamma, float eps, size_t n, float* y) noexcept;

  // Absmax int8: m = max(max |x|, 1e-5), q[i] = clamp(rint(x[i] * (127 / m)), -128, 127), *d = m / 127.
  // Fills q[n .. PadTernary(n)) with 0; *q_sum is the sum of q. False when an x is not finite.
  bool (*quantise_row)(const float* x, size_t n, int8_t* q, float* d, int32_t* q_sum) noexcept;

  // y[t, r] = float(acc) * (d[t] * scale_r), acc = sum_c (code[r, c] - 1) * q[t, c] exactly, rows row_begin..row_end.
  // gemv unpacks as it goes, for a few tokens at a time, gemm a tile of rows first; each takes any number.
  // `scratch` holds ternary_scratch_bytes(cols) bytes for this thread, aligned to 64.
  void (*ternary_gemv)(const TernaryJob& job, size_t row_begin, size_t row_end) noexcept;
  void (*ternary_gemm)(const TernaryJob& job, size_t row_begin, size_t row_end, void* scratch) noexcept;
  size_t (*ternary_scratch_bytes)(size_t cols) noexcept;
  // Block scales that differ: scale is [rows, scale_stride], one for each block of the real columns, y = fma chain over
  // rising blocks of fma(float(isum), scale_b * d[t], acc) from +0. `block` is kTernaryPad / 2 or a multiple of
  // kTernaryPad.
  void (*ternary_blocks)(const TernaryJob& job, size_t block, size_t row_begin, size_t row_end) noexcept;

  // y[r] = dot64(w[r, :], x, n) for rows row_begin..row_end; w [rows, n] of `type`.
  void (*dense_rows)(Dense type, const void* w, size_t n, const float* x, size_t row_begin, size_t row_end,
                     float* y) noexcept;
  // The same for each of several tokens.
  void (*dense_tokens)(const DenseTokensJob& job, size_t row_begin, size_t row_end) noexcept;

  // Activation row for a block product: per block of `block` elements m = max |x|, q = rint(x * (127 / m)),
  // d_a[b] = m / 127; m < 2^-100 counts as 0 and gives zeros. n a multiple of block. False when an x is not finite.
  bool (*quantise_blocks)(const float* x, size_t n, size_t block, int8_t* q, float* d_a) noexcept;
  // y[r] = fma chain over rising blocks of fma(float(isum), d_w * d_a[b], acc) from +0; for types with minima each
  // block then adds fma(-float(msum), dmin * d_a[b], acc), Q4_1 and Q5_1 fma(float(qsum), m_w * d_a[b], acc). w: rows
  // of n / block blocks.
  void (*block_rows)(Block type, const void* w, size_t n, const int8_t* q, const float* d_a, size_t row_begin,
                     size_t row_end, float* y) noexcept;
  // The same for each token of a group: a block is unpacked once for all of them.
  void (*block_tokens)(const BlockTokensJob& job, size_t row_begin, size_t row_end) noexcept;

  // Embedding rows as f32: y[n] of row `row`. Block types: (d * float(sub_scale)) * float(q), each product rounded;
  // with minima less dmin * float(sub_minimum), Q4_1 and Q5_1 plus m, product and difference rounded too.
  void (*dense_row_to_f32)(Dense type, const void* w, size_t n, size_t row, float* y) noexcept;
  void (*block_row_to_f32)(Block type, const void* w, size_t n, size_t row, float* y) noexcept;

  // Turns the first `rot` values of each of `n_heads` heads x[n_heads, head_dim] in place; cos, sin [rot / 2].
  // adjacent: pairs (2k, 2k + 1), else (k, k + rot / 2). x0' = fma(x0, c, -(x1 * s)), x1' = fma(x0, s, x1 * c).
  void (*rope)(float* x, size_t n_heads, size_t head_dim, size_t rot, const float* cos, const float* sin,
               bool adjacent) noexcept;

  // Writes n values to a cache row of `type` (kF16 rounds to nearest even). False when a stored value is not finite.
  bool (*cache_store)(const float* x, size_t n, Dense type, void* out) noexcept;

  // One block of keys; false when a score, a sum or an output is not finite.
  bool (*attention_block)(const AttentionBlockJob& job) noexcept;
  // Combines blocks b = 0..n_blocks-1 of one query: m[b * stride_m], s likewise, o[b * stride_o, head_dim]:
  // M = max m; w = exp_c(m_b - M); S = fma(w, s_b, S); O = fma(w, o_b, O); y = O / S. False when O or S is not finite.
  bool (*attention_combine)(const float* m, const float* s, size_t stride_m, const float* o, size_t stride_o,
                            size_t n_blocks, size_t head_dim, float* y) noexcept;

  // Gates: g' = max(g, 0), y = (g' * g') * u; and y = (g / (1 + exp_c(-g))) * u. y may be g or u. A NaN stays one, in
  // max too, for the next operation to find.
  void (*relu2_gate)(const float* g, const float* u, size_t n, float* y) noexcept;
  void (*silu_gate)(const float* g, const float* u, size_t n, float* y) noexcept;
  // x[i] = x[i] + y[i] (residual, bias).
  void (*add)(float* x, const float* y, size_t n) noexcept;

  // The k <= kMaxTop largest of logits[n], sorted descending, ties by lower id (+0 and -0 tie); k <= n.
  // False when a logit is not finite.
  bool (*select_top)(const float* logits, size_t n, size_t k, TopEntry* top) noexcept;

  // The head shortcut: bounds of the logits of a dense head from an int8 copy of it. With T the k-th largest `lower`,
  // no row with upper < T is among the k largest logits, so the exact logits of the others (dense_rows) are enough; the
  // choice and the ties are those of the full product. Proof: docs/kernels.md. n <= kMaxHeadColumns.
  //
  // Codes rows row_begin..row_end of w [rows, n]; copy [rows, HeadCopyRowBytes(n)].
  void (*head_copy_rows)(Dense type, const void* w, size_t n, size_t row_begin, size_t row_end, uint8_t* copy) noexcept;
  // digits [2, PadHead(n)]: high digits, low digits, each -64..63. False when an x is not finite.
  bool (*head_query)(const float* x, size_t n, int8_t* digits, HeadQuery* query) noexcept;
  // lower[r] <= dense_rows' y[r] <= upper[r], all finite. A row whose logit may not be finite gets the widest bounds,
  // so it always survives and its exact logit tells.
  void (*head_bounds)(const uint8_t* copy, size_t n, const HeadQuery& query, const int8_t* digits, size_t row_begin,
                      size_t row_end, float* lower, float* upper) noexcept;
  // Writes the rising ids r < n with upper[r] >= threshold, at most `max` of them; returns how many there are in all.
  size_t (*head_survivors)(const float* upper, size_t n, float threshold, uint32_t* ids, size_t max) noexcept;
};

// The plain C++ oracle, compiled twice from one source (with and without the fma instruction), chosen by CPUID.
const KernelTable& ReferenceTable() noexcept;

// Tables that this CPU can run, best first; the last is ReferenceTable(). Static storage, `*count` entries.
const KernelTable* const* AvailableTables(size_t* count) noexcept;
// The best table, or null for a name that is unknown or that this CPU cannot run. "" or null: the best one.
const KernelTable* FindTable(const char* name) noexcept;
// Names of all tables built into this library, available here or not: "portable" included. `*count` entries.
const char* const* BuiltTableNames(size_t* count) noexcept;

}  // namespace bitnet::kernels

#endif  // BITNET_KERNELS_KERNEL_TABLE_H_
