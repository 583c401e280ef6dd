// Arguments are checked here before MPI sees them: MPI would notice a bad rank, but not a buffer that is too
// short.

extension Communicator {
  /// A rank that is to take part as root.
  func checkRoot(_ root: Int, in call: StaticString) throws(MPIError) {
    guard (0..<size).contains(root) else {
      throw MPIError(
        usage: "root \(root) is outside 0..<\(size), the ranks of this communicator", in: call, class: .root)
    }
  }

  /// Two lengths, in elements, that have to be the same.
  func checkCount(_ found: Int, is expected: Int, in call: StaticString) throws(MPIError) {
    guard found == expected else {
      throw MPIError(usage: "expected \(expected) elements, found \(found)", in: call, class: .count)
    }
  }

  /// A buffer that holds one equal block per rank. Returns the length of a block.
  func blockCount(of count: Int, in call: StaticString) throws(MPIError) -> Int {
    guard count.isMultiple(of: size) else {
      throw MPIError(
        usage: "\(count) elements cannot be cut into \(size) equal blocks, one per rank",
        in: call, class: .count)
    }
    return count / size
  }

  /// A rank to send to, and the tag to send with. Tags go up to at least 32,767; MPI itself knows its limit.
  func checkPeer(_ peer: Int, tag: Int, in call: StaticString) throws(MPIError) {
    guard (0..<size).contains(peer) || peer == MPI.nullRank else {
      throw MPIError(
        usage: "rank \(peer) is outside 0..<\(size), the ranks of this communicator", in: call, class: .rank)
    }
    guard (0...Int(Int32.max)).contains(tag) else {
      throw MPIError(usage: "tag \(tag) is outside 0...\(Int32.max)", in: call, class: .tag)
    }
  }

  /// A rank to receive from, and the tag to receive, where both may be "any".
  func checkSource(_ source: Int, tag: Int, in call: StaticString) throws(MPIError) {
    try checkPeer(
      source == MPI.anySource ? rank : source, tag: tag == MPI.anyTag ? 0 : tag, in: call)
  }
}
