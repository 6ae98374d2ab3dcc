// Errors by choice at the call: `if (!r) use(r.error())` never throws, `.value()` throws bitnet::Exception.
#pragma once

#include <bitnet/status.h>

#include <cstdint>
#include <exception>
#include <stdexcept>
#include <string>
#include <utility>
#include <variant>

namespace bitnet {
inline namespace v0 {

/// The detail of a failed call.
class Error {
 public:
  /// Takes the calling thread's last error.
  static Error last(bitnet_status_t status) {
    bitnet_error_info_t info = BITNET_ERROR_INFO_INIT;
    bitnet_last_error(&info);
    return Error(status, info.message, info.what, info.offset);
  }
  Error(bitnet_status_t status, std::string message, std::string what = {}, std::uint64_t offset = BITNET_NO_OFFSET)
      : status_(status), message_(std::move(message)), what_(std::move(what)), offset_(offset) {}

  bitnet_status_t status() const noexcept { return status_; }
  const std::string& message() const noexcept { return message_; }
  const std::string& what() const noexcept { return what_; }  ///< tensor, key, option or rule
  std::uint64_t offset() const noexcept { return offset_; }   ///< byte in the file, or BITNET_NO_OFFSET

 private:
  bitnet_status_t status_;
  std::string message_;
  std::string what_;
  std::uint64_t offset_;
};

/// What .value() throws.
class Exception : public std::runtime_error {
 public:
  explicit Exception(Error error) : std::runtime_error(error.message()), error_(std::move(error)) {}
  const Error& error() const noexcept { return error_; }
  bitnet_status_t status() const noexcept { return error_.status(); }

 private:
  Error error_;
};

namespace detail {
[[noreturn]] inline void raise(const Error& error) {
#if defined(__cpp_exceptions)
  throw Exception(error);
#else
  (void)error;
  std::terminate();
#endif
}
}  // namespace detail

/// A value, or the Error that says why there is none. Shaped to become std::expected one day.
template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

  bool has_value() const noexcept { return state_.index() == 0; }
  explicit operator bool() const noexcept { return has_value(); }

  /// The value; throws Exception when there is none (std::terminate in builds without exceptions).
  T& value() & { return check(), *std::get_if<0>(&state_); }
  const T& value() const& { return check(), *std::get_if<0>(&state_); }
  T value() && { return check(), std::move(*std::get_if<0>(&state_)); }
  /// Unchecked.
  T& operator*() & noexcept { return *std::get_if<0>(&state_); }
  const T& operator*() const& noexcept { return *std::get_if<0>(&state_); }
  T operator*() && noexcept { return std::move(*std::get_if<0>(&state_)); }
  T* operator->() noexcept { return std::get_if<0>(&state_); }
  const T* operator->() const noexcept { return std::get_if<0>(&state_); }
  /// Unchecked: only without a value.
  const Error& error() const noexcept { return *std::get_if<1>(&state_); }

 private:
  void check() const {
    if (!has_value()) detail::raise(error());
  }
  std::variant<T, Error> state_;
};

/// Success, or an Error.
template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}
  /// From the status of a call just made on this thread.
  static Result from(bitnet_status_t status) { return status == BITNET_OK ? Result() : Result(Error::last(status)); }

  bool has_value() const noexcept { return state_.index() == 0; }
  explicit operator bool() const noexcept { return has_value(); }
  void value() const {
    if (!has_value()) detail::raise(error());
  }
  const Error& error() const noexcept { return *std::get_if<1>(&state_); }

 private:
  std::variant<std::monostate, Error> state_;
};

namespace detail {

// The two calls of texts: call(buf, capacity, needed).
template <typename Call>
Result<std::string> read_text(Call&& call) {
  std::size_t needed = 0;
  if (const bitnet_status_t s = call(nullptr, 0, &needed)) return Error::last(s);
  std::string text(needed, '\0');
  if (const bitnet_status_t s = call(text.data(), text.size(), &needed)) return Error::last(s);
  text.resize(needed - 1);  // without the NUL
  return text;
}

// The two calls of lists: call(items, capacity, n); List is a std::vector.
template <typename List, typename Call>
Result<List> read_list(Call&& call) {
  std::size_t n = 0;
  if (const bitnet_status_t s = call(nullptr, 0, &n)) return Error::last(s);
  List list(n);
  if (const bitnet_status_t s = call(list.data(), list.size(), &n)) return Error::last(s);
  return list;
}

// Owns a handle, or only looks at one that belongs to another object.
template <typename Handle, void (*free_handle)(Handle*) noexcept>
class Owner {
 public:
  explicit Owner(Handle* handle) noexcept : handle_(handle), owned_(true) {}
  static Owner borrowed(const Handle* handle) noexcept {
    Owner view(const_cast<Handle*>(handle));
    view.owned_ = false;
    return view;
  }
  Owner(Owner&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)), owned_(other.owned_) {}
  Owner& operator=(Owner&& other) noexcept {
    std::swap(handle_, other.handle_);
    std::swap(owned_, other.owned_);
    return *this;
  }
  ~Owner() {
    if (owned_) free_handle(handle_);
  }
  Handle* get() const noexcept { return handle_; }
  Handle* release() noexcept { return std::exchange(handle_, nullptr); }

 private:
  Handle* handle_;
  bool owned_;
};

}  // namespace detail
}  // namespace v0
}  // namespace bitnet
