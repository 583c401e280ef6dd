// What Swift's importer leaves out of mpi.h. Open MPI's handles are macros over pointer casts, and Swift imports
// neither; they come back here as functions. `_Nonnull` makes the results plain values instead of implicitly
// unwrapped optionals.
#ifndef RONDO_COPENMPI_SHIM_H
#define RONDO_COPENMPI_SHIM_H
#include <mpi.h>

#define RONDO_MPI_HANDLE(TYPE, NAME, VALUE) \
  static inline TYPE _Nonnull rondo_mpi_##NAME(void) { return VALUE; }

RONDO_MPI_HANDLE(MPI_Comm, comm_world, MPI_COMM_WORLD)
RONDO_MPI_HANDLE(MPI_Comm, comm_null, MPI_COMM_NULL)
RONDO_MPI_HANDLE(MPI_Errhandler, errors_return, MPI_ERRORS_RETURN)
RONDO_MPI_HANDLE(MPI_Info, info_null, MPI_INFO_NULL)
RONDO_MPI_HANDLE(MPI_Request, request_null, MPI_REQUEST_NULL)
RONDO_MPI_HANDLE(MPI_Message, message_null, MPI_MESSAGE_NULL)
RONDO_MPI_HANDLE(void *, in_place, MPI_IN_PLACE)

// A null pointer, which Swift would write as nil; the name says what it asks for.
static inline MPI_Status *_Nullable rondo_mpi_status_ignore(void) { return MPI_STATUS_IGNORE; }

RONDO_MPI_HANDLE(MPI_Datatype, byte, MPI_BYTE)
RONDO_MPI_HANDLE(MPI_Datatype, bool, MPI_C_BOOL)
RONDO_MPI_HANDLE(MPI_Datatype, float, MPI_FLOAT)
RONDO_MPI_HANDLE(MPI_Datatype, double, MPI_DOUBLE)
RONDO_MPI_HANDLE(MPI_Datatype, int8, MPI_INT8_T)
RONDO_MPI_HANDLE(MPI_Datatype, int16, MPI_INT16_T)
RONDO_MPI_HANDLE(MPI_Datatype, int32, MPI_INT32_T)
RONDO_MPI_HANDLE(MPI_Datatype, int64, MPI_INT64_T)
RONDO_MPI_HANDLE(MPI_Datatype, uint8, MPI_UINT8_T)
RONDO_MPI_HANDLE(MPI_Datatype, uint16, MPI_UINT16_T)
RONDO_MPI_HANDLE(MPI_Datatype, uint32, MPI_UINT32_T)
RONDO_MPI_HANDLE(MPI_Datatype, uint64, MPI_UINT64_T)

RONDO_MPI_HANDLE(MPI_Op, sum, MPI_SUM)
RONDO_MPI_HANDLE(MPI_Op, product, MPI_PROD)
RONDO_MPI_HANDLE(MPI_Op, minimum, MPI_MIN)
RONDO_MPI_HANDLE(MPI_Op, maximum, MPI_MAX)
RONDO_MPI_HANDLE(MPI_Op, logical_and, MPI_LAND)
RONDO_MPI_HANDLE(MPI_Op, logical_or, MPI_LOR)
RONDO_MPI_HANDLE(MPI_Op, logical_xor, MPI_LXOR)
RONDO_MPI_HANDLE(MPI_Op, bitwise_and, MPI_BAND)
RONDO_MPI_HANDLE(MPI_Op, bitwise_or, MPI_BOR)
RONDO_MPI_HANDLE(MPI_Op, bitwise_xor, MPI_BXOR)

#undef RONDO_MPI_HANDLE
#endif
