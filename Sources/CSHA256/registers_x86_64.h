// What a content has in registers on x86-64. Source: Intel, "New Instructions Supporting the Secure Hash Algorithm on Intel Architecture
// Processors" (2013).
#include <cpuid.h>
#include <immintrin.h>

#define WITH_SHA __attribute__((target("sha,sse4.1,ssse3")))
#define INLINE_WITH_SHA __attribute__((target("sha,sse4.1,ssse3"), always_inline)) static inline

int rondo_sha256_is_available(void) {
  unsigned a, b, c, d;
  const unsigned ssse3 = 1u << 9, sse41 = 1u << 19, sha = 1u << 29;
  if (!__get_cpuid(1, &a, &b, &c, &d) || (c & (ssse3 | sse41)) != (ssse3 | sse41)) return 0;
  return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & sha) != 0;
}

// The instructions want the eight words as ABEF and CDGH.
typedef struct {
  __m128i abef, cdgh;
  // The last 16 words of the message schedule.
  __m128i words[4];
} registers;

INLINE_WITH_SHA registers loaded(const uint32_t *state) {
  const __m128i abcd = _mm_loadu_si128((const __m128i *)state), efgh = _mm_loadu_si128((const __m128i *)(state + 4));
  const __m128i badc = _mm_shuffle_epi32(abcd, 0xB1), hgfe = _mm_shuffle_epi32(efgh, 0x1B);
  return (registers){.abef = _mm_alignr_epi8(badc, hgfe, 8), .cdgh = _mm_blend_epi16(hgfe, badc, 0xF0)};
}

INLINE_WITH_SHA void store(registers r, uint32_t *state) {
  const __m128i feba = _mm_shuffle_epi32(r.abef, 0x1B), dchg = _mm_shuffle_epi32(r.cdgh, 0xB1);
  _mm_storeu_si128((__m128i *)state, _mm_blend_epi16(feba, dchg, 0xF0));
  _mm_storeu_si128((__m128i *)(state + 4), _mm_alignr_epi8(dchg, feba, 8));
}

// Rounds 4 * group to 4 * group + 3 of a block.
INLINE_WITH_SHA void four_rounds(registers *r, int group, const uint8_t *block) {
  __m128i *const words = r->words;
  __m128i next;
  if (group < 4) {
    const __m128i big_endian = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
    next = _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)(block + 16 * group)), big_endian);
  } else {
    const __m128i last = words[(group + 3) & 3];
    const __m128i seven_before = _mm_alignr_epi8(last, words[(group + 2) & 3], 4);
    const __m128i first = _mm_sha256msg1_epu32(words[group & 3], words[(group + 1) & 3]);
    next = _mm_sha256msg2_epu32(_mm_add_epi32(first, seven_before), last);
  }
  words[group & 3] = next;
  const __m128i sum = _mm_add_epi32(next, _mm_load_si128((const __m128i *)(constants + 4 * group)));
  r->cdgh = _mm_sha256rnds2_epu32(r->cdgh, r->abef, sum);
  r->abef = _mm_sha256rnds2_epu32(r->abef, r->cdgh, _mm_shuffle_epi32(sum, 0x0E));
}

INLINE_WITH_SHA void add(registers *r, const registers *before) {
  r->abef = _mm_add_epi32(r->abef, before->abef);
  r->cdgh = _mm_add_epi32(r->cdgh, before->cdgh);
}

// A line of the second cache: the first is full of what is hashed.
INLINE_WITH_SHA void fetch(const uint8_t *line) { _mm_prefetch((const char *)line, _MM_HINT_T1); }
