/// The halves of an allreduce that a pass consists of. Each is a collective of its own, too.
enum Phases {
  /// After it each chunk's sum is at one rank, its owner.
  case reduceScatter
  /// Each chunk goes from its owner to all.
  case allgather
  /// An allreduce: the one, then the other.
  case both

  var reduces: Bool { self != .allgather }
  var gathers: Bool { self != .reduceScatter }
}
