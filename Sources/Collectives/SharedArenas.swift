import MPI
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Float32 arenas of the ranks of one host in one shared-memory window, one for each rank and, if asked for, one that belongs to all.
///
/// Any rank can read and write all of them in place; `meet` is what orders what one wrote before what another reads.
public final class SharedArenas {
  /// This rank's arena: `count` elements, on a 64-byte boundary, zero at first.
  public let mine: UnsafeMutableBufferPointer<Float>
  /// The one arena of all ranks, zero at first.
  public let common: UnsafeMutableBufferPointer<Float>
  /// This rank on the host.
  public let rank: Int
  /// The ranks of the host.
  public var size: Int { bases.count }
  /// Time spent waiting for other ranks.
  public private(set) var secondsWaiting = 0.0

  /// Where the arena of each rank begins in this process's memory.
  let bases: [UnsafeMutablePointer<Float>]
  /// Each rank's number of rendezvous reached, each on a cache line of its own.
  private let reached: [UnsafeMutablePointer<Atomic<Int>>]
  private var rendezvous = 0
  private let patience: Patience
  private var window: SharedWindow<Float>?

  /// Elements in front of an arena: what the next 128-byte boundary takes, and the counter of the rank.
  private static let header = 64
  private static let boundary = 64

  /// Allocates the arenas.
  ///
  /// Collective; all ranks ask for the same counts and share memory: see `Communicator.splitByHost`.
  public init(count: Int, commonCount: Int = 0, on host: borrowing Communicator) throws(MPIError) {
    // The common arena lies behind that of rank 0.
    let padded = (count + 15) & ~15
    let window = try SharedWindow<Float>(
      count: Self.header + padded + (host.rank == 0 ? commonCount : 0), on: host)
    var bases: [UnsafeMutablePointer<Float>] = []
    var reached: [UnsafeMutablePointer<Atomic<Int>>] = []
    for rank in 0..<host.size {
      guard let base = try window.part(of: rank).baseAddress else {
        preconditionFailure("SharedArenas: rank \(rank) was given no memory")
      }
      // The same in all processes: mappings begin on pages, so an address is the same modulo 128 in each.
      let start = UnsafeMutableRawPointer(base).alignedUp(toMultipleOf: 128)
      reached.append(start.bindMemory(to: Atomic<Int>.self, capacity: 1))
      bases.append((start + Self.boundary).bindMemory(to: Float.self, capacity: padded))
    }
    rank = host.rank
    self.bases = bases
    self.reached = reached
    mine = UnsafeMutableBufferPointer(start: bases[host.rank], count: count)
    common = UnsafeMutableBufferPointer(start: bases[0] + padded, count: commonCount)
    patience = try .fitting(host)
    self.window = consume window
    try host.barrier()
  }

  /// Bytes of shared memory that so many ranks take.
  public static func bytes(count: Int, commonCount: Int = 0, ranks: Int) -> Int {
    ((header + count + 16) * ranks + commonCount) * MemoryLayout<Float>.stride
  }

  /// Frees the arenas. Collective; nothing may touch them afterwards.
  public func free() { window = nil }

  deinit {
    // Dropped without `free`: on the way of an error, on which the other ranks may never come to free it.
    if let window = window.take() { window.abandon() }
  }

  /// Part `index` of `range` cut into `parts`: nearly equal, and beginning on cache lines, so that no two ranks write to one.
  func part(_ index: Int, of parts: Int, in range: Range<Int>) -> Range<Int> {
    func boundary(_ index: Int) -> Int {
      if index == parts { return range.upperBound }
      return max(range.lowerBound, (range.lowerBound + range.count * index / parts) & ~15)
    }
    return boundary(index)..<boundary(index + 1)
  }

  /// Waits until all ranks of the host are here: collective. What each wrote before is there for every other after.
  ///
  /// A rank that dies leaves the others polling until the launcher ends the job, as it does at once.
  public func meet() {
    rendezvous += 1
    reached[rank].pointee.store(rendezvous, ordering: .releasing)
    var began = 0.0
    for other in reached.indices where other != rank {
      var polls = 0
      while reached[other].pointee.load(ordering: .acquiring) < rendezvous {
        if began == 0 { began = MPI.wallTime() }
        polls += 1
        if polls > Patience.sharedCore.polls { sched_yield() }
      }
    }
    if began > 0 { secondsWaiting += MPI.wallTime() - began }
  }
}
