#include "optimizers.h"

#include <string.h>

#include "dispatch.h"

// A product and a sum fuse where they stand in one expression here, and nowhere else. Left to later passes, that could differ between the
// vectors of a loop and what is left over at its end, and so with where a tensor is cut.
#pragma clang fp contract(on) reassociate(off)

RONDO_INLINE float root(float x) { return __builtin_elementwise_sqrt(x); }

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

RONDO_KERNEL void rondo_rmsprop(
    size_t n, float rate, float alpha, float epsilon, float momentum, float decay, const float *restrict g,
    float *restrict p, float *restrict s, float *restrict v) {
  const float rest = 1.0f - alpha;
  if (!v) {
    for (size_t i = 0; i < n; i++) {
      const float gradient = g[i] + decay * p[i];
      s[i] = alpha * s[i] + rest * gradient * gradient;
      p[i] -= rate * (gradient / (root(s[i]) + epsilon));
    }
  } else {
    for (size_t i = 0; i < n; i++) {
      const float gradient = g[i] + decay * p[i];
      s[i] = alpha * s[i] + rest * gradient * gradient;
      v[i] = momentum * v[i] + gradient / (root(s[i]) + epsilon);
      p[i] -= rate * v[i];
    }
  }
}

RONDO_KERNEL void rondo_adagrad(
    size_t n, float rate, float epsilon, float decay, const float *restrict g, float *restrict p, float *restrict s) {
  for (size_t i = 0; i < n; i++) {
    const float gradient = g[i] + decay * p[i];
    s[i] += gradient * gradient;
    p[i] -= rate * (gradient / (root(s[i]) + epsilon));
  }
}

// What Adam and its kin add up for one element, and the constants of a step that are the same for all.
struct means { float m, v; };
struct factors { float rest1, rest2, scale1, scale2; };

RONDO_INLINE struct factors factors_of(const struct rondo_adam_step *step) {
  return (struct factors){
      1.0f - step->beta1, 1.0f - step->beta2, 1.0f / step->correction1, 1.0f / step->sqrt_correction2};
}

RONDO_INLINE struct means next(const struct rondo_adam_step *s, struct factors f, float g, float m, float v) {
  return (struct means){s->beta1 * m + f.rest1 * g, s->beta2 * v + f.rest2 * g * g};
}

// rate times the direction; with a rate of 1 the direction.
RONDO_INLINE float ratio(const struct rondo_adam_step *s, struct factors f, struct means at, float rate) {
  return rate * f.scale1 * at.m / (root(at.v) * f.scale2 + s->epsilon);
}

RONDO_KERNEL void rondo_adam(
    size_t n, const struct rondo_adam_step *step, const float *restrict g, float *restrict p, float *restrict m,
    float *restrict v) {
  const struct rondo_adam_step s = *step;
  const struct factors f = factors_of(&s);
  for (size_t i = 0; i < n; i++) {
    const struct means at = next(&s, f, g[i] + s.decay * p[i], m[i], v[i]);
    m[i] = at.m;
    v[i] = at.v;
    p[i] -= ratio(&s, f, at, s.rate);
  }
}

RONDO_KERNEL void rondo_adamw(
    size_t n, const struct rondo_adam_step *step, const float *restrict g, float *restrict p, float *restrict m,
    float *restrict v) {
  const struct rondo_adam_step s = *step;
  const struct factors f = factors_of(&s);
  const float keep = 1.0f - s.rate * s.decay;
  for (size_t i = 0; i < n; i++) {
    const struct means at = next(&s, f, g[i], m[i], v[i]);
    m[i] = at.m;
    v[i] = at.v;
    p[i] = p[i] * keep - ratio(&s, f, at, s.rate);
  }
}

RONDO_KERNEL void rondo_lamb(
    size_t n, const struct rondo_adam_step *step, const float *restrict g, float *restrict p, float *restrict m,
    float *restrict v) {
  const struct rondo_adam_step s = *step;
  const struct factors f = factors_of(&s);
  for (size_t i = 0; i < n; i++) {
    const struct means at = next(&s, f, g[i], m[i], v[i]);
    m[i] = at.m;
    v[i] = at.v;
    p[i] -= s.rate * (ratio(&s, f, at, 1.0f) + s.decay * p[i]);
  }
}

RONDO_KERNEL void rondo_lion(
    size_t n, float rate, float beta1, float beta2, float decay, const float *restrict g, float *restrict p,
    float *restrict m) {
  const float keep = 1.0f - rate * decay;
  for (size_t i = 0; i < n; i++) {
    const float c = beta1 * m[i] + (1.0f - beta1) * g[i];
    const float sign = c > 0.0f ? 1.0f : (c < 0.0f ? -1.0f : c);
    p[i] = p[i] * keep - rate * sign;
    m[i] = beta2 * m[i] + (1.0f - beta2) * g[i];
  }
}

RONDO_KERNEL void rondo_lars(
    size_t n, float rate, float momentum, float decay, const float *restrict g, float *restrict p, float *restrict v) {
  for (size_t i = 0; i < n; i++) {
    v[i] = momentum * v[i] + rate * (g[i] + decay * p[i]);
    p[i] -= v[i];
  }
}

// Sums that run side by side, so that one addition does not wait for the last.
#define LANES 16
typedef double sums __attribute__((vector_size(8 * LANES)));
typedef float floats __attribute__((vector_size(4 * LANES), aligned(4)));

RONDO_INLINE void add_squares(sums *total, size_t n, const float *x) {
  sums so_far = *total;
  size_t i = 0;
  for (; i + LANES <= n; i += LANES) {
    const sums wide = __builtin_convertvector(*(const floats *)(x + i), sums);
    so_far += wide * wide;
  }
  if (i < n) {
    float rest[LANES] = {0};
    memcpy(rest, x + i, (n - i) * sizeof(float));
    const sums wide = __builtin_convertvector(*(const floats *)rest, sums);
    so_far += wide * wide;
  }
  *total = so_far;
}

RONDO_INLINE double sum_of_lanes(const sums *total) {
  double lane[LANES];
  memcpy(lane, total, sizeof lane);
  for (size_t half = LANES / 2; half > 0; half /= 2)
    for (size_t l = 0; l < half; l++) lane[l] += lane[l + half];
  return lane[0];
}

RONDO_KERNEL double rondo_sum_of_squares(size_t n, const float *x) {
  sums total = {0};
  add_squares(&total, n, x);
  return sum_of_lanes(&total);
}

// Directions in hand at a time: a multiple of LANES.
#define BLOCK 512

RONDO_KERNEL void rondo_lamb_sums(
    size_t n, const struct rondo_adam_step *step, const float *restrict g, const float *restrict p,
    const float *restrict m, const float *restrict v, double *restrict result) {
  const struct rondo_adam_step s = *step;
  const struct factors f = factors_of(&s);
  sums parameters = {0}, directions = {0};
  float direction[BLOCK];
  for (size_t first = 0; first < n; first += BLOCK) {
    const size_t width = n - first < BLOCK ? n - first : BLOCK;
    for (size_t b = 0; b < width; b++) {
      const size_t i = first + b;
      direction[b] = ratio(&s, f, next(&s, f, g[i], m[i], v[i]), 1.0f) + s.decay * p[i];
    }
    add_squares(&parameters, width, p + first);
    add_squares(&directions, width, direction);
  }
  result[0] = sum_of_lanes(&parameters);
  result[1] = sum_of_lanes(&directions);
}

RONDO_KERNEL void rondo_clamp(size_t n, float limit, const float *x, float *y) {
  SAME_OR_APART
  for (size_t i = 0; i < n; i++) y[i] = x[i] < -limit ? -limit : (x[i] > limit ? limit : x[i]);
}

RONDO_KERNEL void rondo_approach(size_t n, float weight, const float *restrict x, float *restrict a) {
  for (size_t i = 0; i < n; i++) a[i] += weight * (x[i] - a[i]);
}
