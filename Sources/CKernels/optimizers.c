#include "CKernels.h"
#include "dispatch.h"

RONDO_KERNEL void rondo_sgd(
    size_t n, float rate, float momentum, float decay, int nesterov, const float *restrict g, float *restrict p,
    float *restrict v) {
  if (!v) {
    for (size_t i = 0; i < n; i++) p[i] -= rate * (g[i] + decay * p[i]);
  } else if (nesterov) {
    for (size_t i = 0; i < n; i++) {
      const float gradient = g[i] + decay * p[i];
      v[i] = momentum * v[i] + gradient;
      p[i] -= rate * (gradient + momentum * v[i]);
    }
  } else {
    for (size_t i = 0; i < n; i++) {
      v[i] = momentum * v[i] + (g[i] + decay * p[i]);
      p[i] -= rate * v[i];
    }
  }
}

RONDO_KERNEL void rondo_adamw(
    size_t n, float rate, float beta1, float beta2, float epsilon, float decay, float correction1,
    float sqrt_correction2, const float *restrict g, float *restrict p, float *restrict m, float *restrict v) {
  const float keep = 1.0f - rate * decay;
  const float step = rate / correction1;
  const float inverse = 1.0f / sqrt_correction2;
  for (size_t i = 0; i < n; i++) {
    m[i] = beta1 * m[i] + (1.0f - beta1) * g[i];
    v[i] = beta2 * v[i] + (1.0f - beta2) * g[i] * g[i];
    p[i] = p[i] * keep - step * m[i] / (__builtin_elementwise_sqrt(v[i]) * inverse + epsilon);
  }
}
