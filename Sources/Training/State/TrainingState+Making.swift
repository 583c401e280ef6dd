import Checkpoints
import Collectives
import Foundation
import MPI

extension TrainingState {
  /// Makes memory for a replica and fills it. It ends with the ranks that share it.
  ///
  /// Collective over `host`, whose ranks share it.
  ///
  /// - Parameter fill: called by one rank before the others go on.
  static func making(
    _ layout: StateLayout, on host: borrowing Communicator, fill: (TrainingState) -> Void
  ) throws -> TrainingState {
    guard host.size > 1 else {
      let state = TrainingState(SharedFile(privateBytes: layout.byteCount), layout, member: 0)
      fill(state)
      return state
    }
    let name = try host.broadcast("rondo-\(UUID().uuidString)", root: 0)
    var made: TrainingState?
    try CommonFailure.agreed(on: host) {
      guard host.rank == 0 else { return }
      let state = TrainingState(
        try SharedFile(making: name, byteCount: layout.byteCount), layout, member: 0)
      fill(state)
      made = state
    }
    // Only to those who have opened it by now.
    defer { made?.file.unlinkName() }
    let state = try CommonFailure.agreed(on: host) {
      try made ?? TrainingState(SharedFile(name: name), layout, member: host.rank)
    }
    return state
  }

  /// The members' first gradient arenas and their common parameters as what the ranks of a host share. Collective.
  func arenas(
    threads: Int, boundary: @escaping (Int) -> Int, on host: borrowing Communicator
  ) throws(MPIError) -> SharedArenas {
    let memory = sharedMemory
    return try SharedArenas(
      memory.bases, common: parameters.base, count: layout.core.arenaCount, counters: memory.counters,
      threads: threads, boundary: boundary, on: host)
  }
}
