// SHA-256 of standard input, up to a MiB, by one of the bodies of Sources/CSHA256: "portable", "instructions", or "pair", which hashes it as both
// of two contents. Prints what sha256sum prints. Exit status 3 where the core has no instructions for it.
#include "CSHA256.h"

#include <stdio.h>
#include <string.h>

static uint8_t content[1 << 20];

int main(int count, char **words) {
  const char *body = count == 2 ? words[1] : "";
  const int is_portable = strcmp(body, "portable") == 0, is_pair = strcmp(body, "pair") == 0;
  if (!is_portable && !is_pair && strcmp(body, "instructions") != 0) return 2;
  if (!is_portable && !rondo_sha256_is_available()) return 3;
  size_t length = fread(content, 1, sizeof content - 128, stdin);
  const uint64_t bits = 8 * (uint64_t)length;
  content[length++] = 0x80;
  while (length % 64 != 56) content[length++] = 0;
  for (int byte = 7; byte >= 0; byte--) content[length++] = (uint8_t)(bits >> 8 * byte);
  uint32_t first[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  uint32_t second[8];
  memcpy(second, first, sizeof second);
  const rondo_sha256_content unhinted = {first, content, NULL, NULL}, hinted = {second, content, content, content};
  if (is_portable) rondo_sha256_portable(second, content, length / 64);
  else if (is_pair) rondo_sha256_pair(unhinted, hinted, length / 64);
  else rondo_sha256(hinted, length / 64);
  for (int word = 0; word < 8; word++) printf("%08x", second[word]);
  printf("  -\n");
  return is_pair && memcmp(first, second, sizeof first) != 0;
}
