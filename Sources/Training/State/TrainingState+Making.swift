import Checkpoints
import Collectives
import Foundation
import MPI

extension TrainingState {
  /// What a rank found or made: the memory of its replica, and the course of the run up to the step at which it is; nil if it is empty.
  struct Found {
    let state: TrainingState
    let progress: TrainingProgress?
  }

  /// Makes memory for a replica, or finds one that has survived.
  ///
  /// Collective over `world`.
  ///
  /// - Parameters:
  ///   - group: the ranks that share the replica.
  ///   - survival: nil for memory that ends with the ranks.
  ///   - finisher: brings updates that were cut off to their end.
  static func making(
    _ layout: StateLayout, survival: SurvivingState?, group: borrowing Communicator,
    world: borrowing Communicator, finisher: UpdateFinisher
  ) throws -> Found {
    let isLeader = group.rank == 0
    guard var survival else {
      return Found(state: try passing(layout, group: group), progress: nil)
    }
    survival.life = try world.broadcast(Int.random(in: 1...Int.max), root: 0)
    let host = try world.splitByHost()
    let hadShards = try survival.hasShards(host: host, world: world)
    let isShared = hadShards || layout.core.share != nil
    let everywhere = try world.split(color: isLeader ? 0 : nil, key: world.rank)
    var outcome: Result<Found?, any Error> = .success(nil)
    if let leaders = try host.split(color: isLeader ? 0 : nil, key: host.rank), let everywhere {
      do {
        outcome = .success(
          isShared
            ? try StateRecovery(survival: survival, layout: layout, finisher: finisher)
              .make(host: leaders, leaders: everywhere)
            : try leading(layout, survival: survival, leaders: leaders, finish: finisher.finish))
      } catch {
        outcome = .failure(error)
      }
    }
    let found = try CommonFailure.agreed(on: world) { try outcome.get() }
    let path = try group.broadcast(found?.state.file.path ?? "", root: 0)
    return try CommonFailure.agreed(on: world) {
      if let found { return found }
      let file = try SharedFile(name: String(path.dropFirst(SharedFile.folder.count + 1)))
      return Found(state: TrainingState(file, layout, member: group.rank), progress: nil)
    }
  }

  /// Collective over the ranks of a host that lead those of a replica.
  private static func leading(
    _ layout: StateLayout, survival: SurvivingState, leaders: borrowing Communicator,
    finish: (TrainingState) -> Int?
  ) throws -> Found {
    let isFirst = leaders.rank == 0
    let names = try CommonFailure.agreed(on: leaders) {
      guard isFirst else { return "" }
      return try survival.names().joined(separator: "\n")
    }
    // Each leader looks through its part of them.
    let all = try leaders.broadcast(names, root: 0).split(separator: "\n").map(String.init)
    let mine = stride(from: leaders.rank, to: all.count, by: leaders.size).map { all[$0] }
    if isFirst {
      survival.removeOthers(needed: layout.byteCount * leaders.size - survival.leftBytes)
    }
    if let survivor = try survival.newest(of: mine, layout.core, finish: finish) {
      return Found(
        state: try survival.adopt(survivor.state, survivor.progress, for: layout), progress: survivor.progress
      )
    }
    return Found(state: try survival.making(layout), progress: nil)
  }

  /// Memory that ends with the ranks of the group. Collective over it.
  private static func passing(_ layout: StateLayout, group: borrowing Communicator) throws -> TrainingState {
    guard group.size > 1 else {
      return TrainingState(SharedFile(privateBytes: layout.byteCount), layout, member: 0)
    }
    let name = try group.broadcast("rondo-\(UUID().uuidString)", root: 0)
    var made: SharedFile?
    // Only to those who have opened it by then.
    defer { made?.unlinkName() }
    try CommonFailure.agreed(on: group) {
      if group.rank == 0 { made = try SharedFile(making: name, byteCount: layout.byteCount) }
    }
    return try CommonFailure.agreed(on: group) {
      TrainingState(try made ?? SharedFile(name: name), layout, member: group.rank)
    }
  }

  /// The members' first gradient arenas as what the ranks of a host share. Collective.
  func arenas(
    threads: Int, boundary: @escaping (Int) -> Int, on host: borrowing Communicator
  ) throws(MPIError) -> SharedArenas {
    let memory = sharedMemory
    return try SharedArenas(
      memory.bases, count: layout.core.arenaCount, counters: memory.counters,
      threads: threads, boundary: boundary, on: host)
  }
}
