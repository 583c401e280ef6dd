// Scaled dot-product attention of one head of one sample.
#ifndef RONDO_ATTENTION_H
#define RONDO_ATTENTION_H
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// The most columns of a head.
#define RONDO_LARGEST_HEAD 256

// The factors: rows of `width` elements, `*_stride` elements apart.
struct rondo_attention {
  size_t queries;  // rows of q, at least 1
  size_t keys;     // rows of k and of v
  size_t seen;     // of those, the first so many exist for the queries; the others are padding
  size_t width;    // columns, at most RONDO_LARGEST_HEAD
  int causal;      // query i sees keys 0...i + offset only
  size_t offset;
  float scale;
  const float *_Nonnull q;
  const float *_Nonnull k;
  const float *_Nonnull v;
  size_t q_stride, k_stride, v_stride;
  size_t most_lanes;  // 0: the widest vectors of the machine; 4 or 8: none wider, for tests
};

// o = softmax(scale q kᵀ) v, and for each query lse = log of the sum of e^score. With no key at all: o = 0, lse = infinity.
void rondo_attention_forward(
    const struct rondo_attention *_Nonnull job, float *_Nonnull o, size_t o_stride, float *_Nonnull lse);

// Where the gradient of one factor goes; added to what is there if `accumulates`.
struct rondo_attention_gradient {
  float *_Nonnull to;
  size_t stride;
  int accumulates;
};

// The gradients of q, k and v from d_o, that of o; null for those that nobody needs. dq is written before dk, dk before dv, so
// that they may be the same memory where all but the first accumulate.
void rondo_attention_backward(
    const struct rondo_attention *_Nonnull job, const float *_Nonnull o, const float *_Nonnull d_o, size_t o_stride,
    const float *_Nonnull lse, const struct rondo_attention_gradient *_Nullable dq,
    const struct rondo_attention_gradient *_Nullable dk, const struct rondo_attention_gradient *_Nullable dv);

#ifdef __cplusplus
}
#endif
#endif
