// Unroll<n>(f) in the namespace of one table: no include guard, included once for each.

// Calls f(0), ..., f(n - 1) with constants, written out: an array of vectors that only constants index stays in
// registers, where one that an unrolled loop indexes does not (g++ 12). `f` is a lambda marked BITNET_INLINE_LAMBDA.
template <class F, size_t... i>
HWY_INLINE void UnrollOver(const F& f, std::index_sequence<i...>) {
  (f(std::integral_constant<size_t, i>()), ...);
}
template <size_t n, class F>
HWY_INLINE void Unroll(const F& f) {
  UnrollOver(f, std::make_index_sequence<n>());
}
