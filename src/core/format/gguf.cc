#include "core/format/gguf.h"

#include <algorithm>
#include <numeric>

#include "core/format/gguf_reader.h"
#include "core/format/limits.h"

namespace bitnet::core {

namespace {

constexpr std::string_view kDamaged = "; the file is damaged or cut short, fetch it again";
constexpr std::string_view kNotMade = "; the file breaks the GGUF rules, make or fetch it again";
// The fewest bytes of a key-value pair (length, one byte of key, type, one byte of value) and of a tensor info
// (length, one byte of name, n_dims, one dimension, type, offset).
constexpr uint64_t kSmallestPair = 8 + 1 + 4 + 1;
constexpr uint64_t kSmallestInfo = 8 + 1 + 4 + 8 + 4 + 8;

// True when there is no control character, NUL included, and the bytes are UTF-8.
bool IsPlainName(std::string_view name) {
  return IsUtf8(name) && std::none_of(name.begin(), name.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; });
}

class Parser {
 public:
  explicit Parser(std::span<const std::byte> file) : file_(file), in_(file) {}

  Status Magic() {
    uint32_t magic = 0;
    if (!in_.Read(magic)) return CutShort("the magic");
    if (magic != 0x46554747) {  // "GGUF"
      return Bad("magic", 0,
                 Cat("magic is ", Quoted(AsText(file_.first(4))), ", expected 'GGUF'; this is no GGUF file"));
    }
    return {};
  }

  Status Version(uint32_t& version) {
    if (!in_.Read(version)) return CutShort("the version");
    if (version == 2 || version == 3) return {};
    if (version == 1) {
      return Status(Code::kUnsupported, "version 1 of GGUF, expected 2 or 3; convert the model again", "version", 4);
    }
    if ((version & 0xffff) == 0 && version != 0) {
      return Status(
          Code::kUnsupported,
          Cat("version reads as ", version, ": a big-endian file, expected little-endian; convert the model again"),
          "version", 4);
    }
    return Status(Code::kUnsupported, Cat("version ", version, " of GGUF, expected 2 or 3"), "version", 4);
  }

  // A count of entries that take at least `smallest` bytes each.
  Status EntryCount(std::string_view field, uint64_t smallest, uint64_t limit, uint64_t& count) {
    const uint64_t at = in_.offset();
    if (!in_.Read(count)) return CutShort(field);
    // kv_count comes after tensor_count, so what is left then holds both; the bound is loose for the first, not wrong.
    if (const uint64_t fit = in_.left() / smallest; count > fit) {
      return Bad(field, at,
                 Cat(field, " is ", count, ", but the ", in_.left(), " bytes left hold at most ", fit, kDamaged));
    }
    if (count > limit)
      return Status(Code::kLimit, Cat(field, " is ", count, ", the limit is ", limit), std::string(field), at);
    return {};
  }

  Status Pair(GgufValue& out) {
    const uint64_t at = in_.offset();
    uint64_t length = 0;
    if (!in_.Read(length)) return CutShort("the length of a key");
    if (length > kMaxKeyBytes || length > in_.left()) {
      return Bad("key_length", at,
                 Cat("key_length is ", length, ", expected at most ", std::min(kMaxKeyBytes, in_.left()), kDamaged));
    }
    out.key = AsText(in_.Take(length));
    if (out.key.empty() || !IsPlainName(out.key)) {
      return Bad(
          "key", at,
          Cat("key ", Quoted(out.key), " is not a name: expected UTF-8 text without control characters", kNotMade));
    }
    uint32_t type = 0;
    if (!in_.Read(type)) return CutShort(Cat("the type of key ", Quoted(out.key)));
    if (!IsGgufType(type)) {
      return Bad(out.key, in_.offset() - 4,
                 Cat("value_type of key ", Quoted(out.key), " is ", type, ", expected 0 to 12", kDamaged));
    }
    out.type = static_cast<GgufType>(type);
    out.offset = in_.offset();
    return Value(out);
  }

  Status Tensor(uint64_t alignment, GgufTensor& out) {
    out.info_offset = in_.offset();
    uint64_t length = 0;
    if (!in_.Read(length)) return CutShort("the length of a tensor name");
    if (length == 0 || length > kMaxTensorNameBytes || length > in_.left()) {
      return Bad("tensor_name", out.info_offset,
                 Cat("tensor_name has ", length, " bytes, expected 1 to ", std::min(kMaxTensorNameBytes, in_.left()),
                     kDamaged));
    }
    out.name = AsText(in_.Take(length));
    if (!IsPlainName(out.name)) {
      return Bad("tensor_name", out.info_offset,
                 Cat("tensor_name ", Quoted(out.name), " is not a name: expected UTF-8 text without control characters",
                     kNotMade));
    }
    const uint64_t dims_at = in_.offset();
    if (!in_.Read(out.n_dims)) return CutShort(Cat("tensor ", Quoted(out.name)));
    if (out.n_dims < 1 || out.n_dims > kMaxDims) {
      return Bad(
          out.name, dims_at,
          Cat("n_dims of tensor ", Quoted(out.name), " is ", out.n_dims, ", expected 1 to ", kMaxDims, kNotMade));
    }
    for (uint32_t i = 0; i < out.n_dims; ++i) {
      if (!in_.Read(out.ne[i])) return CutShort(Cat("tensor ", Quoted(out.name)));
    }
    const uint64_t type_at = in_.offset();
    uint32_t type = 0;
    if (!in_.Read(type) || !in_.Read(out.offset)) return CutShort(Cat("tensor ", Quoted(out.name)));
    const QuantTypeInfo* info = FindQuantType(type);
    if (info == nullptr) {
      return Status(Code::kUnsupported,
                    Cat("tensor_type ", type, " of tensor ", Quoted(out.name),
                        " is not read here, or the file is damaged; use an I2_S, TQ1_0 or TQ2_0 file of the model"),
                    std::string(out.name), type_at);
    }
    out.type = info->type;
    if (info->block == 0 && info->type != QuantType::kTL2_OrMXFP4) return UnreadableType(out, info->name, info->advice);
    if (out.offset % alignment != 0) {
      return Bad(out.name, type_at + 4,
                 Cat("offset of tensor ", Quoted(out.name), " is ", out.offset,
                     ", expected a multiple of the alignment ", alignment, kNotMade));
    }
    uint64_t elements = 1;
    for (uint32_t i = 0; i < out.n_dims; ++i) {
      if (out.ne[i] == 0 || __builtin_mul_overflow(elements, out.ne[i], &elements) || elements > kMaxTensorElements) {
        return Bad(out.name, dims_at + 4,
                   Cat("dims of tensor ", Quoted(out.name), " are ", Dims(out),
                       ", expected numbers above 0 with a product below 2^63", kDamaged));
      }
    }
    if (info->block == 0) return {};  // id 39: named once the file type is known
    return SizeOf(*info, elements, dims_at + 4, out);
  }

  // Names TL2 or MXFP4, which share id 39, by the file type and by whether the space to the next tensor fits MXFP4.
  static Status SharedId39(const Gguf& gguf, const GgufTensor& tensor, uint64_t space) {
    const auto file_type = gguf.Count("general.file_type");
    uint64_t elements = 1;
    for (uint64_t ne : tensor.ne) elements *= ne;
    const uint64_t mxfp4 = elements / kMXFP4Block * kMXFP4BlockBytes;
    const bool is_tl2 = (file_type.ok() && file_type->has_value() && **file_type == kFileTypeTL2) ||
                        tensor.ne[0] % kMXFP4Block != 0 || mxfp4 > space || space - mxfp4 >= gguf.alignment();
    if (is_tl2) return UnreadableType(tensor, "TL2", FindQuantType(39)->advice);
    return UnreadableType(tensor, "MXFP4", "convert the model to I2_S, TQ1_0 or TQ2_0");
  }

  static Status UnreadableType(const GgufTensor& tensor, std::string_view name, std::string_view advice) {
    return Status(Code::kUnsupported,
                  Cat("tensor_type of tensor ", Quoted(tensor.name), " is ", name, " (id ",
                      static_cast<uint32_t>(tensor.type), "), which is not read here; ", advice),
                  std::string(tensor.name), tensor.info_offset);
  }

  // Offsets become absolute, every region gets its bytes; tensors in `by_offset` order must not overlap.
  Status Regions(Gguf& gguf, std::vector<GgufTensor>& tensors) {
    if (tensors.empty()) return {};
    const uint64_t start = gguf.data_offset();
    if (start > file_.size()) {
      return Bad("size", in_.offset(),
                 Cat("size of the file is ", file_.size(), " bytes, but the tensor data starts at ", start, kDamaged));
    }
    const uint64_t room = file_.size() - start;
    std::vector<uint32_t> order(tensors.size());
    std::iota(order.begin(), order.end(), 0u);
    std::sort(order.begin(), order.end(),
              [&](uint32_t a, uint32_t b) { return tensors[a].offset < tensors[b].offset; });
    const GgufTensor* before = nullptr;
    for (size_t i = 0; i < order.size(); ++i) {
      GgufTensor& t = tensors[order[i]];
      if (t.offset >= room) {
        return Bad(t.name, t.info_offset,
                   Cat("offset of tensor ", Quoted(t.name), " is ", t.offset, ", but the data has a size of ", room,
                       " bytes", kDamaged));
      }
      // Up to the next tensor or the end of the file: what tells layouts of one id apart.
      const uint64_t space = (i + 1 < order.size() ? std::min(tensors[order[i + 1]].offset, room) : room) - t.offset;
      if (t.type == QuantType::kTL2_OrMXFP4) return SharedId39(gguf, t, space);
      if (t.type == QuantType::kQ2_0) BN_RETURN_IF_ERROR(ChooseQ2_0Block(gguf.alignment(), space, t));
      if (before != nullptr && t.offset + start - before->offset < before->n_bytes) {
        return Bad(t.name, t.info_offset,
                   Cat("tensors overlap: ", Quoted(before->name), " has ", before->n_bytes, " bytes at ",
                       before->offset, ", and ", Quoted(t.name), " starts at ", t.offset + start, kDamaged));
      }
      if (t.n_bytes > room - t.offset) {
        return Bad(t.name, t.info_offset,
                   Cat("size of tensor ", Quoted(t.name), " is ", t.n_bytes, " bytes, but from its offset ", t.offset,
                       " only ", room - t.offset, " are in the file", kDamaged));
      }
      t.offset += start;
      t.data = file_.subspan(t.offset, t.n_bytes);
      before = &t;
    }
    return {};
  }

  uint64_t offset() const { return in_.offset(); }

  static Status Bad(std::string_view what, uint64_t offset, std::string message) {
    return Status(Code::kBadFormat, std::move(message), std::string(what), offset);
  }

 private:
  Status CutShort(std::string_view where) const {
    return Bad("size", file_.size(),
               Cat("size of the file is ", file_.size(), " bytes: it ends inside ", where, kDamaged));
  }

  Status Value(GgufValue& v) {
    if (const size_t n = ScalarBytes(v.type); n != 0) {
      if (in_.left() < n) return CutShort(Cat("the value of key ", Quoted(v.key)));
      v.raw = in_.Take(n);
      return v.type == GgufType::kBool ? CheckBools(v.key, v.offset, v.raw) : Status();
    }
    if (v.type == GgufType::kString) return String(v.key, v.raw);
    uint64_t elements_at = 0;
    BN_RETURN_IF_ERROR(Array(v.key, 1, v.element, v.count, elements_at));
    v.raw = file_.subspan(elements_at, in_.offset() - elements_at);
    return {};
  }

  Status CheckBools(std::string_view key, uint64_t at, std::span<const std::byte> bytes) const {
    const auto bad = std::find_if(bytes.begin(), bytes.end(), [](std::byte b) { return b > std::byte{1}; });
    if (bad == bytes.end()) return {};
    return Bad(key, at + static_cast<uint64_t>(bad - bytes.begin()),
               Cat("bool in key ", Quoted(key), " is ", static_cast<int>(*bad), ", expected 0 or 1", kNotMade));
  }

  Status String(std::string_view key, std::span<const std::byte>& text) {
    const uint64_t at = in_.offset();
    uint64_t length = 0;
    if (!in_.Read(length)) return CutShort(Cat("the value of key ", Quoted(key)));
    if (length > in_.left()) {
      return Bad(
          key, at,
          Cat("string_length in key ", Quoted(key), " is ", length, ", but ", in_.left(), " bytes are left", kDamaged));
    }
    if (length > kMaxStringBytes) {
      return Status(Code::kLimit,
                    Cat("string_length in key ", Quoted(key), " is ", length, ", the limit is ", kMaxStringBytes),
                    std::string(key), at);
    }
    text = in_.Take(length);
    return {};
  }

  // Checks and skips an array, its own type and count included. Recursive, but never deeper than kMaxArrayDepth.
  Status Array(std::string_view key, uint32_t depth, GgufType& element, uint64_t& count, uint64_t& elements_at) {
    const uint64_t at = in_.offset();
    if (depth > kMaxArrayDepth) {
      return Status(Code::kLimit, Cat("array_depth in key ", Quoted(key), " is above the limit of ", kMaxArrayDepth),
                    std::string(key), at);
    }
    uint32_t type = 0;
    if (!in_.Read(type) || !in_.Read(count)) return CutShort(Cat("the array in key ", Quoted(key)));
    if (!IsGgufType(type)) {
      return Bad(key, at, Cat("array_type in key ", Quoted(key), " is ", type, ", expected 0 to 12", kDamaged));
    }
    element = static_cast<GgufType>(type);
    elements_at = in_.offset();
    if (const uint64_t fit = in_.left() / SmallestBytes(element); count > fit) {
      return Bad(key, at + 4,
                 Cat("array_count in key ", Quoted(key), " is ", count, ", but the ", in_.left(),
                     " bytes left hold at most ", fit, kDamaged));
    }
    if (const size_t n = ScalarBytes(element); n != 0) {
      const auto bytes = in_.Take(count * n);  // no overflow: count was compared with what is left
      return element == GgufType::kBool ? CheckBools(key, elements_at, bytes) : Status();
    }
    if (count > kMaxNestedElements - nested_) {
      return Status(Code::kLimit,
                    Cat("array_count in key ", Quoted(key), " is ", count,
                        ": strings and arrays inside arrays are limited to ", kMaxNestedElements, " a file"),
                    std::string(key), at + 4);
    }
    nested_ += count;
    for (uint64_t i = 0; i < count; ++i) {
      if (element == GgufType::kString) {
        std::span<const std::byte> text;
        BN_RETURN_IF_ERROR(String(key, text));
      } else {
        GgufType inner_element{};
        uint64_t inner_count = 0, inner_at = 0;
        BN_RETURN_IF_ERROR(Array(key, depth + 1, inner_element, inner_count, inner_at));
      }
    }
    return {};
  }

  // n_bytes from type and shape. `elements` is the product of all dims.
  static Status SizeOf(const QuantTypeInfo& info, uint64_t elements, uint64_t dims_at, GgufTensor& t) {
    const uint64_t rows = elements / t.ne[0];
    // Q2_0 has a longer block too, which divides more strictly: chosen when the space is known.
    if (t.ne[0] % info.block != 0 || rows % info.row_group != 0) {
      return Bad(
          t.name, dims_at,
          Cat("dims of tensor ", Quoted(t.name), " are ", Dims(t), ", but ", info.name, " needs rows of a multiple of ",
              info.block, " elements", info.row_group > 1 ? " in groups of 4 rows" : "", kNotMade));
    }
    uint64_t row = 0, bytes = 0;
    if (__builtin_mul_overflow(t.ne[0] / info.block, info.block_bytes, &row) ||
        __builtin_add_overflow(row, info.row_bytes, &row) || __builtin_mul_overflow(rows, row, &bytes) ||
        __builtin_add_overflow(bytes, info.tensor_bytes, &bytes) || bytes > kMaxTensorElements) {
      return Bad(
          t.name, dims_at,
          Cat("dims of tensor ", Quoted(t.name), " are ", Dims(t), ": more than 2^63 bytes of ", info.name, kDamaged));
    }
    t.n_bytes = bytes;
    return {};
  }

  // Files with either block of Q2_0 exist under one id: the space up to the next tensor decides.
  static Status ChooseQ2_0Block(uint64_t alignment, uint64_t space, GgufTensor& t) {
    const auto fits = [&](uint64_t bytes) { return bytes <= space && space - bytes < alignment; };
    const uint64_t long_bytes = t.n_bytes / 18 * 64 / kQ2_0LongBlock * kQ2_0LongBlockBytes;
    const bool is_short = fits(t.n_bytes);
    const bool is_long = t.ne[0] % kQ2_0LongBlock == 0 && fits(long_bytes);
    if (is_short == is_long) {
      return Bad(t.name, t.info_offset,
                 Cat("tensor_type of tensor ", Quoted(t.name), " is Q2_0 (id 42), but the size of its space, ", space,
                     " bytes, fits ", is_short ? "both" : "neither", " of its blocks: expected ", t.n_bytes, " or ",
                     long_bytes, " bytes; convert the model to I2_S, TQ1_0 or TQ2_0"));
    }
    if (is_long) t.n_bytes = long_bytes;
    return {};
  }

  static std::string Dims(const GgufTensor& t) {
    std::string out = Cat(t.ne[0]);
    for (uint32_t i = 1; i < t.n_dims; ++i) out += Cat(" x ", t.ne[i]);
    return out;
  }

  std::span<const std::byte> file_;
  GgufCursor in_;
  uint64_t nested_ = 0;  // strings and arrays inside arrays so far
};

// Indices sorted by name; the first pair of equal names, or none.
template <typename Items, typename NameOf>
const typename Items::value_type* SortByName(const Items& items, NameOf name_of, std::vector<uint32_t>& index) {
  index.resize(items.size());
  std::iota(index.begin(), index.end(), 0u);
  std::sort(index.begin(), index.end(), [&](uint32_t a, uint32_t b) {
    const int order = name_of(items[a]).compare(name_of(items[b]));
    return order != 0 ? order < 0 : a < b;
  });
  const auto twice = std::adjacent_find(index.begin(), index.end(),
                                        [&](uint32_t a, uint32_t b) { return name_of(items[a]) == name_of(items[b]); });
  return twice == index.end() ? nullptr : &items[*(twice + 1)];
}

template <typename Items, typename NameOf>
const typename Items::value_type* FindByName(const Items& items, NameOf name_of, const std::vector<uint32_t>& index,
                                             std::string_view name) {
  const auto at = std::lower_bound(index.begin(), index.end(), name,
                                   [&](uint32_t i, std::string_view n) { return name_of(items[i]) < n; });
  return at == index.end() || name_of(items[*at]) != name ? nullptr : &items[*at];
}

constexpr auto kKeyOf = [](const GgufValue& v) { return v.key; };
constexpr auto kNameOf = [](const GgufTensor& t) { return t.name; };

}  // namespace

std::string_view GgufTypeName(GgufType type) {
  static constexpr std::string_view kNames[] = {"u8",   "i8",     "u16",   "i16", "u32", "i32", "f32",
                                                "bool", "string", "array", "u64", "i64", "f64"};
  const auto i = static_cast<uint32_t>(type);
  return IsGgufType(i) ? kNames[i] : "unknown";
}

Result<Gguf> Gguf::Parse(std::span<const std::byte> file) {
  Parser in(file);
  Gguf out;
  BN_RETURN_IF_ERROR(in.Magic());
  BN_RETURN_IF_ERROR(in.Version(out.version_));
  uint64_t n_tensors = 0, n_pairs = 0;
  BN_RETURN_IF_ERROR(in.EntryCount("tensor_count", kSmallestInfo, kMaxTensors, n_tensors));
  BN_RETURN_IF_ERROR(in.EntryCount("kv_count", kSmallestPair, kMaxKeys, n_pairs));

  out.values_.resize(n_pairs);
  for (GgufValue& v : out.values_) BN_RETURN_IF_ERROR(in.Pair(v));
  if (const GgufValue* twice = SortByName(out.values_, kKeyOf, out.values_by_key_)) {
    return Parser::Bad(twice->key, twice->offset,
                       Cat("duplicate_key: ", Quoted(twice->key), " stands in the file twice", kNotMade));
  }
  BN_ASSIGN_OR_RETURN(const std::optional<uint64_t> alignment, out.Count("general.alignment"));
  out.alignment_ = alignment.value_or(out.alignment_);
  if (out.alignment_ < kMinAlignment || out.alignment_ > kMaxAlignment ||
      (out.alignment_ & (out.alignment_ - 1)) != 0) {
    return Parser::Bad("general.alignment", out.Find("general.alignment")->offset,
                       Cat("general.alignment is ", out.alignment_, ", expected a power of two from ", kMinAlignment,
                           " to ", kMaxAlignment, kNotMade));
  }

  out.tensors_.resize(n_tensors);
  for (GgufTensor& t : out.tensors_) BN_RETURN_IF_ERROR(in.Tensor(out.alignment_, t));
  if (const GgufTensor* twice = SortByName(out.tensors_, kNameOf, out.tensors_by_name_)) {
    return Parser::Bad(twice->name, twice->info_offset,
                       Cat("duplicate_tensor: ", Quoted(twice->name), " stands in the file twice", kNotMade));
  }
  out.data_offset_ = (in.offset() + out.alignment_ - 1) / out.alignment_ * out.alignment_;
  BN_RETURN_IF_ERROR(in.Regions(out, out.tensors_));
  return out;
}

const GgufValue* Gguf::Find(std::string_view key) const { return FindByName(values_, kKeyOf, values_by_key_, key); }

const GgufTensor* Gguf::FindTensor(std::string_view name) const {
  return FindByName(tensors_, kNameOf, tensors_by_name_, name);
}

}  // namespace bitnet::core
