#include "results.h"

// Sums of up to 300 products, their exponentials, and sums of those.
#define SUMMED WITHIN(64, LARGEST)

struct size {
  size_t queries, keys, seen, width;
  int causal;
  size_t offset;
};

static const struct size sizes[] = {
    {1, 1, 1, 1, 1, 0}, {20, 20, 0, 8, 0, 0}, {50, 50, 33, 5, 0, 0}, {60, 300, 300, 64, 1, 240}, {130, 130, 130, 80, 1, 0}, {50, 70, 70, 256, 0, 0},
};

static void call_size(size_t index) {
  const struct size *s = sizes + index;
  const size_t stride = s->width + 3;
  begin("size-%zu", index);
  const float *q = drawn(s->queries * stride), *k = drawn(s->keys * stride), *v = drawn(s->keys * stride);
  const float *slopes = drawn(s->queries * stride);
  const struct rondo_attention job = {
      s->queries, s->keys, s->seen, s->width, s->causal, s->offset, 0.3f, q, k, v, stride, stride, stride, 0};
  float *o = unwritten(s->queries * stride), *lse = unwritten(s->queries);
  float *dq = drawn(s->queries * stride), *dk = drawn(s->keys * stride), *dv = drawn(s->keys * stride);
  CALL(rondo_attention_forward, &job, o, stride, lse);
  result(o, s->queries * stride, SUMMED);
  result(lse, s->queries, SUMMED);
  const struct rondo_attention_gradient to_q = {dq, stride, 0}, to_k = {dk, stride, 1}, to_v = {dv, stride, 0};
  CALL(rondo_attention_backward, &job, o, slopes, stride, lse, &to_q, &to_k, &to_v);
  result(dq, s->queries * stride, SUMMED);
  result(dk, s->keys * stride, SUMMED);
  result(dv, s->keys * stride, SUMMED);
  const struct rondo_attention_gradient no_k = {dk, stride, 0}, more_v = {dv, stride, 1};
  CALL(rondo_attention_backward, &job, o, slopes, stride, lse, NULL, &no_k, &more_v);
  result(dk, s->keys * stride, SUMMED);
  result(dv, s->keys * stride, SUMMED);
}

void call_attention(void) {
  for (size_t s = 0; s < COUNT(sizes); s++) call_size(s);
}
