import MPI
import MPITestSupport
import Testing

@testable import Collectives

/// Sums in shared memory, and on two levels, in the simulator.
@Suite struct TwoLevelSimulatorTests {
  /// 8 GB/s of memory, 32 GB/s of caches that hold 1 MiB, and nothing else that costs but 1 us to meet.
  static let node: NetworkModel = {
    var model = SimulatorTests.plain
    model.localLatencySeconds = 1e-6
    model.sharedBytesPerSecond = 8e9
    model.cachedBytesPerSecond = 32e9
    model.cacheBytes = 1 << 20
    return model
  }()

  @Test(arguments: [2, 3, 8])
  func everyElementOfEveryBufferIsReadAndWrittenOnce(ranks: Int) {
    // Each rank a share of all buffers: as many bytes as one buffer has, each way.
    let seconds = Simulator.sharedSeconds(ranks: ranks, count: 1_000_000, model: Self.node)
    #expect(isClose(seconds, 8e6 / 8e9 + 2e-6))
    #expect(Simulator.sharedSeconds(ranks: 1, count: 1_000_000, model: Self.node) == 0)
    #expect(Simulator.sharedSeconds(ranks: ranks, count: 0, model: Self.node) == 0)
  }

  @Test func buffersThatFitTheCachesAreSummedAtTheirSpeed() {
    let count = (1 << 20) / 4 / 4
    let fitting = Simulator.sharedSeconds(ranks: 4, count: count, model: Self.node)
    #expect(isClose(fitting, Double(8 * count) / 32e9 + 2e-6))
    let longer = Simulator.sharedSeconds(ranks: 4, count: count + 1, model: Self.node)
    #expect(isClose(longer, Double(8 * (count + 1)) / 8e9 + 2e-6))
  }

  @Test func ranksThatShareCoresTakeTurns() {
    var model = Self.node
    model.coresPerMachine = 2
    let seconds = Simulator.sharedSeconds(ranks: 6, count: 1_000_000, model: model)
    #expect(isClose(seconds, 3 * 8e6 / 8e9 + 2e-6))
  }

  @Test(arguments: SimulatorTests.scheduled)
  func oneRankOnEachNodeIsTheAlgorithmAlone(algorithm: Algorithm) throws {
    let schedules = try #require(algorithm.scheduled(elementBytes: 4))
    for size in [1, 2, 5] {
      #expect(
        Simulator.twoLevelSeconds(schedules, size: size, count: 100_003, model: SimulatorTests.real)
          == Simulator.seconds(schedules, size: size, count: 100_003, model: SimulatorTests.real))
    }
  }

  @Test func oneNodeIsSharedMemoryAlone() {
    var model = Self.node
    model.ranksPerNode = 4
    let ring = Ring(elementBytes: 4)
    for size in 1...4 {
      #expect(
        Simulator.twoLevelSeconds(ring, size: size, count: 1_000_000, model: model)
          == Simulator.sharedSeconds(ranks: size, count: 1_000_000, model: model))
    }
  }

  @Test(arguments: [2, 4, 8], [2, 3, 4])
  func aNodeSendsWhatOneRankWouldHoweverManyCarryIt(nodes: Int, perNode: Int) {
    // Nothing costs but the link, 1 GB/s: 2 (h - 1) / h of the buffer.
    var model = SimulatorTests.plain
    model.ranksPerNode = perNode
    model.latencySeconds = 0
    model.localLatencySeconds = 0
    model.sharedBytesPerSecond = .infinity
    let count = 1 << 22
    let seconds = Simulator.twoLevelSeconds(
      Ring(elementBytes: 4, segments: .eager), size: nodes * perNode, count: count, model: model)
    let bound = 2 * Double(nodes - 1) / Double(nodes) * Double(4 * count) / 1e9
    #expect(seconds >= bound * 0.999_999)
    #expect(seconds < bound * 1.1)
  }

  @Test func whatIsDoneInMemoryComesOnTop() {
    var model = SimulatorTests.plain
    model.ranksPerNode = 3
    model.localLatencySeconds = 1e-6
    model.sharedBytesPerSecond = .infinity
    let ring = Ring(elementBytes: 4)
    let count = 3_000_000
    let between = Simulator.twoLevelSeconds(ring, size: 6, count: count, model: model)
    model.sharedBytesPerSecond = 8e9
    // A carrier has a third of three buffers to read and of one to write, then of one to read and of two to write.
    #expect(
      isClose(
        Simulator.twoLevelSeconds(ring, size: 6, count: count, model: model), between + 7 * 4e6 / 8e9))
  }

  @Test(arguments: SimulatorTests.scheduled, [(2, 2), (4, 2), (3, 3), (4, 3)])
  func carriersThatAreAlikeTakeAsLongAsWhenEachIsSimulated(algorithm: Algorithm, shape: (Int, Int)) throws {
    let (nodes, carriers) = shape
    let schedules = try #require(algorithm.scheduled(elementBytes: 4))
    var model = SimulatorTests.real
    model.ranksPerNode = carriers
    for count in [carriers * nodes * 4_096, 100_003] {
      let chunks = Partition(0..<count, into: carriers)
      let stored = Simulator.seconds(
        CarrierSchedules.store(schedules, nodes: nodes, chunks: chunks), elementBytes: 4,
        wireBytesPerElement: 4, model: model, starts: 1)
      let each = Simulator.run(size: nodes * carriers, elementBytes: 4, wireBytesPerElement: 4, model: model)
      {
        rank in
        let (node, carrier) = rank.quotientAndRemainder(dividingBy: carriers)
        return schedules.schedule(size: nodes, rank: node, count: chunks[carrier].count)
          .renamed(size: nodes * carriers, rank: rank) { $0 * carriers + carrier }
      }
      #expect(stored == each.seconds, "\(count) elements")
    }
  }

  private func isClose(_ seconds: Double, _ expected: Double) -> Bool {
    abs(seconds - expected) <= 1e-9 * expected
  }
}

extension RankTests {
  @Suite struct ProbeSharedMemoryTests {
    @Test func allRanksGetTheSameSpeeds() throws {
      try withWorld { world in
        let memory = try ProbeSharedMemory(world)
        if world.size == 1 { #expect(memory == nil) }
        // Where there is no room for it, none measures.
        for number in [
          memory?.bytesPerSecond, memory?.cachedBytesPerSecond, memory.map { Double($0.cacheBytes) },
        ] {
          let least = try world.allreduce(number ?? 0, .minimum)
          let most = try world.allreduce(number ?? 0, .maximum)
          #expect(least == most)
          #expect(memory == nil || least > 0)
        }
      }
    }
  }
}
