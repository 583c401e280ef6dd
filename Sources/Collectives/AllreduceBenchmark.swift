import MPI

/// How fast buffers are summed over the ranks, each way against the others.
///
/// Sums are in place, of float32. The time of a repetition is that of the slowest rank, the figure the median over the repetitions. The
/// ways take turns within a size, so that whatever else the machine does hits all alike. Before every repetition the buffer is filled
/// anew (not timed) with whole numbers whose sum is exact, and every result is checked on every rank.
public struct AllreduceBenchmark {
  /// Calls of each way at each size.
  public struct Repetitions: Sendable {
    /// Before the measured ones.
    public var warmup: Int
    public var measured: Int

    public init(warmup: Int, measured: Int) {
      self.warmup = warmup
      self.measured = measured
    }

    /// Enough for a steady median in about `seconds`, if one call takes `callSeconds`; at least `least`.
    public init(callSeconds: Double, seconds: Double, least: Int = 5, most: Int = 200) {
      measured = max(least, Int(min(Double(most), seconds / max(callSeconds, 1e-9))))
      warmup = callSeconds > 0.01 ? 0 : 5
    }
  }

  /// What was measured of one way at one size.
  public struct Row: Sendable {
    public let way: AllreduceWay
    /// Elements of the buffer.
    public let count: Int
    public let ranks: Int
    /// Of each repetition the slowest rank's, ascending.
    public let seconds: [Double]
    /// Wrong elements, over all ranks and calls, those before the measured ones as well.
    public let wrong: Int

    public var median: Double { seconds.median }
    public var bytes: Int { count * MemoryLayout<Float>.stride }
    /// Bytes of buffer per second. A time too short for the clock has no bandwidth.
    public var algorithmBandwidth: Double { median > 0 ? Double(bytes) / median : 0 }
    /// Bytes per second that the busiest link carries when nothing is sent twice: comparable between numbers of ranks.
    public var busBandwidth: Double { algorithmBandwidth * 2 * Double(ranks - 1) / Double(ranks) }
  }

  private let allreduces: [ArenaAllreduce]
  private let wire: WireFormat

  /// - Parameters:
  ///   - allreduces: over buffers that they may share.
  ///   - wire: what rounds their sums, if it is not float32.
  public init(_ allreduces: [ArenaAllreduce], wire: WireFormat = .float32) {
    self.allreduces = allreduces
    self.wire = wire
  }

  /// Measures all ways at one size. Collective.
  ///
  /// - Parameters:
  ///   - count: elements.
  ///   - warmup: calls of each way before the measured ones; nil for what fits how long one takes.
  ///   - repetitions: measured calls of each; nil for as many as `budget` seconds for each way take, at least `least`.
  public func measure(
    count: Int, warmup: Int? = nil, repetitions: Int? = nil, seconds budget: Double = 2,
    least: Int = 5, on world: borrowing Communicator
  ) throws -> [Row] {
    var seconds = allreduces.map { _ in [Double]() }
    var wrong = allreduces.map { _ in 0 }
    var plans: [Repetitions] = []
    for index in allreduces.indices {
      // The first call makes its plan and touches its memory: a rough measure of slow calls, and none of fast ones.
      var rough = 0.0
      for first in 1...2 where first <= Self.firstCalls(callSeconds: rough) {
        let outcome = try call(index, count, on: world)
        wrong[index] += outcome.wrong
        rough = try world.allreduce(outcome.seconds, .maximum)
      }
      let fitting = Repetitions(callSeconds: rough, seconds: budget, least: least)
      plans.append(
        Repetitions(warmup: warmup ?? fitting.warmup, measured: repetitions ?? fitting.measured))
    }
    let rounds = plans.map { $0.warmup + $0.measured }.max() ?? 0
    for round in 0..<rounds {
      for turn in allreduces.indices {
        let index = (turn + round) % allreduces.count
        guard round < plans[index].warmup + plans[index].measured else { continue }
        let outcome = try call(index, count, on: world)
        wrong[index] += outcome.wrong
        if round >= plans[index].warmup { seconds[index].append(outcome.seconds) }
      }
    }
    var rows: [Row] = []
    for index in allreduces.indices {
      var slowest = seconds[index]
      var span = slowest.mutableSpan
      try world.allreduce(&span, .maximum)
      rows.append(
        Row(
          way: allreduces[index].way, count: count, ranks: world.size, seconds: slowest.sorted(),
          wrong: try world.allreduce(wrong[index], .sum)))
    }
    return rows
  }

  /// Calls that show how long one takes, before all others.
  static func firstCalls(callSeconds: Double) -> Int { callSeconds < 0.05 ? 2 : 1 }

  private func call(
    _ index: Int, _ count: Int, on world: borrowing Communicator
  ) throws(MPIError) -> (seconds: Double, wrong: Int) {
    let elements = allreduces[index].arena[..<count]
    fill(elements, rank: world.rank)
    allreduces[index].clearOtherPartials(0..<count)
    try world.barrier()
    let start = MPI.wallTime()
    try allreduces[index].allreduce(0..<count)
    let elapsed = MPI.wallTime() - start
    let wrong = wrongElements(elements, ranks: world.size)
    // Nobody fills a shared buffer that another still checks.
    try world.barrier()
    return (elapsed, wrong)
  }

  /// Element i of rank r is i mod 1021, plus r. Sums are whole numbers below 2^24 up to 4,096 ranks, so
  /// float32 holds them exactly in any order, and an element out of place or a contribution too many or too
  /// few shows.
  private func fill(_ elements: Slice<UnsafeMutableBufferPointer<Float>>, rank: Int) {
    let elements = UnsafeMutableBufferPointer(rebasing: elements)
    var residue = 0
    for i in elements.indices {
      elements[i] = Float(residue + rank)
      residue = residue == 1020 ? 0 : residue + 1
    }
  }

  private func wrongElements(_ elements: Slice<UnsafeMutableBufferPointer<Float>>, ranks: Int) -> Int {
    let elements = UnsafeMutableBufferPointer(rebasing: elements)
    var wrong = 0
    var residue = 0
    let sumOfRanks = ranks * (ranks - 1) / 2
    // A sum of positive numbers is rounded at most once for each of them, and at the end: see WireFormat.
    let tolerance: Float = wire == .float32 ? 0 : Float(ranks + 1) / 256
    for element in elements {
      let expected = Float(residue * ranks + sumOfRanks)
      wrong += abs(element - expected) <= tolerance * expected ? 0 : 1
      residue = residue == 1020 ? 0 : residue + 1
    }
    return wrong
  }
}
