// exp, tanh and erf as straight-line code that vectorises. Coefficients: weighted least squares iterated to a near-minimax
// error, rounded to float. Error bounds hold for the whole range and are tested in KernelsTests.
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

#pragma clang fp reassociate(on)
#endif
