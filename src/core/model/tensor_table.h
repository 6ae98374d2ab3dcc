// The tensors of a checkpoint under the names that the graphs have for them, whatever the container calls them.
#ifndef BITNET_CORE_MODEL_TENSOR_TABLE_H_
#define BITNET_CORE_MODEL_TENSOR_TABLE_H_

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/format/gguf.h"
#include "core/format/safetensors.h"
#include "core/model/hf_config.h"

namespace bitnet::core {

class TensorTable {
 public:
  // How the linears are stored.
  enum class Linears : uint32_t {
    kGguf,    // a ternary type of GGUF; `.scale` optional
    kPacked,  // U8 [rows / 4, cols], `.scale` required
    kMaster,  // dense, to be made ternary
  };

  // Views: `gguf` and `tensors` must outlive the table.
  explicit TensorTable(const Gguf& gguf) : gguf_(&gguf), tensors_(gguf.tensors()) {}
  TensorTable(std::span<const SafeTensor> tensors, const HfConfig& config);
  TensorTable(TensorTable&&) = default;  // not copied: a span here may point into the vector here
  TensorTable& operator=(TensorTable&&) = default;

  // By the graph's name ("blk.0.attn_q.weight"); null: absent. The tensor's own name is the container's.
  const GgufTensor* Find(std::string_view graph_name) const;
  // What the container calls, or would call, this tensor.
  std::string FileName(std::string_view graph_name) const;
  // The other way: what the graphs call a tensor of the container; a name that no graph has stays as it is.
  std::string GraphName(std::string_view file_name) const;

  std::span<const GgufTensor> tensors() const { return tensors_; }
  Linears linears() const { return linears_; }
  // A packed scale divides instead of multiplying.
  bool reciprocal_scale() const { return reciprocal_scale_; }
  // Whether the head is the embedding; nullopt: it is where there is no head.
  std::optional<bool> tied() const { return tied_; }

 private:
  const Gguf* gguf_ = nullptr;
  std::vector<GgufTensor> views_;  // of SafeTensors, by name
  std::span<const GgufTensor> tensors_;
  Linears linears_ = Linears::kGguf;
  bool reciprocal_scale_ = false;
  std::optional<bool> tied_;
};

}  // namespace bitnet::core

#endif  // BITNET_CORE_MODEL_TENSOR_TABLE_H_
