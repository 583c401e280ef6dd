import COpenMPI

/// One buffer of an MPI call: where it starts, how many elements it has, and their type.
///
/// Every method with `Span` arguments turns them into blocks in one place (`withBlock`), so that the code below it is neither
/// generic nor repeated per element type.
struct Block {
  let address: UnsafeMutableRawPointer
  let count: Int
  let type: Datatype

  init(_ address: UnsafeMutableRawPointer?, count: Int, type: Datatype) {
    // An empty span may have no address, and MPI refuses null even with a count of 0. Nothing is ever read here.
    self.address = address ?? UnsafeMutableRawPointer(bitPattern: 64)!
    self.count = count
    self.type = type
  }

  /// The elements of `range`.
  subscript(range: Range<Int>) -> Block {
    Block(address + range.lowerBound * type.size, count: range.count, type: type)
  }

  /// The count as MPI takes it. Only for pieces: these are at most `Communicator.pieceLimit` long.
  var count32: Int32 { Int32(count) }
}

/// Runs `body` on the block of `span`, which MPI only reads.
func withBlock<T: MPIScalar, Result: ~Copyable>(
  _ span: Span<T>, _ body: (Block) throws(MPIError) -> Result
) throws(MPIError) -> Result {
  try span.withUnsafeBufferPointer { (buffer) throws(MPIError) -> Result in
    try body(
      Block(
        UnsafeMutableRawPointer(mutating: buffer.baseAddress), count: buffer.count, type: T.datatype))
  }
}

/// Runs `body` on the block of `span`, which MPI writes.
func withBlock<T: MPIScalar, Result: ~Copyable>(
  _ span: inout MutableSpan<T>, _ body: (Block) throws(MPIError) -> Result
) throws(MPIError) -> Result {
  try span.withUnsafeMutableBufferPointer { (buffer) throws(MPIError) -> Result in
    try body(Block(buffer.baseAddress, count: buffer.count, type: T.datatype))
  }
}

/// Runs `body` on the blocks of what MPI reads and of what it writes.
func withBlocks<T: MPIScalar, Result: ~Copyable>(
  _ source: Span<T>, _ destination: inout MutableSpan<T>,
  _ body: (_ source: Block, _ destination: Block) throws(MPIError) -> Result
) throws(MPIError) -> Result {
  try withBlock(source) { (source) throws(MPIError) -> Result in
    try withBlock(&destination) { (destination) throws(MPIError) -> Result in
      try body(source, destination)
    }
  }
}
