#include "results.h"

static void call_width(size_t width) {
  const size_t count = 11, rows = 5, period = 4, samples = 3, times = 6;
  begin("width-%zu", width);
  const int32_t *indices = drawn_integers(count, -1, (int32_t)rows + 1);
  const float *table = drawn(rows * width), *positions = drawn(period * width), *dy = drawn(count * width);
  float *y = unwritten(count * width), *slopes = drawn(rows * width);
  CALL(rondo_embedding, count, width, indices, table, rows, positions, 3, period, y);
  result(y, count * width, BITS);
  CALL(rondo_embedding, count, width, indices, table, rows, NULL, 0, 1, y);
  result(y, count * width, BITS);
  CALL(rondo_embedding_gradient, count, width - width / 3, width, indices, dy, slopes, rows);
  result(slopes, rows * width, BITS);

  const int32_t *drawn_lengths = drawn_integers(samples, -1, (int32_t)times + 2);
  const float *x = drawn(samples * times * width), *means = drawn(samples * width);
  for (int has_lengths = 0; has_lengths < 2; has_lengths++) {
    const int32_t *of = has_lengths ? drawn_lengths : NULL;
    float *mean = unwritten(samples * width);
    CALL(rondo_mean_over_time, samples, times, width, x, of, mean);
    result(mean, samples * width, BITS);
    for (int adds = 0; adds < 2; adds++) {
      float *dx = drawn(samples * times * width), *dp = drawn(times * width);
      CALL(rondo_mean_over_time_gradient, samples, times, width, means, of, dx, adds);
      result(dx, samples * times * width, WITHIN(1, 2.0f));
      CALL(rondo_position_gradient, 1, times, times, samples, width, x, dp, adds);
      result(dp, times * width, BITS);
    }
  }
}

void call_embedding(void) {
  const size_t widths[] = {1, 7, 16, 65};
  for (size_t w = 0; w < COUNT(widths); w++) call_width(widths[w]);
}
