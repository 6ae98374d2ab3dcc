// Hyperparameters from the metadata of a GGUF file, every value checked before anything depends on it.
#ifndef BITNET_CORE_MODEL_HPARAMS_READER_H_
#define BITNET_CORE_MODEL_HPARAMS_READER_H_

#include "core/base/status.h"
#include "core/format/gguf.h"
#include "core/model/hparams.h"

namespace bitnet::core {

// n_vocab is the vocab_size key or, where that is absent, the length of the token list; the loader compares both with
// the tokenizer and with the embedding.
Result<HParams> ReadHParams(const Gguf& gguf);

}  // namespace bitnet::core

#endif  // BITNET_CORE_MODEL_HPARAMS_READER_H_
