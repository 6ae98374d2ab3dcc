// A model of random weights in the shape of a real one.
#include <fstream>

#include "bench/gpu_bench.h"
#include "kernels/half.h"
#include "support/gguf_builder.h"

namespace bitnet_bench {

namespace {

using bitnet::test::Bytes;
using bitnet::test::BytesOf;
using bitnet::test::GgufBuilder;

class Random {
 public:
  uint32_t Next() {
    state_ ^= state_ << 13, state_ ^= state_ >> 7, state_ ^= state_ << 17;
    return static_cast<uint32_t>(state_ >> 32);
  }

 private:
  uint64_t state_ = 0x9e3779b97f4a7c15u;
};

// Four codes 0..2 in each byte, then the scale, padded to 32 bytes: the I2_S layout of x86.
std::string Ternary(uint64_t n, Random& random) {
  std::string out(n / 4 + 32, '\0');
  for (uint64_t i = 0; i < n / 4; ++i) {
    uint32_t trits = random.Next() % 81, byte = 0;
    for (int k = 0; k < 4; ++k, trits /= 3) byte = byte << 2 | trits % 3;
    out[i] = static_cast<char>(byte);
  }
  out.replace(n / 4, 4, Bytes(0.02f));
  return out;
}

std::string Embedding(const Shape& shape, HeadType head, Random& random) {
  const uint64_t n = uint64_t{shape.vocab} * shape.embd;
  std::string out;
  if (head == HeadType::kF16) {
    out.resize(n * 2);
    for (uint64_t i = 0; i < n; ++i) {
      const float x = (static_cast<float>(random.Next() % 65536) - 32768.0f) / 65536.0f;
      const uint16_t half = bitnet::kernels::F32ToF16(x);
      out.replace(2 * i, 2, Bytes(half));
    }
    return out;
  }
  out.resize(n / 256 * 210);
  for (uint64_t i = 0; i + 4 <= out.size(); i += 4) out.replace(i, 4, Bytes(random.Next()));
  const std::string scale = Bytes(bitnet::kernels::F32ToF16(0.0001f));
  for (uint64_t b = 0; b < n / 256; ++b) out.replace(b * 210 + 208, 2, scale);
  return out;
}

// Tokens of single bytes, then of names that no text has.
void AddVocabulary(const Shape& shape, GgufBuilder& b) {
  std::vector<std::string> tokens;
  std::vector<int32_t> types(shape.vocab, 1);
  for (int byte = 0, next = 256; byte < 256; ++byte) {
    const bool printable = (byte >= 33 && byte < 127) || (byte >= 161 && byte < 256 && byte != 173);
    const int point = printable ? byte : next++;
    tokens.push_back(point < 128
                         ? std::string(1, static_cast<char>(point))
                         : std::string{static_cast<char>(0xc0 | point >> 6), static_cast<char>(0x80 | (point & 63))});
  }
  while (tokens.size() < shape.vocab) tokens.push_back("<|" + std::to_string(tokens.size()) + "|>");
  for (size_t i = 256; i < types.size(); ++i) types[i] = 3;
  b.String("tokenizer.ggml.model", "gpt2").String("tokenizer.ggml.pre", "llama-bpe");
  b.Strings("tokenizer.ggml.tokens", tokens).Ints("tokenizer.ggml.token_type", types);
  b.Strings("tokenizer.ggml.merges", {});
  b.U32("tokenizer.ggml.bos_token_id", 256).U32("tokenizer.ggml.eos_token_id", 257);
}

}  // namespace

bool WriteModel(const Shape& shape, HeadType head, const std::string& path) {
  GgufBuilder b;
  Random random;
  const std::string a = "bitnet-b1.58.";
  b.String("general.architecture", "bitnet-b1.58").String("general.name", "random weights");
  b.U32(a + "context_length", shape.n_ctx).U32(a + "embedding_length", shape.embd).U32(a + "block_count", shape.layers);
  b.U32(a + "feed_forward_length", shape.ffn).U32(a + "attention.head_count", shape.heads);
  b.U32(a + "attention.head_count_kv", shape.heads_kv).F32(a + "attention.layer_norm_rms_epsilon", 1e-5f);
  b.F32(a + "rope.freq_base", 500000.0f);
  AddVocabulary(shape, b);
  b.Add({"token_embd.weight",
         {shape.embd, shape.vocab},
         head == HeadType::kF16 ? 1u : 14u,
         Embedding(shape, head, random)});
  const auto norm = [&b](const std::string& name, uint32_t n) {
    b.Add({name + ".weight", {n}, 0, BytesOf(std::vector<float>(n, 1.0f))});
  };
  const uint32_t kv = shape.heads_kv * shape.head_dim();
  for (uint32_t l = 0; l < shape.layers; ++l) {
    const std::string p = "blk." + std::to_string(l) + ".";
    const auto linear = [&](const char* name, uint32_t rows, uint32_t cols) {
      b.Add({p + name + ".weight", {cols, rows}, 36, Ternary(uint64_t{rows} * cols, random)});
    };
    norm(p + "attn_norm", shape.embd);
    linear("attn_q", shape.embd, shape.embd);
    linear("attn_k", kv, shape.embd);
    linear("attn_v", kv, shape.embd);
    norm(p + "attn_sub_norm", shape.embd);
    linear("attn_output", shape.embd, shape.embd);
    norm(p + "ffn_norm", shape.embd);
    linear("ffn_gate", shape.ffn, shape.embd);
    linear("ffn_up", shape.ffn, shape.embd);
    norm(p + "ffn_sub_norm", shape.ffn);
    linear("ffn_down", shape.embd, shape.ffn);
  }
  norm("output_norm", shape.embd);
  std::ofstream out(path, std::ios::binary);
  out << b.Build();
  return out.flush().good();
}

}  // namespace bitnet_bench
