import MPI

/// Finds the best algorithm for a few sizes in less than a second: what a run without a profile does at its start.
///
/// Each algorithm is timed on the sizes themselves where that fits into the budget. On a slow network it does not; there they are timed
/// on smaller buffers, which is enough for what is limited by bandwidth: one that moves more bytes is the slower one at any size.
public struct AllreduceProbe {
  /// For all measurements.
  public var seconds = 0.7
  /// What is timed; the first is what is taken when nothing can be measured.
  public var candidates: [AllreduceCandidate]
  public let wire: WireFormat

  public init(wire: WireFormat = .float32) {
    self.wire = wire
    let algorithms = [.ring] + Algorithm.allCases.filter { $0 != .ring && (wire == .float32 || $0 != .mpi) }
    // Where processors are slower than the network long messages are better, of the ring if of any.
    candidates = algorithms.map { AllreduceCandidate($0) } + [AllreduceCandidate(.ring, segments: .long)]
  }

  /// The best algorithm for each of `sizes`, in bytes of a buffer. Collective over the ranks that will sum; the same on all of them.
  public func select(_ sizes: [Int], on communicator: borrowing Communicator) throws(MPIError)
    -> AllreduceSelection
  {
    let deadline = MPI.wallTime() + seconds
    let sizes = Array(Set(sizes)).sorted()
    guard communicator.size > 1, let largest = sizes.last, largest > 0 else {
      return AllreduceSelection(.ring)
    }
    var memory = Workspace()
    memory.reserve(byteCount: largest)
    let elements = memory.bytes.bindMemory(to: Float.self)
    var entries: [AllreduceSelection.Entry] = []
    var executors: [Candidate] = []
    for candidate in candidates {
      executors.append(
        Candidate(candidate, try AllreduceExecutor(candidate.selection, wire: wire, on: communicator)))
    }
    for (index, bytes) in sizes.enumerated() {
      let share = max(0, deadline - MPI.wallTime()) / Double(sizes.count - index)
      let best = try fastest(executors, elements, bytes, share, on: communicator)
      entries.append(.init(bytes: bytes, algorithm: best.algorithm, segments: best.segments))
    }
    return AllreduceSelection(entries)
  }

  /// An array cannot hold noncopyable values, but references to them.
  private final class Candidate {
    let choice: AllreduceCandidate
    var executor: AllreduceExecutor
    var seconds: [Double] = []

    init(_ choice: AllreduceCandidate, _ executor: consuming AllreduceExecutor) {
      self.choice = choice
      self.executor = executor
    }

    /// The time of the slowest rank. Collective.
    func call(
      _ elements: UnsafeMutableBufferPointer<Float>, on communicator: borrowing Communicator
    ) throws(MPIError) -> Double {
      try communicator.barrier()
      let start = MPI.wallTime()
      try executor.allreduce(elements)
      return try communicator.allreduce(MPI.wallTime() - start, .maximum)
    }
  }

  private func fastest(
    _ all: [Candidate], _ elements: UnsafeMutableBufferPointer<Float>, _ bytes: Int, _ seconds: Double,
    on communicator: borrowing Communicator
  ) throws(MPIError) -> AllreduceCandidate {
    let start = MPI.wallTime()
    let size = communicator.size
    func distinct(_ bytes: Int) -> [Candidate] {
      all.filter { $0.choice.isDistinct(size: size, count: max(1, bytes / 4), wire: wire) }
    }
    // The largest buffer, this one or one 2, 4, 8, ... times smaller, on which all can be called three times.
    var length = min(bytes, 16 << 10)
    while true {
      let part = UnsafeMutableBufferPointer(rebasing: elements[..<max(1, length / 4)])
      var round = 0.0
      for candidate in distinct(length) {
        // The first call makes its plan.
        if candidate.seconds.isEmpty { _ = try candidate.call(part, on: communicator) }
        candidate.seconds = [try candidate.call(part, on: communicator)]
        round += candidate.seconds[0]
      }
      // Decided by rank 0: clocks differ.
      let left = seconds - (MPI.wallTime() - start)
      let factor = min(4, bytes / max(1, length))
      guard try communicator.broadcast(factor > 1 && 4 * Double(factor) * round < left ? 1 : 0, root: 0) == 1
      else { break }
      length = factor == 4 ? length * 4 : bytes
    }
    let part = UnsafeMutableBufferPointer(rebasing: elements[..<max(1, length / 4)])
    // Where the size itself could not be measured the network is what is slow, and the fitting segments stay.
    let candidates = distinct(length)
    while true {
      let round = candidates.reduce(0) { $0 + $1.seconds[0] }
      let left = seconds - (MPI.wallTime() - start)
      guard try communicator.broadcast(round < left && candidates[0].seconds.count < 20 ? 1 : 0, root: 0) == 1
      else { break }
      for candidate in candidates { candidate.seconds.append(try candidate.call(part, on: communicator)) }
    }
    // Noise only ever adds: with few calls the least is steadier than the median.
    let best = candidates.min { ($0.seconds.min() ?? 0) < ($1.seconds.min() ?? 0) }
    for candidate in all { candidate.seconds = [] }
    return best?.choice ?? AllreduceCandidate(.ring)
  }
}
