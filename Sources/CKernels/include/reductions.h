// Reductions over axes, and functions of rows that need one.
#ifndef RONDO_REDUCTIONS_H
#define RONDO_REDUCTIONS_H
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum rondo_reduction {
  RONDO_REDUCE_SUM = 0,
  RONDO_REDUCE_MAX = 1,  // NaN if one is among the elements
};

// Reduces elements r_first..<r_first + r_count, in row-major order, of the reduced axes for each of outputs first..<first + n, in row-major
// order, of the kept axes: y[o] = factor * reduction, added to y[o] with accumulate. Extents and strides are those of x's axes.
// With inner_is_reduced the last reduced axis has stride 1, and its elements are summed in lanes (4, or 32 where there are as
// many); else the last kept axis has.
// The order of additions follows from the arguments alone, whatever the vector width.
void rondo_reduce(
    int reduction, int inner_is_reduced, size_t kept_rank, const ptrdiff_t *_Nonnull kept_extents,
    const ptrdiff_t *_Nonnull kept_strides, size_t reduced_rank, const ptrdiff_t *_Nonnull reduced_extents,
    const ptrdiff_t *_Nonnull reduced_strides, size_t first, size_t n, size_t r_first, size_t r_count,
    const float *_Nonnull x, float factor, int accumulate, float *_Nonnull y);

// y[r] = softmax(x[r]), with the row's maximum taken out; x and y may be the same.
void rondo_softmax(size_t rows, size_t columns, const float *_Nonnull x, float *_Nonnull y);
// dx[r] = y[r] (dy[r] - sum(dy[r] y[r])), added to dx with accumulate; dy and dx may be the same, then without accumulate.
void rondo_softmax_gradient(
    size_t rows, size_t columns, const float *_Nonnull y, const float *_Nonnull dy, float *_Nonnull dx, int accumulate);

// y[r] = log softmax(x[r]); x and y may be the same.
void rondo_log_softmax(size_t rows, size_t columns, const float *_Nonnull x, float *_Nonnull y);
// dx[r] = dy[r] - e^y[r] sum(dy[r]), added to dx with accumulate; dy and dx may be the same, then without accumulate.
void rondo_log_softmax_gradient(
    size_t rows, size_t columns, const float *_Nonnull y, const float *_Nonnull dy, float *_Nonnull dx, int accumulate);

#ifdef __cplusplus
}
#endif
#endif
