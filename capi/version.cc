#include <bitnet/version.h>

extern "C" {

const char* bitnet_version(void) noexcept { return BITNET_VERSION_STRING; }

uint32_t bitnet_version_number(void) noexcept { return BITNET_VERSION_NUMBER; }

const char* bitnet_numerics_version(void) noexcept { return "bitnet-numerics/1"; }

}  // extern "C"
