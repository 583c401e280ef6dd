#include "results.h"

// Sums of up to 1,152 products, in an order that depends on the register tiles.
#define SUMMED WITHIN(16, LARGEST)

static const struct rondo_convolution convolutions[] = {
    {2, 7, 9, 1, 7, 9, 6, 3, 3, 1, 1, 1, 1, 1, 1, 1},        // one channel
    {2, 8, 8, 16, 4, 4, 37, 3, 3, 2, 2, 1, 1, 1, 1, 1},      // a stride, blocks of channels that are not full
    {3, 6, 6, 5, 6, 6, 16, 1, 1, 1, 1, 1, 1, 0, 0, 1},       // a matrix product
    {1, 1, 20, 8, 1, 18, 12, 1, 3, 1, 1, 1, 1, 0, 0, 1},     // one dimension, no padding
    {1, 9, 9, 4, 5, 5, 8, 3, 3, 1, 1, 2, 2, 0, 0, 1},        // dilation
    {2, 11, 10, 8, 4, 3, 16, 3, 2, 3, 4, 2, 1, 2, 1, 2},     // groups, strides, dilation and padding at once
    {2, 7, 7, 19, 7, 7, 19, 3, 3, 1, 1, 1, 1, 1, 1, 19},     // depthwise
    {1, 9, 9, 70, 5, 5, 70, 3, 3, 2, 2, 1, 1, 1, 1, 70},     // depthwise with a stride
    {1, 24, 24, 3, 24, 24, 64, 5, 5, 1, 1, 1, 1, 2, 2, 1},   // several units
};

static void call_forward(const struct rondo_convolution *c, const float *x, const float *weights, size_t out) {
  const size_t packed_floats = CALL(rondo_convolution_packed, c);
  result_count(packed_floats, LAYOUT);
  const size_t units = CALL(rondo_convolution_units, c);
  result_count(units, BITS);
  result_count(CALL(rondo_convolution_scratch, c), BITS);
  for (size_t unit = 0; unit <= units; unit++) result_count(CALL(rondo_convolution_pixels_before, c, unit), BITS);
  const size_t blocks = CALL(rondo_convolution_blocks, c);
  result_count(blocks, LAYOUT);
  const float *bias = drawn(c->out_channels);
  float *packed = unwritten(packed_floats), *scratch = unwritten(rondo_convolution_scratch(c));
  CALL(rondo_convolution_pack, c, 0, 1, weights, bias, packed);
  CALL(rondo_convolution_pack, c, 1, blocks - 1, weights, bias, packed);
  result(packed, packed_floats, LAYOUT);
  const int functions[] = {RONDO_IDENTITY, RONDO_RELU, RONDO_GELU};
  for (int way = 0; way < 6; way++) {
    float *y = unwritten(out), *z = unwritten(out);
    const int f = functions[way / 2];
    CALL(rondo_convolution_forward, c, 0, 1, x, packed, f, way & 1, y, f == RONDO_GELU ? z : NULL, scratch);
    CALL(rondo_convolution_forward, c, 1, units - 1, x, packed, f, way & 1, y, f == RONDO_GELU ? z : NULL, scratch);
    result(y, out, SUMMED);
    result(z, out, SUMMED);
  }
  const float *rough = special(c->samples * c->height * c->width * c->channels);
  float *y = unwritten(out);
  CALL(rondo_convolution_forward, c, 0, units, rough, packed, RONDO_RELU, 1, y, NULL, scratch);
  result(y, out, SUMMED);
}

static void call_gradients(
    const struct rondo_convolution *c, const float *x, const float *weights, const float *dy, size_t in, size_t terms) {
  const size_t packed_floats = CALL(rondo_convolution_packed_transposed, c);
  result_count(packed_floats, LAYOUT);
  const size_t units = CALL(rondo_convolution_input_units, c);
  result_count(units, BITS);
  const size_t blocks = CALL(rondo_convolution_input_blocks, c);
  result_count(blocks, LAYOUT);
  float *packed = unwritten(packed_floats), *scratch = unwritten(rondo_convolution_scratch(c));
  CALL(rondo_convolution_pack_transposed, c, 0, blocks, weights, packed);
  result(packed, packed_floats, LAYOUT);
  const size_t weight_units = CALL(rondo_convolution_weight_units, c);
  result_count(weight_units, BITS);
  const size_t weight_scratch = CALL(rondo_convolution_weight_scratch, c);
  result_count(weight_scratch, BITS);
  float *sums_scratch = unwritten(weight_scratch);
  for (int adds = 0; adds < 2; adds++) {
    float *dx = drawn(in), *dweights = drawn(terms);
    CALL(rondo_convolution_input_gradient, c, 0, units, dy, packed, dx, adds, scratch);
    result(dx, in, SUMMED);
    CALL(rondo_convolution_weight_gradient, c, 0, rondo_convolution_blocks(c), 0, weight_units, x, dy, dweights, adds, sums_scratch);
    result(dweights, terms, SUMMED);
  }
}

// From weights as they lie, for all pixels at once; not for depthwise convolutions.
static void call_panels(
    const struct rondo_convolution *c, const float *x, const float *weights, const float *dy, size_t in, size_t out,
    size_t terms) {
  const size_t scratch_floats = CALL(rondo_convolution_panel_scratch, c);
  result_count(scratch_floats, LAYOUT);
  const size_t packed_floats = CALL(rondo_convolution_gradient_panels, c);
  result_count(packed_floats, LAYOUT);
  const size_t groups = CALL(rondo_convolution_row_groups, c);
  result_count(groups, LAYOUT);
  const size_t blocks = rondo_convolution_blocks(c), input_blocks = rondo_convolution_input_blocks(c);
  float *scratch = unwritten(scratch_floats), *packed = unwritten(packed_floats);
  const float *bias = drawn(c->out_channels);
  const int functions[] = {RONDO_IDENTITY, RONDO_GELU};
  for (int way = 0; way < 2; way++) {
    float *y = unwritten(out), *z = unwritten(out);
    CALL(rondo_convolution_forward_panels, c, 0, 1, x, weights, way ? bias : NULL, functions[way], y, way ? z : NULL, scratch);
    CALL(rondo_convolution_forward_panels, c, 1, blocks - 1, x, weights, way ? bias : NULL, functions[way], y, way ? z : NULL, scratch);
    result(y, out, SUMMED);
    result(z, out, SUMMED);
  }
  CALL(rondo_convolution_pack_gradient, c, 0, 1, dy, packed);
  CALL(rondo_convolution_pack_gradient, c, 1, blocks - 1, dy, packed);
  result(packed, packed_floats, LAYOUT);
  for (int adds = 0; adds < 2; adds++) {
    float *dx = drawn(in), *dweights = drawn(terms);
    CALL(rondo_convolution_input_gradient_panels, c, 0, input_blocks, dy, weights, dx, adds, scratch);
    result(dx, in, SUMMED);
    CALL(rondo_convolution_weight_gradient_panels, c, 0, 1, x, packed, dweights, adds);
    CALL(rondo_convolution_weight_gradient_panels, c, 1, groups - 1, x, packed, dweights, adds);
    result(dweights, terms, SUMMED);
  }
}

void call_convolution(void) {
  for (size_t i = 0; i < COUNT(convolutions); i++) {
    const struct rondo_convolution *c = convolutions + i;
    const size_t in = c->samples * c->height * c->width * c->channels;
    const size_t out = c->samples * c->out_height * c->out_width * c->out_channels;
    const size_t terms = c->kernel_height * c->kernel_width * (c->channels / c->groups) * c->out_channels;
    begin("shape-%zu", i);
    const float *x = drawn(in), *weights = drawn(terms), *dy = drawn(out);
    call_forward(c, x, weights, out);
    call_gradients(c, x, weights, dy, in, terms);
    if (c->groups == 1 || c->groups < c->channels) call_panels(c, x, weights, dy, in, out, terms);
  }
}
