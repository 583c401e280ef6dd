/// Runs an algorithm's schedules on a model of a network: the schedules that ``ScheduleVerifier`` proves and
/// ``AllreduceExecutor`` runs, in virtual time, for as many ranks as one wants to know about.
///
/// Nothing is drawn at random, and of two things at the same moment the lower rank's comes first: the same
/// question has the same answer, to the bit.
///
/// Memory and time grow with messages: round a ring of 4,096 ranks run 33.5 million.
public enum Simulator {
  /// How long `algorithm` takes for a buffer on a network.
  ///
  /// - Parameters:
  /// - size: ranks.
  /// - count: elements of the buffer.
  /// - elementBytes: bytes of an element as it is added.
  /// - wireBytesPerElement: bytes of an element in a message; `elementBytes` when nil.
  public static func run(
    _ algorithm: some ScheduledAllreduce, size: Int, count: Int, elementBytes: Int = 4,
    wireBytesPerElement: Int? = nil, model: NetworkModel
  ) -> Simulation {
    run(
      size: size, elementBytes: elementBytes, wireBytesPerElement: wireBytesPerElement, model: model
    ) { algorithm.schedule(size: size, rank: $0, count: count) }
  }

  /// As above, for any schedules: those of another collective, say.
  ///
  /// - Parameters: - ranks: in which order ranks begin, all of them at time 0. It makes no difference, which
  /// is what tests give it for. - schedule: the schedule of a rank. The schedules together must be free of
  /// deadlock, as the verifier proves.
  package static func run(
    size: Int, elementBytes: Int, wireBytesPerElement: Int?, model: NetworkModel, ranks: [Int]? = nil,
    schedule: (_ rank: Int) -> Schedule
  ) -> Simulation {
    precondition(0 < size && size < Event.maximumSize)
    precondition(model.fault == nil, "network model: \(model.fault ?? "")")
    var store = ScheduleStore(size: size)
    for rank in 0..<size { store.append(schedule(rank)) }
    var run = SimulatedRun(
      store, model, elementBytes: elementBytes, wireBytesPerElement: wireBytesPerElement ?? elementBytes,
      ranks: ranks ?? Array(0..<size))
    precondition(run.run(), "the schedules come to a deadlock; the verifier says where")
    return Simulation(
      rankSeconds: run.finish, sentBytes: run.sentBytes.map { Int($0) }, messages: run.messageCount,
      threadSeconds: run.threadSeconds, outgoingSeconds: run.linkSeconds.outgoing,
      incomingSeconds: run.linkSeconds.incoming, events: run.eventCount)
  }
}

/// What a simulated collective took.
public struct Simulation: Sendable, Equatable {
  /// When each rank was done, in seconds from the common start.
  public let rankSeconds: [Double]
  /// Bytes that each rank sent.
  public let sentBytes: [Int]
  /// Messages of all ranks.
  public let messages: Int
  /// For how long each rank's thread added, copied or handled messages. The rest of its time it waited.
  public let threadSeconds: [Double]
  /// For how long each node's link carried messages to others.
  public let outgoingSeconds: [Double]
  /// For how long it carried messages from others.
  public let incomingSeconds: [Double]
  /// Events that the simulation went through.
  public let events: Int

  /// When the last rank was done.
  public var seconds: Double { rankSeconds.max() ?? 0 }
}
