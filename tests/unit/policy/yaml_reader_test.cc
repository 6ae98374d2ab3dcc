#include "policy/yaml_reader.h"

#include "support/catch.h"

namespace bitnet::policy {
namespace {

YamlNode Read(std::string_view text) {
  auto node = ReadYaml(text);
  INFO(node.status().message());
  REQUIRE(node.ok());
  return *std::move(node);
}

std::string ErrorOf(std::string_view text) {
  const auto node = ReadYaml(text);
  CHECK(node.status().code() == core::Code::kPolicyInvalid);
  return std::string(node.status().message());
}

bool StartsWith(const std::string& text, std::string_view start) {
  INFO(text);
  CHECK(text.starts_with(start));
  return true;
}

TEST_CASE("A document becomes a tree with the place of every node", "[policy][yaml]") {
  const YamlNode root = Read("a: 1\nb:\n  - x\n  - \"y\"\nc: {d: ~}\n");
  REQUIRE(root.kind == YamlNode::Kind::kMap);
  REQUIRE(root.members.size() == 3);
  CHECK(root.Find("a")->value.scalar == "1");
  CHECK(root.Find("a")->value.plain);
  const YamlNode& list = root.Find("b")->value;
  REQUIRE(list.items.size() == 2);
  CHECK(list.items[0].place.line == 3);
  CHECK(list.items[0].place.column == 5);
  CHECK_FALSE(list.items[1].plain);
  CHECK(root.Find("c")->value.Find("d")->value.kind == YamlNode::Kind::kNull);
  CHECK(root.Find("x") == nullptr);
}

TEST_CASE("Hostile documents are refused with line and column", "[policy][yaml]") {
  StartsWith(ErrorOf("a: 1\nb: [1, 2\n"), "line 3, column 1: not yaml");
  StartsWith(ErrorOf("a: 1\nb:\t2\n"), "line 2, column 3: tab");
  StartsWith(ErrorOf(std::string("a: 1\nb: \0", 9)), "line 2, column 4: control character 0x0");
  StartsWith(ErrorOf("a: 1\nb: \x04 c"), "line 2, column 4: control character 0x4");
  StartsWith(ErrorOf("a: 1\nb: \xFF"), "line 2, column 4: ill-formed utf-8");
  StartsWith(ErrorOf("a: 1\nb: 2\na: 3\n"), "line 3, column 1: key 'a' occurs twice");
  StartsWith(ErrorOf("a: {x: 1, x: 2}\n"), "line 1, column 11: key 'x' occurs twice");
  StartsWith(ErrorOf("a: !!binary x\n"), "line 1, column 4: tag");
  StartsWith(ErrorOf("a: !!python/object:os.system x\n"), "line 1, column 4: tag");
  StartsWith(ErrorOf("[1, 2]: 3\n"), "line 1, column 1: a key that is no string");
  StartsWith(ErrorOf("~: 3\n"), "line 1, column 1: a key that is no string");
  StartsWith(ErrorOf("a: 1\n---\nb: 2\n"), "line 3, column 1: a second document");
  StartsWith(ErrorOf("a: *b\n"), "line 1, column 4: not yaml");
  StartsWith(ErrorOf("a: &a [*a]\n"), "line 1, column 8: alias of something that is not complete");
  StartsWith(ErrorOf(""), "line 1, column 1: no document");
  StartsWith(ErrorOf("# nothing\n"), "line 1, column 1: no document");
  StartsWith(ErrorOf(std::string(core::kMaxYamlBytes + 1, 'a')), "line 1, column 1: more than 1048576 bytes");
}

TEST_CASE("Aliases stand for copies, within a small bound", "[policy][yaml]") {
  const YamlNode root = Read("a: &x [1, 2]\nb: *x\n");
  CHECK(root.Find("b")->value.items.size() == 2);
  std::string many = "a: &x 1\nb: [";
  for (size_t i = 0; i <= core::kMaxYamlAliases; ++i) many += "*x, ";
  StartsWith(ErrorOf(many + "]"), "line 2, column ");
}

TEST_CASE("An alias bomb is refused before it grows", "[policy][yaml]") {
  std::string bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 10; ++i) {
    bomb += core::Cat("a", i, ": &a", i, " [");
    for (int k = 0; k < 9; ++k) bomb += core::Cat("*a", i - 1, ", ");
    bomb += "]\n";
  }
  const std::string error = ErrorOf(bomb);
  INFO(error);
  CHECK((error.find("values") != std::string::npos || error.find("aliases") != std::string::npos));
}

TEST_CASE("Nesting is bounded, in every style", "[policy][yaml]") {
  const auto repeat = [](std::string_view s, size_t n) {
    std::string out;
    for (size_t i = 0; i < n; ++i) out += s;
    return out;
  };
  Read(repeat("[", core::kMaxYamlDepth) + repeat("]", core::kMaxYamlDepth));
  StartsWith(ErrorOf(repeat("[", core::kMaxYamlDepth + 1) + repeat("]", core::kMaxYamlDepth + 1)),
             "line 1, column 17: nested deeper than 16 levels");
  StartsWith(ErrorOf(repeat("- ", 100) + "a\n"), "line 1, column 33: nested deeper");
  for (const char* part : {"[", "{", "- ", "? ", "{a: ", "[a, ", "a:\n "}) {
    StartsWith(ErrorOf(repeat(part, 20000)), "line ");  // neither a crash nor minutes
  }
}

}  // namespace
}  // namespace bitnet::policy
