// Moments, affine maps and their gradients by column of a rows x columns matrix: batch and group normalisation.
//
// Columns are taken in blocks of 64 floats, so that a block's sums stay in registers. A narrow matrix is read as one of several rows
// side by side, and the sums of its repeated columns are added at the end.
#include "normalization.h"

#include <string.h>

#include "dispatch.h"

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

// A mask of a comparison, as wide as the floats it came from.
typedef int32_t mask __attribute__((vector_size(BLOCK)));

// Macros, since functions do not pass vectors this wide on every machine.
#define LOAD(from) (*(const lanes *)(from))
#define STORE(to, value) (*(lanes *)(to) = (value))
#define WHERE(chosen, value) ((lanes)((mask)(chosen) & (mask)(value)))
// Max with 0; NaN stays NaN.
#define RELU(x) WHERE(~((x) <= (lanes){0}), x)

// Columns that do not fill a vector go through copies that do.
RONDO_INLINE void affine_row(
    size_t width, int has_relu, const float *x, const float *scale, const float *shift, const float *residual, float *y) {
  size_t c = 0;
  for (; c + LANES <= width; c += LANES) {
    lanes value = LOAD(x + c) * LOAD(scale + c) + LOAD(shift + c);
    if (residual) value += LOAD(residual + c);
    STORE(y + c, has_relu ? RELU(value) : value);
  }
  if (c == width) return;
  const size_t left = (width - c) * sizeof(float);
  lanes a = {0}, b = {0}, d = {0}, r = {0};
  memcpy(&a, x + c, left), memcpy(&b, scale + c, left), memcpy(&d, shift + c, left);
  if (residual) memcpy(&r, residual + c, left);
  a = a * b + d;
  if (residual) a += r;
  if (has_relu) a = RELU(a);
  memcpy(y + c, &a, left);
}

RONDO_KERNEL void rondo_channel_affine(
    size_t rows, size_t columns, const float *x, const float *scale, const float *shift, const float *residual,
    int has_relu, float *y) {
  const size_t times = repeats(columns), side = times * columns;
  float wide_scale[BLOCK], wide_shift[BLOCK];
  if (times > 1) repeat(times, columns, scale, wide_scale), repeat(times, columns, shift, wide_shift);
  const float *s = times > 1 ? wide_scale : scale, *t = times > 1 ? wide_shift : shift;
  for (size_t left = rows * columns; left > 0;) {
    const size_t width = left < side ? left : side;  // the last rows may be fewer than fit side by side
    affine_row(width, has_relu, x, s, t, residual, y);
    x += width, y += width, left -= width;
    if (residual) residual += width;
  }
}

// MARK: Gradients

// dz = dy where the activation let its input through: with y where that is positive, otherwise where x scale + shift is.
#define GATED(has_relu, known, dy) ((has_relu) ? WHERE((known) > (lanes){0}, dy) : (dy))

RONDO_INLINE void sums_block(
    int has_relu, int has_output, size_t rows, size_t ld, const float *x, const float *dy, const float *y,
    const float *center, const float *scale, const float *shift, float *one, float *two) {
  lanes a[VECTORS], b[VECTORS];
  UNROLL for (int v = 0; v < VECTORS; v++) a[v] = LOAD(one + v * LANES), b[v] = LOAD(two + v * LANES);
  for (size_t r = 0; r < rows; r++, x += ld, dy += ld) {
    UNROLL for (int v = 0; v < VECTORS; v++) {
      const int at = v * LANES;
      const lanes input = LOAD(x + at);
      const lanes known = has_output ? LOAD(y + at) : input * LOAD(scale + at) + LOAD(shift + at);
      const lanes incoming = LOAD(dy + at), d = GATED(has_relu, known, incoming);
      a[v] += d;
      b[v] += d * (input - LOAD(center + at));
    }
    if (has_output) y += ld;
  }
  UNROLL for (int v = 0; v < VECTORS; v++) STORE(one + v * LANES, a[v]), STORE(two + v * LANES, b[v]);
}

// The same for a width that is no whole block.
RONDO_INLINE void sums_rest(
    int has_relu, size_t width, size_t rows, size_t ld, const float *x, const float *dy, const float *y,
    const float *center, const float *scale, const float *shift, float *one, float *two) {
  for (size_t r = 0; r < rows; r++)
    for (size_t c = 0; c < width; c++) {
      const size_t at = r * ld + c;
      const float known = y ? y[at] : x[at] * scale[c] + shift[c];
      const float d = has_relu && !(known > 0.0f) ? 0.0f : dy[at];
      one[c] += d;
      two[c] += d * (x[at] - center[c]);
    }
}

RONDO_KERNEL void rondo_channel_gradient_sums(
    size_t rows, size_t columns, const float *x, const float *dy, int has_relu, const float *y, const float *mean,
    const float *scale, const float *shift, float *sums, float *products) {
  const size_t times = repeats(columns), side = times * columns;
  for (size_t first = 0; first < side; first += BLOCK) {
    const size_t width = side - first < BLOCK ? side - first : BLOCK;
    const size_t own = width / times, done = first + rows / times * side;
    float center[BLOCK], s[BLOCK], t[BLOCK], one[BLOCK] = {0}, two[BLOCK] = {0};
    repeat(times, own, mean + first, center);
    repeat(times, own, scale + first, s);
    repeat(times, own, shift + first, t);
    const float *output = y ? y + first : y;
    if (width < BLOCK)
      sums_rest(has_relu, width, rows / times, side, x + first, dy + first, output, center, s, t, one, two);
    else if (!has_relu)
      sums_block(0, 0, rows / times, side, x + first, dy + first, output, center, s, t, one, two);
    else if (y)
      sums_block(1, 1, rows / times, side, x + first, dy + first, output, center, s, t, one, two);
    else
      sums_block(1, 0, rows / times, side, x + first, dy + first, output, center, s, t, one, two);
    sums_rest(
        has_relu, own, rows % times, columns, x + done, dy + done, y ? y + done : y, center, s, t, one, two);
    for (size_t c = 0; c < own; c++) {
      float a = one[c], b = two[c];
      for (size_t i = 1; i < times; i++) a += one[i * own + c], b += two[i * own + c];
      sums[first + c] = a;
      products[first + c] = b;
    }
  }
}

// By column: dx = scale dz + slope (x - mean) + offset
struct coefficients {
  const float *mean, *scale, *shift, *slope, *offset;
};

struct additions {
  int adds, adds_residual;
};

RONDO_INLINE void gradient_row(
    int has_relu, int has_output, size_t width, struct additions g, const float *x, const float *dy, const float *y,
    struct coefficients k, float *dx, float *residual) {
  size_t c = 0;
  for (; c + LANES <= width; c += LANES) {
    const lanes input = LOAD(x + c), scale = LOAD(k.scale + c);
    const lanes known = has_output ? LOAD(y + c) : input * scale + LOAD(k.shift + c);
    const lanes incoming = LOAD(dy + c), dz = GATED(has_relu, known, incoming);
    const lanes d = scale * dz + (LOAD(k.slope + c) * (input - LOAD(k.mean + c)) + LOAD(k.offset + c));
    if (residual) STORE(residual + c, g.adds_residual ? LOAD(residual + c) + dz : dz);
    STORE(dx + c, g.adds ? LOAD(dx + c) + d : d);
  }
  for (; c < width; c++) {
    const float known = has_output ? y[c] : x[c] * k.scale[c] + k.shift[c];
    const float dz = has_relu && !(known > 0.0f) ? 0.0f : dy[c];
    const float d = k.scale[c] * dz + (k.slope[c] * (x[c] - k.mean[c]) + k.offset[c]);
    if (residual) residual[c] = g.adds_residual ? residual[c] + dz : dz;
    dx[c] = g.adds ? dx[c] + d : d;
  }
}

RONDO_KERNEL void rondo_channel_gradient(
    size_t rows, size_t columns, const float *x, const float *dy, int has_relu, const float *y, const float *mean,
    const float *scale, const float *shift, const float *slope, const float *offset, float *dx, int adds,
    float *residual, int adds_residual) {
  const struct additions g = {adds, adds_residual};
  const size_t times = repeats(columns), side = times * columns;
  struct coefficients k = {mean, scale, shift, slope, offset};
  float wide[5][BLOCK];
  if (times > 1) {
    repeat(times, columns, mean, wide[0]);
    repeat(times, columns, scale, wide[1]);
    repeat(times, columns, shift, wide[2]);
    repeat(times, columns, slope, wide[3]);
    repeat(times, columns, offset, wide[4]);
    k = (struct coefficients){wide[0], wide[1], wide[2], wide[3], wide[4]};
  }
  for (size_t left = rows * columns; left > 0;) {
    const size_t width = left < side ? left : side;
    if (!has_relu) gradient_row(0, 0, width, g, x, dy, y, k, dx, residual);
    else if (y) gradient_row(1, 1, width, g, x, dy, y, k, dx, residual);
    else gradient_row(1, 0, width, g, x, dy, y, k, dx, residual);
    x += width, dy += width, dx += width, left -= width;
    if (y) y += width;
    if (residual) residual += width;
  }
}
