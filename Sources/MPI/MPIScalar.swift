import COpenMPI

/// An element type that MPI can send and reduce.
///
/// The one requirement is its datatype. `Bool` travels as the one byte it is (`MPI_C_BOOL`) and takes the
/// logical operations; integers take all operations; `Float` and `Double` all but the bitwise ones.
public protocol MPIScalar: BitwiseCopyable, Sendable {
  static var datatype: Datatype { get }
}

/// MPI's name for an element type, and the size of an element in bytes.
///
/// Sendable is safe: the handle is a predefined one, a constant for the life of the process.
public struct Datatype: @unchecked Sendable {
  let handle: MPI_Datatype
  /// Bytes from one element to the next.
  public let size: Int

  init(_ handle: MPI_Datatype, _ size: Int) {
    self.handle = handle
    self.size = size
  }

  /// Untyped memory, in bytes (`MPI_BYTE`).
  static var bytes: Datatype { Datatype(rondo_mpi_byte(), 1) }
}

extension Float: MPIScalar { public static var datatype: Datatype { .init(rondo_mpi_float(), 4) } }
extension Double: MPIScalar { public static var datatype: Datatype { .init(rondo_mpi_double(), 8) } }
extension Bool: MPIScalar { public static var datatype: Datatype { .init(rondo_mpi_bool(), 1) } }
extension Int8: MPIScalar { public static var datatype: Datatype { .init(rondo_mpi_int8(), 1) } }
extension Int16: MPIScalar { public static var datatype: Datatype { .init(rondo_mpi_int16(), 2) } }
extension Int32: MPIScalar { public static var datatype: Datatype { .init(rondo_mpi_int32(), 4) } }
extension Int64: MPIScalar { public static var datatype: Datatype { .init(rondo_mpi_int64(), 8) } }
extension UInt8: MPIScalar { public static var datatype: Datatype { .init(rondo_mpi_uint8(), 1) } }
extension UInt16: MPIScalar { public static var datatype: Datatype { .init(rondo_mpi_uint16(), 2) } }
extension UInt32: MPIScalar { public static var datatype: Datatype { .init(rondo_mpi_uint32(), 4) } }
extension UInt64: MPIScalar { public static var datatype: Datatype { .init(rondo_mpi_uint64(), 8) } }

// Swift's word-sized integers are 64-bit wherever Open MPI's pointers are.
extension Int: MPIScalar { public static var datatype: Datatype { .init(rondo_mpi_int64(), 8) } }
extension UInt: MPIScalar { public static var datatype: Datatype { .init(rondo_mpi_uint64(), 8) } }

extension MPIScalar {
  /// A value to fill new memory with before MPI writes it. All bits 0 is a value of every scalar type.
  static var zeroBits: Self {
    withUnsafeTemporaryAllocation(of: Self.self, capacity: 1) { value in
      UnsafeMutableRawBufferPointer(value).initializeMemory(as: UInt8.self, repeating: 0)
      return value[0]
    }
  }
}
