import Foundation
import MPI

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// How long a waiting rank polls before it offers its processor to others, once a poll from then on.
///
/// Polling answers soonest, and on a core of its own a rank disturbs nobody. Where ranks share cores, the one
/// that is waited for may be the one that cannot run: there a wait that spins lasts a time slice,
/// milliseconds.
package struct Patience: Sendable, Equatable {
  package var polls: Int
  /// How it offers the processor: false as one that could run on, true by sleeping for less than 100 microseconds.
  package var sleeps = false

  package init(polls: Int, sleeps: Bool = false) {
    self.polls = polls
    self.sleeps = sleeps
  }

  /// For ranks with a core each: some tens of milliseconds. A rank that gives way to some other program of
  /// the machine gets its core back a time slice later, and all ranks wait for it.
  package static let ownCore = Patience(polls: 100_000)
  /// For ranks that share cores: some ten microseconds, in which a rank that does run answers.
  package static let sharedCore = Patience(polls: 50)

  /// For a thread beside others that compute on all cores. Giving way again and again would still take a third of a core from them; a
  /// nap takes nothing, and what the network carries meanwhile fits into its buffers many times.
  package static let besideWork = Patience(polls: 2, sleeps: true)

  /// Offers the processor.
  func giveWay() {
    if sleeps { usleep(20) } else { sched_yield() }
  }

  /// What fits the ranks of `communicator` on this machine, with so many threads each: they share cores where they have more threads than
  /// the machine has cores, and where the launcher says so.
  ///
  /// Collective.
  package static func fitting(
    _ communicator: borrowing Communicator, threads: Int = 1
  ) throws(MPIError) -> Patience {
    try communicator.splitByHost().size * threads > sysconf(Int32(_SC_NPROCESSORS_ONLN))
      || isOversubscribed(ProcessInfo.processInfo.environment) ? .sharedCore : .ownCore
  }

  /// Whether mpirun found more ranks than slots, or was told that ranks give way: cores may be those of ranks elsewhere, as where
  /// containers or test hosts are parts of one machine.
  static func isOversubscribed(_ environment: [String: String]) -> Bool {
    ["OMPI_MCA_mpi_oversubscribe", "OMPI_MCA_mpi_yield_when_idle"].contains { environment[$0] == "1" }
  }

  /// The same where a poll is a look at memory, which takes a hundredth of the time that MPI takes for one. Ranks that share cores give
  /// way almost at once: memory, unlike a message, needs nobody to move it on.
  package var inMemory: Patience { Patience(polls: polls * (self == .sharedCore ? 4 : 100)) }
}
