import MPI

/// The scores of evaluated samples, kept for metrics that have to see all of them in one order.
///
/// A score ranks samples as the softmax probability of a class does: for two classes it is the difference of the logits, for more the
/// logarithm of each class's probability.
struct ClassScores: Sendable {
  /// More classes than this are not kept: up to them a sample takes 804 bytes, on the rank that evaluates it.
  static let mostClasses = 100

  let classes: Int
  private(set) var labels: [Int32] = []
  /// Of class 1 where there are two, else of each class.
  private var columns: [[Double]]

  init(classes: Int) {
    self.classes = classes
    columns = Array(repeating: [], count: classes == 2 ? 1 : classes)
  }

  mutating func add(label: Int32, logits: UnsafeBufferPointer<Float>, _ exponentials: ExponentialSum) {
    labels.append(label)
    if classes == 2 { return columns[0].append(Double(logits[1]) - Double(logits[0])) }
    for index in columns.indices { columns[index].append(exponentials.logProbability(logits[index])) }
  }

  /// The areas of all ranks' samples together, the mean over the classes. Collective, and the same on all ranks.
  ///
  /// Ranks take turns: a class's scores meet on one of them, which needs 8 bytes for each sample of all ranks, and 4 for its label.
  ///
  /// - Precondition: of all ranks' samples each class has one at least.
  func areas(on world: borrowing Communicator) throws(MPIError) -> RankingAreas {
    let counts = try world.allgather(labels.count)
    let total = counts.reduce(0, +)
    var allLabels = [Int32](repeating: 0, count: total)
    var span = allLabels.mutableSpan
    try world.allgather(labels.span, into: &span, counts: counts)
    // Of each column both areas, on the rank that has them; others add 0, which changes no bit.
    var areas = [Double](repeating: 0, count: 2 * columns.count)
    for (index, column) in columns.enumerated() {
      let root = index % world.size
      var scores = [Double](repeating: 0, count: world.rank == root ? total : 0)
      var target = scores.mutableSpan
      try world.gather(column.span, into: &target, counts: counts, root: root)
      guard world.rank == root else { continue }
      let positive = classes == 2 ? 1 : Int32(index)
      let found = RankingAreas(scores: scores) { allLabels[$0] == positive }
      areas[2 * index] = found?.roc ?? .nan
      areas[2 * index + 1] = found?.precisionRecall ?? .nan
    }
    var sums = areas.mutableSpan
    try world.allreduce(&sums, .sum)
    var mean = RankingAreas(roc: 0, precisionRecall: 0)
    for index in columns.indices {
      mean.roc += areas[2 * index]
      mean.precisionRecall += areas[2 * index + 1]
    }
    mean.roc /= Double(columns.count)
    mean.precisionRecall /= Double(columns.count)
    return mean
  }
}
