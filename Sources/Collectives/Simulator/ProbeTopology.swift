import MPI

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Which ranks share a host, and which hosts share a machine.
struct ProbeTopology {
  /// The ranks of each host, hosts in the order of their first rank.
  let hosts: [[Int]]
  /// The number of this rank's host, and of this rank among its ranks.
  let host: Int
  let local: Int
  /// Hosts on the machine that has the most.
  let hostsPerMachine: Int
  /// Cores of the machine with the fewest.
  let cores: Int

  /// Ranks on the host that has the most.
  var ranksPerHost: Int { hosts.map(\.count).max() ?? 1 }
  /// Ranks on the host that has the fewest: so many of every host send to the next one.
  var carriers: Int { hosts.map(\.count).min() ?? 1 }

  /// Of the rank at place `local` of host `host`.
  init(hosts: [[Int]], host: Int, local: Int, hostsPerMachine: Int = 1, cores: Int = 1) {
    (self.hosts, self.host, self.local) = (hosts, host, local)
    (self.hostsPerMachine, self.cores) = (hostsPerMachine, cores)
  }

  /// Collective.
  init(_ communicator: borrowing Communicator) throws(MPIError) {
    let (rank, hosts) = (communicator.rank, try communicator.ranksByHost())
    self.hosts = hosts
    host = hosts.firstIndex { $0.contains(rank) } ?? 0
    local = hosts[host].firstIndex(of: rank) ?? 0
    let machines = try communicator.allgather(Self.machine)
    hostsPerMachine = Dictionary(grouping: hosts) { machines[$0[0]] }.values.map(\.count).max() ?? 1
    cores = try communicator.allreduce(max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))), .minimum)
  }

  /// The rank with this one's place on the host that many hosts further on; nil where not every host has so many ranks: all links carry as much.
  func neighbour(_ distance: Int) -> Int? {
    let ranks = hosts[(host + distance % hosts.count + hosts.count) % hosts.count]
    return local < carriers ? ranks[local] : nil
  }

  /// The rank to exchange with, when hosts go in pairs; nil for those that are left over.
  var partner: Int? {
    let other = host ^ 1
    return other < hosts.count && local < hosts[other].count ? hosts[other][local] : nil
  }

  /// The rank to exchange with on this host, when its ranks go in pairs.
  var localPartner: Int? {
    let other = local ^ 1
    return other < hosts[host].count ? hosts[host][other] : nil
  }

  /// A number that all processes under one kernel share and no other's do: Linux draws an identifier when it
  /// boots. Hosts that are namespaces of one machine have it in common.
  private static var machine: Int64 {
    guard let file = fopen("/proc/sys/kernel/random/boot_id", "r") else { return 0 }
    defer { fclose(file) }
    var hash: Int64 = 5_381
    while case let byte = fgetc(file), byte != EOF { hash = hash &* 33 &+ Int64(byte) }
    return hash
  }
}
