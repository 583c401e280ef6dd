/// Runs an algorithm's schedules on a model of a network: the schedules that ``ScheduleVerifier`` proves and
/// ``AllreduceExecutor`` runs, in virtual time, for as many ranks as one wants to know about.
///
/// The same question has the same answer, to the bit: where ranks begin apart (`NetworkModel.skewSeconds`), a
/// number says when each does, and of two things at the same moment the lower rank's comes first.
///
/// Memory and time grow with messages: round a ring of 4,096 ranks run 33.5 million.
public enum Simulator {
  /// How long `algorithm` takes for a buffer on a network.
  ///
  /// - Parameters:
  ///   - size: ranks.
  ///   - count: elements of the buffer.
  ///   - elementBytes: bytes of an element as it is added.
  ///   - wireBytesPerElement: bytes of an element in a message; `elementBytes` when nil.
  ///   - start: which of the ways in which ranks may begin apart.
  public static func run(
    _ algorithm: some ScheduledAllreduce, size: Int, count: Int, elementBytes: Int = 4,
    wireBytesPerElement: Int? = nil, model: NetworkModel, start: Int = 0
  ) -> Simulation {
    run(
      store(algorithm, size, count), elementBytes: elementBytes, wireBytesPerElement: wireBytesPerElement,
      model: model, start: start)
  }

  private static func store(_ algorithm: some ScheduledAllreduce, _ size: Int, _ count: Int) -> ScheduleStore
  {
    ScheduleStore(size: size, symmetry: algorithm.symmetry(size: size, count: count)) {
      algorithm.schedule(size: size, rank: $0, count: count)
    }
  }

  /// The seconds that are to be expected: the median over so many starts.
  ///
  /// Whether two ranks that exchange long messages send both ways at once can depend on which of them asks
  /// first (see `SimulatedRun`), and microseconds then decide over a factor. A network does not take the same
  /// time twice there either.
  public static func seconds(
    _ algorithm: some ScheduledAllreduce, size: Int, count: Int, elementBytes: Int = 4,
    wireBytesPerElement: Int? = nil, model: NetworkModel, starts: Int = 9
  ) -> Double {
    seconds(
      store(algorithm, size, count), elementBytes: elementBytes, wireBytesPerElement: wireBytesPerElement,
      model: model, starts: starts)
  }

  static func seconds(
    _ store: ScheduleStore, elementBytes: Int, wireBytesPerElement: Int?, model: NetworkModel, starts: Int
  ) -> Double {
    precondition(starts > 0)
    return (0..<(model.skewSeconds > 0 ? starts : 1)).map { start in
      run(
        store, elementBytes: elementBytes, wireBytesPerElement: wireBytesPerElement, model: model,
        start: start
      ).seconds
    }.median
  }

  /// As `run`, for any schedules: those of another collective, say.
  ///
  /// - Parameters:
  ///   - ranks: in which order ranks are told to begin. It makes no difference, which is what tests give it
  ///     for.
  ///   - schedule: the schedule of a rank. The schedules together must be free of deadlock, as the verifier
  ///     proves.
  package static func run(
    size: Int, elementBytes: Int, wireBytesPerElement: Int?, model: NetworkModel, start: Int = 0,
    ranks: [Int]? = nil, schedule: (_ rank: Int) -> Schedule
  ) -> Simulation {
    run(
      ScheduleStore(size: size, symmetry: nil, schedule: schedule), elementBytes: elementBytes,
      wireBytesPerElement: wireBytesPerElement, model: model, start: start, ranks: ranks)
  }

  private static func run(
    _ store: ScheduleStore, elementBytes: Int, wireBytesPerElement: Int?, model: NetworkModel, start: Int,
    ranks: [Int]? = nil
  ) -> Simulation {
    precondition(store.size < Event.maximumSize)
    precondition(model.fault == nil, "network model: \(model.fault ?? "")")
    let starts = (0..<store.size).map { model.skewSeconds * fraction(start, $0) }
    let ranks = ranks ?? Array(0..<store.size)
    for seats in [model.foldedSeats(store), store.size] {
      guard let seats else { continue }
      var run = SimulatedRun(
        store, model, elementBytes: elementBytes, wireBytesPerElement: wireBytesPerElement ?? elementBytes,
        starts: starts, ranks: ranks, seats: seats)
      let ending = run.run()
      precondition(ending != .deadlock, "the schedules come to a deadlock; the verifier says where")
      if ending == .done { return Simulation(run, starts: starts) }
    }
    preconditionFailure("all ranks are run to the end")
  }

  /// A number in 0 ..< 1 for each start and rank (SplitMix64).
  private static func fraction(_ start: Int, _ rank: Int) -> Double {
    var z = (UInt64(truncatingIfNeeded: start) << 32 + UInt64(rank) + 1) &* 0x9e37_79b9_7f4a_7c15
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return Double((z ^ (z >> 31)) >> 11) / Double(1 << 53)
  }
}

/// What a simulated collective took.
public struct Simulation: Sendable, Equatable {
  /// How long each rank took, in seconds from when it began.
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
  /// What happened to ranks, links and messages, in all.
  public let events: Int

  /// The time of the slowest rank.
  public var seconds: Double { rankSeconds.max() ?? 0 }
}

extension Simulation {
  /// What came of a run; what was not run is like what was.
  init(_ run: borrowing SimulatedRun, starts: [Double]) {
    let size = run.store.size
    let nodes = (size + run.model.ranksPerNode - 1) / run.model.ranksPerNode
    let turns = size / run.seats
    var rankSeconds: [Double] = []
    var sentBytes: [Int] = []
    var threadSeconds: [Double] = []
    var outgoing: [Double] = []
    var incoming: [Double] = []
    for rank in 0..<size {
      let seat = run.seat(rank)
      rankSeconds.append(max(0, run.threads[seat].end - starts[rank]))
      sentBytes.append(Int(run.threads[seat].sentBytes))
      threadSeconds.append(run.processors.busySeconds(seat))
    }
    for node in 0..<nodes {
      outgoing.append(run.nodes[node % run.nodes.count].outgoing.busySeconds)
      incoming.append(run.nodes[node % run.nodes.count].incoming.busySeconds)
    }
    self.init(
      rankSeconds: rankSeconds, sentBytes: sentBytes, messages: turns * run.messageCount,
      threadSeconds: threadSeconds, outgoingSeconds: outgoing, incomingSeconds: incoming,
      events: turns * run.eventCount)
  }
}
