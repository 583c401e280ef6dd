#include "results.h"

// Sums over a row or a column run over vector lanes as the compiler cuts them.
#define SUMMED WITHIN(16, LARGEST)
// Which products fuse is its choice too.
#define CLOSE WITHIN(2, 4.0f)

static void call_rows(size_t rows, size_t columns) {
  const size_t n = rows * columns;
  begin("%zu-rows-of-%zu", rows, columns);
  const float *x = drawn(n), *gain = drawn(columns), *bias = drawn(columns), *dy = drawn(n);
  const float *center = drawn(rows), *factor = drawn(rows);  // rather than what is computed here, which differs
  float *y = unwritten(n), *mean = unwritten(rows), *inverse = unwritten(rows);
  CALL(rondo_layer_norm, rows, columns, 1e-5f, x, gain, NULL, y, mean, inverse);
  result(y, n, SUMMED);
  CALL(rondo_layer_norm, rows, columns, 1e-5f, x, gain, bias, y, mean, inverse);
  result(y, n, SUMMED);
  result(mean, rows, SUMMED);
  result(inverse, rows, SUMMED);
  CALL(rondo_rms_norm, rows, columns, 1e-5f, x, gain, y, inverse);
  result(y, n, SUMMED);
  result(inverse, rows, SUMMED);
  for (int adds = 0; adds < 2; adds++) {
    float *dx = drawn(n), *gains = unwritten(columns), *biases = unwritten(columns), *target = drawn(columns);
    CALL(rondo_layer_norm_gradient, rows, columns, x, gain, center, factor, dy, dx, adds, gains, biases);
    result(dx, n, SUMMED);
    result(gains, columns, SUMMED);
    result(biases, columns, SUMMED);
    CALL(rondo_layer_norm_gradient, rows, columns, x, gain, center, factor, dy, NULL, adds, gains, NULL);
    result(gains, columns, SUMMED);
    CALL(rondo_rms_norm_gradient, rows, columns, x, gain, factor, dy, dx, adds, gains);
    result(dx, n, SUMMED);
    result(gains, columns, SUMMED);
    CALL(rondo_add_partial_sums, rows, columns - columns / 3, x, columns, target, adds);
    result(target, columns, BITS);
  }
}

static void call_channels(size_t rows, size_t columns) {
  const size_t n = rows * columns;
  begin("%zu-by-%zu", rows, columns);
  const float *x = drawn(n), *dy = drawn(n), *scale = drawn(columns), *shift = drawn(columns), *residual = drawn(n);
  const float *slope = drawn(columns), *offset = drawn(columns), *center = drawn(columns), *known = drawn(n);
  float *mean = unwritten(columns), *squares = unwritten(columns), *y = unwritten(n);
  CALL(rondo_channel_moments, rows, columns, x, mean, squares);
  result(mean, columns, SUMMED);
  result(squares, columns, SUMMED);
  for (int way = 0; way < 8; way++) {
    const int has_relu = way & 1;
    CALL(rondo_channel_affine, rows, columns, x, scale, shift, way & 2 ? residual : NULL, has_relu, y);
    result(y, n, CLOSE);
    const float *output = way & 2 ? known : NULL;
    float *sums = unwritten(columns), *products = unwritten(columns), *dx = drawn(n), *dr = drawn(n);
    CALL(rondo_channel_gradient_sums, rows, columns, x, dy, has_relu, output, center, scale, shift, sums, products);
    result(sums, columns, SUMMED);
    result(products, columns, SUMMED);
    CALL(
        rondo_channel_gradient, rows, columns, x, dy, has_relu, output, center, scale, shift, slope, offset, dx, way & 4,
        way & 2 ? dr : NULL, way & 4);
    result(dx, n, CLOSE);
    result(dr, n, BITS);
  }
}

void call_normalization(void) {
  const size_t widths[] = {1, 3, 7, 20, 63, 64, 65, 130};
  const size_t heights[] = {1, 6, 70};
  for (size_t w = 0; w < COUNT(widths); w++)
    for (size_t h = 0; h < COUNT(heights); h++) {
      call_rows(heights[h], widths[w]);
      call_channels(heights[h], widths[w]);
    }
  begin("special");
  const size_t rows = 4, columns = 20;
  const float *x = special(rows * columns), *scale = drawn(columns), *shift = drawn(columns);
  float *y = unwritten(rows * columns);
  for (int has_relu = 0; has_relu < 2; has_relu++) {
    CALL(rondo_channel_affine, rows, columns, x, scale, shift, NULL, has_relu, y);
    result(y, rows * columns, CLOSE);
  }
}
