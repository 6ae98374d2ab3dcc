// The order of the rows of attn_q and attn_k: converters to graphs with adjacent RoPE pairs change it.
#ifndef BITNET_CORE_MODEL_ROW_ORDER_H_
#define BITNET_CORE_MODEL_ROW_ORDER_H_

#include <cstddef>

namespace bitnet::core {

// The row of the file that holds row `r` of the Hugging Face matrix; `heads` is 0 where rows stand as Hugging Face has
// them. Converters to adjacent pairs put row (half i, j) of a head at 2 j + i. rows / heads is even.
inline size_t FileRow(size_t r, size_t rows, size_t heads) {
  if (heads == 0) return r;
  const size_t head_dim = rows / heads;
  const size_t in_head = r % head_dim;
  return r - in_head + 2 * (in_head % (head_dim / 2)) + in_head / (head_dim / 2);
}

}  // namespace bitnet::core

#endif  // BITNET_CORE_MODEL_ROW_ORDER_H_
