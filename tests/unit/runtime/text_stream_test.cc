#include "core/runtime/text_stream.h"

#include "support/catch.h"

namespace bitnet::core {
namespace {

// Pushes `pieces` one by one and joins what becomes visible; checks that it equals text() at the end.
std::string Shown(std::vector<std::string> stops, const std::vector<std::string>& pieces, bool* stopped = nullptr) {
  TextStream s;
  s.Start(std::move(stops), 64);
  std::string shown;
  bool stop = false;
  for (const std::string& p : pieces) {
    stop = s.Push(p);
    shown += s.fresh();
    if (stop) break;
  }
  if (!stop) {
    const size_t before = s.text().size();
    s.Finish();
    shown += s.text().substr(before);
  }
  CHECK(shown == s.text());
  if (stopped != nullptr) *stopped = stop;
  return shown;
}

TEST_CASE("a character split over tokens appears whole", "[runtime][text]") {
  TextStream s;
  s.Start({}, 64);
  s.Push("a\xF0\x9F");
  CHECK(s.fresh() == "a");
  s.Push("\x99");
  CHECK(s.fresh().empty());
  s.Push("\x82z");
  CHECK(s.fresh() == "\xF0\x9F\x99\x82z");
}

TEST_CASE("ill-formed bytes become one replacement for each maximal subpart", "[runtime][text]") {
  // The example of the Unicode standard, section 3.9 (table 3-8).
  CHECK(Shown({}, {"\x61\xF1\x80\x80\xE1\x80\xC2\x62\x80\x63\x80\xBF\x64"}) ==
        "a\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"
        "b\xEF\xBF\xBD"
        "c\xEF\xBF\xBD\xEF\xBF\xBD"
        "d");
  CHECK(Shown({}, {"\xED\xA0\x80"}) == "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD");  // a surrogate
  CHECK(Shown({}, {"x\xE2\x82"}) == "x\xEF\xBF\xBD");                            // cut at the end
}

TEST_CASE("a stop string is found though tokens cut it", "[runtime][text]") {
  bool stopped = false;
  CHECK(Shown({"\n\nQ:"}, {"4", "\n", "\nQ", ": 3"}, &stopped) == "4");
  CHECK(stopped);
  CHECK(Shown({"END", "N!"}, {"thE", "N", "!"}, &stopped) == "thE");
  CHECK(stopped);
}

TEST_CASE("text that only begins like a stop string is released", "[runtime][text]") {
  bool stopped = true;
  CHECK(Shown({"\n\nQ:"}, {"a\n", "\nb", "\n\nQ"}, &stopped) == "a\n\nb\n\nQ");
  CHECK_FALSE(stopped);
  TextStream s;
  s.Start({"stop"}, 64);
  s.Push("a st");
  CHECK(s.fresh() == "a ");
  s.Push("ep");
  CHECK(s.fresh() == "step");
}

TEST_CASE("the earliest stop string ends the text", "[runtime][text]") {
  CHECK(Shown({"world", "o w"}, {"hello world"}) == "hell");
}

}  // namespace
}  // namespace bitnet::core
