#include "core/format/safetensors.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "core/base/text.h"
#include "core/format/limits.h"

namespace bitnet::core {

namespace {

constexpr uint64_t kLengthBytes = 8;
constexpr std::string_view kMetadata = "__metadata__";

Status Bad(std::string_view what, uint64_t offset, std::string_view message) {
  return Status(Code::kBadFormat, Cat(message, "; the file is damaged or cut short, fetch it again"), std::string(what),
                offset);
}

// Reads just the JSON that a header may hold, in one pass and without a tree: its size is up to the file.
class HeaderReader {
 public:
  // `header` is UTF-8 and starts at kLengthBytes of the file.
  HeaderReader(std::string_view header, uint64_t data_bytes) : text_(header), data_bytes_(data_bytes) {}

  Status Read(std::vector<SafeTensor>& tensors) {
    BN_RETURN_IF_ERROR(Expect('{'));
    if (!Accept('}')) {
      do {
        std::string name;
        BN_RETURN_IF_ERROR(String("header", name));
        BN_RETURN_IF_ERROR(Expect(':'));
        if (name == kMetadata) {
          BN_RETURN_IF_ERROR(Metadata());
          continue;
        }
        if (tensors.size() == kMaxTensors) {
          return Status(Code::kLimit, Cat("header has more than ", kMaxTensors, " tensors, which is the limit"),
                        "header", At());
        }
        tensors.push_back({std::move(name), {}, {}, 0, {}});
        BN_RETURN_IF_ERROR(Tensor(tensors.back()));
      } while (Accept(','));
      BN_RETURN_IF_ERROR(Expect('}'));
    }
    SkipSpace();
    return at_ == text_.size() ? Status() : Bad("header", At(), "header has text after its object");
  }

 private:
  uint64_t At() const { return kLengthBytes + at_; }

  void SkipSpace() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\r' || text_[at_] == '\t'))
      ++at_;
  }
  bool Accept(char c) {
    SkipSpace();
    if (at_ == text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  Status Expect(char c, std::string_view what = "header") {
    if (Accept(c)) return {};
    const std::string found = at_ < text_.size() ? Quoted(text_.substr(at_, 1)) : "its end";
    return Bad(what, At(),
               Cat("header has ", found, " where ", what == "header" ? std::string() : Cat(what, " needs "),
                   Quoted(std::string_view(&c, 1)), " is expected"));
  }

  Status String(std::string_view what, std::string& out) {
    BN_RETURN_IF_ERROR(Expect('"', what));
    while (at_ < text_.size()) {
      const char c = text_[at_++];
      if (c == '"') return {};
      if (static_cast<unsigned char>(c) < 0x20)
        return Bad(what, At() - 1, Cat("header has a control character in the text of ", what));
      if (out.size() >= kMaxKeyBytes && what != kMetadata) {  // metadata texts may be long; one at a time is held
        return Status(Code::kLimit, Cat("header has a text of more than ", kMaxKeyBytes, " bytes for ", what),
                      std::string(what), At());
      }
      if (c != '\\') {
        out.push_back(c);
      } else {
        BN_RETURN_IF_ERROR(Escape(what, out));
      }
    }
    return Bad(what, At(), Cat("header ends inside a text of ", what));
  }

  Status Escape(std::string_view what, std::string& out) {
    const char c = at_ < text_.size() ? text_[at_++] : '\0';
    constexpr std::string_view kLetters = "\"\\/bfnrt", kValues = "\"\\/\b\f\n\r\t";
    if (const size_t i = kLetters.find(c); c != '\0' && i != std::string_view::npos) {
      out.push_back(kValues[i]);
      return {};
    }
    uint32_t point = 0;
    if (c != 'u' || !Hex4(point)) return Bad(what, At(), Cat("header has an unknown escape in a text of ", what));
    if (point >= 0xd800 && point < 0xdc00) {  // the first half of a pair
      uint32_t low = 0;
      if (text_.substr(at_, 2) != "\\u") return Bad(what, At(), "header has half a surrogate pair");
      at_ += 2;
      if (!Hex4(low) || low < 0xdc00 || low > 0xdfff) return Bad(what, At(), "header has half a surrogate pair");
      point = 0x10000 + ((point - 0xd800) << 10) + (low - 0xdc00);
    } else if (point >= 0xdc00 && point < 0xe000) {
      return Bad(what, At(), "header has half a surrogate pair");
    }
    AppendUtf8(point, out);
    return {};
  }

  bool Hex4(uint32_t& value) {
    if (text_.size() - at_ < 4) return false;
    value = 0;
    for (int i = 0; i < 4; ++i) {
      const char c = text_[at_++];
      const int digit = c >= '0' && c <= '9'   ? c - '0'
                        : c >= 'a' && c <= 'f' ? c - 'a' + 10
                        : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                               : -1;
      if (digit < 0) return false;
      value = value * 16 + static_cast<uint32_t>(digit);
    }
    return true;
  }

  // Text to text only; values are not kept.
  Status Metadata() {
    BN_RETURN_IF_ERROR(Expect('{', kMetadata));
    if (Accept('}')) return {};
    do {
      std::string key, value;
      BN_RETURN_IF_ERROR(String(kMetadata, key));
      BN_RETURN_IF_ERROR(Expect(':', kMetadata));
      BN_RETURN_IF_ERROR(String(kMetadata, value));
    } while (Accept(','));
    return Expect('}', kMetadata);
  }

  // A list of at most `limit` whole numbers.
  Status Numbers(const SafeTensor& t, std::string_view field, size_t limit, std::vector<uint64_t>& out) {
    const auto bad = [&](std::string_view problem) {
      return Bad(t.name, At(), Cat(field, " of tensor ", Quoted(t.name), " ", problem));
    };
    if (!Accept('[')) return bad("is no list of numbers");
    if (Accept(']')) return {};
    do {
      SkipSpace();
      uint64_t value = 0;
      const auto [end, error] = std::from_chars(text_.data() + at_, text_.data() + text_.size(), value);
      if (error != std::errc()) return bad("holds something else than whole numbers below 2^64");
      at_ = static_cast<size_t>(end - text_.data());
      if (at_ < text_.size() && (text_[at_] == '.' || text_[at_] == 'e' || text_[at_] == 'E'))
        return bad("holds a number that is not whole");
      if (out.size() == limit) return bad(Cat("holds more than ", limit, " numbers"));
      out.push_back(value);
    } while (Accept(','));
    return Accept(']') ? Status() : bad("is a list without its end");
  }

  Status Tensor(SafeTensor& t) {
    std::vector<uint64_t> offsets;
    bool has_shape = false;
    BN_RETURN_IF_ERROR(Expect('{'));
    do {
      std::string key;
      BN_RETURN_IF_ERROR(String("header", key));
      BN_RETURN_IF_ERROR(Expect(':'));
      if (key == "dtype" && t.dtype.empty()) {
        BN_RETURN_IF_ERROR(String("dtype", t.dtype));
      } else if (key == "shape" && !has_shape) {
        BN_RETURN_IF_ERROR(Numbers(t, "shape", kMaxSafeDims, t.shape));
        has_shape = true;
      } else if (key == "data_offsets" && offsets.empty()) {
        BN_RETURN_IF_ERROR(Numbers(t, "data_offsets", 2, offsets));
      } else {
        return Bad("header", At(), Cat("header has key ", Quoted(key), " twice or unknown in tensor ", Quoted(t.name)));
      }
    } while (Accept(','));
    BN_RETURN_IF_ERROR(Expect('}'));
    return Place(t, has_shape, offsets);
  }

  Status Place(SafeTensor& t, bool has_shape, const std::vector<uint64_t>& offsets) {
    const uint64_t element = SafeDtypeBytes(t.dtype);
    if (element == 0) {
      return Status(Code::kUnsupported,
                    Cat("dtype of tensor ", Quoted(t.name), " is ", Quoted(t.dtype), ", which is unknown here"), t.name,
                    At());
    }
    if (!has_shape) return Bad(t.name, At(), Cat("shape of tensor ", Quoted(t.name), " is missing"));
    if (offsets.size() != 2 || offsets[0] > offsets[1] || offsets[1] > data_bytes_) {
      return Bad(
          t.name, At(),
          Cat("data_offsets of tensor ", Quoted(t.name), " are no range inside the ", data_bytes_, " bytes of data"));
    }
    uint64_t bytes = element;
    bool overflow = false;
    for (const uint64_t n : t.shape) overflow = overflow || __builtin_mul_overflow(bytes, n, &bytes);
    if (overflow || bytes != offsets[1] - offsets[0]) {
      return Bad(
          t.name, At(),
          Cat("shape of tensor ", Quoted(t.name), " needs ", overflow ? std::string("more than 2^64") : Cat(bytes),
              " bytes of ", t.dtype, ", but its data_offsets span ", offsets[1] - offsets[0]));
    }
    t.offset = offsets[0];  // relative until the whole header is read
    return {};
  }

  std::string_view text_;
  uint64_t data_bytes_;
  size_t at_ = 0;
};

uint64_t BytesOf(const SafeTensor& t) {
  uint64_t bytes = SafeDtypeBytes(t.dtype);
  for (const uint64_t n : t.shape) bytes *= n;  // checked when it was placed
  return bytes;
}

// Together the tensors must be the data, each byte once.
Status CheckCover(const std::vector<SafeTensor>& tensors, uint64_t data_start, uint64_t data_bytes) {
  std::vector<const SafeTensor*> order;
  for (const SafeTensor& t : tensors) order.push_back(&t);
  std::sort(order.begin(), order.end(), [](const SafeTensor* a, const SafeTensor* b) {
    return a->offset != b->offset ? a->offset < b->offset : BytesOf(*a) < BytesOf(*b);
  });
  uint64_t end = 0;
  for (const SafeTensor* t : order) {
    if (t->offset < end)
      return Bad(t->name, data_start + t->offset,
                 Cat("tensors overlap: ", Quoted(t->name), " starts at ", t->offset, " before ", end));
    if (t->offset > end)
      return Bad(t->name, data_start + end, Cat("hole of ", t->offset - end, " bytes before tensor ", Quoted(t->name)));
    end += BytesOf(*t);
  }
  if (end == data_bytes) return {};
  return Bad("hole", data_start + end, Cat("hole of ", data_bytes - end, " bytes after the last tensor"));
}

}  // namespace

uint64_t SafeDtypeBytes(std::string_view dtype) {
  constexpr std::pair<std::string_view, uint64_t> kDtypes[] = {
      {"BOOL", 1}, {"U8", 1},  {"I8", 1},  {"F8_E4M3", 1}, {"F8_E5M2", 1}, {"I16", 2}, {"U16", 2}, {"F16", 2},
      {"BF16", 2}, {"I32", 4}, {"U32", 4}, {"F32", 4},     {"F64", 8},     {"I64", 8}, {"U64", 8}};
  for (const auto& [name, bytes] : kDtypes) {
    if (name == dtype) return bytes;
  }
  return 0;
}

Result<Safetensors> Safetensors::Parse(std::span<const std::byte> file) {
  if (file.size() < kLengthBytes) {
    return Bad("size", file.size(),
               Cat("size of the file is ", file.size(), " bytes: it ends inside the header_length"));
  }
  uint64_t length = 0;
  std::memcpy(&length, file.data(), kLengthBytes);
  const uint64_t room = std::min(kMaxSafeHeaderBytes, file.size() - kLengthBytes);
  if (length < 2 || length > room) {
    return Bad("header_length", 0, Cat("header_length is ", length, ", expected 2 to ", room));
  }
  const std::string_view header(reinterpret_cast<const char*>(file.data()) + kLengthBytes, length);
  if (header[0] != '{')
    return Bad("header", kLengthBytes, Cat("header begins with ", Quoted(header.substr(0, 1)), ", expected '{'"));
  if (!IsUtf8(header)) return Bad("header", kLengthBytes, "header is not UTF-8");
  const uint64_t start = kLengthBytes + length;
  Safetensors out;
  BN_RETURN_IF_ERROR(HeaderReader(header, file.size() - start).Read(out.tensors_));
  std::sort(out.tensors_.begin(), out.tensors_.end(),
            [](const SafeTensor& a, const SafeTensor& b) { return a.name < b.name; });
  const auto twice = std::adjacent_find(out.tensors_.begin(), out.tensors_.end(),
                                        [](const SafeTensor& a, const SafeTensor& b) { return a.name == b.name; });
  if (twice != out.tensors_.end())
    return Bad(twice->name, kLengthBytes,
               Cat("duplicate_tensor: ", Quoted(twice->name), " stands in the header twice"));
  BN_RETURN_IF_ERROR(CheckCover(out.tensors_, start, file.size() - start));
  for (SafeTensor& t : out.tensors_) {
    t.offset += start;
    t.data = file.subspan(t.offset, BytesOf(t));
  }
  return out;
}

}  // namespace bitnet::core
