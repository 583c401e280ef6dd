#include "digits.h"

#pragma clang diagnostic ignored "-Wc23-extensions"

static const unsigned char samples[] = {
#embed "digits.bin"
};

_Static_assert(sizeof samples == RONDO_DIGITS_SAMPLES * RONDO_DIGITS_SAMPLE_BYTES, "digits.bin is not whole");

const unsigned char *rondo_digits(void) { return samples; }
