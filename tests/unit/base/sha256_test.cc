#include "core/base/sha256.h"

#include <string>

#include "support/catch.h"

namespace bitnet::core {
namespace {

std::string HexOf(const std::string& text) { return ToHex(Sha256Of(text.data(), text.size())); }

// FIPS 180-4 examples of NIST.
TEST_CASE("SHA-256 gives the digests of the standard's examples", "[base]") {
  CHECK(HexOf("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK(HexOf("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK(HexOf("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq") ==
        "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  CHECK(HexOf(std::string(1000000, 'a')) == "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST_CASE("a digest does not depend on how the bytes arrive, and more may follow", "[base]") {
  const std::string text(1000, 'q');
  Sha256 hash;
  for (size_t i = 0; i < text.size(); i += 7) hash.Update(text.data() + i, std::min<size_t>(7, text.size() - i));
  hash.Update(nullptr, 0);
  CHECK(ToHex(hash.Finish()) == HexOf(text));
  const Sha256 copy = hash;
  hash.Update("abc", 3);
  CHECK(ToHex(hash.Finish()) == HexOf(text + "abc"));
  CHECK(ToHex(copy.Finish()) == HexOf(text));
}

}  // namespace
}  // namespace bitnet::core
