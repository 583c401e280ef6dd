import Collectives
import MPI

/// Makes the verdict of a step common to all ranks.
final class VerdictExchange {
  private let means: Means
  private let words: UnsafeMutableBufferPointer<Int64>

  private enum Means {
    case alone
    case shared(SharedArenas, TrainingState)
    case messages(ExecutorBox<AllreduceExecutor>)
  }

  /// Collective.
  ///
  /// - Parameter arenas: what all ranks share, if they share memory; then gradients written before are there for all after the exchange.
  init(_ arenas: SharedArenas?, _ state: TrainingState, world: borrowing Communicator) throws(MPIError) {
    words = .allocate(capacity: StepVerdict.wordCount)
    if world.size == 1 {
      means = .alone
    } else if let arenas, arenas.size == world.size {
      means = .shared(arenas, state)
    } else {
      means = .messages(ExecutorBox(try AllreduceExecutor(.recursiveDoubling, on: world)))
    }
  }

  deinit { words.deallocate() }

  /// Where messages stand, for the watch.
  var progress: AllreduceProgress? {
    if case .messages(let messages) = means { messages.executor.progress } else { nil }
  }

  /// Returns when all ranks have come here. Collective.
  func meet() throws(MPIError) {
    if case .shared(let arenas, _) = means {
      arenas.computation.meet()
    } else {
      _ = try exchange(StepVerdict())
    }
  }

  /// Adds the verdicts of all ranks. Collective. In shared memory ranks have to meet between one and the next.
  func exchange(_ verdict: StepVerdict) throws(MPIError) -> StepVerdict {
    guard let base = words.baseAddress else { return verdict }
    var sum = StepVerdict()
    switch means {
    case .alone: return verdict
    case .shared(let arenas, let state):
      verdict.write(to: state.slot(state.member).verdict)
      arenas.computation.meet()
      for member in 0..<arenas.size { sum.add(UnsafePointer(state.slot(member).verdict)) }
    case .messages(let messages):
      verdict.write(to: base)
      try messages.executor.allreduce(words)
      sum.add(UnsafePointer(base))
    }
    return sum
  }
}
