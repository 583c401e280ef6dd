#include "CKernels.h"
#include "elementary.h"

// Round to nearest even. Adding 0x7fff, or 0x8000 where the last bit that stays is odd, carries into the upper half exactly when the
// lower half is above one half, or is one half and the upper half odd. The carry runs on into the exponent, which is right: up to the
// next binade, from the largest subnormal to the smallest normal, and from the largest finite value to infinity. A NaN could be
// carried into a zero, so all of them become the one quiet NaN.
RONDO_INLINE uint16_t rondo_bfloat16(float x) {
  uint32_t bits;
  memcpy(&bits, &x, sizeof bits);
  const uint32_t rounded = (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
  return (uint16_t)((bits & 0x7fffffff) > 0x7f800000 ? 0x7fc0 : rounded);
}

RONDO_INLINE float rondo_float(uint16_t x) { return rondo_float_from_bits((uint32_t)x << 16); }

RONDO_KERNEL void rondo_bfloat16_from_float(size_t n, const float *restrict x, uint16_t *restrict y) {
  for (size_t i = 0; i < n; i++) y[i] = rondo_bfloat16(x[i]);
}

RONDO_KERNEL void rondo_bfloat16_to_float(size_t n, const uint16_t *restrict x, float *restrict y) {
  for (size_t i = 0; i < n; i++) y[i] = rondo_float(x[i]);
}

RONDO_KERNEL void rondo_bfloat16_round(size_t n, float *x) {
  for (size_t i = 0; i < n; i++) x[i] = rondo_float(rondo_bfloat16(x[i]));
}

RONDO_KERNEL void rondo_bfloat16_round_and_pack(size_t n, float *restrict x, uint16_t *restrict packed) {
  for (size_t i = 0; i < n; i++) {
    packed[i] = rondo_bfloat16(x[i]);
    x[i] = rondo_float(packed[i]);
  }
}

RONDO_KERNEL void rondo_bfloat16_add(size_t n, float *restrict a, const uint16_t *restrict b) {
  for (size_t i = 0; i < n; i++) a[i] += rondo_float(b[i]);
}

// Packed element j lies in bytes 2n + 2j and 2n + 2j + 1 of the block, float i in bytes 4i to 4i + 3. So the write of float i covers
// packed elements up to j = 2i + 1 - n, which is at most i because i is at most n - 1: elements that were read before, or i itself.
// The same holds for a run of floats up to i, once all packed elements up to i have been read: that is what makes runs of a fixed
// width possible, whose loads and stores the compiler turns into vectors.
#define WIDTH 128

RONDO_KERNEL void rondo_bfloat16_expand_in_place(size_t n, float *x) {
  const char *packed = (const char *)x + 2 * n;
  uint16_t run[WIDTH];
  size_t start = 0;
  for (; start + WIDTH <= n; start += WIDTH) {
    memcpy(run, packed + 2 * start, sizeof run);
    for (size_t i = 0; i < WIDTH; i++) x[start + i] = rondo_float(run[i]);
  }
  memcpy(run, packed + 2 * start, 2 * (n - start));
  for (size_t i = 0; i < n - start; i++) x[start + i] = rondo_float(run[i]);
}
