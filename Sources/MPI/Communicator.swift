import COpenMPI

/// A group of ranks that talk to each other, apart from all other communicators.
///
/// A communicator is not `Sendable`: it belongs to the thread that has it. A thread of its own gets a
/// communicator of its own, by `duplicate()` and `CommunicatorHandoff`. The world comes from `MPI.run`;
/// communicators made from it are freed when their value ends, which all their ranks should do at the same
/// point of the program.
///
/// Every collective must be called by all ranks of the communicator, in the same order. Arguments are checked
/// before the call: a wrong length or rank throws `MPIError` with `isUsage`, on the rank where it is wrong.
public struct Communicator: ~Copyable {
  let handle: MPI_Comm
  /// This process's number in the communicator, in 0..<size.
  public let rank: Int
  /// The number of processes in the communicator.
  public let size: Int
  /// Whether this value frees the handle.
  private let isOwned: Bool
  /// The largest count that is handed to MPI in one piece; MPI's own limit is 2^31 - 1. Tests lower it to
  /// reach the code for large counts with small buffers. All ranks need the same value.
  package var pieceLimit: Int = 1 << 30
  /// Whether ranks compare, before each blocking collective, which call they are about to make, with how many elements of how many bytes and
  /// with which root. Where they differ all throw, and nothing has been sent. For finding mistakes: it costs an allgather of 56 bytes a rank
  /// a call. All ranks need the same value; communicators made from this one have it too.
  public var comparesCollectives = false

  init(handle: MPI_Comm, isOwned: Bool, pieceLimit: Int = 1 << 30) throws(MPIError) {
    var rank: Int32 = 0
    var size: Int32 = 0
    try check(MPI_Comm_rank(handle, &rank), "MPI_Comm_rank")
    try check(MPI_Comm_size(handle, &size), "MPI_Comm_size")
    self.handle = handle
    self.rank = Int(rank)
    self.size = Int(size)
    self.isOwned = isOwned
    self.pieceLimit = pieceLimit
  }

  static func world() throws(MPIError) -> Communicator {
    guard MPI.isRunning else {
      throw MPIError(
        usage: "MPI is not running: the world exists inside MPI.run only", in: "world", class: .communicator)
    }
    return try Communicator(handle: rondo_mpi_comm_world(), isOwned: false)
  }

  /// MPI: MPI_Comm_free, MPI 3.1 section 6.4.3.
  deinit {
    // After MPI_Finalize there is nothing left to free.
    guard isOwned, MPI.isRunning else { return }
    var handle: MPI_Comm? = handle
    let code = MPI_Comm_free(&handle)
    if code != MPI_SUCCESS { MPI.abort(with: MPIError(call: "MPI_Comm_free", code: code)) }
  }
}

extension Communicator {
  /// A communicator of the same ranks whose messages cannot be mistaken for this one's.
  ///
  /// Collective.
  ///
  /// MPI: MPI_Comm_dup, MPI 3.1 section 6.4.2.
  public func duplicate() throws(MPIError) -> Communicator {
    try compare("duplicate")
    var new: MPI_Comm?
    try check(MPI_Comm_dup(handle, &new), "MPI_Comm_dup")
    return try Communicator(owning: new, from: self)
  }

  /// The ranks that passed the same `color` as this one, numbered by ascending `key` and, where keys are
  /// equal, by their rank here. `color` is not negative.
  ///
  /// Collective.
  ///
  /// MPI: MPI_Comm_split, MPI 3.1 section 6.4.2.
  public func split(color: Int, key: Int) throws(MPIError) -> Communicator {
    try Communicator(owning: splitHandle(color: color, key: key), from: self)
  }

  /// As `split(color:key:)` above, but a rank may pass nil to be in none of the new communicators; it gets
  /// nil.
  public func split(color: Int?, key: Int) throws(MPIError) -> Communicator? {
    let new = try splitHandle(color: color, key: key)
    return color == nil ? nil : try Communicator(owning: new, from: self)
  }

  private func splitHandle(color: Int?, key: Int) throws(MPIError) -> MPI_Comm? {
    if let color, Int32(exactly: color).map({ $0 < 0 }) ?? true {
      throw MPIError(
        usage: "color \(color) is outside 0...\(Int32.max)", in: "split", class: .argument)
    }
    guard let key = Int32(exactly: key) else {
      throw MPIError(usage: "key \(key) does not fit in 32 bits", in: "split", class: .argument)
    }
    try compare("split")
    var new: MPI_Comm?
    try check(
      MPI_Comm_split(handle, color.map { Int32($0) } ?? MPI_UNDEFINED, key, &new), "MPI_Comm_split")
    return new
  }

  /// The ranks that share this one's memory: those on the same machine, in the order of their ranks here.
  ///
  /// Collective.
  ///
  /// MPI: MPI_Comm_split_type with MPI_COMM_TYPE_SHARED, MPI 3.1 section 6.4.2.
  public func splitByHost() throws(MPIError) -> Communicator {
    try compare("splitByHost")
    var new: MPI_Comm?
    try check(
      MPI_Comm_split_type(
        handle, Int32(MPI_COMM_TYPE_SHARED), Int32(rank), rondo_mpi_info_null(), &new),
      "MPI_Comm_split_type")
    return try Communicator(owning: new, from: self)
  }

  /// Takes over the handle that a constructor made.
  private init(owning handle: MPI_Comm?, from parent: borrowing Communicator) throws(MPIError) {
    guard let handle else {
      throw MPIError(usage: "MPI returned no communicator", in: "communicator", class: .communicator)
    }
    try self.init(handle: handle, isOwned: true, pieceLimit: parent.pieceLimit)
    comparesCollectives = parent.comparesCollectives
  }
}
