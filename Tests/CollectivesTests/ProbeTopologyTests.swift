import Testing

@testable import Collectives

@Suite struct ProbeTopologyTests {
  /// With one rank on some host and two on another, the figure of one rank's link was taken for half of the host's.
  @Test(arguments: [
    [[0, 1], [2, 3]], [[0], [1, 2], [3]], [[0, 1, 2], [3, 4], [5, 6, 7, 8]], [[0, 1, 2], [3]],
  ])
  func everyHostSendsAndReceivesAsManyMessages(hosts: [[Int]]) {
    let least = hosts.map(\.count).min()
    var next: [Int: Int] = [:]
    for (host, ranks) in hosts.enumerated() {
      for (local, rank) in ranks.enumerated() {
        next[rank] = ProbeTopology(hosts: hosts, host: host, local: local).neighbour(1)
      }
      #expect(ranks.count { next[$0] != nil } == least)
    }
    for (host, ranks) in hosts.enumerated() {
      for (local, rank) in ranks.enumerated() {
        let topology = ProbeTopology(hosts: hosts, host: host, local: local)
        #expect(topology.carriers == least)
        let previous = topology.neighbour(-1)
        #expect(previous.flatMap { next[$0] } == (next[rank] == nil ? nil : rank))
      }
    }
  }
}
