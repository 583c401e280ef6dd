import Foundation
import Logging
import MPI
import Synchronization

/// Ends the job at once when a signal asks for its end before training has begun, whatever this rank is waiting for: data that do not come, or
/// another rank.
///
/// Nothing can be lost then: what earlier lives of the run have left, on disk or in memory, outlives a process that ends at any instant. The exit
/// status is 75 also where there is nothing yet: whoever starts a job again on 75, as Slurm's script does, wants one that was preempted while it
/// loaded its data to come to its training, and the same command does that.
final class EarlyEnd: Sendable {
  private enum Phase: Int, AtomicRepresentable {
    case starting, over, ending
  }

  private static let exitStatus: Int32 = 75

  private let phase = Atomic(Phase.starting)

  /// Begins to look at what signals ask for, on a thread of its own. They have to be installed.
  init(rank: Int) {
    Thread.start("rondo-early-end") { [self] in
      while phase.load(ordering: .acquiring) == .starting {
        if RunSignals.isStopping { return end(rank) }
        usleep(20_000)
      }
    }
  }

  private func end(_ rank: Int) {
    guard
      phase.compareExchange(expected: .starting, desired: .ending, ordering: .acquiringAndReleasing).exchanged
    else { return }
    if rank == 0 {
      Logger(label: "rondo.training").error(
        "stopped by a signal before training began; nothing is lost: the same command starts it again")
    }
    // Rank 0 alone speaks. Where a signal reached another rank alone, the launcher ends rank 0 with SIGTERM, and it speaks then. mpirun hands
    // nothing on once the first of them is gone.
    if RunSignals.isEnding {
      usleep(rank == 0 ? 200_000 : 400_000)
      _exit(Self.exitStatus)
    }
    // Where it reached all, one MPI_Abort is enough.
    if rank > 0 { usleep(500_000) }
    MPI.end(exitStatus: Self.exitStatus)
  }

  /// From now on signals are the training's, or nobody's. Where one has come before, this does not return.
  func close() {
    if phase.compareExchange(expected: .starting, desired: .over, ordering: .acquiringAndReleasing).exchanged
    {
      return
    }
    while phase.load(ordering: .acquiring) == .ending { sleep(1) }
  }
}
