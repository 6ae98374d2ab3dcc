// Receipts at the command line: which run leaves one, and the digest of its model.
#ifndef BITNET_EXAMPLES_BITNET_RECEIPTS_H_
#define BITNET_EXAMPLES_BITNET_RECEIPTS_H_

#include <CLI/App.hpp>
#include <bitnet/session.hpp>
#include <optional>
#include <string>

#include "model_source.h"
#include "options.h"

namespace bitnet::tool {

struct ReceiptFlags {
  std::string file;
  bool no_text = false;
  bool no_hash_cache = false;
};
void AddReceiptFlags(CLI::App& app, ReceiptFlags& o);

// Failure when the flags ask for a receipt that cannot be.
void CheckReceiptFlags(const ReceiptFlags& flags, uint32_t max_new_tokens);

// The receipt of the session's last generation.
std::string MakeReceipt(const Session& session, const ReceiptFlags& flags, const ModelFlags& model);

// Digests of model files are remembered in the user's cache folder by device, inode, size and times.
struct KnownDigest {
  std::string stamp;     // of the file before it was loaded; "" where nothing is to be remembered
  std::string sha256;    // "" when it is not known
  bool compute = false;  // a receipt will need it
  const char* get() const { return sha256.empty() ? nullptr : sha256.c_str(); }
};
// Nothing where no receipt is asked for, with --no-hash-cache, and for the embedded model.
KnownDigest FindDigest(const ReceiptFlags& flags, const ModelFlags& model);
// Keeps the digest that a receipt needed; a folder that cannot be written only costs time later.
void RememberDigest(const KnownDigest& known, const LoadedModel& loaded);

}  // namespace bitnet::tool

#endif  // BITNET_EXAMPLES_BITNET_RECEIPTS_H_
