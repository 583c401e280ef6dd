import Testing

@testable import Collectives

/// Tunings in virtual time: calls take what a network of some bandwidth makes them take.
@Suite struct TuningBudgetTests {
  /// How much more than the best one each algorithm sends, and how many rounds it takes: four hosts.
  private static let shapes: [Algorithm: (factor: Double, rounds: Double)] = [
    .mpi: (2.4, 4), .ring: (1.5, 6), .recursiveDoubling: (2, 2), .halvingDoubling: (1.5, 4),
    .direct: (1.5, 2),
    .linear: (3, 2),
  ]

  /// Seconds of a call, up to the way of its messages.
  private static func callSeconds(
    _ candidate: AllreduceCandidate, _ bytes: Int, bytesPerSecond: Double
  ) -> Double {
    let shape = shapes[candidate.algorithm] ?? (3, 6)
    let seconds = shape.rounds * 50e-6 + shape.factor * Double(bytes) / bytesPerSecond
    return candidate.segments == nil ? seconds : seconds * 1.5
  }

  @Test(arguments: [1e6, 10e6, 100e6, 1e9, 10e9, 100e9], [1.0, 2.5])
  func aTuningEndsInItsBudgetOnAnyNetwork(bitsPerSecond: Double, overhead: Double) throws {
    let tuning = AllreduceTuning()
    var candidates = AllreduceCandidate.all(isOneHost: false)
    var (bytes, time) = (tuning.smallestBytes, 0.0)
    while true {
      let distinct = candidates.filter { $0.isDistinct(size: 4, count: bytes / 4) }
      let share = min(tuning.seconds / 60, (tuning.seconds - time) / Double(4 * distinct.count))
      let times = distinct.map {
        (candidate: $0, seconds: Self.callSeconds($0, bytes, bytesPerSecond: bitsPerSecond / 8))
      }.sorted { $0.seconds < $1.seconds }
      let calls = AllreduceTuning.Course(times: times, elapsed: 0, share: share)
      let elapsed = overhead * times.reduce(0) { $0 + calls.duration(callSeconds: $1.seconds) }
      time += elapsed
      candidates = AllreduceTuning.Course(times: times, elapsed: elapsed, share: share)
        .next(candidates, left: tuning.seconds - time)
      if candidates.isEmpty || bytes == tuning.largestBytes { break }
      bytes *= 4
    }
    // What lies between short calls is not foreseen.
    #expect(time < tuning.seconds * max(1, overhead / 2), "\(time) s, the last size is \(bytes)")
    // Bandwidth decides from here on; at 1 Mbit/s a call takes 100 ms at 4 KiB.
    #expect(bytes >= (bitsPerSecond < 5e6 ? 4 << 10 : 64 << 10), "\(time) s")
    let fast = overhead > 1 ? 4 << 20 : tuning.largestBytes
    #expect(bitsPerSecond < 10e9 || bytes >= fast, "\(time) s, the last size is \(bytes)")
  }

  /// Where ranks share busy cores, more time goes by between short calls than in them; that is no reason to end, nor to leave any algorithm out.
  @Test func shortCallsLeaveNobodyOutHoweverBusyTheMachine() {
    let (linear, ring) = (AllreduceCandidate(.linear), AllreduceCandidate(.ring))
    let course = AllreduceTuning.Course(times: [(linear, 2e-4), (ring, 3e-3)], elapsed: 10, share: 0.4)
    #expect(course.next([linear, ring], left: 5) == [linear, ring])
  }

  @Test func whoIsFarBehindDropsOutBeforeTheGridEnds() {
    let (ring, direct) = (AllreduceCandidate(.ring), AllreduceCandidate(.direct))
    let course = AllreduceTuning.Course(times: [(ring, 1), (direct, 2)], elapsed: 0, share: 0.1)
    // A call of 1 s is made four times: one that shows how long it takes, and three.
    #expect(course.next([ring, direct], left: 49) == [ring, direct])
    #expect(course.next([ring, direct], left: 47) == [ring])
    #expect(course.next([ring, direct], left: 15) == [])
    let slow = AllreduceTuning.Course(times: [(ring, 1), (direct, 2)], elapsed: 24, share: 0.1)
    #expect(slow.next([ring, direct], left: 49) == [ring])
  }
}
