// make_hf_master GGUF TOKENIZER.json FOLDER: see hf_master.h.
#include <cstdio>
#include <filesystem>
#include <string>

#include "support/hf_master.h"

int main(int argc, char** argv) {
  if (argc != 4) {
    std::fprintf(stderr, "usage: make_hf_master GGUF TOKENIZER.json FOLDER\n");
    return 2;
  }
  std::filesystem::create_directories(argv[3]);
  const bitnet::core::Status status = bitnet::test::WriteHfMaster(argv[1], argv[2], argv[3]);
  if (status.ok()) return 0;
  std::fprintf(stderr, "make_hf_master: %s\n", std::string(status.message()).c_str());
  return 1;
}
