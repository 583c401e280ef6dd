/// The threads of the ranks and the cores that they run on.
///
/// A rank has one thread. Work that comes while it works waits its turn, and where a machine has fewer cores
/// than ranks, work waits for the core that is free first. Nothing is interrupted: pieces of work are short
/// against time slices, or, where they are not, all threads have such pieces and the sum is what counts.
struct Processors {
  /// When each rank's thread is through with the work it has.
  private(set) var free: [Double]
  private(set) var busySeconds: [Double]
  /// When each core is through, machine by machine; empty when every rank has a core.
  private var coreFree: [Double] = []
  private let cores: Int
  private let ranksPerMachine: Int

  init(ranks: Int, model: NetworkModel) {
    free = Array(repeating: 0, count: ranks)
    busySeconds = free
    ranksPerMachine = model.ranksPerNode.multipliedOrMaximum(model.nodesPerMachine)
    cores = model.coresPerMachine
    if min(ranks, ranksPerMachine) > cores {
      coreFree = Array(repeating: 0, count: (ranks + ranksPerMachine - 1) / ranksPerMachine * cores)
    }
  }

  /// Gives a rank's thread work that can start at `time`. What takes no time waits for nothing.
  mutating func work(_ seconds: Double, of rank: Int, from time: Double) -> (start: Double, end: Double) {
    guard seconds > 0 else { return (time, time) }
    var start = max(time, free[rank])
    if coreFree.isEmpty {
      free[rank] = start + seconds
    } else {
      let first = rank / ranksPerMachine * cores
      var core = first
      for other in first..<first + cores where coreFree[other] < coreFree[core] { core = other }
      start = max(start, coreFree[core])
      coreFree[core] = start + seconds
      free[rank] = start + seconds
    }
    busySeconds[rank] += seconds
    return (start, start + seconds)
  }
}

extension Int {
  /// The product, or `Int.max` where it is greater.
  func multipliedOrMaximum(_ other: Int) -> Int {
    let (product, overflow) = multipliedReportingOverflow(by: other)
    return overflow ? .max : product
  }
}
