import ArgumentParser
import Collectives
import Foundation
import Training

/// `rondo simulate`: how long allreduces would take on a network that is not there, in the columns of `rondo
/// bench allreduce`.
///
/// One process, no MPI: the schedules that ranks would run are run in virtual time.
struct Simulate: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Predict allreduce times on a model of a network, for up to thousands of ranks.",
    discussion: """
      The model is measured by rondo bench network, or made of numbers from a data sheet; numbers given \
      beside a file replace its own. Bandwidth is that of a node's link, in each direction. It runs as one \
      process; where ranks begin at one time and are alike, thousands of them take no longer than a few, else \
      4,096 take seconds to a minute a line.
      """)

  @Option(help: "The algorithm, or all: \(Self.names.joined(separator: ", ")).")
  var algorithm = "all"

  @Option(help: "Between nodes, for two-level: an algorithm of messages, or the one that is fastest.")
  var between = "fastest"

  @Option(help: "Ranks, such as 64 or 4096.")
  var ranks: Int

  @Option(help: "Ranks that share a node (default: the model's, or 1).")
  var ranksPerNode: Int?

  @OptionGroup var buffers: BufferSizes

  @Option(help: "What travels: \(WireFormat.allCases.map(\.rawValue).joined(separator: ", ")).")
  var wire = WireFormat.float32

  @OptionGroup var numbers: NetworkNumbers

  @Option(
    help: """
      How long messages are: \(Segments.allCases.map(\.rawValue).joined(separator: ", ")) (default: as in a run, eager \
      between nodes).
      """)
  var segments: Segments?

  @Flag(help: "Print one JSON object a line.")
  var json = false

  private static var names: [String] {
    messages.map(\.rawValue) + [AllreduceWay.shared, .twoLevel].map(\.name)
  }

  /// The algorithms that are schedules.
  private static let messages = Algorithm.allCases.filter { $0.scheduled(elementBytes: 4) != nil }

  func validate() throws {
    guard 1...Self.mostRanks ~= ranks else {
      throw ValidationError("--ranks must be from 1 to \(Self.mostRanks), found \(ranks)")
    }
    guard buffers.max.bytes / 4 <= Self.mostElements else {
      throw ValidationError(
        "--max must be at most \(4 * Self.mostElements) bytes, found \(buffers.max.bytes)")
    }
    _ = try algorithmsBetween()
    if numbers.model == nil { _ = try ways(numbers.network(ranksPerNode: ranksPerNode)) }
  }

  func run() throws {
    try Job.runAlone {
      let network = try numbers.network(ranksPerNode: ranksPerNode)
      let ways = try ways(network)
      if !json { try Terminal.writeLine(heading(network)) }
      for bytes in buffers.all {
        var leftOut: [String] = []
        for way in ways {
          guard let (seconds, between) = try seconds(of: way, bytes, network) else {
            leftOut.append(way.name)
            continue
          }
          try Terminal.writeLine(row(way.name, between: between, bytes: bytes, seconds: seconds))
        }
        if !leftOut.isEmpty {
          try note("\(leftOut.joined(separator: ", ")) of \(bytes) bytes left out: \(Self.advice)")
        }
      }
    }
  }

  private static let advice =
    "more messages than memory holds; simulate fewer ranks or bytes, or longer messages: --segments long"

  /// A line for people.
  private func note(_ line: String) throws {
    if json { Job.warn(line) } else { try Terminal.writeLine("# \(line)") }
  }

  /// What a line says; nil where all are asked for and this one would take too much memory.
  private func seconds(
    of way: AllreduceWay, _ bytes: Int, _ network: NetworkModel
  ) throws -> (seconds: Double, between: Algorithm?)? {
    switch way {
    case .shared: return (Simulator.sharedSeconds(ranks: ranks, count: bytes / 4, model: network), nil)
    case .twoLevel:
      let nodes = (ranks + network.ranksPerNode - 1) / network.ranksPerNode
      let times = try algorithmsBetween().compactMap { algorithm -> (Double, Algorithm?)? in
        guard let schedules = schedules(algorithm, network),
          !isTooMuch(schedules, nodes, bytes / 4 / network.ranksPerNode)
        else { return nil }
        let seconds = Simulator.twoLevelSeconds(
          schedules, size: ranks, count: bytes / 4, wireBytesPerElement: wireBytes, model: network,
          starts: starts)
        return (seconds, algorithm)
      }
      if times.isEmpty, algorithm != "all" { throw tooMuch(between, bytes, nodes) }
      return times.min { $0.0 < $1.0 }
    case .messages(let algorithm):
      guard let schedules = schedules(algorithm, network) else { return nil }
      if isTooMuch(schedules, ranks, bytes / 4) {
        if self.algorithm == "all" { return nil }
        throw tooMuch(algorithm.rawValue, bytes, ranks)
      }
      let seconds = Simulator.seconds(
        schedules, size: ranks, count: bytes / 4, wireBytesPerElement: wireBytes, model: network,
        starts: starts)
      return (seconds, nil)
    case .tree, .auto: return nil
    }
  }

  private func tooMuch(_ name: String, _ bytes: Int, _ size: Int) -> ValidationError {
    ValidationError(
      "\(name) of \(bytes) bytes among \(size) ranks is \(Self.advice)")
  }

  /// Whether schedules would fill the memory: that of the linear algorithm's root, or those of thousands of ranks that are not alike.
  private func isTooMuch(_ schedules: any ScheduledAllreduce, _ size: Int, _ count: Int) -> Bool {
    let root = schedules.cost(size: size, rank: 0, count: count).messages
    let another = schedules.cost(size: size, rank: size - 1, count: count).messages
    let all = schedules.symmetry(size: size, count: count) == nil ? root + (size - 1) * another : root
    return root > 2_000_000 || all > 10_000_000
  }

  private var starts: Int { ranks <= 64 ? 9 : 1 }
  private var wireBytes: Int { wire == .bfloat16 ? 2 : 4 }

  private func schedules(_ algorithm: Algorithm, _ network: NetworkModel) -> (any ScheduledAllreduce)? {
    let fitting: Segments = ranks > network.ranksPerNode ? .eager : .long
    return algorithm.scheduled(elementBytes: 4, segments: segments ?? fitting, wireBytes: wireBytes)
  }

  /// What fits the memory of a small machine, and what schedules can address.
  private static let mostRanks = 16_384
  private static let mostElements = 1 << 30

  /// What is asked for, of what there is for these ranks on these nodes.
  private func ways(_ network: NetworkModel) throws -> [AllreduceWay] {
    let all = Self.messages.map { AllreduceWay.messages($0) } + [.shared, .twoLevel]
    if algorithm == "all" { return all.filter { refusal(of: $0, network) == nil } }
    guard let found = all.first(where: { $0.name == algorithm }) else {
      throw ValidationError(
        "--algorithm: there are no schedules of \"\(algorithm)\"; there are those of: "
          + "\(Self.names.joined(separator: ", ")), and all")
    }
    if let refusal = refusal(of: found, network) { throw ValidationError("--algorithm \(refusal)") }
    return [found]
  }

  private func refusal(of way: AllreduceWay, _ network: NetworkModel) -> String? {
    let isOneNode = ranks <= network.ranksPerNode
    return switch way {
    case .shared where !isOneNode: "shared is for ranks of one node: give --ranks-per-node \(ranks)"
    case .twoLevel where isOneNode || network.ranksPerNode == 1:
      "two-level is for several nodes with several ranks each: give --ranks-per-node, from 2 to \(Swift.max(2, ranks - 1))"
    default: nil
    }
  }

  private func algorithmsBetween() throws -> [Algorithm] {
    if between == "fastest" { return Self.messages }
    guard let found = Self.messages.first(where: { $0.rawValue == between }) else {
      throw ValidationError(
        "--between: there are no schedules of \"\(between)\"; there are those of: "
          + "\(Self.messages.map(\.rawValue).joined(separator: ", ")), and fastest")
    }
    return [found]
  }

  private func heading(_ network: NetworkModel) -> String {
    [
      "# allreduce of float32 sums, \(ranks) rank\(ranks == 1 ? "" : "s"), \(network.ranksPerNode) on a node; simulated",
      "# latency \(network.latencySeconds * 1e6) us, link \(network.bandwidthBytesPerSecond * 8e-9) Gbit/s, "
        + "additions \(network.reductionBytesPerSecond * 1e-9) GB/s",
      Self.columns("bytes", "count", "algorithm", "time(us)", "algbw(GB/s)", "busbw(GB/s)", "#wrong"),
    ].joined(separator: "\n")
  }

  /// - Parameter between: what a way on two levels does between nodes.
  private func row(_ name: String, between: Algorithm? = nil, bytes: Int, seconds: Double) -> String {
    let bandwidth = seconds > 0 ? Double(bytes) / seconds / 1e9 : 0
    let bus = bandwidth * 2 * Double(ranks - 1) / Double(ranks)
    if json {
      return
        """
        {"algorithm":"\(name)",\(between.map { #""between":"\#($0)","# } ?? "")"bytes":\(bytes),"count":\(bytes / 4),"ranks":\(ranks),\
        "time_us":\(Self.decimal(seconds * 1e6, 3)),"algbw_gbps":\(Self.decimal(bandwidth, 4)),\
        "busbw_gbps":\(Self.decimal(bus, 4)),"wrong":null,"simulated":true}
        """
    }
    return Self.columns(
      "\(bytes)", "\(bytes / 4)", between.map { "\(name)/\($0)" } ?? name, Self.decimal(seconds * 1e6, 1),
      Self.decimal(bandwidth, 2), Self.decimal(bus, 2), "-")
  }

  private static func decimal(_ value: Double, _ digits: Int) -> String {
    String(format: "%.\(digits)f", value)
  }

  private static func columns(_ texts: String...) -> String {
    zip(texts, [12, 12, 30, 12, 12, 12, 8])
      .map { text, width in String(repeating: " ", count: Swift.max(1, width - text.count)) + text }
      .joined()
  }
}

extension WireFormat: ExpressibleByArgument {}
extension Segments: ExpressibleByArgument {}
