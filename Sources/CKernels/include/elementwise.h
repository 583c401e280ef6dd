// Element-wise functions, arithmetic with broadcasting, and copies between layouts. Buffers that are written are apart from all others
// unless a comment says "may be the same".
#ifndef RONDO_ELEMENTWISE_H
#define RONDO_ELEMENTWISE_H
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// --- elementwise.c ------------------------------------------------------------------------------------------------------

enum rondo_function {
  RONDO_UNARY_EXP = 0,
  RONDO_UNARY_LOG = 1,
  RONDO_UNARY_LOG1P = 2,
  RONDO_UNARY_SQRT = 3,
  RONDO_UNARY_RECIPROCAL = 4,
};

// y = f(x), n elements; x and y may be the same.
void rondo_unary(int function, size_t n, const float *_Nonnull x, float *_Nonnull y);

// dx = dy * f', added to dx with accumulate. `known` is the input x for log and log1p and the output y for the others; dy and dx may
// be the same.
void rondo_unary_gradient(
    int function, size_t n, const float *_Nonnull known, const float *_Nonnull dy, float *_Nonnull dx, int accumulate);

// y = scale * x + shift, added to y with accumulate; x and y may be the same.
void rondo_affine(size_t n, float scale, float shift, const float *_Nonnull x, float *_Nonnull y, int accumulate);

enum rondo_operator {
  RONDO_BINARY_ADD = 0,
  RONDO_BINARY_SUBTRACT = 1,
  RONDO_BINARY_MULTIPLY = 2,
  RONDO_BINARY_DIVIDE = 3,
  RONDO_BINARY_EQUAL = 4,  // 1 where a == b, else 0
};

// At most this many axes, after neighbours that lie alike have become one.
enum { RONDO_LARGEST_RANK = 8 };

// Elements first..<first + n, in row-major order, of y = a op b, added to y with accumulate. y is contiguous with these extents; a and b
// have a stride for each axis, 0 where they are repeated; of the last axis 1 or 0. y may be a or b where that has all the elements.
void rondo_broadcast(
    int operation, int accumulate, size_t rank, const ptrdiff_t *_Nonnull extents, const ptrdiff_t *_Nonnull a_strides,
    const ptrdiff_t *_Nonnull b_strides, size_t first, size_t n, const float *_Nonnull a, const float *_Nonnull b,
    float *_Nonnull y);

// --- layout.c -----------------------------------------------------------------------------------------------------------

// Elements first..<first + n, in row-major order of the extents, of x copied, or added, to y.
// Strides of 0 in x repeat elements.
void rondo_copy_strided(
    int accumulate, size_t rank, const ptrdiff_t *_Nonnull extents, const ptrdiff_t *_Nonnull x_strides,
    const ptrdiff_t *_Nonnull y_strides, size_t first, size_t n, const float *_Nonnull x, float *_Nonnull y);

// y[i][j] = x[j][i], or added to it, for i in 0..<rows, j in 0..<columns of y; rows lie ldx and ldy apart.
void rondo_transpose(
    int accumulate, size_t rows, size_t columns, const float *_Nonnull x, size_t ldx, float *_Nonnull y, size_t ldy);

#ifdef __cplusplus
}
#endif
#endif
