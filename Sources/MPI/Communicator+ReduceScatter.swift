import COpenMPI

extension Communicator {
  /// Combines the elements of all ranks and gives each rank its own part of the result.
  ///
  /// Collective. `counts[r]` is the length of rank r's part, the same table on all ranks; `source` has as
  /// many elements as they sum to, `destination` has `counts[rank]`. After: `destination` holds this rank's
  /// part, the parts lying in the order of the ranks.
  ///
  /// MPI: MPI_Reduce_scatter, MPI 3.1 section 5.10.2.
  public func reduceScatter<T: MPIScalar>(
    _ source: Span<T>, into destination: inout MutableSpan<T>, counts: [Int], _ operation: ReduceOperation
  ) throws(MPIError) {
    _ = try withBlocks(source, &destination) { (s, d) throws(MPIError) in
      try issueReduceScatter(s, d, counts, operation, .blocking)
    }
  }

  /// The same in place: `buffer` holds all elements of this rank before; after, its first `counts[rank]`
  /// elements are this rank's part, and the rest is undefined.
  ///
  /// MPI: MPI_Reduce_scatter with MPI_IN_PLACE, MPI 3.1 section 5.10.2.
  public func reduceScatter<T: MPIScalar>(
    _ buffer: inout MutableSpan<T>, counts: [Int], _ operation: ReduceOperation
  ) throws(MPIError) {
    _ = try withBlock(&buffer) { (b) throws(MPIError) in
      try issueReduceScatter(nil, b, counts, operation, .blocking)
    }
  }

  /// Starts `reduceScatter`; the buffers are borrowed until `wait()`.
  ///
  /// MPI: MPI_Ireduce_scatter, MPI 3.1 section 5.12.10.
  @_lifetime(copy source, &destination)
  public func startReduceScatter<T: MPIScalar>(
    _ source: Span<T>, into destination: inout MutableSpan<T>, counts: [Int], _ operation: ReduceOperation
  ) throws(MPIError) -> Request {
    Request(
      try withBlocks(source, &destination) { (s, d) throws(MPIError) in
        try issueReduceScatter(s, d, counts, operation, .started)
      })
  }

  /// Starts `reduceScatter` in place; the buffer is borrowed until `wait()`.
  @_lifetime(&buffer)
  public func startReduceScatter<T: MPIScalar>(
    _ buffer: inout MutableSpan<T>, counts: [Int], _ operation: ReduceOperation
  ) throws(MPIError) -> Request {
    Request(
      try withBlock(&buffer) { (b) throws(MPIError) in
        try issueReduceScatter(nil, b, counts, operation, .started)
      })
  }

  /// Starts `reduceScatter` in place; the buffer is moved in and handed back by `wait()`.
  public func startReduceScatter<T: MPIScalar>(
    _ buffer: consuming OwnedBuffer<T>, counts: [Int], _ operation: ReduceOperation
  ) throws(MPIError) -> OwningRequest<OwnedBuffer<T>> {
    OwningRequest(try issueReduceScatter(nil, buffer.block, counts, operation, .started), buffer)
  }

  private func issueReduceScatter(
    _ source: Block?, _ destination: Block, _ counts: [Int], _ operation: ReduceOperation, _ mode: CallMode
  ) throws(MPIError) -> PendingCalls {
    try Layout.checkTable(counts, "counts", size: size, call: "reduceScatter")
    if let owner = counts.firstIndex(where: { $0 < 0 }) {
      throw MPIError(
        usage: "count \(counts[owner]) of rank \(owner) is negative", in: "reduceScatter", class: .count)
    }
    let whole = source ?? destination
    try checkCount(whole.count, is: counts.reduce(0, +), in: "reduceScatter")
    if source != nil { try checkCount(destination.count, is: counts[rank], in: "reduceScatter") }
    try compare("reduceScatter", mode, count: whole.count, of: whole.type)
    if whole.count > pieceLimit {
      return try issueLargeReduceScatter(source, destination, counts, operation, mode)
    }
    let layout = try Layout(
      counts: counts, displacements: nil, in: whole.count, size: size, call: "reduceScatter")
    let from = source?.address ?? rondo_mpi_in_place()
    let (to, type, op) = (destination.address, destination.type.handle, operation.handle)
    let table = layout.counts.values
    var calls = PendingCalls("startReduceScatter", mode)
    calls.keep(layout)
    try calls.issue(
      "MPI_Reduce_scatter", { MPI_Reduce_scatter(from, to, table, type, op, handle) },
      started: { MPI_Ireduce_scatter(from, to, table, type, op, handle, $0) })
    return calls
  }

  /// For counts that MPI cannot add up in a C integer: one reduction per part, whose root is the part's
  /// owner.
  func issueLargeReduceScatter(
    _ source: Block?, _ destination: Block, _ counts: [Int], _ operation: ReduceOperation, _ mode: CallMode
  ) throws(MPIError) -> PendingCalls {
    let whole = source ?? destination
    var calls = PendingCalls("startReduceScatter", mode)
    var first = 0
    var mine = whole
    for owner in 0..<size {
      let part = whole[first..<first + counts[owner]]
      if owner == rank { mine = part }
      try issueReduce(
        from: part, to: source == nil ? part : destination, inPlace: source == nil, operation, owner, &calls)
      first += counts[owner]
    }
    if source == nil {
      calls.afterwards(
        move: mine.address, to: whole.address, bytes: mine.count * mine.type.size)
    }
    return calls
  }
}
