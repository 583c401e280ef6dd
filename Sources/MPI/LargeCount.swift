import COpenMPI

// MPI 3.1 counts in C `int`, so at most 2^31 - 1 elements. Two ways round it, both invisible to the caller:
//
// - A collective that works element by element (broadcast, reductions, scans) is cut into pieces of at most `limit`
//   elements. All ranks have the same count, so they cut alike.
// - Everything else (point to point, gathers, scatters, all-to-all) sends one element of a derived datatype that stands for
//   the whole block. A message stays one message: it matches one receive, one probe sees all of it, and a receive from any
//   source cannot mix the pieces of two senders.
//
// Per-rank counts and displacements (the "v" collectives) must fit: see `IntegerTable`.

extension Int {
  /// Calls `body` for consecutive ranges of at most `limit` that cover 0..<self. Once with an empty range for 0, so that
  /// MPI sees the call and checks its other arguments.
  func forEachPiece(
    limit: Int, _ body: (Range<Int>) throws(MPIError) -> Void
  ) throws(MPIError) {
    var first = 0
    repeat {
      let last = Swift.min(self, first + limit)
      try body(first..<last)
      first = last
    } while first < self
  }
}

/// A count and a datatype that together stand for `count` elements, whatever the count.
///
/// For counts above `limit` it makes a datatype of `count / limit` runs of `limit` elements and a rest, and frees it at its
/// end: MPI keeps what pending calls need.
///
/// MPI: MPI_Type_contiguous, MPI_Type_create_struct, MPI 3.1 sections 4.1.2, 4.1.9.
struct LargeCount: ~Copyable {
  let count: Int32
  let type: MPI_Datatype
  private let isOwned: Bool

  init(_ elements: Int, of type: Datatype, limit: Int) throws(MPIError) {
    guard elements > limit else {
      count = Int32(elements)
      self.type = type.handle
      isOwned = false
      return
    }
    let runs = elements / limit
    let rest = elements % limit
    var run: MPI_Datatype?
    try check(MPI_Type_contiguous(Int32(limit), type.handle, &run), "MPI_Type_contiguous")
    var body: MPI_Datatype?
    try check(MPI_Type_contiguous(Int32(runs), run, &body), "MPI_Type_contiguous")
    var lengths: [Int32] = [1, Int32(rest)]
    var offsets: [MPI_Aint] = [0, runs * limit * type.size]
    var types: [MPI_Datatype?] = [body, type.handle]
    var whole: MPI_Datatype?
    try check(MPI_Type_create_struct(2, &lengths, &offsets, &types, &whole), "MPI_Type_create_struct")
    try check(MPI_Type_commit(&whole), "MPI_Type_commit")
    try check(MPI_Type_free(&body), "MPI_Type_free")
    try check(MPI_Type_free(&run), "MPI_Type_free")
    guard let whole else {
      throw MPIError(usage: "MPI returned no datatype", in: "MPI_Type_create_struct", class: .datatype)
    }
    count = 1
    self.type = whole
    isOwned = true
  }

  deinit {
    guard isOwned else { return }
    var type: MPI_Datatype? = type
    let code = MPI_Type_free(&type)
    if code != MPI_SUCCESS { MPI.abort(with: MPIError(call: "MPI_Type_free", code: code)) }
  }
}
