import MPI
import Synchronization

/// Float32 arenas of the ranks of one host in shared memory, one for each rank: in a window of their own, or in memory that the caller maps.
///
/// Any rank can read and write all of them in place; a rendezvous is what orders what one wrote before what another reads.
public final class SharedArenas {
  /// This rank's arena: `count` elements, on a 64-byte boundary, zero at first.
  public let mine: UnsafeMutableBufferPointer<Float>
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
  /// Where a range may be cut: the first such place at or after an offset.
  private let boundary: (Int) -> Int

  /// Elements in front of an arena: what the next 128-byte boundary takes, and a cache line for each counter of the rank.
  private static let header = 64
  private static let counters = 32

  /// Allocates the arenas.
  ///
  /// Collective; all ranks ask for the same count and share memory: see `Communicator.splitByHost`.
  ///
  /// - Parameter threads: of each rank, that compute.
  public init(count: Int, threads: Int = 1, on host: borrowing Communicator) throws(MPIError) {
    precondition(
      0...Int.max / 8 ~= count, "rank \(host.rank): SharedArenas: there is no arena of \(count) elements")
    let padded = (count + 15) & ~15
    let window = try SharedWindow<Float>(count: Self.header + padded, on: host)
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
    boundary = { $0 & ~15 }
    mine = UnsafeMutableBufferPointer(start: bases[host.rank], count: count)
    self.window = consume window
    try host.barrier()
  }

  /// Arenas in memory that all ranks of the host map and that the caller keeps.
  ///
  /// - Parameters:
  ///   - bases: of each rank its arena of `count` elements.
  ///   - counters: for each rank two counters, zero, each alone on its cache lines: for the threads that compute and for those that
  ///     communicate.
  ///   - threads: of each rank, that compute.
  ///   - boundary: where ranges may be cut for ranks: a monotonous function of an offset, not below it by more than a cache line.
  public init(
    _ bases: [UnsafeMutablePointer<Float>], count: Int,
    counters: [(
      computation: UnsafeMutablePointer<Atomic<Int>>, communication: UnsafeMutablePointer<Atomic<Int>>
    )],
    threads: Int, boundary: @escaping (Int) -> Int, on host: borrowing Communicator
  ) throws(MPIError) {
    rank = host.rank
    self.bases = bases
    self.boundary = boundary
    let patience = try Patience.fitting(host, threads: threads)
    computation = Rendezvous(counters.map(\.computation), rank: rank, patience: patience.inMemory)
    communication = Rendezvous(
      counters.map(\.communication), rank: rank, patience: Patience.sharedCore.inMemory)
    mine = UnsafeMutableBufferPointer(start: bases[host.rank], count: count)
    window = nil
    try host.barrier()
  }

  /// Frees the arenas. Collective; nothing may touch them afterwards.
  public func free() { window = nil }

  deinit {
    // Dropped without `free`: on the way of an error, on which the other ranks may never come to free it.
    if let window = window.take() { window.abandon() }
  }

  /// Part `index` of `range` cut into `parts`: nearly equal, and beginning where arenas may be cut, cache lines at the least, so that no
  /// two ranks write to one.
  func part(_ index: Int, of parts: Int, in range: Range<Int>) -> Range<Int> {
    precondition(
      range.lowerBound >= 0 && range.upperBound <= mine.count,
      "SharedArenas: \(range) lies outside of their \(mine.count) elements")
    func boundary(_ index: Int) -> Int {
      if index == parts { return range.upperBound }
      return min(
        range.upperBound, max(range.lowerBound, self.boundary(range.lowerBound + range.count * index / parts))
      )
    }
    return boundary(index)..<boundary(index + 1)
  }
}
