// What turns gradients g into new parameters p, and what is done to gradients before and to parameters after. Buffers are apart from each
// other unless a comment says "may be the same". The bits of an element depend on its own operands and on the kind of machine, not on
// where a range begins or ends.
#ifndef RONDO_OPTIMIZERS_H
#define RONDO_OPTIMIZERS_H
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

// --- Updates ------------------------------------------------------------------------------------------------------------

// g' = g + decay * p;  v = momentum * v + g';  p -= rate * (nesterov ? g' + momentum * v : v).
// With v null (no momentum): p -= rate * g'.
void rondo_sgd(
    size_t n, float rate, float momentum, float decay, int nesterov, const float *_Nonnull g, float *_Nonnull p,
    float *_Nullable v);

// g' = g + decay * p;  s = alpha * s + (1 - alpha) g'^2;  u = g' / (sqrt(s) + epsilon);  v = momentum * v + u;  p -= rate * v.
// With v null (no momentum): p -= rate * u.
void rondo_rmsprop(
    size_t n, float rate, float alpha, float epsilon, float momentum, float decay, const float *_Nonnull g,
    float *_Nonnull p, float *_Nonnull s, float *_Nullable v);

// g' = g + decay * p;  s += g'^2;  p -= rate * g' / (sqrt(s) + epsilon)
void rondo_adagrad(
    size_t n, float rate, float epsilon, float decay, const float *_Nonnull g, float *_Nonnull p, float *_Nonnull s);

// Adam's means of gradients m and of their squares v: m = beta1 m + (1 - beta1) g;  v = beta2 v + (1 - beta2) g^2. With them
// a = m / correction1 / (sqrt(v) / sqrt_correction2 + epsilon); the corrections are 1 - beta^t at step t, counted from 1.
struct rondo_adam_step {
  float rate, beta1, beta2, epsilon, decay, correction1, sqrt_correction2;
};

// p -= rate * a, with g + decay * p for g
void rondo_adam(
    size_t n, const struct rondo_adam_step *_Nonnull step, const float *_Nonnull g, float *_Nonnull p, float *_Nonnull m,
    float *_Nonnull v);

// p = p (1 - rate decay) - rate * a
void rondo_adamw(
    size_t n, const struct rondo_adam_step *_Nonnull step, const float *_Nonnull g, float *_Nonnull p, float *_Nonnull m,
    float *_Nonnull v);

// p -= rate * (a + decay * p)
void rondo_lamb(
    size_t n, const struct rondo_adam_step *_Nonnull step, const float *_Nonnull g, float *_Nonnull p, float *_Nonnull m,
    float *_Nonnull v);

// result[0] = sum of p^2, result[1] = sum of (a + decay * p)^2 for the a of this step, as rondo_sum_of_squares adds. Writes nothing else.
void rondo_lamb_sums(
    size_t n, const struct rondo_adam_step *_Nonnull step, const float *_Nonnull g, const float *_Nonnull p,
    const float *_Nonnull m, const float *_Nonnull v, double *_Nonnull result);

// p = p (1 - rate decay) - rate * sign(beta1 m + (1 - beta1) g);  m = beta2 m + (1 - beta2) g.  sign 0 is 0 and sign NaN is NaN.
void rondo_lion(
    size_t n, float rate, float beta1, float beta2, float decay, const float *_Nonnull g, float *_Nonnull p,
    float *_Nonnull m);

// v = momentum * v + rate * (g + decay * p);  p -= v
void rondo_lars(
    size_t n, float rate, float momentum, float decay, const float *_Nonnull g, float *_Nonnull p, float *_Nonnull v);

// --- Before and after ---------------------------------------------------------------------------------------------------

// The sum of x^2 in double precision: element i goes to sum i mod 16, and the 16 sums are added in halves. Squares of floats are exact in
// double precision and all terms are positive, so the relative error is at most (n / 16 + 4) 2^-53; and the bits are the same on every
// machine.
double rondo_sum_of_squares(size_t n, const float *_Nonnull x);

// y = x, but -limit where x < -limit and limit where x > limit; NaN stays NaN. x and y may be the same.
void rondo_clamp(size_t n, float limit, const float *_Nonnull x, float *_Nonnull y);

// a += weight * (x - a)
void rondo_approach(size_t n, float weight, const float *_Nonnull x, float *_Nonnull a);

#ifdef __cplusplus
}
#endif
#endif
