#include "results.h"

#define CLOSE WITHIN(8, 2.0f)

// Kept and reduced axes of x.
struct reduction {
  int inner_is_reduced;
  size_t kept_rank, reduced_rank;
  ptrdiff_t kept_extents[2], kept_strides[2], reduced_extents[2], reduced_strides[2];
};

static const struct reduction reductions[] = {
    {1, 1, 1, {7}, {100}, {100}, {1}},
    {1, 2, 1, {3, 4}, {4 * 11, 11}, {11}, {1}},
    {1, 1, 2, {5}, {37}, {4, 37}, {5 * 37, 1}},
    {0, 1, 1, {1030}, {1}, {5}, {1030}},
    {0, 1, 2, {9}, {1}, {4, 6}, {54, 9}},
};

static void call_reduce(size_t index) {
  const struct reduction *r = reductions + index;
  size_t kept = 1, reduced = 1;
  for (size_t axis = 0; axis < r->kept_rank; axis++) kept *= (size_t)r->kept_extents[axis];
  for (size_t axis = 0; axis < r->reduced_rank; axis++) reduced *= (size_t)r->reduced_extents[axis];
  const size_t cuts[][4] = {{0, kept, 0, reduced}, {1, kept - 2, 2, reduced - 3}, {0, kept, 0, 0}};
  for (size_t cut = 0; cut < COUNT(cuts); cut++)
    for (int way = 0; way < 8; way++) {
      const int reduction = way & 1 ? RONDO_REDUCE_MAX : RONDO_REDUCE_SUM, adds = way >> 1 & 1;
      begin("reduction-%zu-cut-%zu-%d", index, cut, way);
      const float *x = way & 4 ? special(kept * reduced) : drawn(kept * reduced);
      float *y = drawn(kept);
      CALL(
          rondo_reduce, reduction, r->inner_is_reduced, r->kept_rank, r->kept_extents, r->kept_strides, r->reduced_rank,
          r->reduced_extents, r->reduced_strides, cuts[cut][0], cuts[cut][1], cuts[cut][2], cuts[cut][3], x, 0.3f, adds, y);
      result(y, kept, adds ? FUSED(1, LARGEST) : BITS);
    }
}

static void call_rows(size_t rows, size_t columns, int has_special) {
  const size_t n = rows * columns;
  begin("%zu-rows-of-%zu-%d", rows, columns, has_special);
  const float *x = has_special ? special(n) : drawn(n), *dy = drawn(n);
  float *y = unwritten(n), *z = unwritten(n), *in_place = copy_of(x, n);
  CALL(rondo_softmax, rows, columns, x, y);
  result(y, n, WITHIN(8, 0.0f));
  rondo_softmax(rows, columns, in_place, in_place);
  same(y, in_place, n);
  CALL(rondo_log_softmax, rows, columns, x, z);
  result(z, n, CLOSE);
  for (int adds = 0; adds < 2; adds++) {
    float *dx = drawn(n), *dz = drawn(n);
    CALL(rondo_softmax_gradient, rows, columns, y, dy, dx, adds);
    result(dx, n, CLOSE);
    CALL(rondo_log_softmax_gradient, rows, columns, z, dy, dz, adds);
    result(dz, n, CLOSE);
  }
}

void call_reductions(void) {
  for (size_t r = 0; r < COUNT(reductions); r++) call_reduce(r);
  const size_t widths[] = {1, 3, 10, 31, 32, 33, 100, 1500};
  for (size_t w = 0; w < COUNT(widths); w++)
    for (int has_special = 0; has_special < 2; has_special++) {
      call_rows(1, widths[w], has_special);
      call_rows(9, widths[w], has_special);
    }
}
