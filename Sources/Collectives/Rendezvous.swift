import MPI
import Synchronization

/// Where the ranks of a host meet, on counters in their shared memory: no system call, no message.
///
/// It belongs to one thread of each rank.
public final class Rendezvous {
  /// Which rendezvous this rank is at or has left last (`calls`), and for whom it waits: for other threads to look at.
  public let progress = AllreduceProgress()
  /// Time spent waiting for other ranks.
  public private(set) var secondsWaiting = 0.0

  /// How often each rank has come, each counter on a cache line of its own.
  private let arrivals: [UnsafeMutablePointer<Atomic<Int>>]
  private let rank: Int
  private var number = 0
  private let patience: Patience

  /// - Parameter arrivals: for each rank of the host a counter in shared memory that is zero; `rank` is this one's place.
  init(_ arrivals: [UnsafeMutablePointer<Atomic<Int>>], rank: Int, patience: Patience) {
    self.arrivals = arrivals
    self.rank = rank
    self.patience = patience
  }

  /// Waits until all ranks of the host are here: collective. What each wrote before is there for every other after.
  ///
  /// A rank that dies leaves the others polling until the launcher ends the job, as it does at once.
  public func meet() {
    number += 1
    progress.beginCall()
    arrivals[rank].pointee.store(number, ordering: .releasing)
    var began = 0.0
    for other in arrivals.indices where other != rank {
      var polls = 0
      while arrivals[other].pointee.load(ordering: .acquiring) < number {
        if began == 0 { began = MPI.wallTime() }
        polls += 1
        // All ranks below it are here.
        if polls == patience.polls { progress.enter(.meeting(other)) }
        if polls > patience.polls { patience.giveWay() }
      }
    }
    if began > 0 {
      secondsWaiting += MPI.wallTime() - began
      progress.enter(.idle)
    }
  }
}
