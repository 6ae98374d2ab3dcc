#include "receipts/writer.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "core/base/json_writer.h"
#include "core/base/sha256.h"
#include "core/format/limits.h"
#include "receipts/canonical_json.h"
#include "receipts/fields.h"

namespace bitnet::receipts {

namespace {

// The shortest decimal of a binary32 (0.8, not 0.800000011920929) where reading it as binary64 and rounding gives the
// same binary32 again, which is how readers take it; else the value itself.
double ShortestAsDouble(float value) {
  char text[40];
  const auto end = std::to_chars(text, text + sizeof text, value);
  double out = value;
  std::from_chars(text, end.ptr, out);
  return static_cast<float>(out) == value ? out : value;
}

class WriteArchive {
 public:
  explicit WriteArchive(core::JsonWriter& json) : json_(json) {}

  template <typename T>
  void Required(std::string_view key, const T& value) {
    json_.Key(key);
    Write(value);
  }
  template <typename T>
  void Optional(std::string_view key, const std::optional<T>& value) {
    if (value) Required(key, *value);
  }

  template <typename T>
  void WriteObject(const T& value) {
    json_.BeginObject();
    Fields(*this, value);
    json_.EndObject();
  }

  // A value that is not finite has no JSON form: the text becomes null, and reading it back names the field.
  void Write(double value) { json_.Double(value); }
  void Write(float value) { json_.Double(ShortestAsDouble(value)); }
  void Write(bool value) { json_.Bool(value); }
  void Write(int32_t value) { json_.Int(value); }
  void Write(uint32_t value) { json_.Uint(value); }
  void Write(uint64_t value) { json_.String(core::Cat(value)); }
  void Write(const std::string& value) { json_.String(value); }
  void Write(const std::vector<std::pair<std::string, std::string>>& map) {
    json_.BeginObject();
    for (const auto& [key, value] : map) json_.Key(key).String(value);
    json_.EndObject();
  }
  template <typename T>
  void Write(const std::vector<T>& list) {
    json_.BeginArray();
    for (const T& element : list) Write(element);
    json_.EndArray();
  }
  template <typename T>
  requires requires(WriteArchive& a, const T& value) { Fields(a, value); }
  void Write(const T& value) { WriteObject(value); }

 private:
  core::JsonWriter& json_;
};

std::string Text(const Receipt& receipt) {
  core::JsonWriter json(/*pretty=*/true);
  WriteArchive(json).WriteObject(receipt);
  return json.Take() + "\n";
}

}  // namespace

core::Result<std::string> WriteReceipt(const Receipt& receipt) {
  Receipt with_digest = receipt;
  with_digest.receipt_sha256.clear();
  // Hashing what a reader will parse, not what we meant to write, leaves one definition of the digest.
  BN_ASSIGN_OR_RETURN(core::JsonValue parsed, core::ParseJson(Text(with_digest)));
  with_digest.receipt_sha256 = ReceiptSha256(std::move(parsed));
  std::string text = Text(with_digest);
  if (text.size() > core::kMaxReceiptBytes) {
    return core::Status(core::Code::kLimit, core::Cat("the receipt has ", text.size(), " bytes, at most ",
                                                      core::kMaxReceiptBytes, " are read: leave out text and ids"));
  }
  return text;
}

std::string ReceiptSha256(core::JsonValue receipt) {
  std::erase_if(receipt.object, [](const core::JsonMember& member) { return member.key == "receipt_sha256"; });
  return TextSha256(CanonicalJson(receipt));
}

std::string ComputePath(const std::vector<Kernel>& kernels) {
  const std::string prefix = core::Cat(kReferenceTable, ".");
  const bool reference =
      std::any_of(kernels.begin(), kernels.end(), [&](const Kernel& k) { return k.id.starts_with(prefix); });
  return reference ? "reference" : "real";
}

std::string TextSha256(std::string_view text) { return core::ToHex(core::Sha256Of(text.data(), text.size())); }

}  // namespace bitnet::receipts
