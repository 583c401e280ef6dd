import Collectives
import MPI

/// Who keeps a copy of each rank's share in sharded runs: a rank of the next host, so that no completed step is lost with one host.
///
/// The keeper gets the sums of the share's gradients, before anybody begins to update, and updates its copy as the rank itself does. So it sends
/// a share of gradients a step, whatever the optimizer keeps, and at every instant whatever is at version v in one of the two can be brought
/// there in the other one.
struct ShareKeepers: Equatable {
  /// For each rank another one.
  let keepers: [Int]

  /// - Parameter hosts: the ranks of each host.
  init(hosts: [[Int]]) {
    var keepers = Array(repeating: 0, count: hosts.joined().count)
    for (place, host) in hosts.enumerated() {
      let next = hosts[(place + 1) % hosts.count]
      for (number, rank) in host.enumerated() {
        // On one host, the next rank of it.
        keepers[rank] = next[(hosts.count == 1 ? number + 1 : number) % next.count]
      }
    }
    self.keepers = keepers
  }

  /// What a configuration asks for; nil for none. Collective.
  ///
  /// - Parameter survives: whether the state outlives the processes.
  init?(
    _ configuration: Configuration, _ way: ReductionWay, survives: Bool, world: borrowing Communicator
  ) throws(MPIError) {
    guard survives, way.isSharded, configuration.checkpoint.neighbourCopy != .never else { return nil }
    let hosts = try world.ranksByHost()
    guard hosts.count > 1 || configuration.checkpoint.neighbourCopy == .always else { return nil }
    self.init(hosts: hosts)
  }

  /// The ranks of whose shares a rank has copies.
  func kept(by rank: Int) -> [Int] { keepers.indices.filter { keepers[$0] == rank } }
}
