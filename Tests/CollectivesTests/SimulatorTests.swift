import MPITestSupport
import Testing

@testable import Collectives

/// What must hold of simulated times whatever the constants are.
@Suite struct SimulatorTests {
  /// A network on which nothing costs but latency and bandwidth: 10 us, 1 GB/s.
  static let plain = NetworkModel(
    latencySeconds: 10e-6, bandwidthBytesPerSecond: 1e9, reductionBytesPerSecond: .infinity)

  /// One on which everything costs something.
  static let real: NetworkModel = {
    var model = NetworkModel(
      latencySeconds: 20e-6, bandwidthBytesPerSecond: 1.2e9, reductionBytesPerSecond: 4e9)
    model.senderSecondsPerMessage = 1e-6
    model.receiverSecondsPerMessage = 2e-6
    model.senderSecondsPerByte = 0.2e-9
    model.receiverSecondsPerByte = 0.4e-9
    model.eagerLimitBytes = 16 << 10
    model.burstBytes = 100_000
    return model
  }()

  static let scheduled = Algorithm.allCases.filter { $0.scheduled(elementBytes: 4) != nil }

  @Test(arguments: scheduled)
  func oneRankTakesNoTime(algorithm: Algorithm) throws {
    let schedules = try #require(algorithm.scheduled(elementBytes: 4))
    let simulation = Simulator.run(schedules, size: 1, count: 1_000_000, model: Self.real)
    #expect(simulation.seconds == 0)
    #expect(simulation.messages == 0)
  }

  @Test func aMessageTakesLatencyAndItsBytesOverBandwidth() {
    for count in [0, 1, 1_000, 10_000_000] {
      let seconds = message(count, Self.plain)
      #expect(isClose(seconds, 10e-6 + Double(4 * count) / 1e9))
    }
  }

  @Test func aLongMessageAsksFirst() {
    var model = Self.plain
    model.eagerLimitBytes = 4_000
    #expect(isClose(message(1_000, model), 10e-6 + 4e-6))
    // There and back, and then the message.
    #expect(isClose(message(1_001, model), 30e-6 + 4.004e-6))
  }

  @Test func aLongMessageWaitsForItsReceive() {
    // Rank 1 adds for 4 ms before it may receive.
    var model = Self.plain
    model.reductionBytesPerSecond = 1e9
    let count = 1_000_000
    let steps: [[(Action, [Int])]] = [
      [(.send(Block(0..<count), to: 1), [])],
      [
        (.combine(operand: 0, .left, into: Block(count..<2 * count)), []),
        (.receive(Block(0..<count), from: 0), [0]),
      ],
    ]
    // Buffered, the message is there by then; else its journey begins with the answer.
    #expect(isClose(run(steps, model), 4e-3 + 10e-6))
    model.eagerLimitBytes = 0
    #expect(isClose(run(steps, model), 4e-3 + 20e-6 + 4e-3))
  }

  @Test func anAnswerWaitsBehindALongMessageToTheSameRank() {
    // Two ranks exchange 4 MB. Rank 1 asks 100 us late: rank 0's message is on its way by then, and the
    // answer has to wait until it is through. What could take 4 ms takes 8.
    var model = Self.plain
    model.reductionBytesPerSecond = 1e9
    model.senderSecondsPerMessage = 1e-6
    let block = Block(0..<1_000_000)
    let late = Action.combine(operand: 0, .left, into: Block(1_000_000..<1_025_000))
    let steps: [[(Action, [Int])]] = [
      [(.receive(block, from: 1), []), (.send(block, to: 1), [])],
      [(.receive(block, from: 0), []), (late, []), (.send(block, to: 0), [1])],
    ]
    #expect(isClose(run(steps, model), 101e-6 + 4e-3 + 10e-6))
    model.eagerLimitBytes = 1_000
    let question = 1e-6 + 10e-6
    #expect(isClose(run(steps, model), question + 10e-6 + 4e-3 + 10e-6 + 4e-3 + 10e-6))
  }

  @Test func skewIsWhatTheStartNumberSays() {
    var model = Self.real
    model.skewSeconds = 50e-6
    let ring = Ring(elementBytes: 4)
    let simulations = (0..<3).map {
      Simulator.run(ring, size: 6, count: 500_000, model: model, start: $0)
    }
    #expect(Simulator.run(ring, size: 6, count: 500_000, model: model, start: 1) == simulations[1])
    #expect(simulations[0] != simulations[1] && simulations[1] != simulations[2])
    let middle = simulations.map(\.seconds).sorted()[1]
    #expect(Simulator.seconds(ring, size: 6, count: 500_000, model: model, starts: 3) == middle)
  }

  @Test func ranksOfANodeShareItsLinkButNotWithTheOtherDirection() {
    // Ranks 0 and 1 of one node send to 2 and 3 of the other, and get as much.
    var model = Self.plain
    model.ranksPerNode = 2
    let block = Block(0..<1_000_000)
    let steps = (0..<4).map { rank in
      [
        (Action.send(block, to: Int32(rank + 2) % 4), [Int]()),
        (.receive(block, from: Int32(rank + 2) % 4), []),
      ]
    }
    #expect(isClose(run(steps, model), 10e-6 + 8e-3))
    // Within a node a message is a copy by its receiver.
    model.ranksPerNode = 4
    model.localBandwidthBytesPerSecond = 2e9
    model.localLatencySeconds = 1e-6
    #expect(isClose(run(steps, model), 1e-6 + 2e-3))
    // With one core for four, one copies after the other.
    model.coresPerMachine = 1
    #expect(isClose(run(steps, model), 1e-6 + 8e-3))
  }

  @Test func aBurstPassesAtOnce() {
    var model = Self.plain
    model.burstBytes = 1_000_000
    #expect(isClose(message(250_000, model), 10e-6))
    #expect(isClose(message(1_250_000, model), 10e-6 + 4e-3))
  }

  @Test func copiesHoldUpALinkThatIsFasterThanThey() {
    var model = Self.plain
    model.senderSecondsPerByte = 0.5e-9
    #expect(isClose(message(1_000_000, model), 10e-6 + 4e-3))
    model.senderSecondsPerByte = 3e-9
    #expect(isClose(message(1_000_000, model), 10e-6 + 12e-3))
    model.receiverSecondsPerByte = 4e-9
    #expect(isClose(message(1_000_000, model), 10e-6 + 16e-3))
  }

  @Test func aThreadIsFreeWhilePacketsWaitForItsLink() {
    // Three ranks send 40 packets each to one: most of them are at its link from early on, and come out of it in three
    // times the time. It adds for four fifths of that, and sends the sum.
    var model = Self.plain
    model.reductionBytesPerSecond = 4e9
    model.receiverSecondsPerByte = 0.01e-9
    let (packet, packets) = (16_384, 40)
    var steps = (0..<5).map { _ in [(Action, [Int])]() }
    for rank in 1..<4 {
      for _ in 0..<packets { steps[rank].append((.send(Block(0..<packet), to: 0), [])) }
    }
    let link = Double(3 * packets * packet * 4) / model.bandwidthBytesPerSecond
    let sum = Int(0.8 * link * model.reductionBytesPerSecond / 4)
    steps[0].append((.combine(operand: 0, .right, into: Block(0..<sum)), []))
    steps[0].append((.send(Block(0..<packet), to: 4), [0]))
    steps[4].append((.receive(Block(0..<packet), from: 0), []))
    for rank in 1..<4 {
      for _ in 0..<packets { steps[0].append((.receive(Block(0..<packet), from: Int32(rank)), [])) }
    }
    let simulation = simulation(steps, model)
    #expect(link < simulation.rankSeconds[0] && simulation.rankSeconds[0] < 1.1 * link)
    #expect(simulation.rankSeconds[4] < 0.9 * link)
  }

  @Test(arguments: [2, 3, 4, 8, 16])
  func aRingTendsToItsBandwidthBound(size: Int) {
    let count = 64 << 20
    let simulation = Simulator.run(Ring(elementBytes: 4), size: size, count: count, model: Self.plain)
    let bound = Double(2 * (size - 1)) / Double(size) * Double(4 * count) / 1e9
    #expect(simulation.seconds >= bound)
    #expect(simulation.seconds < 1.02 * bound)
  }

  @Test(arguments: [2, 4, 8, 64, 1_024])
  func recursiveDoublingOfLittleTakesItsRoundsInLatencies(size: Int) {
    let algorithm = RecursiveDoubling(elementBytes: 4)
    let simulation = Simulator.run(algorithm, size: size, count: 1, model: Self.plain)
    let rounds = Double(algorithm.cost(size: size, rank: 0, count: 1).rounds)
    #expect(isClose(simulation.seconds, rounds * (10e-6 + 4e-9)))
  }

  @Test(arguments: scheduled, [2, 3, 5, 8, 12])
  func moreBandwidthIsNeverSlower(algorithm: Algorithm, size: Int) throws {
    let schedules = try #require(algorithm.scheduled(elementBytes: 4))
    for count in [1, 5_000, 300_000, 3_000_000] {
      var last = Double.infinity
      for bandwidth in [1e7, 1e8, 1e9, 1e10, 1e11] {
        var model = Self.real
        model.bandwidthBytesPerSecond = bandwidth
        model.burstBytes = 0
        let seconds = Simulator.run(schedules, size: size, count: count, model: model).seconds
        // Where processors are what holds things up, packets that come in another order make threads do their
        // work in another order, which can be a little worse (Graham's anomalies of list scheduling, 1969).
        let slack = bandwidth > 1e9 ? 0.03 : 1e-12
        #expect(seconds <= last * (1 + slack), "\(count) elements, \(bandwidth) bytes/s")
        last = seconds
      }
    }
  }

  @Test(arguments: scheduled, [1, 2, 3, 4, 7, 16, 33])
  func sendsWhatTheFormulaSays(algorithm: Algorithm, size: Int) throws {
    let schedules = try #require(algorithm.scheduled(elementBytes: 4))
    for count in [0, 1, size + 1, 100_003, 2_000_000] {
      let simulation = Simulator.run(
        schedules, size: size, count: count, wireBytesPerElement: 2, model: Self.real)
      let costs = (0..<size).map { schedules.cost(size: size, rank: $0, count: count) }
      #expect(simulation.sentBytes == costs.map { 2 * $0.sent })
      #expect(simulation.messages == costs.reduce(0) { $0 + $1.messages })
      // All of it went through the links.
      let seconds = simulation.outgoingSeconds.reduce(0, +)
      let bytes = Double(simulation.sentBytes.reduce(0, +))
      #expect(isClose(seconds * Self.real.bandwidthBytesPerSecond, bytes))
      #expect(isClose(simulation.incomingSeconds.reduce(0, +), seconds))
    }
  }

  @Test(arguments: scheduled, [1, 2, 3])
  func theSameWhicheverRankBeginsFirst(algorithm: Algorithm, ranksPerNode: Int) throws {
    let schedules = try #require(algorithm.scheduled(elementBytes: 4))
    var model = Self.real
    model.ranksPerNode = ranksPerNode
    model.coresPerMachine = 2
    let size = 12
    let first = Simulator.run(schedules, size: size, count: 400_003, model: model)
    #expect(Simulator.run(schedules, size: size, count: 400_003, model: model) == first)
    var random = SeededGenerator(seed: 7)
    for _ in 0..<5 {
      let simulation = Simulator.run(
        size: size, elementBytes: 4, wireBytesPerElement: nil, model: model,
        ranks: Array(0..<size).shuffled(using: &random)
      ) { schedules.schedule(size: size, rank: $0, count: 400_003) }
      #expect(simulation == first)
    }
  }

  @Test(arguments: scheduled, [1, 2, 4])
  func oneGroupOfRanksStandsForAllWhereAllAreAlike(algorithm: Algorithm, ranksPerNode: Int) throws {
    let schedules = try #require(algorithm.scheduled(elementBytes: 4))
    // Where messages cost nothing and a burst passes at once, those of several ranks come to one at the same moment.
    for (network, burst) in [(Self.real, 1e5), (Self.plain, 0), (Self.plain, 1e9)] {
      for (cores, nodesPerMachine) in [(Int.max, 1), (2, 2)] {
        var model = network
        model.ranksPerNode = ranksPerNode
        model.nodesPerMachine = nodesPerMachine
        model.coresPerMachine = cores
        model.burstBytes = burst
        for size in [8, 16] {
          for count in [1, 64 * size, 5_000 * size] {
            // Schedules that nobody says to be symmetric are run one and all.
            let all = Simulator.run(size: size, elementBytes: 4, wireBytesPerElement: 2, model: model) {
              schedules.schedule(size: size, rank: $0, count: count)
            }
            let folded = Simulator.run(
              schedules, size: size, count: count, wireBytesPerElement: 2, model: model)
            #expect(folded == all, "\(size) ranks, \(count) elements, burst \(burst), \(cores) cores")
          }
        }
      }
    }
  }

  @Test func messagesOfTwoGroupsAtOneMomentAreAmbiguousInOneGroup() {
    var order = FoldedOrder()
    func isClear(_ kind: Event.Kind, _ time: Double, _ origin: Int) -> Bool {
      order.isClear(Event(kind, at: time, rank: 0), from: origin)
    }
    #expect(isClear(.begins, 1, 1))
    #expect(isClear(.arrived, 1, 2))
    #expect(isClear(.begins, 1, 1))
    #expect(isClear(.begins, 2, 2))
    #expect(!isClear(.begins, 2, 1))
  }

  /// What grows with the square of the ranks would not end in the time that all tests have.
  @Test func thousandsOfRanksAreSimulated() {
    let simulation = Simulator.run(
      RecursiveDoubling(elementBytes: 4), size: 4_096, count: 100, model: Self.real)
    #expect(simulation.rankSeconds.count == 4_096)
    #expect(simulation.messages == 12 * 4_096)
  }

  /// The time of one message from rank 0 to rank 1.
  private func message(_ count: Int, _ model: NetworkModel) -> Double {
    run([[(.send(Block(0..<count), to: 1), [])], [(.receive(Block(0..<count), from: 0), [])]], model)
  }

  private func run(_ steps: [[(Action, [Int])]], _ model: NetworkModel) -> Double {
    simulation(steps, model).seconds
  }

  private func simulation(_ steps: [[(Action, [Int])]], _ model: NetworkModel) -> Simulation {
    Simulator.run(
      size: steps.count, elementBytes: 4, wireBytesPerElement: nil, model: model
    ) { rank in
      Schedule(
        size: steps.count, rank: rank, count: 1, workspaceCount: 1 << 30, window: 256,
        steps: steps[rank].map { (action: $0.0, dependencies: $0.1) })
    }
  }

  private func isClose(_ a: Double, _ b: Double) -> Bool { abs(a - b) <= 1e-9 * max(abs(a), abs(b)) }
}
