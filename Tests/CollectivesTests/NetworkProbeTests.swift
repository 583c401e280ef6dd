import Collectives
import Foundation
import MPI
import MPITestSupport
import Testing

extension RankTests {
  @Suite struct NetworkProbeTests {
    @Test func allRanksGetTheSameModel() throws {
      try withWorld { world in
        let model = try NetworkProbe.measure(world, seconds: 0.2)
        #expect(model.fault == nil)
        for number in [
          model.localLatencySeconds, model.localBandwidthBytesPerSecond, model.latencySeconds,
          model.bandwidthBytesPerSecond, model.reductionBytesPerSecond, model.senderSecondsPerByte,
          Double(model.eagerLimitBytes),
        ] {
          let least = try world.allreduce(number, .minimum)
          let most = try world.allreduce(number, .maximum)
          #expect(least == most)
        }
        // The ranks of a test are on one host.
        #expect(model.ranksPerNode == world.size)
        #expect(model.nodesPerMachine == 1)
      }
    }

    @Test func keepsToItsTime() throws {
      try withWorld { world in
        try world.barrier()
        let start = MPI.wallTime()
        _ = try NetworkProbe.measure(world, seconds: 0.3)
        // Machines that run tests are busy.
        #expect(MPI.wallTime() - start < 0.3 + 5)
      }
    }
  }
}

/// A model as a file.
@Suite struct SimulatorModelFileTests {
  @Test func comesBackAsItWasWritten() throws {
    let model = SimulatorTests.real
    let data = try JSONEncoder().encode(model)
    #expect(try JSONDecoder().decode(NetworkModel.self, from: data) == model)
  }

  @Test func threeNumbersAreEnough() throws {
    let text =
      #"{"latency_seconds": 1e-5, "bandwidth_bytes_per_second": 1e9, "reduction_bytes_per_second": 4e9}"#
    let model = try JSONDecoder().decode(NetworkModel.self, from: Data(text.utf8))
    #expect(
      model
        == NetworkModel(latencySeconds: 1e-5, bandwidthBytesPerSecond: 1e9, reductionBytesPerSecond: 4e9))
  }

  @Test(arguments: [
    (#""latency_seconds": -1"#, "latency_seconds must be from 0 to 1000000000000, found -1.0"),
    (#""skew_seconds": 1e300"#, "skew_seconds must be from 0 to 1000000000000, found 1e+300"),
    (#""bandwidth_bytes_per_second": 0"#, "bandwidth_bytes_per_second must be at least 1, found 0.0"),
    (#""ranks_per_node": 0"#, "ranks_per_node must be from 1 to 1000000000000, found 0"),
    (
      #""ranks_per_node": 4611686018427387904"#,
      "ranks_per_node must be from 1 to 1000000000000, found 4611686018427387904"
    ),
    (#""cores_per_machine": 0"#, "cores_per_machine must be at least 1, found 0"),
  ])
  func aNumberThatCannotBeIsNamed(entry: String, fault: String) throws {
    var object: [String: Any] = [
      "latency_seconds": 1e-5, "bandwidth_bytes_per_second": 1e9, "reduction_bytes_per_second": 4e9,
    ]
    let wrong = try JSONSerialization.jsonObject(with: Data("{\(entry)}".utf8)) as? [String: Any]
    object.merge(wrong ?? [:]) { $1 }
    let data = try JSONSerialization.data(withJSONObject: object)
    let error = #expect(throws: DecodingError.self) {
      try JSONDecoder().decode(NetworkModel.self, from: data)
    }
    guard case .dataCorrupted(let context) = error else {
      Issue.record("found \(String(describing: error))")
      return
    }
    #expect(context.debugDescription == "network model: \(fault)")
  }
}
