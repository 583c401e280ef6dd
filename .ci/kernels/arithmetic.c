// What copies, adds and rounds: the same bits everywhere, unless a product and a sum may fuse.
#include <string.h>

#include "results.h"

// A binary tree over `count` buffers, as a counter carries.
static void carries(size_t count, unsigned char *merges) {
  size_t depth = 0;
  for (size_t b = 0; b < count; b++) {
    merges[b] = 0;
    for (size_t bits = b; bits & 1; bits >>= 1) merges[b]++;
    depth = depth + 1 - merges[b];
  }
  merges[count - 1] = (unsigned char)(merges[count - 1] + depth - 1);
}

static void call_fold(void) {
  for (size_t count = 1; count <= 9; count++) {
    begin("of-%zu", count);
    const size_t first = 3, n = 1030, all = first + n + 2;
    unsigned char merges[9];
    float *buffers[9];
    for (size_t b = 0; b < count; b++) buffers[b] = b == 1 ? special(all) : drawn(all);
    float *results[] = {buffers[0], unwritten(all)};
    carries(count, merges);
    CALL(rondo_fold, first, n, count, buffers, merges, 2, results);
    result(results[0], all, BITS);
    result(results[1], all, BITS);
  }
}

static void call_bfloat16(size_t n) {
  begin("bfloat16-of-%zu", n);
  float *x = extreme(n), *y = unwritten(n), *sums = special(n);
  uint16_t *packed = extreme_halves(n), *given = extreme_halves(n);
  CALL(rondo_bfloat16_from_float, n, x, packed);
  result_bytes(packed, 2 * n, BITS);
  CALL(rondo_bfloat16_to_float, n, given, y);
  result_bytes(y, 4 * n, BITS);
  CALL(rondo_bfloat16_add, n, sums, given);
  result(sums, n, BITS);
  memcpy(y, x, 4 * n);
  CALL(rondo_bfloat16_round, n, y);
  result_bytes(y, 4 * n, BITS);
  CALL(rondo_bfloat16_round_and_pack, n, x, packed);
  result_bytes(x, 4 * n, BITS);
  result_bytes(packed, 2 * n, BITS);
  memcpy((char *)x + 2 * n, packed, 2 * n);
  CALL(rondo_bfloat16_expand_in_place, n, x);
  result_bytes(x, 4 * n, BITS);
}

static void call_dropout(uint64_t first, size_t n) {
  begin("from-%llu-of-%zu", (unsigned long long)first, n);
  const float *x = special(n);
  float *y = unwritten(n);
  CALL(rondo_dropout, n, first, 0x299f31d0a4093822u, 0x85a308d3, 0x13198a2e, 3, 0x60000000, 1.6f, x, y);
  result(y, n, BITS);
}

void call_arithmetic(void) {
  FOR_LENGTHS(n) {
    begin("of-%zu", n);
    const float *x = extreme(n), *d = special(n), *wide = special(n);
    float *a = extreme(n), *y = unwritten(n), *c = special(n);
    const double *u = drawn_doubles(n);
    double *v = drawn_doubles(n);
    CALL(rondo_add, n, a, x);
    result(a, n, BITS);
    CALL(rondo_add_double, n, v, u);
    result_doubles(v, n, BITS);
    CALL(rondo_scale, n, 0.3f, x, y);
    result(y, n, BITS);
    CALL(rondo_add_scaled, n, -0.7f, d, c);
    result(c, n, FUSED(1, 2.0f));
    result_count(CALL(rondo_count_beyond, n, 0x1p100f, x), BITS);
    CALL(rondo_exp, n, wide, y);
    result(y, n, WITHIN(3, 0.0f));
    CALL(rondo_tanh, n, wide, y);
    result(y, n, WITHIN(3, 0.0f));
    CALL(rondo_erf, n, wide, y);
    result(y, n, WITHIN(3, 0.0f));
    call_bfloat16(n);
  }
  call_bfloat16(300);
  call_fold();
  const uint64_t firsts[] = {0, 1, 2, 3, 61, ((uint64_t)1 << 34) - 5};  // the last run past 2^32 blocks
  FOR_LENGTHS(n) for (size_t f = 0; f < COUNT(firsts); f++) call_dropout(firsts[f], n);
}
