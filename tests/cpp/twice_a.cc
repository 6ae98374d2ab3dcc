// One of two files with all public headers: no definition may occur twice in the program.
#include <bitnet/bitnet.hpp>
#include <bitnet/tiny.hpp>

bitnet::Result<bitnet::Engine> MakeEngineInA() { return bitnet::Engine::create(); }
