import Synchronization

/// Where an executor stands, for another thread to look at: which call it is in, how far it has come, and for
/// whom it waits.
///
/// The executor writes a word or two as it goes; looking costs it nothing. A watch that finds the same call
/// and the same number of completed actions for many seconds has found a rank that is stuck, and on whom.
public final class AllreduceProgress: Sendable {
  /// What an executor is doing.
  public enum Activity: Sendable, Equatable {
    /// Not in a call.
    case idle
    /// Adding, or starting transfers.
    case working
    /// Waits for the message of a rank.
    case receiving(from: Int)
    /// Waits for a rank to take a message.
    case sending(to: Int)
    /// Waits in shared memory for a rank of the host to come: the lowest that has not.
    case meeting(Int)
    /// In `MPI_Allreduce`, which does not tell.
    case mpi
  }

  /// The state at one moment.
  public struct Snapshot: Sendable, Equatable {
    /// Calls begun since the executor was made; the one it is in, if any, is the last of them.
    public let calls: Int
    /// Actions completed since the executor was made.
    public let actions: Int
    public let activity: Activity
  }

  private let calls = Atomic<Int>(0)
  private let actions = Atomic<Int>(0)
  /// Kind in the low three bits, peer above them.
  private let activity = Atomic<Int>(0)
  private let besideWork = Atomic<Bool>(false)

  public init() {}

  /// The three words are read one after the other: a snapshot of a running executor may straddle a change.
  public var snapshot: Snapshot {
    let word = activity.load(ordering: .acquiring)
    let peer = word >> 3
    let activity: Activity =
      switch word & 7 {
      case 0: .idle
      case 1: .working
      case 2: .receiving(from: peer)
      case 3: .sending(to: peer)
      case 5: .meeting(peer)
      default: .mpi
      }
    return Snapshot(
      calls: calls.load(ordering: .relaxed), actions: actions.load(ordering: .relaxed), activity: activity)
  }

  /// Set by other threads, while they compute and need all cores: the executor then sleeps when it has to wait.
  package var isBesideWork: Bool {
    get { besideWork.load(ordering: .relaxed) }
    set { besideWork.store(newValue, ordering: .relaxed) }
  }

  func enter(_ new: Activity) {
    let word =
      switch new {
      case .idle: 0
      case .working: 1
      case .receiving(let peer): peer << 3 | 2
      case .sending(let peer): peer << 3 | 3
      case .mpi: 4
      case .meeting(let peer): peer << 3 | 5
      }
    activity.store(word, ordering: .releasing)
  }

  // One thread writes, so that no atomic addition is needed.
  func beginCall() { calls.store(calls.load(ordering: .relaxed) + 1, ordering: .relaxed) }
  func completeAction() { actions.store(actions.load(ordering: .relaxed) + 1, ordering: .relaxed) }
}

extension AllreduceProgress.Snapshot: CustomStringConvertible {
  public var description: String {
    switch activity {
    case .idle: "idle after \(calls) calls"
    case .working: "working in call \(calls)"
    case .receiving(let peer): "in call \(calls), waiting for a message from rank \(peer)"
    case .sending(let peer): "in call \(calls), waiting for rank \(peer) to take a message"
    case .mpi: "in MPI_Allreduce, call \(calls)"
    case .meeting(let peer): "at rendezvous \(calls), waiting for rank \(peer) of the host"
    }
  }
}
