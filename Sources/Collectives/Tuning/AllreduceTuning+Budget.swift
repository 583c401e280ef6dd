extension AllreduceTuning {
  /// How one size went: what decides who is measured at the next one, four times as large.
  struct Course {
    /// Best first, at least one.
    var times: [(candidate: AllreduceCandidate, seconds: Double)]
    /// For all repetitions of one candidate, about.
    var share: Double
    /// How many times as long as the calls alone it took: buffers are filled and checked in between, and ranks meet.
    private var overhead = 1.0

    /// From so many seconds on it is bandwidth that decides about a call: who is far behind stays so, and what lies between calls grows as
    /// they do. Shorter calls say nothing about longer ones, and nothing that grows lies between them.
    private static let slowSeconds = 5e-3

    /// - Parameter elapsed: seconds for the whole size.
    init(times: [(candidate: AllreduceCandidate, seconds: Double)], elapsed: Double, share: Double) {
      self.times = times
      self.share = share
      guard isSlow else { return }
      overhead = max(1, elapsed / times.reduce(0) { $0 + duration(callSeconds: $1.seconds) })
    }

    /// Those of `candidates` that go on when `left` seconds are left: all; where these would take longer and calls are slow, those that are near
    /// the best; none, where these would, too.
    func next(_ candidates: [AllreduceCandidate], left: Double) -> [AllreduceCandidate] {
      // Short calls are repeated as often as the time allows: the fewest have to fit.
      let fewest = candidates.reduce(0) { $0 + 10 * 4 * expected($1) }
      if isSlow ? seconds(of: candidates) < left : fewest < left { return candidates }
      guard isSlow else { return [] }
      let near = candidates.filter { expected($0) <= times[0].seconds * AllreduceTuning.near }
      return seconds(of: near) < left ? near : []
    }

    private var isSlow: Bool { times[0].seconds >= Self.slowSeconds }

    /// Seconds for the next size.
    private func seconds(of candidates: [AllreduceCandidate]) -> Double {
      candidates.reduce(0) { $0 + duration(callSeconds: 4 * expected($1)) }
    }

    /// Seconds of a call at this size. What made no messages of its own yet has the time of its algorithm.
    private func expected(_ candidate: AllreduceCandidate) -> Double {
      let own = times.first { $0.candidate == candidate }
      return (own ?? times.first { $0.candidate.algorithm == candidate.algorithm })?.seconds ?? .infinity
    }

    /// Seconds of all calls of a candidate, those before the measured ones as well.
    func duration(callSeconds: Double) -> Double {
      let plan = AllreduceBenchmark.Repetitions(callSeconds: callSeconds, seconds: share, least: 3)
      let first = AllreduceBenchmark.firstCalls(callSeconds: callSeconds)
      return overhead * callSeconds * Double(first + plan.warmup + plan.measured)
    }
  }
}
