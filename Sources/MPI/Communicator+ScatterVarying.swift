import COpenMPI

extension Communicator {
  /// Gives each rank its block of `root`'s elements, `counts[r]` of them to rank r.
  ///
  /// Collective. `destination` has `counts[rank]` elements. After: it holds the root's source from
  /// `displacements[rank]` on. On other ranks `source`, `counts` and `displacements` are ignored and may be
  /// empty.
  ///
  /// - Parameter displacements: in elements; nil for blocks that follow one another without gaps.
  ///
  /// MPI: MPI_Scatterv, MPI 3.1 section 5.6.
  public func scatter<T: MPIScalar>(
    _ source: Span<T>, into destination: inout MutableSpan<T>, counts: [Int], displacements: [Int]? = nil,
    root: Int
  ) throws(MPIError) {
    _ = try withBlocks(source, &destination) { (s, d) throws(MPIError) in
      try issueScatter(s, d, counts, displacements, root, .blocking)
    }
  }

  /// The same in place: the root's `buffer` holds all elements and stays as it is; the others' buffers get
  /// theirs.
  ///
  /// MPI: MPI_Scatterv with MPI_IN_PLACE, MPI 3.1 section 5.6.
  public func scatter<T: MPIScalar>(
    _ buffer: inout MutableSpan<T>, counts: [Int], displacements: [Int]? = nil, root: Int
  ) throws(MPIError) {
    _ = try withBlock(&buffer) { (b) throws(MPIError) in
      try issueScatter(nil, b, counts, displacements, root, .blocking)
    }
  }

  /// Starts `scatter`; the buffers are borrowed until `wait()`.
  ///
  /// MPI: MPI_Iscatterv, MPI 3.1 section 5.12.4.
  @_lifetime(copy source, &destination)
  public func startScatter<T: MPIScalar>(
    _ source: Span<T>, into destination: inout MutableSpan<T>, counts: [Int], displacements: [Int]? = nil,
    root: Int
  ) throws(MPIError) -> Request {
    Request(
      try withBlocks(source, &destination) { (s, d) throws(MPIError) in
        try issueScatter(s, d, counts, displacements, root, .started)
      })
  }

  /// Starts `scatter` in place; the buffer is borrowed until `wait()`.
  @_lifetime(&buffer)
  public func startScatter<T: MPIScalar>(
    _ buffer: inout MutableSpan<T>, counts: [Int], displacements: [Int]? = nil, root: Int
  ) throws(MPIError) -> Request {
    Request(
      try withBlock(&buffer) { (b) throws(MPIError) in
        try issueScatter(nil, b, counts, displacements, root, .started)
      })
  }

  /// Starts `scatter` in place; the buffer is moved in and handed back by `wait()`.
  public func startScatter<T: MPIScalar>(
    _ buffer: consuming OwnedBuffer<T>, counts: [Int], displacements: [Int]? = nil, root: Int
  ) throws(MPIError) -> OwningRequest<OwnedBuffer<T>> {
    OwningRequest(try issueScatter(nil, buffer.block, counts, displacements, root, .started), buffer)
  }

  private func issueScatter(
    _ source: Block?, _ buffer: Block, _ counts: [Int], _ displacements: [Int]?, _ root: Int,
    _ mode: CallMode
  ) throws(MPIError) -> PendingCalls {
    try checkRoot(root, in: "scatter")
    try compare("scatter of varying counts", mode, of: buffer.type, root: root)
    let type = buffer.type.handle
    var calls = PendingCalls("startScatter", mode)
    guard rank == root else {
      let (to, count) = try sentBlock(buffer, in: "scatter")
      try calls.issue(
        "MPI_Scatterv",
        { MPI_Scatterv(nil, nil, nil, type, to, count, type, Int32(root), handle) },
        started: { MPI_Iscatterv(nil, nil, nil, type, to, count, type, Int32(root), handle, $0) })
      return calls
    }
    let whole = source ?? buffer
    let layout = try Layout(
      counts: counts, displacements: displacements, in: whole.count, size: size, call: "scatter")
    if source != nil { try checkCount(buffer.count, is: counts[rank], in: "scatter") }
    let to = source == nil ? rondo_mpi_in_place() : buffer.address
    let (from, count) = (whole.address, Int32(counts[rank]))
    let (c, d) = (layout.counts.values, layout.displacements.values)
    calls.keep(layout)
    try calls.issue(
      "MPI_Scatterv", { MPI_Scatterv(from, c, d, type, to, count, type, Int32(root), handle) },
      started: { MPI_Iscatterv(from, c, d, type, to, count, type, Int32(root), handle, $0) })
    return calls
  }
}
