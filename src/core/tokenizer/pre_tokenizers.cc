#include "core/tokenizer/pre_tokenizers.h"

#include <algorithm>
#include <array>

#include "core/base/text.h"

namespace bitnet::core {
namespace {

// The patterns by which public readers of GGUF files split text (llama.cpp, src/llama-vocab.cpp, 2026, and for falcon_e
// the converter of bitnet.cpp). tests/reference/make_pre_tokenizer_vectors.py has them too, run by another engine.
#define BN_CONTRACTIONS "(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])"
#define BN_WORD R"([^\r\n\p{L}\p{N}]?\p{L}+)"
#define BN_SPACES R"(\s*[\r\n]+|\s+(?!\S)|\s+)"
#define BN_SIGNS R"( ?[^\s\p{L}\p{N}]+)"
#define BN_GPT2 R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)"
// That of Llama 3 and those like it, which differ in how numbers are cut.
#define BN_LLAMA3(numbers) BN_CONTRACTIONS "|" BN_WORD "|" numbers "|" BN_SIGNS R"([\r\n]*|)" BN_SPACES
// Words of capitals, then small letters: `upper` and `lower` overlap in letters without case. `end` may follow.
#define BN_CASED_WORD(upper, lower, end) \
  R"([^\r\n\p{L}\p{N}]?)" upper "*" lower "+" end R"(|[^\r\n\p{L}\p{N}]?)" upper "+" lower "*" end "|"
#define BN_UPPER R"(((?=[\p{L}])([^a-z])))"
#define BN_LOWER R"(((?=[\p{L}])([^A-Z])))"
#define BN_UPPER_CATEGORY R"([\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}])"
#define BN_LOWER_CATEGORY R"([\p{Ll}\p{Lm}\p{Lo}\p{M}])"
#define BN_BLOOM    \
  R"( ?[^(\s|.,!?)" \
  "\u2026\u3002\uff0c\u3001\u0964\u06d4\u060c)]+"
#define BN_ASIAN "[\u4e00-\u9fa5\u0800-\u4e00\uac00-\ud7ff]+"
#define BN_KANA "[\u4e00-\u9fa5\u3040-\u309f\u30a0-\u30ff]+"
#define BN_SIGN_WORD R"([!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+)"
#define BN_MARKED_WORD R"([^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+)"

// Cased letters as DeepSeek lists them.
#define BN_CASED_LETTERS                                                                                         \
  "A-Za-z\u00b5\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u01ba\u01bc-\u01bf\u01c4-\u0293\u0295-\u02af\u0370-\u0373"      \
  "\u0376\u0377\u037b-\u037d\u037f\u0386\u0388-\u038a\u038c\u038e-\u03a1\u03a3-\u03f5\u03f7-\u0481\u048a-\u052f" \
  "\u0531-\u0556\u10a0-\u10c5\u13a0-\u13f5\u13f8-\u13fd\u1c90-\u1cba\u1cbd-\u1cbf\u1d00-\u1d2b\u1d6b-\u1d77"     \
  "\u1d79-\u1d9a\u1e00-\u1f15\u1f18-\u1f1d\u1f20-\u1f45\u1f48-\u1f4d\u1f50-\u1f57\u1f59\u1f5b\u1f5d"             \
  "\u1f5f-\u1f7d\u1f80-\u1fb4\u1fb6-\u1fbc\u1fbe\u1fc2-\u1fc4\u1fc6-\u1fcc\u1fd0-\u1fd3\u1fd6-\u1fdb"            \
  "\u1fe0-\u1fec\u1ff2-\u1ff4\u1ff6-\u1ffc\u2102\u2107\u210a-\u2113\u2115\u2119-\u211d\u2124\u2126\u2128"        \
  "\u212a-\u212d\u212f-\u2134\u2139\u213c-\u213f\u2145-\u2149\u214e\u2183\u2184\u2c00-\u2c7b\u2c7e-\u2ce4"       \
  "\u2ceb-\u2cee\u2cf2\u2cf3\ua640-\ua66d\ua680-\ua69b\ua722-\ua76f\ua771-\ua787\ua78b-\ua78e\uab70-\uabbf"      \
  "\ufb00-\ufb06\ufb13-\ufb17\uff21-\uff3a\uff41-\uff5a\U00010400-\U0001044f\U000104b0-\U000104d3"               \
  "\U000104d8-\U000104fb\U00010c80-\U00010cb2\U00010cc0-\U00010cf2\U000118a0-\U000118df\U0001e900-\U0001e943"

using Pattern = std::string_view;

constexpr Pattern kGpt2[] = {BN_GPT2};
constexpr Pattern kLlama3[] = {BN_LLAMA3(R"(\p{N}{1,3})")};
constexpr Pattern kQwen2[] = {BN_LLAMA3(R"(\p{N})")};
constexpr Pattern kDefault[] = {R"([\p{P}\$\+<=>\^~\|]+)", BN_GPT2, R"(\p{N}+)", "[0-9][0-9][0-9]"};
constexpr Pattern kBailing[] = {R"('(?:[sSdDmMtT]|[lL][lL]|[vV][eE]|[rR][eE])|)" BN_WORD R"(|\p{N}|)" BN_SIGNS
                                R"([\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+)"};
constexpr Pattern kBloom[] = {BN_BLOOM};
constexpr Pattern kChameleon[] = {"<sentinel:[0-9]+>",       "(IMGIMG)((A|B|C|D|E|F|G|H|I){1,4})Z",
                                  R"(([\t\n]|    |  ))",     R"(\p{N})",
                                  R"([\p{P}!-/:-@\[-`{-~])", BN_GPT2};
constexpr Pattern kDeepseekCoder[] = {R"([\r\n])", R"(\s?\p{L}+)", R"(\s?\p{P}+)", BN_ASIAN, R"(\p{N})"};
constexpr Pattern kDeepseekLlm[] = {R"([\r\n])",
                                    R"(\s?[)" BN_CASED_LETTERS "]+",
                                    R"(\s?[!-/:-~)"
                                    "\uff01-\uff0f\uff1a-\uff5e\u2018-\u201f\u3000-\u3002]+",
                                    R"(\s+$)",
                                    BN_ASIAN,
                                    R"(\p{N}+)"};
constexpr Pattern kDeepseekV3[] = {R"(\p{N}{1,3})", BN_KANA,
                                   BN_SIGN_WORD "|" BN_MARKED_WORD R"(| ?[\p{P}\p{S}]+[\r\n]*|)" BN_SPACES};
constexpr Pattern kExaoneMoe[] = {BN_CONTRACTIONS
                                  R"(|[^\r\n\p{L}\p{N}]?(?:\p{L}\p{M}*(?: \p{L}\p{M}*)*)+|\p{N}|)" BN_SIGNS
                                  R"([\r\n/]?|\s*[\r\n]|\s+(?!\S)|\s+)"};
constexpr Pattern kFalcon[] = {R"([\p{P}\$\+<=>\^~\|`]+)", BN_GPT2, "[0-9][0-9][0-9]"};
constexpr Pattern kGpt4o[] = {BN_CASED_WORD(BN_UPPER, BN_LOWER, BN_CONTRACTIONS "?") R"(\p{N}{1,3}|)" BN_SIGNS
                                                                                     R"([\r\n/]*|)" BN_SPACES};
constexpr Pattern kLaguna[] = {R"([^\n]+|[\n]+)", BN_LLAMA3(R"(\p{N})")};
constexpr Pattern kMiniCpm5[] = {R"(\p{N}{1,3})", BN_LLAMA3(R"(\p{N}+)")};
constexpr Pattern kQwen35[] = {BN_CONTRACTIONS
                               R"(|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|)" BN_SPACES};
constexpr Pattern kSeedCoder[] = {BN_CONTRACTIONS "|" BN_WORD R"(|\p{N}{1}| ?[^\s\p{L}\p{N}\r\n]+|)" BN_SPACES};
constexpr Pattern kSpark[] = {R"(\p{N}{1,3})", BN_KANA,
                              BN_SIGN_WORD "|" BN_MARKED_WORD R"(| ?[\p{P}\p{S}]+|[\r\n]|\s+(?!\S)|\s+)", R"(\p{N})"};
constexpr Pattern kStarcoder[] = {R"(\p{N})", BN_GPT2};
constexpr Pattern kSuperBpe[] = {R"(\p{N}+)", R"((?=(\d{3})+(?!\d)))"};
constexpr Pattern kTekken[] = {BN_CASED_WORD(BN_UPPER, BN_LOWER, "") R"(\p{N}|)" BN_SIGNS R"([\r\n/]*|)" BN_SPACES};
constexpr Pattern kUfakZeka[] = {BN_WORD R"(|\p{N}|)" BN_SIGNS R"([\r\n]*|)" BN_SPACES};
constexpr Pattern kViking[] = {BN_BLOOM, R"(\p{N})"};
constexpr Pattern kYoutu[] = {
    "[\uac00-\ud7a3\u3131-\u318e]+|[\uff01\u2026\u201c\u201d\u2018\u2019\u2014\uff1a\uff1b\uff0c\u3001-\u303f"
    "\ufe30-\ufe4f]+|[\u3105-\u312f]+|" BN_KANA,
    BN_CASED_WORD(BN_UPPER_CATEGORY, BN_LOWER_CATEGORY, BN_CONTRACTIONS "?") R"(\p{N}|)" BN_SIGNS
                                                                             R"([\r\n/]*|)" BN_SPACES};

#undef BN_CONTRACTIONS
#undef BN_WORD
#undef BN_SPACES
#undef BN_SIGNS
#undef BN_LLAMA3
#undef BN_CASED_WORD
#undef BN_UPPER
#undef BN_LOWER
#undef BN_UPPER_CATEGORY
#undef BN_LOWER_CATEGORY
#undef BN_BLOOM
#undef BN_ASIAN
#undef BN_KANA
#undef BN_SIGN_WORD
#undef BN_MARKED_WORD
#undef BN_CASED_LETTERS

constexpr bool kWhole = true, kAddsBos = true;

// In the order of the names.
constexpr PreTokenizer kPreTokenizers[] = {
    {"a.x-4.0", kGpt2},
    {"bailingmoe", kBailing},
    {"bailingmoe2", kBailing},
    {"bloom", kBloom},
    {"chameleon", kChameleon, !kWhole, kAddsBos},
    {"chatglm-bpe", kLlama3},
    {"codeshell", kStarcoder},
    {"command-r", kStarcoder},
    {"dbrx", kLlama3},
    {"deepseek-coder", kDeepseekCoder},
    {"deepseek-llm", kDeepseekLlm},
    {"deepseek-r1-qwen", kQwen2},
    {"deepseek-v3", kDeepseekV3},
    {"default", kDefault},
    {"exaone", kStarcoder},
    {"exaone-moe", kExaoneMoe},
    {"exaone4", kGpt2},
    {"falcon", kFalcon},
    {"falcon-h1", kLlama3, kWhole, kAddsBos},
    {"falcon3", kLlama3, kWhole, kAddsBos},
    {"falcon_e", kLlama3, kWhole, kAddsBos},
    {"gigachat", kGpt2},
    {"glm4", kLlama3},
    {"gpt-2", kGpt2},
    {"gpt-4o", kGpt4o},
    {"gpt3-finnish", kBloom},
    {"granite-docling", kGpt2},
    {"grok-2", kQwen2},
    {"hunyuan", kQwen2},
    {"hunyuan-dense", kDeepseekV3},
    {"hy_v4", kDeepseekV3},
    {"jais", kGpt2},
    {"joyai-llm", kDeepseekV3},
    {"kanana2", kGpt4o},
    {"kormo", kQwen2},
    {"laguna", kLaguna},
    {"lfm2", kLlama3, kWhole, kAddsBos},
    {"llada-moe", kBailing},
    {"llama-bpe", kLlama3, kWhole, kAddsBos},
    {"llama-v3", kLlama3, kWhole, kAddsBos},
    {"llama3", kLlama3, kWhole, kAddsBos},
    {"llama4", kGpt4o},
    {"megrez", kQwen2},
    {"mellum", kGpt2},
    {"mellum2", kStarcoder},
    {"midm-2.0", kLlama3, kWhole, kAddsBos},
    {"minerva-7b", kStarcoder},
    {"minicpm5", kMiniCpm5, kWhole},
    {"minimax-m2", kGpt4o},
    {"mpt", kGpt2},
    {"olmo", kGpt2},
    {"phi-2", kGpt2},
    {"pixtral", kLlama3, kWhole, kAddsBos},
    {"poro-chat", kBloom},
    {"qwen2", kQwen2},
    {"qwen35", kQwen35},
    {"refact", kStarcoder},
    {"seed-coder", kSeedCoder},
    {"smaug-bpe", kLlama3},
    {"smollm", kStarcoder},
    {"solar-open", kQwen2},
    {"spark2_5", kSpark},
    {"stablelm2", kQwen2},
    {"starcoder", kStarcoder},
    {"superbpe", kSuperBpe},
    {"talkie", kGpt4o},
    {"tekken", kTekken, kWhole, kAddsBos},
    {"trillion", kGpt2},
    {"ufakzeka", kUfakZeka},
    {"viking", kViking},
    {"youtu", kYoutu, kWhole},
};

// Patterns that are scanners: what they ask for lies further ahead than one character.
struct ScannedPattern {
  Pattern regex;
  Scanner scanner;
};
constexpr ScannedPattern kScanned[] = {{kDeepseekLlm[3], SplitSpacesAtEnd}, {kSuperBpe[1], SplitThousands}};

}  // namespace

const std::string_view kGpt2Regex = kGpt2[0];

std::span<const PreTokenizer> PreTokenizers() { return kPreTokenizers; }

const PreTokenizer* FindPreTokenizer(std::string_view name) {
  for (const PreTokenizer& p : kPreTokenizers) {
    if (p.name == name) return &p;
  }
  return nullptr;
}

std::string PreTokenizerNames() {
  std::string names;
  for (const PreTokenizer& p : kPreTokenizers) names += Cat(names.empty() ? "" : ", ", p.name);
  return names;
}

std::string PatternInGguf(std::string regex) {
  constexpr std::string_view kFolded = "(?i:'s|'t|'re|'ve|'m|'ll|'d)";
  constexpr std::string_view kSpelled = "(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])";
  if (const size_t at = regex.find(kFolded); at != regex.npos) regex.replace(at, kFolded.size(), kSpelled);
  return regex;
}

Result<std::vector<SplitStep>> SplitSteps(const PreTokenizer& pre) {
  std::vector<SplitStep> steps;
  for (const Pattern regex : pre.patterns) {
    const auto scanned = std::find_if(std::begin(kScanned), std::end(kScanned),
                                      [&](const ScannedPattern& s) { return s.regex == regex; });
    if (scanned != std::end(kScanned)) {
      steps.emplace_back(scanned->scanner);
    } else {
      BN_ASSIGN_OR_RETURN(auto pattern, WordPattern::Compile(regex));
      steps.emplace_back(std::move(pattern));
    }
  }
  return steps;
}

}  // namespace bitnet::core
