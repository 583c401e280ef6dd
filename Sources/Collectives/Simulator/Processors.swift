/// The threads of the ranks and the cores that they run on.
///
/// A rank has one thread. Work that comes while it works waits its turn, and where a machine has fewer cores
/// than ranks, work waits for the core that is free first. Nothing is interrupted: pieces of work are short
/// against time slices, or, where they are not, all threads have such pieces and the sum is what counts.
struct Processors: ~Copyable {
  struct Thread {
    var free = 0.0
    var busySeconds = 0.0
  }

  private var threads: FlatArray<Thread>
  /// When each core is through, machine by machine; empty when every rank has a core.
  private var coreFree = FlatArray<Double>()
  private let cores: Int
  private let ranksPerMachine: Int

  init(ranks: Int, model: NetworkModel) {
    threads = FlatArray(repeating: Thread(), count: ranks)
    ranksPerMachine = model.ranksPerMachine
    cores = model.coresPerMachine
    if model.sharesCores(ranks: ranks) {
      let machines = (ranks + ranksPerMachine - 1) / ranksPerMachine
      coreFree = FlatArray(repeating: 0, count: machines * cores)
    }
  }

  /// When a rank's thread is through with the work it has.
  func free(_ rank: Int) -> Double { threads[rank].free }

  func busySeconds(_ rank: Int) -> Double { threads[rank].busySeconds }

  /// Gives a rank's thread work that can start at `time`. What takes no time waits for nothing.
  mutating func work(_ seconds: Double, of rank: Int, from time: Double) -> (start: Double, end: Double) {
    guard seconds > 0 else { return (time, time) }
    var start = max(time, threads[rank].free)
    if coreFree.count > 0 {
      let first = rank / ranksPerMachine * cores
      var core = first
      for other in first..<first + cores where coreFree[other] < coreFree[core] { core = other }
      start = max(start, coreFree[core])
      coreFree[core] = start + seconds
    }
    threads[rank].free = start + seconds
    threads[rank].busySeconds += seconds
    return (start, start + seconds)
  }
}

extension NetworkModel {
  var ranksPerMachine: Int { ranksPerNode.multipliedOrMaximum(nodesPerMachine) }

  /// Whether some machine has fewer cores than ranks.
  func sharesCores(ranks: Int) -> Bool { min(ranks, ranksPerMachine) > coresPerMachine }
}

extension Int {
  /// The product, or `Int.max` where it is greater.
  func multipliedOrMaximum(_ other: Int) -> Int {
    let (product, overflow) = multipliedReportingOverflow(by: other)
    return overflow ? .max : product
  }
}
