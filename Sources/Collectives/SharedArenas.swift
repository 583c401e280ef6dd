import MPI
import Synchronization

/// Float32 arenas of the ranks of one host in one shared-memory window, one for each rank and, if asked for, one that belongs to all.
///
/// Any rank can read and write all of them in place; a rendezvous is what orders what one wrote before what another reads.
public final class SharedArenas {
  /// This rank's arena: `count` elements, on a 64-byte boundary, zero at first.
  public let mine: UnsafeMutableBufferPointer<Float>
  /// The one arena of all ranks, zero at first.
  public let common: UnsafeMutableBufferPointer<Float>
  /// This rank on the host.
  public let rank: Int
  /// The ranks of the host.
  public var size: Int { bases.count }
  /// Where the threads meet that compute.
  public let computation: Rendezvous
  /// Where the threads meet that communicate, independently of the others.
  public let communication: Rendezvous

  /// Where the arena of each rank begins in this process's memory.
  let bases: [UnsafeMutablePointer<Float>]
  private var window: SharedWindow<Float>?

  /// Elements in front of an arena: what the next 128-byte boundary takes, and a cache line for each counter of the rank.
  private static let header = 64
  private static let counters = 32

  /// Allocates the arenas.
  ///
  /// Collective; all ranks ask for the same counts and share memory: see `Communicator.splitByHost`.
  ///
  /// - Parameter threads: of each rank, that compute.
  public init(
    count: Int, commonCount: Int = 0, threads: Int = 1, on host: borrowing Communicator
  ) throws(MPIError) {
    // The common arena lies behind that of rank 0.
    let padded = (count + 15) & ~15
    let window = try SharedWindow<Float>(
      count: Self.header + padded + (host.rank == 0 ? commonCount : 0), on: host)
    var bases: [UnsafeMutablePointer<Float>] = []
    var counters: [[UnsafeMutablePointer<Atomic<Int>>]] = [[], []]
    for rank in 0..<host.size {
      guard let base = try window.part(of: rank).baseAddress else {
        preconditionFailure("SharedArenas: rank \(rank) was given no memory")
      }
      // The same in all processes: mappings begin on pages, so an address is the same modulo 128 in each.
      let start = UnsafeMutableRawPointer(base).alignedUp(toMultipleOf: 128)
      counters[0].append(start.bindMemory(to: Atomic<Int>.self, capacity: 1))
      counters[1].append((start + 64).bindMemory(to: Atomic<Int>.self, capacity: 1))
      bases.append((start + 4 * Self.counters).bindMemory(to: Float.self, capacity: padded))
    }
    rank = host.rank
    self.bases = bases
    let patience = try Patience.fitting(host, threads: threads)
    computation = Rendezvous(counters[0], rank: rank, patience: patience.inMemory)
    // Beside threads that compute.
    communication = Rendezvous(counters[1], rank: rank, patience: Patience.sharedCore.inMemory)
    mine = UnsafeMutableBufferPointer(start: bases[host.rank], count: count)
    common = UnsafeMutableBufferPointer(start: bases[0] + padded, count: commonCount)
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
}
