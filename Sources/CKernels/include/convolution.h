// Direct convolution of images that lie channels last: no matrix of patches. A convolution in one dimension is one of height 1.
#ifndef RONDO_CONVOLUTION_H
#define RONDO_CONVOLUTION_H
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

// x [samples][height][width][channels], weights [kernel_height][kernel_width][channels / groups][out_channels],
// y [samples][out_height][out_width][out_channels]. Output pixel (i, j) sees input pixels
// (i stride_height + a dilation_height - padding_top, j stride_width + b dilation_width - padding_left); outside is zero.
// Output channels of group g see the input channels of group g.
struct rondo_convolution {
  size_t samples, height, width, channels;
  size_t out_height, out_width, out_channels;
  size_t kernel_height, kernel_width;
  size_t stride_height, stride_width;
  size_t dilation_height, dilation_width;
  size_t padding_top, padding_left;
  size_t groups;
};

// Work is counted in units: a few output rows of one sample in `forward` and `weight_gradient`, a few rows of dx in `input_gradient`.
// Units are independent of each other, and their order is that of memory.
size_t rondo_convolution_units(const struct rondo_convolution *_Nonnull c);
size_t rondo_convolution_input_units(const struct rondo_convolution *_Nonnull c);

// Output pixels before unit `unit`, counted over all samples.
size_t rondo_convolution_pixels_before(const struct rondo_convolution *_Nonnull c, size_t unit);

// Floats of scratch for one call of any of the three.
size_t rondo_convolution_scratch(const struct rondo_convolution *_Nonnull c);

// Floats of packed weights with bias, and of the sums of `weight_gradient`: in blocks of output channels that fill vectors.
size_t rondo_convolution_packed(const struct rondo_convolution *_Nonnull c);
// The same for the weights that `input_gradient` reads.
size_t rondo_convolution_packed_transposed(const struct rondo_convolution *_Nonnull c);

// The bias (out_channels floats, or null) follows the weights.
void rondo_convolution_pack(
    const struct rondo_convolution *_Nonnull c, const float *_Nonnull weights, const float *_Nullable bias,
    float *_Nonnull packed);
void rondo_convolution_pack_transposed(
    const struct rondo_convolution *_Nonnull c, const float *_Nonnull weights, float *_Nonnull packed);

// Units first ..< first + count of y = f(x * weights + bias) with an activation of activations.c; with z, also what f is applied to
// (where f is neither identity nor relu).
void rondo_convolution_forward(
    const struct rondo_convolution *_Nonnull c, size_t first, size_t count, const float *_Nonnull x,
    const float *_Nonnull packed, int activation, int has_bias, float *_Nonnull y, float *_Nullable z,
    float *_Nonnull scratch);

// Units first ..< first + count of dx, added to what is there with accumulate.
void rondo_convolution_input_gradient(
    const struct rondo_convolution *_Nonnull c, size_t first, size_t count, const float *_Nonnull dy,
    const float *_Nonnull packed_transposed, float *_Nonnull dx, int accumulate, float *_Nonnull scratch);

// Blocks of output channels, over all groups: what `weight_gradient` can be cut into besides units.
size_t rondo_convolution_blocks(const struct rondo_convolution *_Nonnull c);

// The part of block `block` of the gradient of the weights that comes from units first ..< first + count: written to its range of
// `sums`, which has the layout of packed weights.
void rondo_convolution_weight_gradient(
    const struct rondo_convolution *_Nonnull c, size_t block, size_t first, size_t count, const float *_Nonnull x,
    const float *_Nonnull dy, float *_Nonnull sums, float *_Nonnull scratch);

// dweights = sums of `parts` calls, `stride` floats apart in memory, added in ascending order; added to what is there with accumulate.
void rondo_convolution_unpack(
    const struct rondo_convolution *_Nonnull c, size_t parts, size_t stride, const float *_Nonnull sums,
    float *_Nonnull dweights, int accumulate);

#ifdef __cplusplus
}
#endif
#endif
