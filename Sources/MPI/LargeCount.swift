import COpenMPI

// MPI 3.1 counts in C `int`, so at most 2^31 - 1 elements. Two ways round it, both invisible to the caller:
//
// - A collective that works element by element (broadcast, reductions, scans) is cut into pieces of at most
//   `limit` elements. All ranks have the same count, so they cut alike.
// - Everything else (point to point, gathers, scatters, all-to-all) sends one element of a derived datatype
//   that stands for the whole block. A message stays one message: it matches one receive, one probe sees all
//   of it, and a receive from any source cannot mix the pieces of two senders.
//
// Per-rank counts and displacements (the "v" collectives) must fit: see `Layout`.

extension Int {
  /// Calls `body` for consecutive ranges of at most `limit` that cover 0..<self. Once with an empty range for
  /// 0, so that MPI sees the call and checks its other arguments.
  package func forEachPiece<Failure: Error>(
    limit: Int, _ body: (Range<Int>) throws(Failure) -> Void
  ) throws(Failure) {
    var first = 0
    repeat {
      let last = Swift.min(self, first + limit)
      try body(first..<last)
      first = last
    } while first < self
  }
}

/// A count and a datatype that together stand for `elements` elements, whatever their number.
///
/// Above `limit` that is 1 and a derived datatype of `elements / limit` runs of `limit` elements and a rest.
/// It is freed at the end of this value: MPI keeps what pending calls need. The same for blocks that are
/// short enough each, when all `blocks` of them are not: algorithms inside MPI add their counts up.
///
/// MPI: MPI_Type_contiguous, MPI_Type_create_struct, MPI 3.1 sections 4.1.2, 4.1.9.
struct LargeCount: ~Copyable {
  let count: Int32
  let type: MPI_Datatype
  private let isDerived: Bool

  init(_ elements: Int, blocks: Int = 1, of type: Datatype, limit: Int) throws(MPIError) {
    isDerived = elements * blocks > limit && elements > 1
    count = isDerived ? 1 : Int32(elements)
    self.type = isDerived ? try Self.derived(elements, of: type, limit: limit) : type.handle
  }

  private static func derived(_ elements: Int, of type: Datatype, limit: Int) throws(MPIError) -> MPI_Datatype
  {
    let runs = elements / limit
    let rest = elements % limit
    var run: MPI_Datatype?
    var whole: MPI_Datatype?
    try check(MPI_Type_contiguous(Int32(limit), type.handle, &run), "MPI_Type_contiguous")
    let lengths = [Int32(runs), Int32(rest)]
    let offsets = [0, runs * limit * type.size]
    let types: [MPI_Datatype?] = [run, type.handle]
    try check(MPI_Type_create_struct(2, lengths, offsets, types, &whole), "MPI_Type_create_struct")
    try check(MPI_Type_commit(&whole), "MPI_Type_commit")
    try check(MPI_Type_free(&run), "MPI_Type_free")
    guard let whole else {
      throw MPIError(usage: "MPI returned no datatype", in: "MPI_Type_create_struct", class: .datatype)
    }
    return whole
  }

  deinit {
    guard isDerived else { return }
    var type: MPI_Datatype? = type
    let code = MPI_Type_free(&type)
    if code != MPI_SUCCESS { MPI.abort(with: MPIError(call: "MPI_Type_free", code: code)) }
  }
}
