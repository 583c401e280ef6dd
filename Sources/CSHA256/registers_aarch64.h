// What a content has in registers on AArch64. Source: Arm C Language Extensions, "SHA256"; Arm Architecture Reference Manual, SHA256H.
#include <arm_neon.h>
#include <sys/auxv.h>

#define WITH_SHA __attribute__((target("sha2")))
#define INLINE_WITH_SHA __attribute__((target("sha2"), always_inline)) static inline

int rondo_sha256_is_available(void) {
  const unsigned long sha2 = 1ul << 6;  // HWCAP_SHA2
  return (getauxval(AT_HWCAP) & sha2) != 0;
}

typedef struct {
  uint32x4_t abcd, efgh;
  // The last 16 words of the message schedule.
  uint32x4_t words[4];
} registers;

INLINE_WITH_SHA registers loaded(const uint32_t *state) {
  return (registers){.abcd = vld1q_u32(state), .efgh = vld1q_u32(state + 4)};
}

INLINE_WITH_SHA void store(registers r, uint32_t *state) {
  vst1q_u32(state, r.abcd);
  vst1q_u32(state + 4, r.efgh);
}

// Rounds 4 * group to 4 * group + 3 of a block.
INLINE_WITH_SHA void four_rounds(registers *r, int group, const uint8_t *block) {
  uint32x4_t *const words = r->words;
  if (group < 4) {
    words[group] = vreinterpretq_u32_u8(vrev32q_u8(vld1q_u8(block + 16 * group)));
  } else {
    const uint32x4_t first = vsha256su0q_u32(words[group & 3], words[(group + 1) & 3]);
    words[group & 3] = vsha256su1q_u32(first, words[(group + 2) & 3], words[(group + 3) & 3]);
  }
  const uint32x4_t sum = vaddq_u32(words[group & 3], vld1q_u32(constants + 4 * group)), abcd = r->abcd;
  r->abcd = vsha256hq_u32(abcd, r->efgh, sum);
  r->efgh = vsha256h2q_u32(r->efgh, abcd, sum);
}

INLINE_WITH_SHA void add(registers *r, const registers *before) {
  r->abcd = vaddq_u32(r->abcd, before->abcd);
  r->efgh = vaddq_u32(r->efgh, before->efgh);
}

// A line of the second cache: the first is full of what is hashed.
INLINE_WITH_SHA void fetch(const uint8_t *line) { __builtin_prefetch(line, 0, 2); }
