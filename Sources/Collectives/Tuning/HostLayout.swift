import MPI

/// The hosts of a job and how many ranks are on each: what a measurement holds for.
public struct HostLayout: Sendable, Equatable, Codable {
  /// In the order of their lowest ranks.
  public var hosts: [String]
  /// For each host its ranks.
  public var ranksPerHost: [Int]
  /// Whether the ranks of each host follow each other: the first host has the first ranks, the next the ranks that follow, and so on. Profiles
  /// do not tell.
  public private(set) var isInBlocks = true

  enum CodingKeys: String, CodingKey {
    case hosts
    case ranksPerHost = "ranks_per_host"
  }

  public init(hosts: [String], ranksPerHost: [Int]) {
    self.hosts = hosts
    self.ranksPerHost = ranksPerHost
  }

  /// Of the ranks of `world`. Collective; the same on all ranks.
  public init(of world: borrowing Communicator) throws(MPIError) {
    self.init(ranks: try world.ranksByHost(), names: try world.allgather(MPI.processorName))
  }

  /// - Parameters:
  ///   - ranks: of each host, in the order of their lowest ranks.
  ///   - names: for each rank that of its host.
  init(ranks: [[Int]], names: [String]) {
    hosts = ranks.map { names[$0[0]] }
    ranksPerHost = ranks.map(\.count)
    isInBlocks = ranks.flatMap(\.self) == Array(names.indices)
  }

  public var isOneHost: Bool { hosts.count == 1 }
  /// Whether some host has several ranks.
  public var hasSharedHosts: Bool { ranksPerHost.contains { $0 > 1 } }
  /// Ranks of each host that talk to other hosts when all sum in two levels.
  public var carriers: Int { hasSharedHosts ? ranksPerHost.min() ?? 1 : 1 }

  /// Whether both are the same machines, with as many ranks each.
  func isSame(as other: HostLayout) -> Bool {
    zip(hosts, ranksPerHost).map { "\($0) \($1)" }.sorted()
      == zip(other.hosts, other.ranksPerHost).map { "\($0) \($1)" }.sorted()
  }

  /// Whether both are as many machines of the same series, such as node[003,017] and node[108,109], with as many ranks each: what a
  /// batch system hands out one day and another.
  func isAlike(_ other: HostLayout) -> Bool {
    func series(_ layout: HostLayout) -> [String] {
      zip(layout.hosts, layout.ranksPerHost).map { name, ranks in
        let stem = name.prefix { $0 != "." }.map { $0.isNumber ? "#" : String($0) }.joined()
        // Numbers of any length are one.
        return stem.split(separator: "#", omittingEmptySubsequences: true).joined(separator: "#")
          + " \(ranks)"
      }
      .sorted()
    }
    return series(self) == series(other)
  }
}

extension HostLayout: CustomStringConvertible {
  /// Such as `4 hosts (n1, n2, n3, n4), 1 rank each`.
  public var description: String {
    let names = hosts.count > 6 ? hosts.prefix(5) + ["..."] : hosts[...]
    let least = ranksPerHost.min() ?? 0
    let most = ranksPerHost.max() ?? 0
    let ranks = least == most ? "\(least) rank\(least == 1 ? "" : "s")" : "\(least) to \(most) ranks"
    return
      "\(hosts.count) host\(hosts.count == 1 ? "" : "s") (\(names.joined(separator: ", "))), \(ranks) each"
  }
}
