#include "results.h"

static void call_unary(int f, size_t n) {
  for (int any = 0; any < 2; any++) {
    begin("%d-of-%zu-%s", f, n, any ? "any" : "special");
    const float *x = any ? extreme(n) : special(n), *dy = drawn(n);
    float *y = unwritten(n);
    CALL(rondo_unary, f, n, x, y);
    result(y, n, f == RONDO_UNARY_SQRT || f == RONDO_UNARY_RECIPROCAL ? BITS : WITHIN(3, 0.0f));
    for (int adds = 0; adds < 2; adds++) {
      float *dx = drawn(n);
      CALL(rondo_unary_gradient, f, n, f == RONDO_UNARY_LOG || f == RONDO_UNARY_LOG1P ? x : y, dy, dx, adds);
      result(dx, n, FUSED(2, 2.0f));
    }
  }
}

// Of `rank` axes: the extents, and the strides of a, of b and of a transposed copy.
struct shape {
  size_t rank;
  ptrdiff_t extents[4], a[4], b[4], across[4];
};

static const struct shape shapes[] = {
    {1, {65}, {1}, {1}, {1}},
    {1, {17}, {0}, {1}, {2}},
    {2, {7, 33}, {33, 1}, {0, 1}, {1, 7}},
    {2, {5, 19}, {1, 0}, {19, 1}, {1, 5}},
    {3, {3, 5, 8}, {40, 8, 1}, {8, 0, 1}, {1, 24, 3}},
    {4, {2, 3, 4, 5}, {0, 20, 5, 1}, {12, 4, 1, 0}, {1, 2, 6, 24}},
};

static void call_shape(size_t index) {
  const struct shape *s = shapes + index;
  size_t all = 1;
  for (size_t axis = 0; axis < s->rank; axis++) all *= (size_t)s->extents[axis];
  const size_t cuts[][2] = {{0, all}, {3, all - 5}, {all, 0}};
  for (size_t cut = 0; cut < COUNT(cuts); cut++)
    for (int adds = 0; adds < 2; adds++) {
      const size_t first = cuts[cut][0], n = cuts[cut][1];
      for (int operation = RONDO_BINARY_ADD; operation <= RONDO_BINARY_EQUAL; operation++) {
        begin("shape-%zu-cut-%zu-%d-%d", index, cut, adds, operation);
        const float *a = special(all), *b = special(all);
        float *y = drawn(all);
        CALL(rondo_broadcast, operation, adds, s->rank, s->extents, s->a, s->b, first, n, a, b, y);
        result(y, all, adds && operation == RONDO_BINARY_MULTIPLY ? FUSED(1, 100.0f) : BITS);
      }
      begin("shape-%zu-cut-%zu-%d", index, cut, adds);
      const float *x = special(all);
      float *y = drawn(2 * all);
      CALL(rondo_copy_strided, adds, s->rank, s->extents, s->a, s->across, first, n, x, y);
      result(y, 2 * all, BITS);
    }
}

void call_elementwise(void) {
  FOR_LENGTHS(n) {
    for (int f = RONDO_UNARY_EXP; f <= RONDO_UNARY_RECIPROCAL; f++) call_unary(f, n);
    for (int adds = 0; adds < 2; adds++) {
      begin("of-%zu-%d", n, adds);
      const float *x = special(n);
      float *y = drawn(n);
      CALL(rondo_affine, n, 1.3f, -0.4f, x, y, adds);
      result(y, n, FUSED(2, 2.0f));
    }
  }
  for (size_t s = 0; s < COUNT(shapes); s++) call_shape(s);
  const size_t sides[][2] = {{1, 1}, {4, 4}, {3, 9}, {33, 70}, {64, 5}, {0, 4}};
  for (size_t s = 0; s < COUNT(sides); s++)
    for (int adds = 0; adds < 2; adds++) {
      const size_t rows = sides[s][0], columns = sides[s][1], ldx = rows + 1, ldy = columns + 2;
      begin("%zu-by-%zu-%d", rows, columns, adds);
      const float *x = special(columns * ldx);
      float *y = drawn(rows * ldy);
      CALL(rondo_transpose, adds, rows, columns, x, ldx, y, ldy);
      result(y, rows * ldy, BITS);
    }
}
