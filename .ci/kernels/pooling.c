#include "results.h"

static const struct rondo_pooling poolings[] = {
    {2, 6, 6, 6, 3, 3, 2, 2, 2, 2, 0, 0},      // as LeNet has it
    {1, 9, 7, 16, 5, 4, 3, 3, 2, 2, 1, 1},     // windows that overlap, padding
    {3, 1, 12, 70, 1, 5, 1, 4, 1, 2, 0, 0},    // one dimension, more channels than a block
    {2, 5, 5, 3, 1, 1, 5, 5, 1, 1, 0, 0},      // the whole image
};

static void call_pool(size_t index) {
  const struct rondo_pooling *p = poolings + index;
  const size_t in = p->samples * p->height * p->width * p->channels;
  const size_t rows = p->samples * p->out_height, out = rows * p->out_width * p->channels;
  for (int has_special = 0; has_special < 2; has_special++)
    for (int adds = 0; adds < 2; adds++) {
      begin("pool-%zu-%d-%d", index, has_special, adds);
      const float *x = has_special ? special(in) : drawn(in), *dy = drawn(out);
      float *y = unwritten(out), *dx = drawn(in);
      CALL(rondo_max_pool, p, 0, 1, x, y);
      CALL(rondo_max_pool, p, 1, rows - 1, x, y);
      result(y, out, BITS);
      CALL(rondo_max_pool_gradient, p, 0, p->samples, x, y, dy, dx, adds);
      result(dx, in, BITS);
      CALL(rondo_average_pool, p, 0, rows, x, y);
      result(y, out, BITS);
      CALL(rondo_average_pool_gradient, p, p->samples - 1, 1, dy, dx, adds);
      result(dx, in, FUSED(4, LARGEST));
    }
}

void call_pooling(void) {
  for (size_t p = 0; p < COUNT(poolings); p++) call_pool(p);
}
