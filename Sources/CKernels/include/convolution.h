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

// Work is counted in units that are independent of each other, in the order of memory: a few output rows of one sample in `forward`, a
// few rows of dx in `input_gradient`, a few output rows or some samples in `weight_gradient`.
size_t rondo_convolution_units(const struct rondo_convolution *_Nonnull c);
size_t rondo_convolution_input_units(const struct rondo_convolution *_Nonnull c);
size_t rondo_convolution_weight_units(const struct rondo_convolution *_Nonnull c);

// Output pixels before unit `unit` of `forward`, counted over all samples.
size_t rondo_convolution_pixels_before(const struct rondo_convolution *_Nonnull c, size_t unit);

// Floats of scratch for one call of `forward` or `input_gradient`, and of `weight_gradient`.
size_t rondo_convolution_scratch(const struct rondo_convolution *_Nonnull c);
size_t rondo_convolution_weight_scratch(const struct rondo_convolution *_Nonnull c);

// Blocks of channels that fill vectors, over all groups: of the output, and of the input, as the output of `input_gradient`.
size_t rondo_convolution_blocks(const struct rondo_convolution *_Nonnull c);
size_t rondo_convolution_input_blocks(const struct rondo_convolution *_Nonnull c);

// Floats of packed weights with bias: what `forward` reads.
size_t rondo_convolution_packed(const struct rondo_convolution *_Nonnull c);
// Of the weights that `input_gradient` reads.
size_t rondo_convolution_packed_transposed(const struct rondo_convolution *_Nonnull c);

// Pack blocks first ..< first + count. The bias has out_channels floats or is null.
void rondo_convolution_pack(
    const struct rondo_convolution *_Nonnull c, size_t first, size_t count, const float *_Nonnull weights,
    const float *_Nullable bias, float *_Nonnull packed);
void rondo_convolution_pack_transposed(
    const struct rondo_convolution *_Nonnull c, size_t first, size_t count, const float *_Nonnull weights,
    float *_Nonnull packed);

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

// What units first ..< first + count contribute to the gradient of the weights of some blocks of output channels: written to, or added
// to, those channels of dweights.
void rondo_convolution_weight_gradient(
    const struct rondo_convolution *_Nonnull c, size_t first_block, size_t blocks, size_t first, size_t count,
    const float *_Nonnull x, const float *_Nonnull dy, float *_Nonnull dweights, int accumulate,
    float *_Nonnull scratch);

// MARK: Few pixels, many weights

// The same results from weights as they lie, panel by panel, for all pixels at once: faster where weights are many and pixels are few.
// Calls for different blocks, or row groups, are independent of each other.

// Floats of scratch for one call of `forward_panels` or `input_gradient_panels`.
size_t rondo_convolution_panel_scratch(const struct rondo_convolution *_Nonnull c);

// Blocks first ..< first + count of the output's channels: y = f(x * weights + bias), and z as in `forward`.
void rondo_convolution_forward_panels(
    const struct rondo_convolution *_Nonnull c, size_t first, size_t count, const float *_Nonnull x,
    const float *_Nonnull weights, const float *_Nullable bias, int activation, float *_Nonnull y, float *_Nullable z,
    float *_Nonnull scratch);

// Blocks first ..< first + count of the input's channels of dx, added to what is there with accumulate.
void rondo_convolution_input_gradient_panels(
    const struct rondo_convolution *_Nonnull c, size_t first, size_t count, const float *_Nonnull dy,
    const float *_Nonnull weights, float *_Nonnull dx, int accumulate, float *_Nonnull scratch);

// Groups of a few rows of the weights, as a matrix with out_channels columns.
size_t rondo_convolution_row_groups(const struct rondo_convolution *_Nonnull c);

// Floats of dy with the channels of each block side by side, and blocks first ..< first + count of it.
size_t rondo_convolution_gradient_panels(const struct rondo_convolution *_Nonnull c);
void rondo_convolution_pack_gradient(
    const struct rondo_convolution *_Nonnull c, size_t first, size_t count, const float *_Nonnull dy,
    float *_Nonnull packed);

// Row groups first ..< first + count of the gradient of the weights, from a packed dy: each element is summed over all pixels in their
// order, and then written, or added, once.
void rondo_convolution_weight_gradient_panels(
    const struct rondo_convolution *_Nonnull c, size_t first, size_t count, const float *_Nonnull x,
    const float *_Nonnull packed, float *_Nonnull dweights, int accumulate);

#ifdef __cplusplus
}
#endif
#endif
