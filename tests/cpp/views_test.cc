// Spans and results: views without copies, errors by value or by exception.
#include <bitnet/result.hpp>
#include <bitnet/span.hpp>

#include <array>
#include <memory>
#include <string>
#include <type_traits>
#include <vector>

#include "support/catch.h"

namespace {

using bitnet::Error;
using bitnet::Result;
using bitnet::Span;

int Sum(Span<const int> values) {
  int sum = 0;
  for (const int v : values) sum += v;
  return sum;
}

TEST_CASE("a span views vectors, arrays and C arrays without a copy", "[cpp][span]") {
  std::vector<int> vector = {1, 2, 3};
  const std::vector<int> constant = vector;
  std::array<int, 2> array = {4, 5};
  const int c_array[] = {6};
  CHECK(Sum(vector) == 6);
  CHECK(Sum(constant) == 6);
  CHECK(Sum(array) == 9);
  CHECK(Sum(c_array) == 6);
  CHECK(Sum({}) == 0);
  CHECK(Span<const int>(vector).data() == vector.data());
  Span<int> writable = vector;
  writable[1] = 7;
  CHECK(vector[1] == 7);
  CHECK(Span<const int>(writable).data() == vector.data());
  CHECK(Span<const int>().empty());
  static_assert(!std::is_constructible_v<Span<int>, const std::vector<int>&>, "a view of constants is constant");
  static_assert(!std::is_constructible_v<Span<const int>, const std::vector<long>&>, "no other element type");
  static_assert(!std::is_constructible_v<Span<const int>, int>, "no number");
}

TEST_CASE("a result has a value or an error, and throws only when asked for the value", "[cpp][result]") {
  Result<std::string> good = std::string("text");
  REQUIRE(good);
  CHECK(*good == "text");
  CHECK(good->size() == 4);
  CHECK(good.value() == "text");
  CHECK(std::move(good).value() == "text");

  const Result<std::string> bad = Error(BITNET_E_IO, "it broke", "disk", 42);
  REQUIRE(!bad);
  CHECK(!bad.has_value());
  CHECK(bad.error().message() == "it broke");
  CHECK(bad.error().what() == "disk");
  CHECK(bad.error().offset() == 42);
  try {
    (void)bad.value();
    FAIL("nothing was thrown");
  } catch (const bitnet::Exception& e) {
    CHECK(e.status() == BITNET_E_IO);
    CHECK(std::string(e.what()) == "it broke");
    CHECK(e.error().offset() == 42);
  }
  static_assert(std::is_base_of_v<std::runtime_error, bitnet::Exception>);
}

TEST_CASE("a result moves what cannot be copied", "[cpp][result]") {
  Result<std::unique_ptr<int>> r = std::make_unique<int>(3);
  const std::unique_ptr<int> p = std::move(r).value();
  CHECK(*p == 3);
}

TEST_CASE("a result of nothing is a success or an error", "[cpp][result]") {
  const Result<void> good;
  CHECK(good);
  good.value();
  const Result<void> bad = Error(BITNET_E_CANCELLED, "stopped");
  CHECK(!bad);
  CHECK(bad.error().status() == BITNET_E_CANCELLED);
  CHECK_THROWS_AS(bad.value(), bitnet::Exception);
}

}  // namespace
