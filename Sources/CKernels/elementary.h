// exp, tanh, erf, log, log1p, sigmoid and silu as straight-line code that vectorises. Coefficients: weighted least squares iterated
// to a near-minimax error, rounded to float; log's are Cephes's (S. Moshier, 1992). Error bounds hold for the whole range and are
// tested in KernelsTests.
#ifndef RONDO_ELEMENTARY_H
#define RONDO_ELEMENTARY_H
#include "dispatch.h"
#include <math.h>
#include <stdint.h>
#include <string.h>

// Regrouping would undo the two-part reduction below.
#pragma clang fp reassociate(off)

RONDO_INLINE float rondo_float_from_bits(uint32_t bits) {
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

RONDO_INLINE uint32_t rondo_bits(float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  return bits;
}

RONDO_INLINE float rondo_absolute(float x) { return __builtin_fabsf(x); }

// e^x within 2 ulp; 0 below -87.33 (results under 2^-126 are flushed), infinity above 88.72, NaN stays NaN.
RONDO_INLINE float rondo_expf(float x) {
  float inside = x > 88.73f ? 88.73f : x;  // comparisons with NaN are false: NaN passes
  inside = inside < -87.34f ? -87.34f : inside;
  float whole = __builtin_rintf(inside * 1.44269504f);
  float r = inside - whole * 0.693359375f;  // ln 2 in two parts: the first product is exact
  r = r - whole * -2.12194440e-4f;
  float p = 0.00139504753f;
  p = p * r + 0.00836888142f;
  p = p * r + 0.041666206f;
  p = p * r + 0.166665196f;
  p = p * r + 0.5f;
  p = p * (r * r) + r + 1.0f;
  // 2^whole in two halves, so that whole = 128 does not overflow before the product does.
  int32_t power = (int32_t)(whole == whole ? whole : 0.0f);
  int32_t half = power >> 1;
  float scaled = p * rondo_float_from_bits((uint32_t)(half + 127) << 23)
                 * rondo_float_from_bits((uint32_t)(power - half + 127) << 23);
  scaled = x < -87.33654f ? 0.0f : scaled;
  return x > 88.72284f ? __builtin_inff() : scaled;
}

// tanh x within 3 ulp; exactly odd.
RONDO_INLINE float rondo_tanhf(float x) {
  float a = rondo_absolute(x);
  float s = x * x;
  float p = -0.00571703678f;
  p = p * s + 0.0206505787f;
  p = p * s + -0.0537434965f;
  p = p * s + 0.133314908f;
  p = p * s + -0.333332837f;
  float small = x + x * (s * p);
  float e = rondo_expf(-2.0f * a);
  float large = __builtin_copysignf((1.0f - e) / (1.0f + e), x);
  return a < 0.625f ? small : (x == x ? large : x);
}

// erf x within 3 ulp; exactly odd.
RONDO_INLINE float rondo_erff(float x) {
  float a = rondo_absolute(x);
  float s = x * x;
  float p = -9.68013592e-06f;
  p = p * s + 0.000112705442f;
  p = p * s + -0.000848471129f;
  p = p * s + 0.00522107491f;
  p = p * s + -0.0268654451f;
  p = p * s + 0.112837829f;
  p = p * s + -0.376126379f;
  p = p * s + 1.12837923f;
  float b = a > 4.0f ? 4.0f : a;  // 1 - erf(4) = 1.5e-8 rounds to 0
  float q = -2.51326526e-07f;     // q(b) = -ln(1 - erf b)
  q = q * b + 2.53148064e-05f;
  q = q * b + -0.000463788019f;
  q = q * b + 0.00428238278f;
  q = q * b + -0.0253735557f;
  q = q * b + 0.108638994f;
  q = q * b + 0.633039594f;
  q = q * b + 1.1296612f;
  q = q * b + -0.00020435988f;
  float large = __builtin_copysignf(1.0f - rondo_expf(-q), x);
  return a < 1.0f ? x * p : (x == x ? large : x);
}

// log(u + lost) for normal u > 0 and a remainder |lost| << u: u = 2^e (1 + f) with 1 + f in [sqrt(1/2), sqrt(2)).
RONDO_INLINE float rondo_log_of_sum(float u, float lost, float exponent_bias) {
  uint32_t bits = rondo_bits(u);
  int32_t whole = (int32_t)(bits - 0x3f3504f3u) >> 23;  // 0x3f3504f3 is sqrt(1/2)
  float f = rondo_float_from_bits(bits - ((uint32_t)whole << 23)) - 1.0f;
  float e = (float)whole - exponent_bias;
  float s = f * f;
  float p = 7.0376836292e-2f;
  p = p * f + -1.1514610310e-1f;
  p = p * f + 1.1676998740e-1f;
  p = p * f + -1.2420140846e-1f;
  p = p * f + 1.4249322787e-1f;
  p = p * f + -1.6668057665e-1f;
  p = p * f + 2.0000714765e-1f;
  p = p * f + -2.4999993993e-1f;
  p = p * f + 3.3333331174e-1f;
  float small = f * s * p + e * -2.12194440e-4f + lost;
  small = small - 0.5f * s;
  return f + small + e * 0.693359375f;
}

// log x within 1 ulp, subnormal x included; -infinity at 0, NaN below.
RONDO_INLINE float rondo_logf(float x) {
  const int subnormal = x < 0x1p-126f;
  float value = rondo_log_of_sum(subnormal ? x * 0x1p25f : x, 0.0f, subnormal ? 25.0f : 0.0f);
  float outside = x == 0.0f ? -__builtin_inff() : __builtin_nanf("");
  return x > 0.0f ? (x < __builtin_inff() ? value : x) : outside;
}

// log(1 + x) within 1 ulp; -infinity at -1, NaN below; x itself where |x| < 2^-24.
RONDO_INLINE float rondo_log1pf(float x) {
  float u = 1.0f + x;
  float lost = x > 1.0f ? 1.0f - (u - x) : x - (u - 1.0f);  // 1 + x - u, exactly
  float value = rondo_log_of_sum(u, lost / u, 0.0f);
  value = rondo_absolute(x) < 0x1p-24f ? x : value;
  float outside = x == -1.0f ? -__builtin_inff() : __builtin_nanf("");
  return x > -1.0f ? (x < __builtin_inff() ? value : x) : outside;
}

// 1 / (1 + e^-x) within 3 ulp; 0 below -88.72 (results under 2^-127).
RONDO_INLINE float rondo_sigmoidf(float x) { return 1.0f / (1.0f + rondo_expf(-x)); }

// x / (1 + e^-x) within 3 ulp; -0 below -88.72 (results above -2^-121); NaN at -infinity, as x sigmoid(x) is.
RONDO_INLINE float rondo_siluf(float x) { return x / (1.0f + rondo_expf(-x)); }

// Of silu: s (1 + x (1 - s)) with s = sigmoid(x).
RONDO_INLINE float rondo_silu_slopef(float x) {
  float s = rondo_sigmoidf(x);
  return s + s * (x * (1.0f - s));
}

#pragma clang fp reassociate(on)
#endif
