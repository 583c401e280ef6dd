import MPI

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// The measurements of a ``NetworkProbe``. All ranks make each of them, those without a peer too; all get the
/// same result and so take the same decisions on what to measure next.
struct ProbeMeasurement: ~Copyable {
  private var transfers: ProbeTransfers
  /// Seconds for everything.
  private let budget: Double

  init(transfers: consuming ProbeTransfers, budget: Double) {
    self.transfers = transfers
    self.budget = budget
  }

  /// Seconds of an empty message and of the processors at both ends.
  struct Latency {
    var seconds: Double
    var secondsPerMessage: Double
    /// Seconds of an empty message, all in all.
    var oneWay: Double { seconds + secondsPerMessage }
  }

  mutating func latency(to peer: Int?) throws(MPIError) -> Latency {
    transfers.prepare(4_096)
    // The first message opens a connection.
    for _ in 0..<3 { _ = try roundTrip(to: peer) }
    let first = try common(try roundTrip(to: peer))
    let count = repetitions(of: first, share: 0.05, 5...200)
    var trips: [Double] = []
    for _ in 0..<count { trips.append(try roundTrip(to: peer)) }
    let trip = try common(peer == nil ? 0 : trips.median)
    var one: [Double] = []
    var many: [Double] = []
    let messages = ProbeTransfers.burst
    for _ in 0..<repetitions(of: trip, share: 0.05, 5...50) {
      one.append(try transfers.exchange(8, to: peer, from: peer))
      many.append(try transfers.exchange(8, messages: messages, to: peer, from: peer))
    }
    let slope = max(0, many.median - one.median) / Double(messages - 1)
    let perMessage = try min(common(peer == nil ? 0 : slope), trip / 2)
    return Latency(seconds: trip / 2 - perMessage, secondsPerMessage: perMessage)
  }

  /// The lower of two ranks begins.
  private mutating func roundTrip(to peer: Int?) throws(MPIError) -> Double {
    guard let peer else { return 0 }
    let begins = transfers.communicator.rank < peer
    let start = MPI.wallTime()
    if begins { try transfers.startSend(8, to: peer) }
    try transfers.startReceive(8, from: peer)
    try transfers.wait()
    if !begins {
      try transfers.startSend(8, to: peer)
      try transfers.wait()
    }
    return MPI.wallTime() - start
  }

  /// How far apart ranks leave a barrier: the median of the differences between the first and the last.
  ///
  /// Clocks are compared by round trips with rank 0, of which the shortest says most; of many ranks the first
  /// `compared` stand for all.
  mutating func skew() throws(MPIError) -> Double {
    transfers.prepare(4_096)
    let compared = 32
    let rank = transfers.communicator.rank
    let isCompared = rank < compared
    var offset = 0.0
    for other in 1..<max(2, min(compared, transfers.communicator.size)) {
      var shortest = Double.infinity
      for _ in 0..<8 where other < transfers.communicator.size && (rank == 0 || rank == other) {
        let start = MPI.wallTime()
        let theirs = try transfers.swapClocks(with: rank == 0 ? other : 0)
        let end = MPI.wallTime()
        // Rank 0's clock was read half a round trip ago, as far as can be told.
        if rank == other, end - start < shortest {
          shortest = end - start
          offset = theirs - (start + end) / 2
        }
      }
    }
    var differences: [Double] = []
    for _ in 0..<16 {
      try transfers.communicator.barrier()
      let left = MPI.wallTime() + offset
      let first = try transfers.communicator.allreduce(isCompared ? left : .infinity, .minimum)
      let last = try transfers.communicator.allreduce(isCompared ? left : -.infinity, .maximum)
      differences.append(last - first)
    }
    return try common(differences.median)
  }

  /// A rank's speed in an exchange.
  struct Speed {
    var bytesPerSecond: Double
    /// Bytes that passed at once, before the speed held.
    var bytesAtOnce: Double
    /// The longest message measured.
    var bytes: Int
  }

  /// Sends to `next` and receives from `previous`, messages of 64 KiB, 128 KiB, ... as long as they fit the
  /// share of the budget. What a message up to an eighth of the longest is ahead of the longest one's speed,
  /// `latency` left out of account, has passed at once (or as fast as processors copy); noise only makes it
  /// less. What is left of the longest gives the speed. (The slope between two lengths would need no
  /// iteration, but has the noise of both.)
  mutating func bandwidth(
    to next: Int?, from previous: Int?, latency: Double, share: Double
  ) throws(MPIError) -> Speed {
    let repetitions = 3
    // All sizes together take twice the longest one, and pauses as much again at most.
    let longest = budget * share / Double(repetitions) / 4
    var sizes: [Int] = []
    var seconds: [[Double]] = []
    var bytes = 64 << 10
    repeat {
      transfers.prepare(bytes)
      sizes.append(bytes)
      seconds.append([try common(try transfers.exchange(bytes, to: next, from: previous))])
      bytes *= 2
    } while sizes.count < 4 || (seconds[sizes.count - 1][0] < longest && bytes <= ProbeTransfers.longest)
    for _ in 0..<repetitions {
      var last = seconds[sizes.count - 1][0]
      for (index, bytes) in sizes.enumerated() {
        let time = try common(try paused(last, bytes, next, previous))
        seconds[index].append(time)
        last = time
      }
    }
    // The first of each size came without a pause.
    let times = seconds.map { Array($0.dropFirst()).median }
    let top = sizes.count - 1
    var slope = times[top] / Double(sizes[top])
    var bytesAtOnce = 0.0
    for _ in 0..<4 {
      let ahead = zip(sizes, times).dropLast(3).map { Double($0) - ($1 - latency) / slope }
      bytesAtOnce = min(max(0, ahead.max() ?? 0), Double(sizes[top]) / 4)
      slope = times[top] / (Double(sizes[top]) - bytesAtOnce)
    }
    return Speed(bytesPerSecond: 1 / slope, bytesAtOnce: bytesAtOnce, bytes: sizes[top])
  }

  /// An exchange after a pause, in which buckets of shapers fill.
  private mutating func paused(_ seconds: Double, _ bytes: Int, _ next: Int?, _ previous: Int?)
    throws(MPIError) -> Double
  {
    usleep(UInt32(min(seconds, 0.02) * 1e6))
    return try transfers.exchange(bytes, to: next, from: previous)
  }

  /// Processor time of a byte sent and a byte received.
  mutating func processorSecondsPerByte(to next: Int?, from previous: Int?, bytes: Int) throws(MPIError)
    -> Double
  {
    try transfers.communicator.barrier()
    // What it costs to sleep and to look, while nothing comes.
    if let previous { try transfers.startReceive(bytes, from: previous) }
    var start = ProbeTransfers.processorTime()
    let idle = 20
    _ = try transfers.waitAsleep(limit: idle)
    let perNap = (ProbeTransfers.processorTime() - start) / Double(idle)
    try transfers.communicator.barrier()
    start = ProbeTransfers.processorTime()
    if let next { try transfers.startSend(bytes, to: next) }
    let naps = try transfers.waitAsleep()
    let seconds = ProbeTransfers.processorTime() - start - Double(naps) * perNap
    try transfers.communicator.barrier()
    return try common(max(0, seconds) / Double(bytes))
  }

  /// The longest message that completes at the sender while its receiver looks away; nil when all do.
  mutating func eagerLimit(to peer: Int?, sends: Bool, _ model: NetworkModel) throws(MPIError) -> Int? {
    // Limits are powers of two, or a header less.
    var low = 8
    var high = 23
    // Not longer than what takes a 20th of the budget.
    while high > low + 1, Double(1 << high) / model.bandwidthBytesPerSecond > budget / 20 { high -= 1 }
    let highest = high
    while low < high {
      let middle = (low + high) / 2
      let isEager = try isEager((1 << middle) - Self.header, peer, sends, model)
      if isEager { low = middle + 1 } else { high = middle }
    }
    return low == highest ? nil : low == 8 ? 0 : (1 << (low - 1)) - Self.header
  }
  private static let header = 128

  private mutating func isEager(_ bytes: Int, _ peer: Int?, _ sends: Bool, _ model: NetworkModel)
    throws(MPIError) -> Bool
  {
    transfers.prepare(bytes)
    let away = max(2e-3, 10 * model.latencySeconds)
    var isEager: Int32 = 1
    try transfers.communicator.barrier()
    if let peer, sends {
      let start = MPI.wallTime()
      try transfers.startSend(bytes, to: peer)
      while try !transfers.poll(), MPI.wallTime() - start < away / 2 { sched_yield() }
      isEager = try transfers.poll() && MPI.wallTime() - start < away ? 1 : 0
    } else if let peer {
      usleep(UInt32(away * 1e6))
      try transfers.startReceive(bytes, from: peer)
    }
    try transfers.wait()
    return try transfers.communicator.allreduce(isEager, .minimum) == 1
  }

  /// How often something can be done in a share of the budget.
  private func repetitions(of seconds: Double, share: Double, _ range: ClosedRange<Int>) -> Int {
    let count = budget * share / max(seconds, 1e-9)
    return count >= Double(range.upperBound) ? range.upperBound : max(range.lowerBound, Int(count))
  }

  /// The longest of the ranks' times.
  private func common(_ seconds: Double) throws(MPIError) -> Double {
    try transfers.communicator.allreduce(seconds, .maximum)
  }
}
