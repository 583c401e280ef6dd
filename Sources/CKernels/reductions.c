#include "reductions.h"

#include "elementary.h"
#include "odometer.h"

// The order of additions is the one written here.
#pragma clang fp reassociate(off)

// Partial results of a contiguous run: enough to fill the vector units of any machine.
#define LANES 32

RONDO_INLINE float start(int reduction) { return reduction == RONDO_REDUCE_SUM ? 0.0f : -__builtin_inff(); }

// The larger, or NaN where one of them is.
RONDO_INLINE float larger(float a, float b) { return b > a || b != b ? b : a; }

RONDO_INLINE float join(int reduction, float a, float b) {
  return reduction == RONDO_REDUCE_SUM ? a + b : larger(a, b);
}

// Element i goes to lane i mod `lanes`; the lanes are joined in halves.
RONDO_INLINE float reduce_lanes(int reduction, size_t lanes, size_t n, const float *x) {
  float lane[LANES];
  for (size_t l = 0; l < lanes; l++) lane[l] = start(reduction);
  size_t i = 0;
  for (; i + lanes <= n; i += lanes)
    for (size_t l = 0; l < lanes; l++) lane[l] = join(reduction, lane[l], x[i + l]);
  for (size_t l = 0; i + l < n; l++) lane[l] = join(reduction, lane[l], x[i + l]);
  for (size_t half = lanes / 2; half > 0; half /= 2)
    for (size_t l = 0; l < half; l++) lane[l] = join(reduction, lane[l], lane[l + half]);
  return lane[0];
}

// As many lanes as a run of this length fills.
RONDO_INLINE float reduce_run(int reduction, size_t n, const float *x) {
  return n < LANES ? reduce_lanes(reduction, 4, n, x) : reduce_lanes(reduction, LANES, n, x);
}

struct box {
  size_t rank;
  const ptrdiff_t *extents, *strides;
};

RONDO_INLINE struct odometer walk(const struct box *box, size_t first) {
  return odometer_at(first, box->rank, box->extents, box->strides, box->strides);
}

// Each output by itself, from runs of neighbouring elements.
RONDO_INLINE void reduce_inner(
    int reduction, const struct box *kept, const struct box *reduced, size_t first, size_t n, size_t r_first,
    size_t r_count, const float *x, float factor, int accumulate, float *y) {
  struct odometer output = walk(kept, first);
  const struct odometer start_of_range = walk(reduced, r_first);
  for (size_t o = first; o < first + n; o++) {
    struct odometer place = start_of_range;
    float result = start(reduction);
    for (size_t left = r_count; left > 0;) {
      const size_t run = odometer_run(&place, left);
      const float *from = x + output.a + place.a;
      result = join(reduction, result, reduce_run(reduction, run, from));
      left -= run;
      if (left > 0) odometer_advance(&place, run);
    }
    y[o] = accumulate ? y[o] + factor * result : factor * result;
    odometer_advance(&output, 1);
  }
}

// Neighbouring outputs of one block stay in the first-level cache while the rows pass by.
#define BLOCK 1024

RONDO_INLINE void reduce_outer(
    int reduction, const struct box *kept, const struct box *reduced, size_t first, size_t n, size_t r_first,
    size_t r_count, const float *x, float factor, int accumulate, float *y) {
  struct odometer output = walk(kept, first);
  const struct odometer start_of_range = walk(reduced, r_first);
  float result[BLOCK];
  for (y += first; n > 0;) {
    const size_t width = odometer_run(&output, n < BLOCK ? n : BLOCK);
    for (size_t c = 0; c < width; c++) result[c] = start(reduction);
    struct odometer place = start_of_range;
    for (size_t r = 0; r < r_count; r++) {
      const float *from = x + output.a + place.a;
      for (size_t c = 0; c < width; c++) result[c] = join(reduction, result[c], from[c]);
      odometer_advance(&place, 1);
    }
    if (accumulate)
      for (size_t c = 0; c < width; c++) y[c] += factor * result[c];
    else
      for (size_t c = 0; c < width; c++) y[c] = factor * result[c];
    odometer_advance(&output, width);
    y += width;
    n -= width;
  }
}

RONDO_KERNEL void rondo_reduce(
    int reduction, int inner_is_reduced, size_t kept_rank, const ptrdiff_t *kept_extents,
    const ptrdiff_t *kept_strides, size_t reduced_rank, const ptrdiff_t *reduced_extents,
    const ptrdiff_t *reduced_strides, size_t first, size_t n, size_t r_first, size_t r_count, const float *x,
    float factor, int accumulate, float *y) {
  const struct box kept = {kept_rank, kept_extents, kept_strides};
  const struct box reduced = {reduced_rank, reduced_extents, reduced_strides};
#define CALL(body, reduction) \
  body(reduction, &kept, &reduced, first, n, r_first, r_count, x, factor, accumulate, y)
  if (inner_is_reduced) {
    if (reduction == RONDO_REDUCE_SUM) CALL(reduce_inner, RONDO_REDUCE_SUM);
    else CALL(reduce_inner, RONDO_REDUCE_MAX);
  } else {
    if (reduction == RONDO_REDUCE_SUM) CALL(reduce_outer, RONDO_REDUCE_SUM);
    else CALL(reduce_outer, RONDO_REDUCE_MAX);
  }
#undef CALL
}

// Elements of as many rows as are computed together, so that the exponentials of narrow rows fill whole vectors.
#define TOGETHER 1024

RONDO_KERNEL void rondo_softmax(size_t rows, size_t columns, const float *x, float *y) {
  const size_t most = columns < TOGETHER ? TOGETHER / columns : 1;
  while (rows > 0) {
    const size_t here = rows < most ? rows : most;
    for (size_t r = 0; r < here; r++) {
      const float *in = x + r * columns;
      float *out = y + r * columns;
      const float top = reduce_run(RONDO_REDUCE_MAX, columns, in);
      SAME_OR_APART
      for (size_t c = 0; c < columns; c++) out[c] = in[c] - top;
    }
    for (size_t i = 0; i < here * columns; i++) y[i] = rondo_expf(y[i]);
    for (size_t r = 0; r < here; r++) {
      float *out = y + r * columns;
      const float inverse = 1.0f / reduce_run(RONDO_REDUCE_SUM, columns, out);
      for (size_t c = 0; c < columns; c++) out[c] *= inverse;
    }
    x += here * columns;
    y += here * columns;
    rows -= here;
  }
}

// sum of a[i] b[i], in the lanes of reduce_run.
RONDO_INLINE float dot(size_t n, const float *a, const float *b) {
  float lane[LANES];
  for (size_t l = 0; l < LANES; l++) lane[l] = 0.0f;
  size_t i = 0;
  for (; i + LANES <= n; i += LANES)
    for (size_t l = 0; l < LANES; l++) lane[l] += a[i + l] * b[i + l];
  for (size_t l = 0; i + l < n; l++) lane[l] += a[i + l] * b[i + l];
  for (size_t half = LANES / 2; half > 0; half /= 2)
    for (size_t l = 0; l < half; l++) lane[l] += lane[l + half];
  return lane[0];
}

RONDO_KERNEL void rondo_softmax_gradient(
    size_t rows, size_t columns, const float *y, const float *dy, float *dx, int accumulate) {
  for (size_t r = 0; r < rows; r++, y += columns, dy += columns, dx += columns) {
    const float mean = dot(columns, y, dy);
    if (accumulate) {
      SAME_OR_APART
      for (size_t c = 0; c < columns; c++) dx[c] += y[c] * (dy[c] - mean);
    } else {
      SAME_OR_APART
      for (size_t c = 0; c < columns; c++) dx[c] = y[c] * (dy[c] - mean);
    }
  }
}

RONDO_KERNEL void rondo_log_softmax(size_t rows, size_t columns, const float *x, float *y) {
  float exponential[TOGETHER];
  for (size_t r = 0; r < rows; r++, x += columns, y += columns) {
    const float top = reduce_run(RONDO_REDUCE_MAX, columns, x);
    float sum = 0.0f;
    for (size_t first = 0; first < columns; first += TOGETHER) {
      const size_t width = columns - first < TOGETHER ? columns - first : TOGETHER;
      for (size_t c = 0; c < width; c++) exponential[c] = rondo_expf(x[first + c] - top);
      sum += reduce_run(RONDO_REDUCE_SUM, width, exponential);
    }
    const float log_of_sum = rondo_logf(sum);
    SAME_OR_APART
    for (size_t c = 0; c < columns; c++) y[c] = (x[c] - top) - log_of_sum;
  }
}

RONDO_KERNEL void rondo_log_softmax_gradient(
    size_t rows, size_t columns, const float *y, const float *dy, float *dx, int accumulate) {
  for (size_t r = 0; r < rows; r++, y += columns, dy += columns, dx += columns) {
    const float sum = reduce_run(RONDO_REDUCE_SUM, columns, dy);
    if (accumulate) {
      SAME_OR_APART
      for (size_t c = 0; c < columns; c++) dx[c] += dy[c] - rondo_expf(y[c]) * sum;
    } else {
      SAME_OR_APART
      for (size_t c = 0; c < columns; c++) dx[c] = dy[c] - rondo_expf(y[c]) * sum;
    }
  }
}
