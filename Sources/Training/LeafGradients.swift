import BLAS
import Collectives
import Graph
import Kernels
import Synchronization

/// The gradients of this rank's microbatches on their way to one sum.
///
/// In the tree's order each microbatch is a *leaf* with a gradient arena of its own, and two neighbouring sums are added as soon as both are
/// there: a binary counter, whose digits are the arenas. Otherwise all are accumulated in one arena. Ranges are checked and added when backward has
/// left them, while they are in the cache.
final class LeafGradients {
  /// Leaves of the whole step, as far as ranks share them out.
  let run: Range<Int>
  /// Arenas that it takes.
  let depth: Int
  /// Values at and above this offset of the arena are what this rank brings to the step's sum.
  private(set) var watermark: Int
  /// Whether all gradients of the step were finite, and small enough that their sum is.
  private(set) var areFinite = true

  private let tree: ReductionTree?
  private let arenas: [Arena]
  private let pool: ThreadPool
  /// Whether the sums after the last leaf are left to those who read all of them.
  private let leavesLastSums: Bool
  private let bound: Float
  private var leaf = 0
  private var top = 0
  private var done = 0
  private var pending = 0
  private let beyond = Atomic<Int>(0)

  /// Elements that make a parallel loop worth its start.
  private static let grain = 1 << 16

  /// - Parameters:
  ///   - tree: nil accumulates.
  ///   - run: this rank's microbatches.
  ///   - count: microbatches of a step, over all ranks.
  init(
    _ tree: ReductionTree?, run: Range<Int>, of count: Int, arenas: [Arena], leavesLastSums: Bool,
    pool: ThreadPool
  ) {
    self.tree = tree
    self.run = run
    self.arenas = arenas
    self.leavesLastSums = leavesLastSums
    self.pool = pool
    depth = tree?.depth(of: run) ?? 1
    precondition(arenas.count >= depth, "LeafGradients: expected \(depth) arenas, found \(arenas.count)")
    watermark = arenas[0].count
    bound = Float.greatestFiniteMagnitude / Float(count)
  }

  /// Before a step.
  func begin() {
    (top, areFinite, watermark) = (-1, true, arenas[0].count)
  }

  /// Before the backward pass of a microbatch.
  ///
  /// - Returns: the arena that it writes, and whether it adds to what is there.
  func begin(_ leaf: Int) -> (arena: Int, accumulates: Bool) {
    self.leaf = leaf
    (done, pending) = (arenas[0].count, arenas[0].count)
    guard tree != nil else { return (0, leaf > run.lowerBound) }
    top += 1
    return (top, false)
  }

  /// Backward has left everything at and above `offset`.
  func reached(_ offset: Int) {
    pending = offset
    guard done - pending >= Self.grain || pending == 0 else { return }
    if isLast || tree != nil { check(pending..<done) }
    if additions > 0 { add(pending..<done) }
    done = pending
    if isLast { watermark = done }
  }

  /// Arenas in which this rank's gradients lie after a step.
  var brought: Int {
    guard let tree else { return 1 }
    return leavesLastSums ? tree.unfolded(of: run).count : tree.partials(of: run).count
  }

  /// After the backward pass of a microbatch.
  func end() { top -= additions }

  private var isLast: Bool { leaf == run.upperBound - 1 }

  /// How many sums are taken now that the leaf is in.
  private var additions: Int {
    guard let tree, !(isLast && leavesLastSums) else { return 0 }
    return tree.sums(after: leaf, in: run)
  }

  private func check(_ range: Range<Int>) {
    let gradients = arenas[max(0, top)].base + range.lowerBound
    if range.count <= Self.grain {
      if Elementwise.countBeyond(bound, range.count, gradients) > 0 { areFinite = false }
      return
    }
    pool.run(over: range.count, grain: Self.grain) { part in
      let found = Elementwise.countBeyond(bound, part.count, gradients + part.lowerBound)
      if found > 0 { beyond.wrappingAdd(found, ordering: .relaxed) }
    }
    if beyond.exchange(0, ordering: .relaxed) > 0 { areFinite = false }
  }

  private func add(_ range: Range<Int>) {
    for lower in stride(from: top - 1, through: top - additions, by: -1) {
      let (low, high) = (arenas[lower].base + range.lowerBound, arenas[lower + 1].base + range.lowerBound)
      pool.run(over: range.count, grain: Self.grain) { part in
        Elementwise.add(part.count, to: low + part.lowerBound, high + part.lowerBound)
      }
    }
  }
}
