/* Visibility and language glue of the public headers. */
#ifndef BITNET_EXPORT_H_
#define BITNET_EXPORT_H_

#if defined(__GNUC__)
#define BITNET_API __attribute__((visibility("default")))
#else
#define BITNET_API
#endif

#if defined(__cplusplus) && __cplusplus >= 201103L
#define BITNET_NOEXCEPT noexcept
#else
#define BITNET_NOEXCEPT
#endif

#endif /* BITNET_EXPORT_H_ */
