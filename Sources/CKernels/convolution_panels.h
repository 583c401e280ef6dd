// Weights and gradients side by side, as the inner loops read them.
#ifndef RONDO_CONVOLUTION_PANELS_H
#define RONDO_CONVOLUTION_PANELS_H
#include "convolution_phases.h"

// Channels of the widest block of any machine.
#define WIDEST_BLOCK 32

// `count` rows of a block's channels, `step` floats apart, filled up to whole vectors.
void rondo_pack_rows(const struct block *b, size_t count, const float *rows, size_t step, float *packed);

// Inputs first ..< first + count of tap (m, n).
void rondo_pack_tap(
    const struct rondo_convolution *c, const struct correlation *f, const struct block *b, size_t m, size_t n, size_t first,
    size_t count, const float *weights, float *packed);

// The same of the taps of a phase, which are taken backwards, with inputs and outputs exchanged.
void rondo_pack_tap_transposed(
    const struct rondo_convolution *c, const struct phase *p, const struct block *b, size_t m, size_t n, size_t first,
    size_t count, const float *weights, float *packed);
#endif
