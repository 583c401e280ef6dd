import ArgumentParser
import Collectives
import Foundation
import MPI

/// `rondo bench network`: the numbers of the network between the ranks that `rondo simulate` needs.
struct BenchNetwork: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "network",
    abstract: "Measure latency, bandwidth and processor costs between the ranks.",
    discussion: """
      Run it under mpirun or srun. With --json the result is a model for rondo simulate --model. Bandwidth \
      is that of a node's link, in each direction, with all ranks sending and receiving at once.
      """)

  @Option(help: "Seconds that it may take, about.")
  var seconds = 1.0

  @Flag(help: "Print the model as a JSON object.")
  var json = false

  func validate() throws {
    guard seconds > 0, seconds <= 600 else {
      throw ValidationError("--seconds must be greater than 0 and at most 600, found \(seconds)")
    }
  }

  func run() throws {
    try Job.run { world in
      try Job.refuseOneRank("rondo bench network", on: world)
      let model = try NetworkProbe.measure(world, seconds: seconds)
      try Job.show(json ? Self.json(model) : Self.table(model, ranks: world.size), on: world)
    }
  }

  private static func json(_ model: NetworkModel) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
    return String(decoding: try encoder.encode(model), as: UTF8.self)
  }

  private static func table(_ model: NetworkModel, ranks: Int) -> String {
    var lines = [
      "# \(ranks) rank\(ranks == 1 ? "" : "s"), \(model.ranksPerNode) on a node, \(model.nodesPerMachine) "
        + "node\(model.nodesPerMachine == 1 ? "" : "s") on a machine of \(model.coresPerMachine) cores"
    ]
    func row(_ name: String, _ value: Double, _ unit: String) {
      let label = name + String(repeating: " ", count: max(1, 34 - name.count))
      lines.append(label + String(format: "%10.2f", value) + " " + unit)
    }
    if ranks > model.ranksPerNode {
      row("latency between nodes", model.latencySeconds * 1e6, "us")
      row("bandwidth of a node's link", model.bandwidthBytesPerSecond * 1e-6, "MB/s each way")
      row("burst", model.burstBytes / 1_024, "KiB")
      row("processor time of a message", model.senderSecondsPerMessage * 1e6, "us at each end")
      row("processor time of a KiB", model.senderSecondsPerByte * 1_024 * 1e6, "us at each end")
      if model.eagerLimitBytes < .max {
        row("eager limit", Double(model.eagerLimitBytes) / 1_024, "KiB")
      }
    }
    if model.ranksPerNode > 1 {
      row("latency within a node", model.localLatencySeconds * 1e6, "us")
      row("bandwidth within a node", model.localBandwidthBytesPerSecond * 1e-6, "MB/s")
    }
    row("additions", model.reductionBytesPerSecond * 1e-6, "MB/s")
    return lines.joined(separator: "\n")
  }
}
