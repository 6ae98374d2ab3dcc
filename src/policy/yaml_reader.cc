// The only file that knows yaml-cpp, and the fence for its exceptions. Its event interface is used: the tree that it
// would build itself loses places and grows with aliases. Its scanner takes the byte 4 for the end of the file and
// stops at a NUL, so control characters are refused before it sees them.
#include "policy/yaml_reader.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <map>
#include <sstream>
#include <unordered_set>
#include <utility>

namespace bitnet::policy {

namespace {

using core::Cat;
using core::Code;
using core::kMaxYamlAliases;
using core::kMaxYamlBytes;
using core::kMaxYamlDepth;
using core::kMaxYamlNodes;
using core::Quoted;
using core::Result;
using core::Status;

Place PlaceOf(const YAML::Mark& mark) {
  if (mark.is_null()) return {};
  return {static_cast<uint32_t>(mark.line) + 1, static_cast<uint32_t>(mark.column) + 1};
}

// What the scanner must never see.
Status CheckCharacters(std::string_view text) {
  Place place;
  for (size_t i = 0; i < text.size();) {
    const size_t length = core::Utf8Length(text, i);
    const auto c = static_cast<uint8_t>(text[i]);
    if (length == 0) return YamlError(place, "ill-formed utf-8");
    if (c == '\t') return YamlError(place, "tab character, expected spaces");
    if ((c < 0x20 && c != '\n' && c != '\r') || c == 0x7F) {
      return YamlError(place, Cat("control character ", core::Hex(c)));
    }
    i += length;
    ++place.column;
    if (c == '\n') place = {place.line + 1, 1};
  }
  return {};
}

class TreeBuilder : public YAML::EventHandler {
 public:
  const Status& status() const { return status_; }
  YamlNode Take() { return std::move(root_); }
  bool has_root() const { return has_root_; }

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    YamlNode node;
    node.place = PlaceOf(mark);
    Complete(std::move(node), anchor);
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    YamlNode node;
    node.kind = YamlNode::Kind::kScalar;
    node.place = PlaceOf(mark);
    node.plain = tag != "!";  // yaml-cpp gives quoted scalars the tag "!", plain ones "?"
    node.scalar = value;
    CheckTag(tag, node.place);
    Complete(std::move(node), anchor);
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto found = anchors_.find(anchor);
    if (found == anchors_.end()) return Fail(PlaceOf(mark), "alias of something that is not complete");
    if (++n_aliases_ > kMaxYamlAliases) return Fail(PlaceOf(mark), Cat("more than ", kMaxYamlAliases, " aliases"));
    n_nodes_ += found->second.second;
    Complete(found->second.first, 0);
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    Open(YamlNode::Kind::kSequence, mark, tag, anchor);
  }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    Open(YamlNode::Kind::kMap, mark, tag, anchor);
  }
  void OnSequenceEnd() override { Close(); }
  void OnMapEnd() override { Close(); }

 private:
  struct Frame {
    YamlNode node;
    YAML::anchor_t anchor;
    size_t n_nodes_before;
    bool has_key = false;
    std::unordered_set<std::string> keys;
  };

  // After the first failure the rest of the events is ignored; the parser itself stops at 500 levels.
  void Fail(Place place, std::string_view message) {
    if (status_.ok()) status_ = YamlError(place, message);
    frames_.clear();
    anchors_.clear();
  }
  void CheckTag(const std::string& tag, Place place) {
    if (!tag.empty() && tag != "?" && tag != "!") Fail(place, Cat("tag ", Quoted(tag), ", expected none"));
  }
  void Open(YamlNode::Kind kind, const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor) {
    const Place place = PlaceOf(mark);
    CheckTag(tag, place);
    if (!status_.ok()) return;
    if (frames_.size() >= kMaxYamlDepth) return Fail(place, Cat("nested deeper than ", kMaxYamlDepth, " levels"));
    if (!frames_.empty() && frames_.back().node.kind == YamlNode::Kind::kMap && !frames_.back().has_key) {
      return Fail(place, "a key that is no string");
    }
    Frame& frame = frames_.emplace_back();
    frame.node.kind = kind;
    frame.node.place = place;
    frame.anchor = anchor;
    frame.n_nodes_before = n_nodes_;
  }
  void Close() {
    if (!status_.ok()) return;
    Frame frame = std::move(frames_.back());
    frames_.pop_back();
    if (frame.anchor != 0) anchors_[frame.anchor] = {frame.node, n_nodes_ - frame.n_nodes_before + 1};
    Complete(std::move(frame.node), 0);
  }
  // A node is whole: it becomes the root, an item, a key or a value.
  void Complete(YamlNode node, YAML::anchor_t anchor) {
    if (!status_.ok()) return;
    if (++n_nodes_ > kMaxYamlNodes) return Fail(node.place, Cat("more than ", kMaxYamlNodes, " values"));
    if (anchor != 0) anchors_[anchor] = {node, 1};
    if (frames_.empty()) {
      root_ = std::move(node);
      has_root_ = true;
      return;
    }
    Frame& frame = frames_.back();
    YamlNode& parent = frame.node;
    if (parent.kind == YamlNode::Kind::kSequence) {
      parent.items.push_back(std::move(node));
    } else if (frame.has_key) {
      parent.members.back().value = std::move(node);
      frame.has_key = false;
    } else if (node.kind != YamlNode::Kind::kScalar) {
      Fail(node.place, "a key that is no string");
    } else if (!frame.keys.insert(node.scalar).second) {
      Fail(node.place, Cat("key ", Quoted(node.scalar), " occurs twice"));
    } else {
      parent.members.push_back({std::move(node.scalar), node.place, {}});
      frame.has_key = true;
    }
  }

  Status status_;
  YamlNode root_;
  bool has_root_ = false;
  std::vector<Frame> frames_;
  std::map<YAML::anchor_t, std::pair<YamlNode, size_t>> anchors_;  // node and how many nodes it is
  size_t n_nodes_ = 0;
  size_t n_aliases_ = 0;
};

}  // namespace

const YamlMember* YamlNode::Find(std::string_view key) const {
  for (const YamlMember& member : members) {
    if (member.key == key) return &member;
  }
  return nullptr;
}

Status YamlError(Place place, std::string_view message, std::string what) {
  return Status(Code::kPolicyInvalid, Cat(place, ": ", message), std::move(what));
}

Result<YamlNode> ReadYaml(std::string_view text) {
  if (text.size() > kMaxYamlBytes) {
    return YamlError({}, Cat("more than ", kMaxYamlBytes, " bytes, the most that are read"));
  }
  BN_RETURN_IF_ERROR(CheckCharacters(text));
  TreeBuilder builder;
  try {
    std::istringstream stream{std::string(text)};
    YAML::Parser parser(stream);
    const bool found = parser.HandleNextDocument(builder);
    BN_RETURN_IF_ERROR(builder.status());
    if (!found || !builder.has_root()) return YamlError({}, "no document");
    YamlNode root = builder.Take();
    TreeBuilder next;
    if (parser.HandleNextDocument(next)) return YamlError(next.Take().place, "a second document, expected one");
    return root;
  } catch (const YAML::Exception& e) {
    BN_RETURN_IF_ERROR(builder.status());
    return YamlError(PlaceOf(e.mark), Cat("not yaml: ", e.msg));
  }
}

}  // namespace bitnet::policy
