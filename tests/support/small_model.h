// A whole small model as a GGUF in memory, every part of which a test may change.
#ifndef BITNET_TESTS_SUPPORT_SMALL_MODEL_H_
#define BITNET_TESTS_SUPPORT_SMALL_MODEL_H_

#include <map>
#include <string>
#include <vector>

#include "support/ternary_encoders.h"

namespace bitnet::test {

struct SmallModel {
  std::string architecture = "bitnet-b1.58";
  TernaryFile ternary = TernaryFile::kI2_S;
  uint32_t layers = 2, embd = 256, ffn = 512, heads = 4, heads_kv = 2;
  uint32_t seed = 1;
  // One scale for a whole matrix; a test may give others by the name of the tensor.
  float scale = 0.0625f;
  std::map<std::string, std::vector<float>> scales;

  static constexpr uint32_t kVocab = 260;  // 256 bytes and four control tokens
  uint32_t more_tokens = 0;                // ordinary ones behind them, that no text gives
  uint32_t head_dim() const { return embd / heads; }

  // The names of the ternary matrices in graph order, without ".weight".
  std::vector<std::string> Linears() const {
    std::vector<std::string> out;
    for (uint32_t l = 0; l < layers; ++l) {
      for (const char* part : {"attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down"}) {
        out.push_back("blk." + std::to_string(l) + "." + part);
      }
    }
    return out;
  }

  TernaryMatrix Matrix(const std::string& name) const {
    const std::string part = name.substr(name.rfind('.') + 1);
    const uint32_t kv = heads_kv * head_dim();
    const uint32_t rows = part == "attn_k" || part == "attn_v"     ? kv
                          : part == "ffn_gate" || part == "ffn_up" ? ffn
                                                                   : embd;
    const uint32_t cols = part == "ffn_down" ? ffn : embd;
    uint32_t salt = seed;
    for (char c : name) salt = salt * 31 + static_cast<unsigned char>(c);
    return RandomTernary(rows, cols, salt);
  }

  GgufBuilder Builder() const {
    GgufBuilder b;
    const std::string a = architecture + ".";
    b.String("general.architecture", architecture).String("general.name", "small");
    b.U32(a + "context_length", 64).U32(a + "embedding_length", embd).U32(a + "block_count", layers);
    b.U32(a + "feed_forward_length", ffn).U32(a + "attention.head_count", heads);
    b.U32(a + "attention.head_count_kv", heads_kv).F32(a + "attention.layer_norm_rms_epsilon", 1e-5f);
    AddVocabulary(b, more_tokens);
    const uint32_t vocab = kVocab + more_tokens;
    std::vector<uint16_t> table(size_t{vocab} * embd);
    for (size_t i = 0; i < table.size(); ++i) table[i] = kernels::F32ToF16(static_cast<float>(i % 13) / 16 - 0.3f);
    b.Add({"token_embd.weight", {embd, vocab}, 1, BytesOf(table)});
    for (uint32_t l = 0; l < layers; ++l) AddLayer(b, l);
    AddNorm(b, "output_norm", embd);
    return b;
  }

  static void AddVocabulary(GgufBuilder& b, uint32_t more = 0) {
    std::vector<std::string> tokens;
    std::vector<int32_t> types(256, 1);
    for (int byte = 0, next = 256; byte < 256; ++byte) {
      // The byte alphabet of GPT-2: printable Latin-1 stands for itself, the rest for 256 and up.
      const bool printable = (byte >= 33 && byte < 127) || (byte >= 161 && byte < 256 && byte != 173);
      const int point = printable ? byte : next++;
      std::string utf8;
      if (point < 128) {
        utf8 = static_cast<char>(point);
      } else {
        utf8 = {static_cast<char>(0xc0 | point >> 6), static_cast<char>(0x80 | (point & 63))};
      }
      tokens.push_back(utf8);
    }
    for (const char* special : {"<|bos|>", "<|eos|>", "<|eot|>", "<|pad|>"}) {
      tokens.push_back(special);
      types.push_back(3);
    }
    for (uint32_t i = 0; i < more; ++i) tokens.push_back("more" + std::to_string(i));
    types.resize(tokens.size(), 1);
    b.String("tokenizer.ggml.model", "gpt2").String("tokenizer.ggml.pre", "llama-bpe");
    b.Strings("tokenizer.ggml.tokens", tokens)
        .Ints("tokenizer.ggml.token_type", types)
        .Strings("tokenizer.ggml.merges", {});
    b.U32("tokenizer.ggml.bos_token_id", 256).U32("tokenizer.ggml.eos_token_id", 257);
  }

 private:
  static void AddNorm(GgufBuilder& b, const std::string& name, uint32_t n) {
    std::vector<float> gamma(n);
    for (uint32_t i = 0; i < n; ++i) gamma[i] = 0.75f + static_cast<float>(i % 5) / 8;
    b.Add({name + ".weight", {n}, 0, BytesOf(gamma)});
  }

  void AddLinear(GgufBuilder& b, const std::string& name) const {
    const TernaryMatrix m = Matrix(name);
    const auto given = scales.find(name);
    const std::vector<float> s =
        given != scales.end() ? given->second : std::vector<float>(ScaleCount(ternary, m), scale);
    b.Add({name + ".weight", {m.cols, m.rows}, FileId(ternary), Encode(ternary, m, s)});
  }

  void AddLayer(GgufBuilder& b, uint32_t l) const {
    const std::string p = "blk." + std::to_string(l) + ".";
    const bool sub_norms = architecture != "llama";
    AddNorm(b, p + "attn_norm", embd);
    for (const char* part : {"attn_q", "attn_k", "attn_v"}) AddLinear(b, p + part);
    if (sub_norms) AddNorm(b, p + "attn_sub_norm", embd);
    AddLinear(b, p + "attn_output");
    AddNorm(b, p + "ffn_norm", embd);
    for (const char* part : {"ffn_gate", "ffn_up"}) AddLinear(b, p + part);
    if (sub_norms) AddNorm(b, p + "ffn_sub_norm", ffn);
    AddLinear(b, p + "ffn_down");
  }
};

}  // namespace bitnet::test

#endif  // BITNET_TESTS_SUPPORT_SMALL_MODEL_H_
