import Collectives
import Logging
import MPI

/// Decides how gradients are summed: what a configuration asks for, or what fits the hosts and their measured speed.
struct AllreduceChoice {
  let way: ReductionWay
  /// How sums travel between hosts.
  let wire: WireFormat
  /// Where the choice of algorithms comes from; nil where there was none.
  private(set) var source: String?
  /// Ranks of each host that talk to others.
  private(set) var carriers = 1

  /// Collective.
  ///
  /// - Parameters:
  ///   - count: elements of the gradient arena.
  ///   - sharedBytes: of the memory that so many ranks of a host would share on that way.
  ///   - leftBytes: of shared memory on this host that the run has already.
  /// - Throws: `CommonFailure` for an algorithm that these ranks cannot use.
  init(
    _ configuration: Configuration, count: Int, sharedBytes: (ReductionWay, Int) -> Int, leftBytes: Int,
    world: borrowing Communicator
  ) throws {
    let communication = configuration.communication
    wire = communication.wire
    guard world.size > 1 else {
      way = .alone
      return
    }
    let layout = try HostLayout(of: world)
    let isSharded = configuration.training.optimizer.sharded
    switch communication.algorithm {
    case .ring where isSharded:
      way = .sharded(.ring)
      return
    case .direct where isSharded:
      way = .sharded(.direct)
      return
    case .ring, .recursiveDoubling, .halvingDoubling, .direct, .linear, .mpi:
      way = .messages(AllreduceSelection(communication.algorithm.messages ?? .ring))
      return
    case .tree:
      way = isSharded ? .sharded(.tree) : .tree
      return
    case .shared where !layout.isOneHost:
      throw CommonFailure(
        "communication.algorithm: shared is for ranks of one host, and these are on \(layout.hosts.count); use two-level or auto",
        exitStatus: 2)
    case .auto, .shared, .twoLevel: break
    }
    let isNeeded = communication.algorithm != .auto
    let keepsOrder = configuration.training.reproducible
    if communication.algorithm == .twoLevel, keepsOrder, !layout.isInBlocks {
      throw CommonFailure(
        "communication.algorithm: two-level keeps the order of additions where the ranks of each host follow each other; these were "
          + "dealt out one by one, so start them with --map-by slot, set training.reproducible to false, or this to auto",
        exitStatus: 2)
    }
    // Between hosts shares of the state go by messages of all ranks. Where all share memory, the state is there once.
    let wantsMemory =
      isNeeded || layout.isOneHost
      || !isSharded && layout.hasSharedHosts && (!keepsOrder || layout.isInBlocks)
    let host = try world.splitByHost()
    let isWithin = layout.isOneHost && communication.algorithm != .twoLevel
    let hasMemory =
      try wantsMemory
      && Self.hasSharedMemory(
        sharedBytes(isWithin ? .shared : .twoLevel(.tree), host.size), leftBytes: leftBytes,
        isNeeded: isNeeded, host: host, world: world)
    if isWithin, hasMemory {
      way = .shared
      return
    }
    if isSharded {
      way = .sharded(keepsOrder ? .tree : .fitting)
      return
    }
    carriers = hasMemory ? layout.carriers : 1
    if keepsOrder {
      way = hasMemory ? .twoLevel(.tree) : .tree
      return
    }
    let buckets = Bucket.ranges(count: count, bytes: communication.bucketBytes)
    let (selection, source) = try MeasuredSelection(profile: communication.profile, wire: wire)
      .find(
        layout, chunkBytes: buckets.map { [carriers] in $0.count * 4 / carriers }, isTwoLevel: hasMemory,
        on: world)
    way = hasMemory ? .twoLevel(.anyOrder(selection)) : .messages(selection)
    self.source = source
  }

  /// Whether each host has room for what its ranks would share. Collective.
  private static func hasSharedMemory(
    _ needed: Int, leftBytes: Int, isNeeded: Bool, host: borrowing Communicator,
    world: borrowing Communicator
  ) throws -> Bool {
    let fits = needed < ((MPI.freeSharedMemoryBytes ?? 0) + leftBytes) / 10 * 9
    let verdict =
      fits
      ? nil
      : "\(MPI.processorName): /dev/shm has no room for the \(needed) bytes of gradients and weights of \(host.size) ranks; "
        + "make it larger"
    guard let refusal = try world.agree(verdict) else { return true }
    if isNeeded { throw CommonFailure(refusal.text + ", or use the algorithm ring", exitStatus: 1) }
    if world.rank == 0 {
      Logger(label: "rondo.training").warning("\(refusal.text); they go by messages, which is slower")
    }
    return false
  }
}

extension Configuration.Communication.Algorithm {
  /// The algorithm by messages of all ranks, nil where it depends on the hosts.
  fileprivate var messages: Algorithm? {
    switch self {
    case .ring: .ring
    case .recursiveDoubling: .recursiveDoubling
    case .halvingDoubling: .halvingDoubling
    case .direct: .direct
    case .linear: .linear
    case .mpi: .mpi
    case .auto, .tree, .shared, .twoLevel: nil
    }
  }
}
