import COpenMPI

extension Communicator {
  /// Gives `root` the elements of all ranks, where rank r contributes `counts[r]` of them.
  ///
  /// Collective. `source` has `counts[rank]` elements. After, on the root: rank r's source lies in
  /// `destination` from `displacements[r]` on. On other ranks `destination`, `counts` and `displacements` are
  /// ignored and may be empty.
  ///
  /// - Parameter displacements: in elements, blocks may not overlap; nil for blocks that follow one another
  ///   without gaps.
  ///
  /// MPI: MPI_Gatherv, MPI 3.1 section 5.5.
  public func gather<T: MPIScalar>(
    _ source: Span<T>, into destination: inout MutableSpan<T>, counts: [Int], displacements: [Int]? = nil,
    root: Int
  ) throws(MPIError) {
    _ = try withBlocks(source, &destination) { (s, d) throws(MPIError) in
      try issueGather(s, d, counts, displacements, root, .blocking)
    }
  }

  /// The same in place: the root's own block already lies in its place in `buffer`. The others' buffers hold
  /// their elements, all of which are sent.
  ///
  /// MPI: MPI_Gatherv with MPI_IN_PLACE, MPI 3.1 section 5.5.
  public func gather<T: MPIScalar>(
    _ buffer: inout MutableSpan<T>, counts: [Int], displacements: [Int]? = nil, root: Int
  ) throws(MPIError) {
    _ = try withBlock(&buffer) { (b) throws(MPIError) in
      try issueGather(nil, b, counts, displacements, root, .blocking)
    }
  }

  /// The texts of all ranks, in the order of the ranks, on the root; nil elsewhere.
  ///
  /// Collective.
  ///
  /// MPI: MPI_Gather, MPI_Gatherv, MPI 3.1 section 5.5.
  public func gather(_ text: String, root: Int) throws(MPIError) -> [String]? {
    let mine = Array(text.utf8)
    let counts = try gather(mine.count, root: root)
    var bytes = [UInt8](repeating: 0, count: counts?.reduce(0, +) ?? 0)
    var span = bytes.mutableSpan
    try gather(mine.span, into: &span, counts: counts ?? [], root: root)
    return counts.map { Self.texts(bytes, $0) }
  }

  /// Starts `gather`; the buffers are borrowed until `wait()`.
  ///
  /// MPI: MPI_Igatherv, MPI 3.1 section 5.12.3.
  @_lifetime(copy source, &destination)
  public func startGather<T: MPIScalar>(
    _ source: Span<T>, into destination: inout MutableSpan<T>, counts: [Int], displacements: [Int]? = nil,
    root: Int
  ) throws(MPIError) -> Request {
    Request(
      try withBlocks(source, &destination) { (s, d) throws(MPIError) in
        try issueGather(s, d, counts, displacements, root, .started)
      })
  }

  /// Starts `gather` in place; the buffer is borrowed until `wait()`.
  @_lifetime(&buffer)
  public func startGather<T: MPIScalar>(
    _ buffer: inout MutableSpan<T>, counts: [Int], displacements: [Int]? = nil, root: Int
  ) throws(MPIError) -> Request {
    Request(
      try withBlock(&buffer) { (b) throws(MPIError) in
        try issueGather(nil, b, counts, displacements, root, .started)
      })
  }

  /// Starts `gather` in place; the buffer is moved in and handed back by `wait()`.
  public func startGather<T: MPIScalar>(
    _ buffer: consuming OwnedBuffer<T>, counts: [Int], displacements: [Int]? = nil, root: Int
  ) throws(MPIError) -> OwningRequest<OwnedBuffer<T>> {
    OwningRequest(try issueGather(nil, buffer.block, counts, displacements, root, .started), buffer)
  }

  private func issueGather(
    _ source: Block?, _ destination: Block, _ counts: [Int], _ displacements: [Int]?, _ root: Int,
    _ mode: CallMode
  ) throws(MPIError) -> PendingCalls {
    try checkRoot(root, in: "gather")
    try compare("gather of varying counts", mode, of: destination.type, root: root)
    let type = destination.type.handle
    var calls = PendingCalls("startGather", mode)
    guard rank == root else {
      let (from, count) = try sentBlock(source ?? destination, in: "gather")
      try calls.issue(
        "MPI_Gatherv",
        { MPI_Gatherv(from, count, type, nil, nil, nil, type, Int32(root), handle) },
        started: { MPI_Igatherv(from, count, type, nil, nil, nil, type, Int32(root), handle, $0) })
      return calls
    }
    let layout = try Layout(
      counts: counts, displacements: displacements, in: destination.count, size: size, call: "gather")
    if let source { try checkCount(source.count, is: counts[rank], in: "gather") }
    let from = source?.address ?? rondo_mpi_in_place()
    let (to, count) = (destination.address, Int32(counts[rank]))
    let (c, d) = (layout.counts.values, layout.displacements.values)
    calls.keep(layout)
    try calls.issue(
      "MPI_Gatherv", { MPI_Gatherv(from, count, type, to, c, d, type, Int32(root), handle) },
      started: { MPI_Igatherv(from, count, type, to, c, d, type, Int32(root), handle, $0) })
    return calls
  }

  /// A block whose whole length goes into one count of a call that takes no derived datatypes here.
  func sentBlock(
    _ block: Block, in call: StaticString
  ) throws(MPIError) -> (address: UnsafeMutableRawPointer, count: Int32) {
    guard let count = Int32(exactly: block.count) else {
      throw MPIError(
        usage: "\(block.count) elements are more than the \(Int32.max) that MPI 3.1 can express here: "
          + "use the form with equal counts, or point-to-point messages",
        in: call, class: .count)
    }
    return (block.address, count)
  }
}
