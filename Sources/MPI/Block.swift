/// One buffer of an MPI call: where it starts, how many elements it has, and their type.
///
/// Every method with `Span` arguments turns them into blocks in one place (`withBlock`), so that the code
/// below it is neither generic nor repeated per element type.
struct Block {
  let address: UnsafeMutableRawPointer
  let count: Int
  let type: Datatype

  /// What stands for the address of an empty span, which may be null (MPI refuses that even with a count of
  /// 0) or shared by all empty arrays (Open MPI takes equal addresses of source and destination to mean "in
  /// place"). Nothing is ever read or written there.
  static var emptySource: UnsafeMutableRawPointer { UnsafeMutableRawPointer(bitPattern: 64)! }
  static var emptyDestination: UnsafeMutableRawPointer { UnsafeMutableRawPointer(bitPattern: 128)! }

  init(_ address: UnsafeMutableRawPointer, count: Int, type: Datatype) {
    self.address = address
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
    guard let base = buffer.baseAddress, !buffer.isEmpty else {
      return try body(Block(Block.emptySource, count: 0, type: T.datatype))
    }
    return try body(Block(UnsafeMutableRawPointer(mutating: base), count: buffer.count, type: T.datatype))
  }
}

/// Runs `body` on the block of `span`, which MPI writes.
func withBlock<T: MPIScalar, Result: ~Copyable>(
  _ span: inout MutableSpan<T>, _ body: (Block) throws(MPIError) -> Result
) throws(MPIError) -> Result {
  try span.withUnsafeMutableBufferPointer { (buffer) throws(MPIError) -> Result in
    guard let base = buffer.baseAddress, !buffer.isEmpty else {
      return try body(Block(Block.emptyDestination, count: 0, type: T.datatype))
    }
    return try body(Block(base, count: buffer.count, type: T.datatype))
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
