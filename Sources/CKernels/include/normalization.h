#ifndef RONDO_NORMALIZATION_H
#define RONDO_NORMALIZATION_H
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#ifdef __cplusplus
}
#endif
#endif
