#ifndef RONDO_NORMALIZATION_H
#define RONDO_NORMALIZATION_H
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// --- layer_norm.c -------------------------------------------------------------------------------------------------------

// Each row of x: y = (x - mean) * inverse * gain + bias, inverse = 1 / sqrt(variance + epsilon), the variance divided by columns.
// mean and inverse (one a row) are kept for the gradient. bias may be null.
void rondo_layer_norm(
    size_t rows, size_t columns, float epsilon, const float *_Nonnull x, const float *_Nonnull gain,
    const float *_Nullable bias, float *_Nonnull y, float *_Nonnull mean, float *_Nonnull inverse);

// Each row of x: y = x * inverse * gain, inverse = 1 / sqrt(mean of x^2 + epsilon).
void rondo_rms_norm(
    size_t rows, size_t columns, float epsilon, const float *_Nonnull x, const float *_Nonnull gain, float *_Nonnull y,
    float *_Nonnull inverse);

// The gradients of the two. dx, if not null, is added to with accumulate, and may be dy otherwise. gains and biases (each may be
// null) receive the sums over these rows, in ascending order, of dy * (x - mean) * inverse and of dy: they are overwritten.
void rondo_layer_norm_gradient(
    size_t rows, size_t columns, const float *_Nonnull x, const float *_Nonnull gain, const float *_Nonnull mean,
    const float *_Nonnull inverse, const float *_Nonnull dy, float *_Nullable dx, int accumulate, float *_Nullable gains,
    float *_Nullable biases);
void rondo_rms_norm_gradient(
    size_t rows, size_t columns, const float *_Nonnull x, const float *_Nonnull gain, const float *_Nonnull inverse,
    const float *_Nonnull dy, float *_Nullable dx, int accumulate, float *_Nullable gains);

// target = (accumulate ? target : 0) + parts[0] + parts[stride] + parts[2 stride] + ..., in this order, on `columns` columns.
void rondo_add_partial_sums(
    size_t parts, size_t columns, const float *_Nonnull sums, size_t stride, float *_Nonnull target, int accumulate);

#ifdef __cplusplus
}
#endif
#endif
