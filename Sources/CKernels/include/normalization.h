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
// --- channel_norm.c -----------------------------------------------------------------------------------------------------

// What batch and group normalisation do with the columns of a rows x columns matrix, channels last. Rows are summed in ascending order,
// in the fixed arrangement that the number of columns gives.

// By column: mean = sum of x / rows, squares = sum of (x - mean)^2. rows is at least 1.
void rondo_channel_moments(
    size_t rows, size_t columns, const float *_Nonnull x, float *_Nonnull mean, float *_Nonnull squares);

// y = x scale + shift + residual, with relu max(that, 0). scale and shift by column; residual like x, or null.
void rondo_channel_affine(
    size_t rows, size_t columns, const float *_Nonnull x, const float *_Nonnull scale, const float *_Nonnull shift,
    const float *_Nullable residual, int has_relu, float *_Nonnull y);

// By column: sums = sum of dz, products = sum of dz (x - mean). dz is dy, with relu where the affine map's result was positive: as y says,
// or with y null as x scale + shift says.
void rondo_channel_gradient_sums(
    size_t rows, size_t columns, const float *_Nonnull x, const float *_Nonnull dy, int has_relu, const float *_Nullable y,
    const float *_Nonnull mean, const float *_Nonnull scale, const float *_Nonnull shift, float *_Nonnull sums,
    float *_Nonnull products);

// dx = scale dz + slope (x - mean) + offset, and residual = dz where not null; added to what is there with adds and adds_residual.
// dx or residual may be dy.
void rondo_channel_gradient(
    size_t rows, size_t columns, const float *_Nonnull x, const float *_Nonnull dy, int has_relu, const float *_Nullable y,
    const float *_Nonnull mean, const float *_Nonnull scale, const float *_Nonnull shift, const float *_Nonnull slope,
    const float *_Nonnull offset, float *_Nonnull dx, int adds, float *_Nullable residual, int adds_residual);

#ifdef __cplusplus
}
#endif
#endif
