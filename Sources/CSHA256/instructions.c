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

// What of a content is fetched, a line with each block.
typedef struct {
  const uint8_t *source, *target;
} lines;

// Hints that are missing stand for what is in the cache anyway.
INLINE_WITH_SHA lines ahead_of(rondo_sha256_content content) {
  return (lines){content.source ? content.source : content.data, content.target ? content.target : content.data};
}

INLINE_WITH_SHA void fetch_next(lines *ahead) {
  fetch(ahead->source);
  fetch(ahead->target);
  ahead->source += 64;
  ahead->target += 64;
}

WITH_SHA void rondo_sha256(rondo_sha256_content content, size_t blocks) {
  registers r = loaded(content.state);
  const uint8_t *block = content.data;
  lines ahead = ahead_of(content);
  for (; blocks > 0; blocks--, block += 64) {
    fetch_next(&ahead);
    const registers before = r;
#pragma clang loop unroll(full)
    for (int group = 0; group < 16; group++) four_rounds(&r, group, block);
    add(&r, &before);
  }
  store(r, content.state);
}

WITH_SHA void rondo_sha256_pair(rondo_sha256_content first, rondo_sha256_content second, size_t blocks) {
  registers r = loaded(first.state), s = loaded(second.state);
  const uint8_t *r_block = first.data, *s_block = second.data;
  lines r_ahead = ahead_of(first), s_ahead = ahead_of(second);
  for (; blocks > 0; blocks--, r_block += 64, s_block += 64) {
    fetch_next(&r_ahead);
    fetch_next(&s_ahead);
    const registers r_before = r, s_before = s;
#pragma clang loop unroll(full)
    for (int group = 0; group < 16; group++) {
      four_rounds(&r, group, r_block);
      four_rounds(&s, group, s_block);
    }
    add(&r, &r_before);
    add(&s, &s_before);
  }
  store(r, first.state);
  store(s, second.state);
}

#else

int rondo_sha256_is_available(void) { return 0; }

void rondo_sha256(rondo_sha256_content content, size_t blocks) {
  (void)content, (void)blocks;
  abort();
}

void rondo_sha256_pair(rondo_sha256_content first, rondo_sha256_content second, size_t blocks) {
  (void)first, (void)second, (void)blocks;
  abort();
}

#endif
