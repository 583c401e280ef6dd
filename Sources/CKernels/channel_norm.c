// Moments, affine maps and their gradients by column of a rows x columns matrix: batch and group normalisation.
//
// Columns are taken in blocks of 64 floats, so that a block's sums stay in registers. A narrow matrix is read as one of several rows
// side by side, and the sums of its repeated columns are added at the end.
#include "dispatch.h"
#include "normalization.h"

#define BLOCK 64

typedef float lanes __attribute__((vector_size(BLOCK), aligned(4), may_alias));
#define LANES (BLOCK / 4)
#define VECTORS (BLOCK / LANES)
#define UNROLL _Pragma("clang loop unroll(full)")

// How often the columns fit side by side into a block.
RONDO_INLINE size_t repeats(size_t columns) { return columns < BLOCK ? BLOCK / columns : 1; }

RONDO_INLINE void repeat(size_t times, size_t columns, const float *from, float *to) {
  for (size_t i = 0; i < times; i++)
    for (size_t c = 0; c < columns; c++) to[i * columns + c] = from[c];
}

// MARK: Moments

// one[c] += sum of d, two[c] += sum of d^2 with d = x - center
RONDO_INLINE void moments_block(
    size_t width, size_t rows, size_t ld, const float *x, const float *center, float *one, float *two) {
  if (width == BLOCK) {
    lanes a[VECTORS], b[VECTORS], m[VECTORS];
    UNROLL for (int v = 0; v < VECTORS; v++) {
      a[v] = *(lanes *)(one + v * LANES);
      b[v] = *(lanes *)(two + v * LANES);
      m[v] = *(const lanes *)(center + v * LANES);
    }
    for (size_t r = 0; r < rows; r++, x += ld) {
      UNROLL for (int v = 0; v < VECTORS; v++) {
        const lanes d = *(const lanes *)(x + v * LANES) - m[v];
        a[v] += d;
        b[v] += d * d;
      }
    }
    UNROLL for (int v = 0; v < VECTORS; v++) {
      *(lanes *)(one + v * LANES) = a[v];
      *(lanes *)(two + v * LANES) = b[v];
    }
    return;
  }
  for (size_t r = 0; r < rows; r++, x += ld)
    for (size_t c = 0; c < width; c++) {
      const float d = x[c] - center[c];
      one[c] += d;
      two[c] += d * d;
    }
}

RONDO_KERNEL void rondo_channel_moments(
    size_t rows, size_t columns, const float *x, float *mean, float *squares) {
  const size_t times = repeats(columns), side = times * columns;
  const float inverse = 1.0f / (float)rows;
  for (size_t first = 0; first < side; first += BLOCK) {
    const size_t width = side - first < BLOCK ? side - first : BLOCK;
    const size_t own = width / times;  // columns of the matrix in this block
    float center[BLOCK], one[BLOCK] = {0}, two[BLOCK] = {0};
    repeat(times, own, x + first, center);  // the first row: near enough to the mean that squares do not cancel
    moments_block(width, rows / times, side, x + first, center, one, two);
    moments_block(own, rows % times, columns, x + first + rows / times * side, center, one, two);
    for (size_t c = 0; c < own; c++) {
      float a = one[c], b = two[c];
      for (size_t i = 1; i < times; i++) a += one[i * own + c], b += two[i * own + c];
      mean[first + c] = center[c] + a * inverse;
      squares[first + c] = b - a * a * inverse;
    }
  }
}

// MARK: Affine map

RONDO_INLINE float relu(float x) { return x > 0.0f ? x : (x == x ? 0.0f : x); }

RONDO_INLINE void affine_block(
    int has_residual, int has_relu, size_t width, size_t rows, const float *x, const float *scale, const float *shift,
    const float *residual, float *y) {
  for (size_t r = 0; r < rows; r++, x += width, y += width, residual += has_residual ? width : 0)
    for (size_t c = 0; c < width; c++) {
      float value = x[c] * scale[c] + shift[c];
      if (has_residual) value += residual[c];
      y[c] = has_relu ? relu(value) : value;
    }
}

RONDO_INLINE void affine(
    int has_residual, int has_relu, size_t rows, size_t columns, const float *x, const float *scale, const float *shift,
    const float *residual, float *y) {
  const size_t times = repeats(columns), side = times * columns;
  if (times == 1) {
    affine_block(has_residual, has_relu, columns, rows, x, scale, shift, residual, y);
    return;
  }
  float wide_scale[BLOCK], wide_shift[BLOCK];
  repeat(times, columns, scale, wide_scale);
  repeat(times, columns, shift, wide_shift);
  const size_t done = rows / times * side;
  if (side == BLOCK)
    affine_block(has_residual, has_relu, BLOCK, rows / times, x, wide_scale, wide_shift, residual, y);
  else
    affine_block(has_residual, has_relu, side, rows / times, x, wide_scale, wide_shift, residual, y);
  affine_block(
      has_residual, has_relu, columns, rows % times, x + done, scale, shift, has_residual ? residual + done : residual,
      y + done);
}

RONDO_KERNEL void rondo_channel_affine(
    size_t rows, size_t columns, const float *x, const float *scale, const float *shift, const float *residual,
    int has_relu, float *y) {
  if (residual && has_relu) affine(1, 1, rows, columns, x, scale, shift, residual, y);
  else if (residual) affine(1, 0, rows, columns, x, scale, shift, residual, y);
  else if (has_relu) affine(0, 1, rows, columns, x, scale, shift, residual, y);
  else affine(0, 0, rows, columns, x, scale, shift, residual, y);
}

// MARK: Gradients

// dz = dy where the activation let its input through. SIGN computes that input again, OUTPUT looks at what came out.
enum gate { OPEN, SIGN, OUTPUT };

RONDO_INLINE float gated(int gate, float dy, float x, float scale, float shift, float y) {
  switch (gate) {
    case SIGN: return x * scale + shift > 0.0f ? dy : 0.0f;
    case OUTPUT: return y > 0.0f ? dy : 0.0f;
    default: return dy;
  }
}

struct gradient_sums {
  const float *center, *scale, *shift;
  float *one, *two;
};

RONDO_INLINE void sums_block(
    int gate, size_t width, size_t rows, size_t ld, const float *x, const float *dy, const float *y,
    struct gradient_sums s) {
  float one[BLOCK], two[BLOCK];
  for (size_t c = 0; c < width; c++) one[c] = s.one[c], two[c] = s.two[c];
  if (width == BLOCK) {
    lanes a[VECTORS], b[VECTORS];
    UNROLL for (int v = 0; v < VECTORS; v++) a[v] = *(lanes *)(one + v * LANES), b[v] = *(lanes *)(two + v * LANES);
    for (size_t r = 0; r < rows; r++, x += ld, dy += ld, y += gate == OUTPUT ? ld : 0) {
      UNROLL for (int v = 0; v < VECTORS; v++) {
        const int at = v * LANES;
        const lanes input = *(const lanes *)(x + at);
        lanes d = *(const lanes *)(dy + at);
        if (gate == SIGN)
          d = (lanes)((__typeof__(d > d))d
                      & (input * *(const lanes *)(s.scale + at) + *(const lanes *)(s.shift + at) > (lanes){0}));
        if (gate == OUTPUT) d = (lanes)((__typeof__(d > d))d & (*(const lanes *)(y + at) > (lanes){0}));
        a[v] += d;
        b[v] += d * (input - *(const lanes *)(s.center + at));
      }
    }
    UNROLL for (int v = 0; v < VECTORS; v++) *(lanes *)(one + v * LANES) = a[v], *(lanes *)(two + v * LANES) = b[v];
  } else {
    for (size_t r = 0; r < rows; r++, x += ld, dy += ld, y += gate == OUTPUT ? ld : 0)
      for (size_t c = 0; c < width; c++) {
        const float d = gated(gate, dy[c], x[c], s.scale[c], s.shift[c], gate == OUTPUT ? y[c] : 0.0f);
        one[c] += d;
        two[c] += d * (x[c] - s.center[c]);
      }
  }
  for (size_t c = 0; c < width; c++) s.one[c] = one[c], s.two[c] = two[c];
}

RONDO_INLINE void gradient_sums(
    int gate, size_t rows, size_t columns, const float *x, const float *dy, const float *y, const float *mean,
    const float *scale, const float *shift, float *sums, float *products) {
  const size_t times = repeats(columns), side = times * columns;
  for (size_t first = 0; first < side; first += BLOCK) {
    const size_t width = side - first < BLOCK ? side - first : BLOCK;
    const size_t own = width / times, done = first + rows / times * side;
    float center[BLOCK], wide_scale[BLOCK], wide_shift[BLOCK], one[BLOCK] = {0}, two[BLOCK] = {0};
    repeat(times, own, mean + first, center);
    repeat(times, own, scale + first, wide_scale);
    repeat(times, own, shift + first, wide_shift);
    const struct gradient_sums s = {center, wide_scale, wide_shift, one, two};
    sums_block(gate, width, rows / times, side, x + first, dy + first, gate == OUTPUT ? y + first : y, s);
    sums_block(gate, own, rows % times, columns, x + done, dy + done, gate == OUTPUT ? y + done : y, s);
    for (size_t c = 0; c < own; c++) {
      float a = one[c], b = two[c];
      for (size_t i = 1; i < times; i++) a += one[i * own + c], b += two[i * own + c];
      sums[first + c] = a;
      products[first + c] = b;
    }
  }
}

RONDO_KERNEL void rondo_channel_gradient_sums(
    size_t rows, size_t columns, const float *x, const float *dy, int has_relu, const float *y, const float *mean,
    const float *scale, const float *shift, float *sums, float *products) {
  if (!has_relu) gradient_sums(OPEN, rows, columns, x, dy, y, mean, scale, shift, sums, products);
  else if (y) gradient_sums(OUTPUT, rows, columns, x, dy, y, mean, scale, shift, sums, products);
  else gradient_sums(SIGN, rows, columns, x, dy, y, mean, scale, shift, sums, products);
}

// By column: dx = scale dz + slope (x - mean) + offset
struct coefficients {
  const float *mean, *scale, *shift, *slope, *offset;
};

RONDO_INLINE void gradient_block(
    int gate, int adds, int has_residual, size_t width, size_t rows, const float *x, const float *dy, const float *y,
    struct coefficients k, float *dx, float *residual) {
  for (size_t r = 0; r < rows; r++, x += width, dy += width, dx += width) {
    for (size_t c = 0; c < width; c++) {
      const float dz = gated(gate, dy[c], x[c], k.scale[c], k.shift[c], gate == OUTPUT ? y[c] : 0.0f);
      const float d = k.scale[c] * dz + (k.slope[c] * (x[c] - k.mean[c]) + k.offset[c]);
      if (has_residual == 1) residual[c] = dz;
      if (has_residual == 2) residual[c] += dz;
      dx[c] = adds ? dx[c] + d : d;
    }
    if (gate == OUTPUT) y += width;
    if (has_residual) residual += width;
  }
}

RONDO_INLINE void gradient(
    int gate, int adds, int has_residual, size_t rows, size_t columns, const float *x, const float *dy, const float *y,
    struct coefficients k, float *dx, float *residual) {
  const size_t times = repeats(columns), side = times * columns, done = rows / times * side;
  if (times == 1) {
    gradient_block(gate, adds, has_residual, columns, rows, x, dy, y, k, dx, residual);
    return;
  }
  float wide[5][BLOCK];
  repeat(times, columns, k.mean, wide[0]);
  repeat(times, columns, k.scale, wide[1]);
  repeat(times, columns, k.shift, wide[2]);
  repeat(times, columns, k.slope, wide[3]);
  repeat(times, columns, k.offset, wide[4]);
  const struct coefficients w = {wide[0], wide[1], wide[2], wide[3], wide[4]};
  if (side == BLOCK)
    gradient_block(gate, adds, has_residual, BLOCK, rows / times, x, dy, y, w, dx, residual);
  else
    gradient_block(gate, adds, has_residual, side, rows / times, x, dy, y, w, dx, residual);
  gradient_block(
      gate, adds, has_residual, columns, rows % times, x + done, dy + done, gate == OUTPUT ? y + done : y, k, dx + done,
      has_residual ? residual + done : residual);
}

#define FOR_EACH_SUM(gate)                                                                                        \
  switch ((adds ? 3 : 0) + (residual ? 1 + (adds_residual ? 1 : 0) : 0)) {                                        \
    case 0: gradient(gate, 0, 0, rows, columns, x, dy, y, k, dx, residual); break;                                \
    case 1: gradient(gate, 0, 1, rows, columns, x, dy, y, k, dx, residual); break;                                \
    case 2: gradient(gate, 0, 2, rows, columns, x, dy, y, k, dx, residual); break;                                \
    case 3: gradient(gate, 1, 0, rows, columns, x, dy, y, k, dx, residual); break;                                \
    case 4: gradient(gate, 1, 1, rows, columns, x, dy, y, k, dx, residual); break;                                \
    default: gradient(gate, 1, 2, rows, columns, x, dy, y, k, dx, residual); break;                               \
  }

RONDO_KERNEL void rondo_channel_gradient(
    size_t rows, size_t columns, const float *x, const float *dy, int has_relu, const float *y, const float *mean,
    const float *scale, const float *shift, const float *slope, const float *offset, float *dx, int adds,
    float *residual, int adds_residual) {
  const struct coefficients k = {mean, scale, shift, slope, offset};
  if (!has_relu) FOR_EACH_SUM(OPEN)
  else if (y) FOR_EACH_SUM(OUTPUT)
  else FOR_EACH_SUM(SIGN)
}
