#ifndef RONDO_REDUCTIONS_H
#define RONDO_REDUCTIONS_H
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#ifdef __cplusplus
}
#endif
#endif
