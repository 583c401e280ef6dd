import BLAS
import Collectives
import Foundation
import Graph
import Logging
import MPI

/// Decides how buckets are summed: what a configuration asks for, or what fits the hosts and their measured speed.
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
  /// - Parameter count: elements of the gradient arena.
  /// - Throws: `CommonFailure` for an algorithm that these ranks cannot use.
  init(
    _ configuration: Configuration.Communication, count: Int, pool: ThreadPool, world: borrowing Communicator
  ) throws {
    wire = configuration.wire
    let layout = try HostLayout(of: world)
    let host = try world.splitByHost()
    guard world.size > 1 else {
      way = .messages(AllreduceSelection(.ring))
      return
    }
    switch configuration.algorithm {
    case .ring, .recursiveDoubling, .halvingDoubling, .direct, .linear, .mpi:
      way = .messages(AllreduceSelection(configuration.algorithm.messages ?? .ring))
      return
    case .shared where !layout.isOneHost:
      throw CommonFailure(
        "communication.algorithm: shared is for ranks of one host, and these are on \(layout.hosts.count); use two-level or auto",
        exitStatus: 2)
    case .auto, .shared, .twoLevel: break
    }
    let sharesMemory = layout.hasSharedHosts || configuration.algorithm != .auto
    let arenas =
      sharesMemory
      ? try Self.arenas(count: count, isNeeded: configuration.algorithm != .auto, host: host, world: world)
      : nil
    if layout.isOneHost, configuration.algorithm != .twoLevel, let arenas {
      way = .shared(SharedAllreduce(arenas) { count, body in pool.run(over: count, grain: 1 << 14, body) })
      return
    }
    carriers = arenas == nil ? 1 : layout.carriers
    let buckets = Bucket.ranges(count: count, bytes: configuration.bucketBytes)
    let (selection, source) = try MeasuredSelection(profile: configuration.profile, wire: wire)
      .find(
        layout, chunkBytes: buckets.map { [carriers] in $0.count * 4 / carriers }, isTwoLevel: arenas != nil,
        on: world)
    way = arenas.map { .twoLevel($0, selection) } ?? .messages(selection)
    self.source = source
  }

  /// Arenas in shared memory, or nil where /dev/shm has no room for them on some host. Collective.
  private static func arenas(
    count: Int, isNeeded: Bool, host: borrowing Communicator, world: borrowing Communicator
  ) throws -> SharedArenas? {
    let needed = SharedArenas.bytes(count: count, commonCount: count, ranks: host.size)
    let fits = needed < freeSharedMemoryBytes() / 10 * 9
    let verdict =
      fits
      ? nil
      : "\(MPI.processorName): /dev/shm has no room for the \(needed) bytes of gradients and weights of \(host.size) ranks; "
        + "make it larger"
    if let refusal = try world.agree(verdict) {
      if isNeeded { throw CommonFailure(refusal.text + ", or use the algorithm ring", exitStatus: 1) }
      if world.rank == 0 {
        Logger(label: "rondo.training").warning(
          "\(refusal.text); they go by messages, which is slower")
      }
      return nil
    }
    return try SharedArenas(count: count, commonCount: count, on: host)
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
    case .auto, .shared, .twoLevel: nil
    }
  }
}
