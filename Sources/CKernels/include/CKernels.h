// Element-wise loops and reductions over float32, one file per family. Each is compiled for several vector widths and picks
// the widest that the machine runs (see dispatch.h). No kernel allocates, keeps state or owns a thread: callers cut the work
// and own the memory. Buffers overlap only where a comment says "may be the same".
#ifndef RONDO_CKERNELS_H
#define RONDO_CKERNELS_H
#include <stddef.h>
#include <stdint.h>

#include "attention.h"
#include "convolution.h"
#include "elementwise.h"
#include "embedding.h"
#include "losses.h"
#include "normalization.h"
#include "optimizers.h"
#include "pooling.h"
#include "reductions.h"

#ifdef __cplusplus
extern "C" {
#endif

// --- activations.c ------------------------------------------------------------------------------------------------------

enum rondo_activation {
  RONDO_IDENTITY = 0,
  RONDO_RELU = 1,
  RONDO_TANH = 2,
  RONDO_GELU = 3,        // x * (1 + erf(x / sqrt 2)) / 2, the exact form
  RONDO_LEAKY_RELU = 4,  // x > 0 ? x : 0.01 x
  RONDO_SIGMOID = 5,     // 1 / (1 + e^-x)
  RONDO_SILU = 6,        // x / (1 + e^-x)
};

// y = f(x), n elements; x and y may be the same.
void rondo_activate(int activation, size_t n, const float *_Nonnull x, float *_Nonnull y);

// dx = dy * f'. `known` is the input x for gelu and silu and the output y for the others; dy and dx may be the same.
void rondo_activate_gradient(
    int activation, size_t n, const float *_Nonnull known, const float *_Nonnull dy, float *_Nonnull dx);

// y = f(y + bias) + residual in place on a rows x columns tile with leading dimension ldy. bias (columns) and residual (leading
// dimension ldr) may be null. With known (leading dimension ldk), also writes what the gradient needs: y + bias for gelu and silu,
// f(y + bias) for the others.
void rondo_bias_activate(
    int activation, size_t rows, size_t columns, const float *_Nullable bias, const float *_Nullable residual,
    size_t ldr, float *_Nonnull y, size_t ldy, float *_Nullable known, size_t ldk);

// dz = dy * f' on a rows x columns tile (all with leading dimension ld; dz and dy may be the same) and, with sums, the column
// sums of dz in ascending order of rows: sums = (accumulate ? sums : 0) + sum over rows.
void rondo_activate_gradient_sums(
    int activation, size_t rows, size_t columns, const float *_Nonnull known, const float *_Nonnull dy,
    float *_Nonnull dz, size_t ld, float *_Nullable sums, int accumulate);

// --- arithmetic.c -------------------------------------------------------------------------------------------------------

// a += b
void rondo_add(size_t n, float *_Nonnull a, const float *_Nonnull b);
// a += b for doubles
void rondo_add_double(size_t n, double *_Nonnull a, const double *_Nonnull b);
// y = scale * x; x and y may be the same
void rondo_scale(size_t n, float scale, const float *_Nonnull x, float *_Nonnull y);
// y += scale * x
void rondo_add_scaled(size_t n, float scale, const float *_Nonnull x, float *_Nonnull y);
// y = e^x, tanh x, erf x: for tests of their error bounds and for operations to come
void rondo_exp(size_t n, const float *_Nonnull x, float *_Nonnull y);
void rondo_tanh(size_t n, const float *_Nonnull x, float *_Nonnull y);
void rondo_erf(size_t n, const float *_Nonnull x, float *_Nonnull y);

// How many elements are NaN or of a magnitude above bound.
size_t rondo_count_beyond(size_t n, float bound, const float *_Nonnull x);

// For each i in first..<first + n: the sum of buffers[0][i], ..., buffers[count - 1][i] in the order of a binary tree, written to
// result[0][i], ..., result[results - 1][i]. Buffers are put on a stack in ascending order; after buffer b the two sums on top are
// added merges[b] times, lower + upper; at the end one is left. At most 16 sums on the stack. Buffers do not overlap one another;
// a result may be one of them.
void rondo_fold(
    size_t first, size_t n, size_t count, float *_Nonnull const *_Nonnull buffers, const unsigned char *_Nonnull merges,
    size_t results, float *_Nonnull const *_Nonnull result);

// --- bfloat16.c ---------------------------------------------------------------------------------------------------------

// A bfloat16 is the upper half of a float. Rounding is to nearest even; values beyond the largest finite bfloat16 become infinity as
// in IEEE 754, subnormals stay exact or round like all others, and every NaN becomes the one quiet NaN 0x7fc0.

// y = x, rounded
void rondo_bfloat16_from_float(size_t n, const float *_Nonnull x, uint16_t *_Nonnull y);
// y = x, exactly
void rondo_bfloat16_to_float(size_t n, const uint16_t *_Nonnull x, float *_Nonnull y);
// Rounds x to bfloat16 values in place.
void rondo_bfloat16_round(size_t n, float *_Nonnull x);
// Rounds x to bfloat16 values in place, and writes their upper halves to packed.
void rondo_bfloat16_round_and_pack(size_t n, float *_Nonnull x, uint16_t *_Nonnull packed);
// a += b, in float32
void rondo_bfloat16_add(size_t n, float *_Nonnull a, const uint16_t *_Nonnull b);
// x = the n bfloat16 values that lie in the last 2n bytes of x.
void rondo_bfloat16_expand_in_place(size_t n, float *_Nonnull x);

// --- random.c -----------------------------------------------------------------------------------------------------------

// Inverted dropout: y[i] = word(first + i) < threshold ? 0 : scale * x[i]. word(e) is word e mod 4 of the Philox4x32-10 block
// with counter (e / 4, major, minor, purpose) under key. x and y may be the same.
void rondo_dropout(
    size_t n, uint64_t first, uint64_t key, uint32_t major, uint32_t minor, uint32_t purpose, uint32_t threshold,
    float scale, const float *_Nonnull x, float *_Nonnull y);

#ifdef __cplusplus
}
#endif
#endif
