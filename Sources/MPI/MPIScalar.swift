import COpenMPI

/// An element type that MPI can send and reduce.
///
/// The one requirement is its datatype. `Bool` travels as the one byte it is (`MPI_C_BOOL`) and takes the logical
/// operations; integers take all operations; `Float` and `Double` all but the bitwise ones.
public protocol MPIScalar: BitwiseCopyable, Sendable {
  static var datatype: Datatype { get }
}

/// MPI's name for an element type, and the element's size.
public struct Datatype: @unchecked Sendable {  // safe: a predefined handle, a constant for the life of the process
  let handle: MPI_Datatype
  /// Bytes from one element to the next.
  public let size: Int

  init<Element>(_ handle: MPI_Datatype, of _: Element.Type) {
    self.handle = handle
    self.size = MemoryLayout<Element>.stride
  }
}

extension Float: MPIScalar { public static var datatype: Datatype { Datatype(rondo_mpi_float(), of: Self.self) } }
extension Double: MPIScalar { public static var datatype: Datatype { Datatype(rondo_mpi_double(), of: Self.self) } }
extension Bool: MPIScalar { public static var datatype: Datatype { Datatype(rondo_mpi_bool(), of: Self.self) } }
extension Int8: MPIScalar { public static var datatype: Datatype { Datatype(rondo_mpi_int8(), of: Self.self) } }
extension Int16: MPIScalar { public static var datatype: Datatype { Datatype(rondo_mpi_int16(), of: Self.self) } }
extension Int32: MPIScalar { public static var datatype: Datatype { Datatype(rondo_mpi_int32(), of: Self.self) } }
extension Int64: MPIScalar { public static var datatype: Datatype { Datatype(rondo_mpi_int64(), of: Self.self) } }
extension Int: MPIScalar { public static var datatype: Datatype { Datatype(rondo_mpi_int64(), of: Self.self) } }
extension UInt8: MPIScalar { public static var datatype: Datatype { Datatype(rondo_mpi_uint8(), of: Self.self) } }
extension UInt16: MPIScalar { public static var datatype: Datatype { Datatype(rondo_mpi_uint16(), of: Self.self) } }
extension UInt32: MPIScalar { public static var datatype: Datatype { Datatype(rondo_mpi_uint32(), of: Self.self) } }
extension UInt64: MPIScalar { public static var datatype: Datatype { Datatype(rondo_mpi_uint64(), of: Self.self) } }
extension UInt: MPIScalar { public static var datatype: Datatype { Datatype(rondo_mpi_uint64(), of: Self.self) } }

extension Datatype {
  /// Untyped memory, in bytes (`MPI_BYTE`).
  static var bytes: Datatype { Datatype(rondo_mpi_byte(), of: UInt8.self) }
}

extension MPIScalar {
  /// A value to fill new memory with before MPI writes it. All bits 0 is a value of every scalar type.
  static var zeroBits: Self {
    withUnsafeTemporaryAllocation(of: Self.self, capacity: 1) { value in
      UnsafeMutableRawBufferPointer(value).initializeMemory(as: UInt8.self, repeating: 0)
      return value[0]
    }
  }
}
