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
    "direct, plain": 0xca54_eb0e_c406_b71a,
    "direct, real": 0x74b7_956f_22bb_afee,
    "direct, shared": 0xce2c_aa35_205b_b751,
    "direct, skewed": 0x13a6_d8fa_e051_be0d,
    "halving-doubling, plain": 0x1ede_521d_2e8a_ebe0,
    "halving-doubling, real": 0x7c42_4686_4392_ea3e,
    "halving-doubling, shared": 0xce1c_90f0_140e_952a,
    "halving-doubling, skewed": 0x7827_448c_c5bf_65c2,
    "linear, plain": 0x9cf4_ac1a_08ae_edbf,
    "linear, real": 0xb565_3b3d_495f_0671,
    "linear, shared": 0x5af5_2226_cb92_6a69,
    "linear, skewed": 0xa487_27d1_7dd5_dba4,
    "recursive-doubling, plain": 0x0f2d_b8a6_5df5_e371,
    "recursive-doubling, real": 0x546f_3bfc_3c31_548b,
    "recursive-doubling, shared": 0x2bb6_d8e4_4161_3ade,
    "recursive-doubling, skewed": 0xf561_9dd8_a421_16a6,
    "ring, plain": 0x2585_aaf5_857f_0b9d,
    "ring, real": 0x2f18_340e_65c3_f2c4,
    "ring, shared": 0x5711_d607_cc3c_a150,
    "ring, skewed": 0x37e9_f634_54ef_48c7,
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
