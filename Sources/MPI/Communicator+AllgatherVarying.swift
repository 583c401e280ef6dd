import COpenMPI

// Blocks of different lengths: MPI's "v" forms. Here the labels `counts` and `displacements` say it.

extension Communicator {
  /// Gives every rank the elements of all ranks, where rank r contributes `counts[r]` of them.
  ///
  /// Collective. `source` has `counts[rank]` elements. After: rank r's source lies in `destination` from
  /// `displacements[r]` on. The tables are the same on all ranks.
  ///
  /// - Parameter displacements: in elements, blocks may not overlap; nil for blocks that follow one another
  ///   without gaps.
  ///
  /// MPI: MPI_Allgatherv, MPI 3.1 section 5.7.
  public func allgather<T: MPIScalar>(
    _ source: Span<T>, into destination: inout MutableSpan<T>, counts: [Int], displacements: [Int]? = nil
  ) throws(MPIError) {
    _ = try withBlocks(source, &destination) { (s, d) throws(MPIError) in
      try issueAllgather(s, d, counts, displacements, .blocking)
    }
  }

  /// The same in place: before, this rank's block already lies in its place in `buffer`.
  ///
  /// MPI: MPI_Allgatherv with MPI_IN_PLACE, MPI 3.1 section 5.7.
  public func allgather<T: MPIScalar>(
    _ buffer: inout MutableSpan<T>, counts: [Int], displacements: [Int]? = nil
  ) throws(MPIError) {
    _ = try withBlock(&buffer) { (b) throws(MPIError) in
      try issueAllgather(nil, b, counts, displacements, .blocking)
    }
  }

  /// The texts of all ranks, in the order of the ranks.
  ///
  /// Collective.
  ///
  /// MPI: MPI_Allgather, MPI_Allgatherv, MPI 3.1 section 5.7.
  public func allgather(_ text: String) throws(MPIError) -> [String] {
    let mine = Array(text.utf8)
    let counts = try allgather(mine.count)
    var bytes = [UInt8](repeating: 0, count: counts.reduce(0, +))
    var span = bytes.mutableSpan
    try allgather(mine.span, into: &span, counts: counts)
    return Self.texts(bytes, counts)
  }

  /// The texts that lie one after the other, of so many bytes each.
  static func texts(_ bytes: [UInt8], _ counts: [Int]) -> [String] {
    var rest = bytes[...]
    return counts.map { count in
      defer { rest = rest.dropFirst(count) }
      return String(decoding: rest.prefix(count), as: UTF8.self)
    }
  }

  /// Starts `allgather`; the buffers are borrowed until `wait()`.
  ///
  /// MPI: MPI_Iallgatherv, MPI 3.1 section 5.12.5.
  @_lifetime(copy source, &destination)
  public func startAllgather<T: MPIScalar>(
    _ source: Span<T>, into destination: inout MutableSpan<T>, counts: [Int], displacements: [Int]? = nil
  ) throws(MPIError) -> Request {
    Request(
      try withBlocks(source, &destination) { (s, d) throws(MPIError) in
        try issueAllgather(s, d, counts, displacements, .started)
      })
  }

  /// Starts `allgather` in place; the buffer is borrowed until `wait()`.
  @_lifetime(&buffer)
  public func startAllgather<T: MPIScalar>(
    _ buffer: inout MutableSpan<T>, counts: [Int], displacements: [Int]? = nil
  ) throws(MPIError) -> Request {
    Request(
      try withBlock(&buffer) { (b) throws(MPIError) in
        try issueAllgather(nil, b, counts, displacements, .started)
      })
  }

  /// Starts `allgather` in place; the buffer is moved in and handed back by `wait()`.
  public func startAllgather<T: MPIScalar>(
    _ buffer: consuming OwnedBuffer<T>, counts: [Int], displacements: [Int]? = nil
  ) throws(MPIError) -> OwningRequest<OwnedBuffer<T>> {
    OwningRequest(try issueAllgather(nil, buffer.block, counts, displacements, .started), buffer)
  }

  private func issueAllgather(
    _ source: Block?, _ destination: Block, _ counts: [Int], _ displacements: [Int]?, _ mode: CallMode
  ) throws(MPIError) -> PendingCalls {
    let layout = try Layout(
      counts: counts, displacements: displacements, in: destination.count, size: size, call: "allgather")
    if let source { try checkCount(source.count, is: counts[rank], in: "allgather") }
    try compare("allgather of varying counts", mode, of: destination.type)
    let from = source?.address ?? rondo_mpi_in_place()
    let (to, count, type) = (destination.address, Int32(counts[rank]), destination.type.handle)
    let (c, d) = (layout.counts.values, layout.displacements.values)
    var calls = PendingCalls("startAllgather", mode)
    calls.keep(layout)
    try calls.issue(
      "MPI_Allgatherv", { MPI_Allgatherv(from, count, type, to, c, d, type, handle) },
      started: { MPI_Iallgatherv(from, count, type, to, c, d, type, handle, $0) })
    return calls
  }
}
