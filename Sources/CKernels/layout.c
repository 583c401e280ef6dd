#include <string.h>

#include "elementwise.h"
#include "odometer.h"

RONDO_INLINE void put(int accumulate, float *y, float x) { *y = accumulate ? *y + x : x; }

RONDO_KERNEL void rondo_copy_strided(
    int accumulate, size_t rank, const ptrdiff_t *extents, const ptrdiff_t *x_strides, const ptrdiff_t *y_strides,
    size_t first, size_t n, const float *x, float *y) {
  struct odometer place = odometer_at(first, rank, extents, x_strides, y_strides);
  const ptrdiff_t x_step = x_strides[rank - 1], y_step = y_strides[rank - 1];
  while (n > 0) {
    const size_t run = odometer_run(&place, n);
    const float *restrict from = x + place.a;
    float *restrict to = y + place.b;
    if (x_step == 0 && y_step == 1)
      for (size_t i = 0; i < run; i++) put(accumulate, to + i, *from);
    else if (x_step != 1 || y_step != 1)
      for (size_t i = 0; i < run; i++) put(accumulate, to + (ptrdiff_t)i * y_step, from[(ptrdiff_t)i * x_step]);
    else if (accumulate)
      for (size_t i = 0; i < run; i++) to[i] += from[i];
    else
      memcpy(to, from, run * sizeof(float));
    odometer_advance(&place, run);
    n -= run;
  }
}

typedef float quad __attribute__((vector_size(16)));

RONDO_INLINE quad load(const float *x) {
  quad value;
  memcpy(&value, x, sizeof value);
  return value;
}

RONDO_INLINE void store(int accumulate, float *y, quad value) {
  if (accumulate) value += load(y);
  memcpy(y, &value, sizeof value);
}

// A block of 4 x 4: two rounds of interleaving.
RONDO_INLINE void transpose_quads(int accumulate, const float *x, size_t ldx, float *y, size_t ldy) {
  const quad r0 = load(x), r1 = load(x + ldx), r2 = load(x + 2 * ldx), r3 = load(x + 3 * ldx);
  const quad low01 = __builtin_shufflevector(r0, r1, 0, 4, 1, 5), high01 = __builtin_shufflevector(r0, r1, 2, 6, 3, 7);
  const quad low23 = __builtin_shufflevector(r2, r3, 0, 4, 1, 5), high23 = __builtin_shufflevector(r2, r3, 2, 6, 3, 7);
  store(accumulate, y, __builtin_shufflevector(low01, low23, 0, 1, 4, 5));
  store(accumulate, y + ldy, __builtin_shufflevector(low01, low23, 2, 3, 6, 7));
  store(accumulate, y + 2 * ldy, __builtin_shufflevector(high01, high23, 0, 1, 4, 5));
  store(accumulate, y + 3 * ldy, __builtin_shufflevector(high01, high23, 2, 3, 6, 7));
}

// Blocks whose lines of both buffers stay in the first-level cache.
#define BLOCK 32

RONDO_INLINE void transpose_body(
    int accumulate, size_t rows, size_t columns, const float *x, size_t ldx, float *y, size_t ldy) {
  for (size_t top = 0; top < rows; top += BLOCK) {
    const size_t bottom = top + BLOCK < rows ? top + BLOCK : rows;
    for (size_t left = 0; left < columns; left += BLOCK) {
      const size_t right = left + BLOCK < columns ? left + BLOCK : columns;
      size_t i = top;
      for (; i + 4 <= bottom; i += 4) {
        size_t j = left;
        for (; j + 4 <= right; j += 4) transpose_quads(accumulate, x + j * ldx + i, ldx, y + i * ldy + j, ldy);
        for (; j < right; j++)
          for (size_t k = i; k < i + 4; k++) put(accumulate, y + k * ldy + j, x[j * ldx + k]);
      }
      for (; i < bottom; i++)
        for (size_t j = left; j < right; j++) put(accumulate, y + i * ldy + j, x[j * ldx + i]);
    }
  }
}

RONDO_KERNEL void rondo_transpose(
    int accumulate, size_t rows, size_t columns, const float *x, size_t ldx, float *y, size_t ldy) {
  if (accumulate)
    transpose_body(1, rows, columns, x, ldx, y, ldy);
  else
    transpose_body(0, rows, columns, x, ldx, y, ldy);
}
