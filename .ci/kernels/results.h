// What the programs of this folder share: buffers of fixed contents, kernels called by their names, and results written for comparison.
#ifndef RESULTS_H
#define RESULTS_H
#include "CKernels.h"

// How far two builds may be apart, in units in the last place of the larger of two elements, or of `floor` where both are below it;
// with LARGEST of the largest element of the result. 0: the same bits, but for those of NaN. NOT_COMPARED: they mean something else.
struct demand {
  int fused;   // where both fuse products and sums, in vectors of the same width
  int plain;   // where one fuses and the other does not
  int levels;  // where both fuse, and the width of vectors and the size of register tiles differ
  float floor;
};
#define LARGEST (-1.0f)
#define NOT_COMPARED (-1)

#define BITS ((struct demand){0, 0, 0, 0.0f})
// The same bits where products and sums fuse.
#define FUSED(ulps, floor) ((struct demand){0, ulps, 0, floor})
#define WITHIN(ulps, floor) ((struct demand){ulps, ulps, ulps, floor})
// What depends on the sizes of register tiles.
#define LAYOUT ((struct demand){0, 0, NOT_COMPARED, 0.0f})

// Begins a case: frees the buffers of the one before, whose margins must be as they were.
void begin(const char *format, ...) __attribute__((format(printf, 1, 2)));

// Buffers lie between margins and are aligned to their elements only.
float *drawn(size_t count);                          // in -2 ..< 2
float *special(size_t count);                        // the same, with zeros, subnormals, infinities and NaN among them
float *extreme(size_t count);                        // any bits, many of them near the middle between two bfloat16 values
float *filled(size_t count, float value);
float *unwritten(size_t count);                      // NaN, which would be seen if it were read
float *copy_of(const float *from, size_t count);
double *drawn_doubles(size_t count);
int32_t *drawn_integers(size_t count, int32_t first, int32_t end);
uint16_t *extreme_halves(size_t count);

// The results that follow are those of this kernel. Only kernels that are called in this way count as covered.
#define CALL(kernel, ...) (calling(#kernel), kernel(__VA_ARGS__))
void calling(const char *kernel);

void result(const float *x, size_t count, struct demand demand);
void result_doubles(const double *x, size_t count, struct demand demand);
void result_bytes(const void *x, size_t bytes, struct demand demand);
void result_count(size_t count, struct demand demand);
// Both must have the same bits.
void same(const float *a, const float *b, size_t count);

// Lengths around the widths of vectors and blocks; LENGTHS of them.
#define LENGTHS 18
extern const size_t lengths[LENGTHS];
#define FOR_LENGTHS(n) for (size_t n##_index = 0, n; n##_index < LENGTHS && (n = lengths[n##_index], 1); n##_index++)
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

// The calls of one file each.
void call_activations(void);
void call_arithmetic(void);
void call_attention(void);
void call_convolution(void);
void call_elementwise(void);
void call_embedding(void);
void call_losses(void);
void call_normalization(void);
void call_optimizers(void);
void call_pooling(void);
void call_reductions(void);

// Worst errors of the elementary functions; whether all are within their bounds.
int check_elementary_functions(void);
#endif
