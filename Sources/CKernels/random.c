#include "CKernels.h"
#include "dispatch.h"

// Blocks are computed LANES at a time in structure-of-arrays form: the rounds vectorise over them.
#define LANES 16

RONDO_INLINE void philox_lanes(
    uint64_t first_block, uint64_t key, uint32_t major, uint32_t minor, uint32_t purpose, uint32_t words[LANES][4]) {
  uint32_t c0[LANES], c1[LANES], c2[LANES], c3[LANES];
  uint32_t k0 = (uint32_t)key, k1 = (uint32_t)(key >> 32);
  for (int l = 0; l < LANES; l++) {
    c0[l] = (uint32_t)(first_block + (uint64_t)l);
    c1[l] = major;
    c2[l] = minor;
    c3[l] = purpose;
  }
  for (int round = 0; round < 10; round++) {
    for (int l = 0; l < LANES; l++) {
      const uint64_t p0 = (uint64_t)0xD2511F53u * c0[l];
      const uint64_t p1 = (uint64_t)0xCD9E8D57u * c2[l];
      const uint32_t n0 = (uint32_t)(p1 >> 32) ^ c1[l] ^ k0;
      const uint32_t n2 = (uint32_t)(p0 >> 32) ^ c3[l] ^ k1;
      c0[l] = n0;
      c1[l] = (uint32_t)p1;
      c2[l] = n2;
      c3[l] = (uint32_t)p0;
    }
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  for (int l = 0; l < LANES; l++) {
    words[l][0] = c0[l];
    words[l][1] = c1[l];
    words[l][2] = c2[l];
    words[l][3] = c3[l];
  }
}

RONDO_KERNEL void rondo_dropout(
    size_t n, uint64_t first, uint64_t key, uint32_t major, uint32_t minor, uint32_t purpose, uint32_t threshold,
    float scale, const float *x, float *y) {
  uint32_t words[LANES][4];
  const uint32_t *word = &words[0][0];
  size_t done = 0;
  while (done < n) {
    const uint64_t element = first + done;
    const size_t skip = (size_t)(element & 3);  // a range may start inside a block
    philox_lanes(element >> 2, key, major, minor, purpose, words);
    size_t here = 4 * LANES - skip;
    if (here > n - done) here = n - done;
    for (size_t i = 0; i < here; i++) y[done + i] = word[skip + i] < threshold ? 0.0f : scale * x[done + i];
    done += here;
  }
}
