// OpenBLAS's CBLAS interface and its own calls (threads, kernel name).
#ifndef RONDO_COPENBLAS_SHIM_H
#define RONDO_COPENBLAS_SHIM_H
#include <cblas.h>
#endif
