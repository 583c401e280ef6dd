import Synchronization

/// Carries a communicator to another thread, once.
///
/// A communicator belongs to one thread and is not `Sendable`. To give one to a thread of its own, put a
/// duplicate in here and let the thread take it out; the compiler keeps both sides from using it twice.
///
///     let handoff = CommunicatorHandoff(try world.duplicate())
///     let thread = Thread {
///       let communicator = handoff.take()
///       // ... talks over `communicator`, while others talk over `world`
///     }
///
/// Two threads that call MPI at the same time need `MPI.threadLevel == .multiple`. The communicator is freed
/// on the thread that took it, or with the handoff when nobody did.
public final class CommunicatorHandoff: Sendable {
  private let content: Mutex<Carried>

  /// `@unchecked Sendable` is safe because the communicator moves in, whole, and moves out to one taker. MPI ties
  /// communicators to no thread.
  private struct Carried: ~Copyable, @unchecked Sendable {
    var communicator: Communicator?
  }

  public init(_ communicator: consuming Communicator) {
    content = Mutex(Carried(communicator: communicator))
  }

  /// The communicator. A second call is a mistake of the program and traps.
  public func take() -> Communicator {
    let taken = content.withLock { Carried(communicator: $0.communicator.take()) }
    guard let communicator = taken.communicator else {
      preconditionFailure("CommunicatorHandoff.take: the communicator has been taken already")
    }
    return communicator
  }
}
