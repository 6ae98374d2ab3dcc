#include "core/model/model.h"

#include <array>

#include "core/model/row_order.h"
#include "kernels/pack.h"

namespace bitnet::core {

namespace {

bool IsTernary(const Matrix& m) { return m.kind == Matrix::Kind::kTernary || m.kind == Matrix::Kind::kTernaryBlocks; }

// Calls visit(matrix, heads) for the ternary matrices in graph order; `heads` is the number of heads whose rows the
// converter reordered, 0 where rows stand as Hugging Face has them.
template <typename F>
void ForEachTernary(const HParams& h, const Weights& w, F visit) {
  for (const LayerWeights& l : w.layers) {
    if (IsTernary(l.q)) visit(l.q, h.rope_adjacent ? h.n_heads : 0);
    if (IsTernary(l.k)) visit(l.k, h.rope_adjacent ? h.n_heads_kv : 0);
    for (const Matrix* m : {&l.v, &l.attn_output, &l.gate, &l.up, &l.down}) {
      if (IsTernary(*m)) visit(*m, 0);
    }
  }
}

}  // namespace

Digest Model::ComputeTernarySha256() const {
  Sha256 hash;
  std::vector<uint8_t> codes;
  ForEachTernary(hparams_, weights_, [&](const Matrix& m, size_t heads) {
    const size_t row_bytes = kernels::PackedRowBytes(kernels::PadTernary(m.cols));
    codes.resize(m.cols);
    for (size_t r = 0; r < m.rows; ++r) {
      kernels::UnpackTernaryRow(static_cast<const uint8_t*>(m.data) + FileRow(r, m.rows, heads) * row_bytes, m.cols,
                                codes.data());
      hash.Update(codes.data(), codes.size());
    }
  });
  return hash.Finish();
}

Digest Model::ComputeTernaryScalesSha256() const {
  Sha256 hash;
  ForEachTernary(hparams_, weights_, [&](const Matrix& m, size_t heads) {
    if (m.scale_stride == 0) return hash.Update(m.scale, sizeof(float));
    for (size_t r = 0; r < m.rows; ++r) {
      hash.Update(m.scale + FileRow(r, m.rows, heads) * m.scale_stride, m.scale_stride * sizeof(float));
    }
  });
  return hash.Finish();
}

const Digest& Model::TernarySha256() const {
  std::call_once(ternary_digest_.once, [&] { ternary_digest_.value = ComputeTernarySha256(); });
  return ternary_digest_.value;
}

const Digest& Model::TernaryScalesSha256() const {
  std::call_once(ternary_scales_digest_.once, [&] { ternary_scales_digest_.value = ComputeTernaryScalesSha256(); });
  return ternary_scales_digest_.value;
}

const Digest& Model::FileSha256() const { return file_digest_.Get(bytes_); }

}  // namespace bitnet::core
