import Collectives
import MPI

/// What a rank does of each step, and in which order gradients are added.
struct StepShare {
  /// The tree in whose order microbatches are added; nil if their order depends on the ranks.
  let tree: ReductionTree?
  /// The microbatches of this rank.
  let run: Range<Int>
  /// Gradient arenas of a rank, at most.
  let buffers: Int
  /// Threads of a rank, at most.
  private let threads: Int
  let isJournaled: Bool

  /// Collective.
  ///
  /// - Parameter isJournaled: whether updates can be finished after they were cut off.
  init(
    _ configuration: Configuration, threads: Int, isJournaled: Bool, world: borrowing Communicator
  ) throws(MPIError) {
    let size = world.size
    self.isJournaled = isJournaled
    self.threads = try world.allreduce(threads, .maximum)
    let tree = ReductionTree(leaves: configuration.training.microbatchCount)
    run = tree.run(ofRank: world.rank, size: size)
    let isReproducible = configuration.training.reproducible
    self.tree = isReproducible ? tree : nil
    buffers = isReproducible ? Self.buffers(tree, size: size) : 1
  }

  /// Gradient arenas that the rank with the most of them needs.
  static func buffers(_ tree: ReductionTree, size: Int) -> Int {
    (0..<size).map { tree.depth(of: tree.run(ofRank: $0, size: size)) }.max() ?? 1
  }

  /// What the memory of a replica has to hold for so many ranks that share it.
  func tail(_ way: ReductionWay, members: Int, early: EarlyUpdates? = nil) -> StateLayout.Tail {
    // Where sums are taken when parameters are updated, those of all ranks.
    let leaves =
      switch way {
      case .alone, .shared: tree?.leaves ?? members
      case .messages, .tree, .sharded, .twoLevel: 0
      }
    return StateLayout.Tail(
      members: members, threads: threads, buffers: buffers, leaves: leaves, isJournaled: isJournaled,
      early: isJournaled ? early?.count ?? 0 : 0)
  }
}
