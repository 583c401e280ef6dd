import MPI

/// How far this rank's clock is from that of rank 0, at one moment.
///
/// **Method.** Rank 0 asks a rank for its time, many times. When a question takes the time t there and back and the answer names time c, then
/// the rank's clock is ahead by c - (asked + t / 2), to within t / 2. The shortest round trip gives the closest bounds (Cristian,
/// "Probabilistic clock synchronization", 1989).
struct ClockOffset: Equatable, Sendable {
  /// When it was measured, on this rank's clock, in nanoseconds.
  var time: Int64
  /// This rank's clock minus that of rank 0, in nanoseconds.
  var offset: Int64
  /// Half of the shortest round trip: the offset is at most this wrong.
  var error: Int64

  private static let roundTrips = 200
  /// A rank that answers slowly is asked for this long only.
  private static let limit: Int64 = 20_000_000

  /// Measures the offset of each rank, one after the other. Collective; at most 20 ms a rank.
  static func measure(on world: borrowing Communicator) throws(MPIError) -> ClockOffset {
    var mine = ClockOffset(time: Clock.nanoseconds, offset: 0, error: 0)
    if world.rank == 0 {
      for rank in 1..<max(1, world.size) {
        let words = try ask(rank, on: world)
        try world.send(words.span, to: rank)
      }
    } else {
      var words = [Int64](repeating: 0, count: 3)
      var span = words.mutableSpan
      repeat {
        try world.receive(into: &span, from: 0)
        span[1] = Clock.nanoseconds
        try world.send(span.span, to: 0)
      } while span[0] == 0
      try world.receive(into: &span, from: 0)
      mine = ClockOffset(time: span[0], offset: span[1], error: span[2])
    }
    return mine
  }

  /// Rank 0's side: time, offset and error of `rank`.
  private static func ask(_ rank: Int, on world: borrowing Communicator) throws(MPIError) -> [Int64] {
    var best: [Int64] = [0, 0, .max]
    let start = Clock.nanoseconds
    var message = [Int64](repeating: 0, count: 3)
    for trip in 1...roundTrips {
      let isLast = trip == roundTrips || Clock.nanoseconds - start > limit
      message[0] = isLast ? 1 : 0
      var span = message.mutableSpan
      let asked = Clock.nanoseconds
      try world.send(span.span, to: rank)
      try world.receive(into: &span, from: rank)
      let answered = Clock.nanoseconds
      let error = (answered - asked + 1) / 2
      if error < best[2] { best = [span[1], span[1] - (asked + error), error] }
      if isLast { break }
    }
    return best
  }
}

/// Translates times of this rank's clock to that of rank 0: between two measurements in a straight line.
struct ClockAlignment: Equatable, Sendable {
  var start: ClockOffset
  var end: ClockOffset

  /// The larger error of the two measurements, in nanoseconds. Between them the clock is taken to run evenly.
  var error: Int64 { max(start.error, end.error) }

  /// The time on rank 0's clock.
  func aligned(_ time: Int64) -> Int64 {
    let span = Double(end.time - start.time)
    let share = span > 0 ? Double(time - start.time) / span : 0
    return time - start.offset - Int64((Double(end.offset - start.offset) * share).rounded())
  }
}
