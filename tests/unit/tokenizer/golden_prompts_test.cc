// The token ids of the golden prompts: plain text with BOS, and conversations in the role-colon form.
#include "core/tokenizer/chat_template.h"
#include "unit/tokenizer/load.h"

namespace bitnet::test {
namespace {

TEST_CASE("every golden prompt has the token ids that its logits were computed from") {
  const auto tokenizer = TinyTokenizer();
  const core::JsonValue golden = ReadJson(BITNET_TEST_DATA "/golden/golden.json");
  size_t texts = 0, chats = 0;
  for (const core::JsonValue& prompt : Member(golden, "prompts").array) {
    CAPTURE(Member(prompt, "name").string);
    Ids ids;
    if (const core::JsonValue* chat = prompt.Find("chat")) {
      std::vector<core::ChatMessage> messages;
      for (const core::JsonValue& m : chat->array) messages.push_back({m.array[0].string, m.array[1].string});
      const core::ChatForm form = core::DefaultChatForm(*tokenizer);
      CHECK(form == core::ChatForm::kTemplate);
      CHECK(core::ApplyChat(*tokenizer, form, messages, /*add_generation_prompt=*/true, ids).ok());
      Ids of_form;
      CHECK(core::ApplyChat(*tokenizer, core::ChatForm::kBitnet, messages, true, of_form).ok());
      CHECK(of_form == ids);
      ++chats;
    } else {
      ids = Encode(*tokenizer, Member(prompt, "text").string, {.add_special = true, .parse_special = false});
      ++texts;
    }
    CHECK(ids == IdsOf(Member(prompt, "tokens")));
  }
  CHECK(texts == 5);
  CHECK(chats == 2);
}

TEST_CASE("the tiny model's special tokens are those of its metadata") {
  const auto tokenizer = TinyTokenizer();
  CHECK(tokenizer->size() == 1536);
  CHECK(tokenizer->model() == "gpt2");
  CHECK(tokenizer->pre() == "llama-bpe");
  CHECK(tokenizer->bos() == 1531);
  CHECK(tokenizer->eos() == 1532);
  CHECK(tokenizer->eot() == 1533);
  CHECK(tokenizer->add_bos());
  CHECK_FALSE(tokenizer->add_eos());
  CHECK(tokenizer->stop_ids() == Ids{1532, 1533});
  CHECK(tokenizer->FindControl("<|eot_id|>") == 1533);
  CHECK(tokenizer->FindControl("he") == -1);
  CHECK(tokenizer->Piece(1533) == "<|eot_id|>");
  CHECK(tokenizer->Piece(1536).empty());
  CHECK(tokenizer->Piece(-1).empty());
  CHECK(tokenizer->Decode(Ids{1536}, false).status().code() == core::Code::kInvalidArgument);
}

}  // namespace
}  // namespace bitnet::test
