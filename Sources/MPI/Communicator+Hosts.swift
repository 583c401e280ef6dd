extension Communicator {
  /// The ranks of each host, ascending; hosts in the order of their first ranks. The same on all ranks.
  ///
  /// Collective. Ranks are on one host where they share memory, whatever the host is called.
  ///
  /// MPI: MPI_Comm_split_type with MPI_COMM_TYPE_SHARED, MPI 3.1 section 6.4.2.
  public func ranksByHost() throws(MPIError) -> [[Int]] {
    let firsts = try allgather(try splitByHost().broadcast(rank, root: 0))
    var hosts: [[Int]] = []
    var places: [Int: Int] = [:]
    for (rank, first) in firsts.enumerated() {
      if let place = places[first] {
        hosts[place].append(rank)
      } else {
        places[first] = hosts.count
        hosts.append([rank])
      }
    }
    return hosts
  }
}
