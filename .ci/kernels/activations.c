#include <math.h>

#include "results.h"

// gelu and the slopes are differences of numbers up to 1. Which of their products fuse is the compiler's choice.
#define CLOSE WITHIN(4, 1.0f)

void call_activations(void) {
  for (int f = RONDO_IDENTITY; f <= RONDO_SILU; f++) {
    FOR_LENGTHS(n) {
      begin("%d-of-%zu", f, n);
      const float *x = special(n), *dy = drawn(n);
      float *y = unwritten(n), *dx = unwritten(n), *in_place = copy_of(x, n);
      CALL(rondo_activate, f, n, x, y);
      result(y, n, CLOSE);
      rondo_activate(f, n, in_place, in_place);
      same(y, in_place, n);
      CALL(rondo_activate_gradient, f, n, f == RONDO_GELU || f == RONDO_SILU ? x : y, dy, dx);
      result(dx, n, CLOSE);
    }
    for (int has = 0; has < 8; has++) {
      begin("%d-with-%d", f, has);
      const size_t rows = 3, columns = 37, ldy = 41, ldr = 39, ldk = 38;
      float *y = special(rows * ldy), *known = unwritten(rows * ldk);
      const float *bias = drawn(columns), *residual = drawn(rows * ldr);
      CALL(
          rondo_bias_activate, f, rows, columns, has & 4 ? bias : NULL, has & 2 ? residual : NULL, ldr, y, ldy,
          has & 1 ? known : NULL, ldk);
      result(y, rows * ldy, CLOSE);
      result(known, rows * ldk, CLOSE);
    }
    const size_t widths[] = {1, 37, 1030};
    for (size_t w = 0; w < COUNT(widths); w++)
      for (int adds = 0; adds < 3; adds++) {
        const size_t rows = 5, columns = widths[w], ld = columns + 3;
        begin("%d-sums-of-%zu-%d", f, columns, adds);
        const float *known = drawn(rows * ld), *dy = drawn(rows * ld);
        float *dz = unwritten(rows * ld), *sums = drawn(columns);
        CALL(rondo_activate_gradient_sums, f, rows, columns, known, dy, dz, ld, adds < 2 ? sums : NULL, adds);
        result(dz, rows * ld, CLOSE);
        result(sums, columns, WITHIN(4, 4.0f));
      }
  }
}
