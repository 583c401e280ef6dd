import BLAS
import Collectives
import Graph
import Kernels
import Synchronization

/// The gradients of this rank's microbatches on their way to one sum.
///
/// In the tree's order each microbatch is a *leaf*, and two neighbouring sums are added as soon as both are there: a binary counter, whose
/// digits are the arenas. A leaf that is a left child gets an arena; one that is a right child is added as a whole to its sibling's by
/// backward itself. Otherwise all are accumulated in one arena. Ranges are added and checked when backward has left them.
final class LeafGradients {
  /// Leaves of the whole step, as far as ranks share them out.
  let run: Range<Int>
  /// Arenas that it takes.
  let depth: Int
  /// Arenas in which this rank's gradients lie after a step.
  let brought: Int
  /// Values at and above this offset of the arena are what this rank brings to the step's sum.
  private(set) var watermark: Int
  /// Whether all gradients of the step were finite, as far as this rank adds them up.
  private(set) var areFinite = true
  /// Whether some, though finite, are so large that their sum with those of the other ranks may not be.
  private(set) var areLarge = false
  /// Magnitude up to which values are not large.
  let bound: Float

  private let tree: ReductionTree?
  private let arenas: [Arena]
  private let pool: ThreadPool
  /// Whether the sums after the last leaf are left to those who read all of them.
  private let leavesLastSums: Bool
  /// Of each leaf of the run, whether what it is added to is what this rank brings.
  private let completes: [Bool]
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
    let brought = Self.brought(tree, run, leavesLastSums: leavesLastSums)
    self.brought = brought.count
    completes = run.map { leaf in brought.contains { $0.upperBound == leaf + 1 } }
  }

  private static func brought(
    _ tree: ReductionTree?, _ run: Range<Int>, leavesLastSums: Bool
  ) -> [Range<Int>] {
    guard let tree else { return [run] }
    return leavesLastSums ? tree.unfolded(of: run) : tree.partials(of: run)
  }

  /// Whether a rank with such a run adds whole gradients.
  static func addsWhole(_ tree: ReductionTree?, run: Range<Int>) -> Bool {
    tree.map { tree in run.contains { tree.sums(after: $0, in: run) > 0 } } ?? false
  }

  /// Before a step.
  func begin() {
    (top, watermark) = (-1, arenas[0].count)
    (areFinite, areLarge) = (true, false)
  }

  /// Before the backward pass of a microbatch.
  ///
  /// - Returns: the arena that it writes, and what with what is there.
  func begin(_ leaf: Int) -> (arena: Int, mode: GradientMode) {
    self.leaf = leaf
    (done, pending) = (arenas[0].count, arenas[0].count)
    guard let tree else { return (0, leaf > run.lowerBound ? .accumulates : .overwrites) }
    if tree.sums(after: leaf, in: run) > 0 { return (top, .addsWhole) }
    top += 1
    return (top, .overwrites)
  }

  /// Backward has left everything at and above `offset`.
  func reached(_ offset: Int) {
    pending = offset
    guard done - pending >= Self.grain || pending == 0 else { return }
    if additions > 0 { add(pending..<done) }
    if completes[leaf - run.lowerBound] { check(pending..<done) }
    done = pending
    if isLast { watermark = done }
  }

  /// After the backward pass of a microbatch.
  func end() { top -= additions }

  private var isLast: Bool { leaf == run.upperBound - 1 }

  /// How many sums are taken now that the leaf is in, besides its own.
  private var additions: Int {
    guard let tree, !(isLast && leavesLastSums) else { return 0 }
    return max(0, tree.sums(after: leaf, in: run) - 1)
  }

  private func check(_ range: Range<Int>) {
    let gradients = arenas[max(0, top - additions)].base + range.lowerBound
    guard count(beyond: bound, range.count, gradients) > 0 else { return }
    if count(beyond: Float.greatestFiniteMagnitude, range.count, gradients) > 0 {
      areFinite = false
    } else {
      areLarge = true
    }
  }

  private func count(beyond bound: Float, _ count: Int, _ gradients: UnsafeMutablePointer<Float>) -> Int {
    if count <= Self.grain { return Elementwise.countBeyond(bound, count, gradients) }
    pool.run(over: count, grain: Self.grain) { part in
      let found = Elementwise.countBeyond(bound, part.count, gradients + part.lowerBound)
      if found > 0 { beyond.wrappingAdd(found, ordering: .relaxed) }
    }
    return beyond.exchange(0, ordering: .relaxed)
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
