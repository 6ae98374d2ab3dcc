// Conversations from the outside: shared by tokenizer.cc and session.cc.
#ifndef BITNET_CAPI_CHAT_H_
#define BITNET_CAPI_CHAT_H_

#include <bitnet/tokenizer.h>

#include <cstdint>
#include <vector>

#include "core/tokenizer/chat_template.h"

namespace bitnet::capi {

// The form called `name`; NULL: the one of the tokenizer's own template, which may be kUnknown.
bitnet_status_t ResolveForm(const core::Tokenizer& tokenizer, const char* name, core::ChatForm* out);

// Appends the token ids of `messages`, checked, to `ids`. `flags` of bitnet_chat_flags.
bitnet_status_t ChatTokens(const core::Tokenizer& tokenizer, core::ChatForm form, const bitnet_chat_message_t* messages,
                           size_t n_messages, uint32_t flags, std::vector<int32_t>* ids);

}  // namespace bitnet::capi

#endif  // BITNET_CAPI_CHAT_H_
