// zlib, for files packed with gzip. Open MPI's development files need it too, so it is there wherever Rondo builds.
#ifndef RONDO_CZLIB_SHIM_H
#define RONDO_CZLIB_SHIM_H
#include <zlib.h>
#endif
