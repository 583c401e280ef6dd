// Updates have the same bits wherever a range begins or ends, and wherever a product and a sum of one expression fuse.
#include "results.h"

#define UPDATED FUSED(4, LARGEST)

static const struct rondo_adam_step step = {0.01f, 0.9f, 0.99f, 1e-6f, 0.1f, 0.271f, 0.172336879f};

static void update(int kind, size_t n, const float *g, float *p, float *m, float *v) {
  switch (kind) {
    case 0: CALL(rondo_sgd, n, 0.1f, 0.0f, 0.01f, 0, g, p, NULL); break;
    case 1: CALL(rondo_sgd, n, 0.1f, 0.9f, 0.01f, 0, g, p, v); break;
    case 2: CALL(rondo_sgd, n, 0.1f, 0.9f, 0.01f, 1, g, p, v); break;
    case 3: CALL(rondo_rmsprop, n, 0.1f, 0.9f, 1e-6f, 0.0f, 0.01f, g, p, v, NULL); break;
    case 4: CALL(rondo_rmsprop, n, 0.1f, 0.9f, 1e-6f, 0.8f, 0.01f, g, p, v, m); break;
    case 5: CALL(rondo_adagrad, n, 0.1f, 1e-6f, 0.01f, g, p, v); break;
    case 6: CALL(rondo_adam, n, &step, g, p, m, v); break;
    case 7: CALL(rondo_adamw, n, &step, g, p, m, v); break;
    case 8: CALL(rondo_lamb, n, &step, g, p, m, v); break;
    case 9: CALL(rondo_lion, n, 0.1f, 0.9f, 0.99f, 0.01f, g, p, m); break;
    case 10: CALL(rondo_lars, n, 0.1f, 0.9f, 0.01f, g, p, m); break;
    case 11: CALL(rondo_clamp, n, 0.7f, g, p); break;
    default: CALL(rondo_approach, n, 0.03f, g, p); break;
  }
}

static float *squares(size_t n) {
  float *x = drawn(n);
  for (size_t i = 0; i < n; i++) x[i] *= x[i];
  return x;
}

static void call_update(int kind, size_t n) {
  begin("%d-of-%zu", kind, n);
  // No infinities: of two that meet, what remains may depend on fusing.
  const float *g = kind == 11 ? special(n) : drawn(n);
  float *p = drawn(n), *m = drawn(n), *v = squares(n);
  float *pieces[] = {copy_of(p, n), copy_of(m, n), copy_of(v, n)};
  update(kind, n, g, p, m, v);
  result(p, n, UPDATED);
  result(m, n, UPDATED);
  result(v, n, UPDATED);
  for (size_t first = 0, length = 1; first < n; first += length++) {
    const size_t here = length < n - first ? length : n - first;
    update(kind, here, g + first, pieces[0] + first, pieces[1] + first, pieces[2] + first);
  }
  same(p, pieces[0], n);
  same(m, pieces[1], n);
  same(v, pieces[2], n);
}

void call_optimizers(void) {
  FOR_LENGTHS(n) {
    for (int kind = 0; kind <= 12; kind++) call_update(kind, n);
    begin("sums-of-%zu", n);
    const float *wide = extreme(n), *g = drawn(n), *p = drawn(n), *m = drawn(n), *v = squares(n);
    const double sum = CALL(rondo_sum_of_squares, n, wide), small = CALL(rondo_sum_of_squares, n, g);
    double sums[2];
    result_doubles(&sum, 1, BITS);
    result_doubles(&small, 1, BITS);
    CALL(rondo_lamb_sums, n, &step, g, p, m, v, sums);
    result_doubles(sums, 1, BITS);
    result_doubles(sums + 1, 1, FUSED(8, LARGEST));
  }
}
