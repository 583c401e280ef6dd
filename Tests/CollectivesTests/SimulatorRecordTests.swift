import Collectives
import Testing

/// Simulated times to the bit, as they were when the model last changed: whoever makes the simulator faster must
/// not change what it predicts.
@Suite struct SimulatorRecordTests {
  static let algorithms: [any ScheduledAllreduce] = [
    Ring(segmentLength: 10_000, lanesInFlight: 4),
    RecursiveDoubling(segmentLength: 20_000, lanesInFlight: 3),
    HalvingDoubling(laneLength: 50_000, lanesInFlight: 2),
    Direct(segmentLength: 10_000, lanesInFlight: 2),
    Linear(segmentLength: 10_000, lanesInFlight: 3),
  ]

  /// Networks by what they cost: nothing but latency and bandwidth; everything; everything, several ranks on a
  /// node and fewer cores than ranks; everything, from different starts.
  static let models: [(name: String, model: NetworkModel)] = [
    ("plain", SimulatorTests.plain),
    ("real", SimulatorTests.real),
    ("shared", shared),
    ("skewed", skewed),
  ]

  private static var shared: NetworkModel {
    var model = SimulatorTests.real
    model.ranksPerNode = 2
    model.nodesPerMachine = 2
    model.coresPerMachine = 2
    return model
  }

  private static var skewed: NetworkModel {
    var model = SimulatorTests.real
    model.skewSeconds = 30e-6
    return model
  }

  static let expected: [String: UInt64] = [
    "direct, plain": 0x69ff_287a_341b_4b74,
    "direct, real": 0x36f1_f5e3_0b21_3aa7,
    "direct, shared": 0x84f7_451b_aeff_078d,
    "direct, skewed": 0xe9f5_a94d_ae8c_34ef,
    "halving-doubling, plain": 0xc51b_f816_0fb4_fcc5,
    "halving-doubling, real": 0x94b4_b760_5020_8996,
    "halving-doubling, shared": 0x9003_af85_c209_1493,
    "halving-doubling, skewed": 0xdee9_4cc7_65f4_bd45,
    "linear, plain": 0x4c0b_99fc_9951_e47b,
    "linear, real": 0x7da9_d0bf_a3d8_0887,
    "linear, shared": 0x773d_57b4_49c2_3f77,
    "linear, skewed": 0x488c_73e1_040a_2eb9,
    "recursive-doubling, plain": 0x0f2d_b8a6_5df5_e371,
    "recursive-doubling, real": 0x6aa4_b46b_43f6_8d13,
    "recursive-doubling, shared": 0x367a_cb78_b3f5_10fc,
    "recursive-doubling, skewed": 0xee5d_4bd6_30f1_5520,
    "ring, plain": 0x2585_aaf5_857f_0b9d,
    "ring, real": 0x755f_9972_3e36_0e8b,
    "ring, shared": 0x087d_1290_1006_4537,
    "ring, skewed": 0xcd00_9960_7123_54dc,
  ]

  @Test(arguments: algorithms.indices, models.indices)
  func predictionsAreWhatTheyWere(algorithm: Int, model: Int) {
    var digest = Digest()
    for size in [2, 3, 4, 8, 12, 32] {
      for count in [1, 1_000, 65_536, 200_003] where size <= 12 || count <= 1_000 {
        digest.combine(
          Self.run(Self.algorithms[algorithm], size: size, count: count, Self.models[model].model))
      }
    }
    digest.combine(
      Self.run(Self.algorithms[algorithm], size: 64, count: 65_536, Self.models[model].model))
    let name = "\(Self.algorithms[algorithm].name), \(Self.models[model].name)"
    #expect(digest.value == Self.expected[name], "\(name): 0x\(String(digest.value, radix: 16))")
  }

  private static func run(
    _ algorithm: some ScheduledAllreduce, size: Int, count: Int, _ model: NetworkModel
  ) -> Simulation {
    Simulator.run(algorithm, size: size, count: count, model: model, start: 1)
  }

  /// A number that changes with any bit of a simulation (FNV-1a).
  private struct Digest {
    var value: UInt64 = 0xcbf2_9ce4_8422_2325

    mutating func combine(_ simulation: Simulation) {
      for seconds in [
        simulation.rankSeconds, simulation.threadSeconds, simulation.outgoingSeconds,
        simulation.incomingSeconds,
      ] {
        for number in seconds { combine(number.bitPattern) }
      }
      for bytes in simulation.sentBytes { combine(UInt64(bytes)) }
      combine(UInt64(simulation.messages))
    }

    private mutating func combine(_ word: UInt64) { value = (value ^ word) &* 0x0000_0100_0000_01b3 }
  }
}
