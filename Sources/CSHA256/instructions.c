// A round of SHA-256 depends on the one before: sha256rnds2 takes four cycles and a core can begin one every two. Rounds of a second content fit
// between, so two digests cost the time of one (AMD EPYC, Zen 4: 1.7 GB/s alone, 3.0 GB/s as a pair). Libraries hash one content at a time.
#include <stdlib.h>

#include "CSHA256.h"
#include "constants.h"

#if defined(__x86_64__)
#include "registers_x86_64.h"
#elif defined(__aarch64__) && defined(__linux__)
#include "registers_aarch64.h"
#endif

#ifdef WITH_SHA

WITH_SHA void rondo_sha256(uint32_t *state, const void *data, const void *ahead, size_t blocks) {
  registers r = loaded(state);
  const uint8_t *block = data, *next = ahead ? ahead : data;
  for (; blocks > 0; blocks--, block += 64, next += 64) {
    fetch(next);
    const registers before = r;
#pragma clang loop unroll(full)
    for (int group = 0; group < 16; group++) four_rounds(&r, group, block);
    add(&r, &before);
  }
  store(r, state);
}

WITH_SHA void rondo_sha256_pair(uint32_t *first, const void *first_data, const void *first_ahead, uint32_t *second,
                                const void *second_data, const void *second_ahead, size_t blocks) {
  registers r = loaded(first), s = loaded(second);
  const uint8_t *r_block = first_data, *r_next = first_ahead ? first_ahead : first_data;
  const uint8_t *s_block = second_data, *s_next = second_ahead ? second_ahead : second_data;
  for (; blocks > 0; blocks--, r_block += 64, s_block += 64, r_next += 64, s_next += 64) {
    fetch(r_next);
    fetch(s_next);
    const registers r_before = r, s_before = s;
#pragma clang loop unroll(full)
    for (int group = 0; group < 16; group++) {
      four_rounds(&r, group, r_block);
      four_rounds(&s, group, s_block);
    }
    add(&r, &r_before);
    add(&s, &s_before);
  }
  store(r, first);
  store(s, second);
}

#else

int rondo_sha256_is_available(void) { return 0; }

void rondo_sha256(uint32_t *state, const void *data, const void *ahead, size_t blocks) {
  (void)state, (void)data, (void)ahead, (void)blocks;
  abort();
}

void rondo_sha256_pair(uint32_t *first, const void *first_data, const void *first_ahead, uint32_t *second, const void *second_data,
                       const void *second_ahead, size_t blocks) {
  (void)first, (void)first_data, (void)first_ahead, (void)second, (void)second_data, (void)second_ahead, (void)blocks;
  abort();
}

#endif
