#include <iostream>

#include "support/catch.h"

namespace bitnet_test {
namespace {

bool any_skipped = false;

}  // namespace

void NoteSkipped(const std::string& missing) {
  any_skipped = true;
  std::cout << "skipped: " << missing << "\n";
}

bool AnySkipped() { return any_skipped; }

}  // namespace bitnet_test
