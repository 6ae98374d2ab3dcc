// The other of two files with all public headers, in the other order.
#include <bitnet/tiny.hpp>

#include <bitnet/bitnet.hpp>

bitnet::Result<bitnet::Model> LoadInB(const bitnet::Engine& engine) {
  return bitnet::Model::load(engine, bitnet::tiny_model());
}
