import ArgumentParser
import Collectives
import Foundation

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
      process; 4,096 ranks take some 10 to 30 seconds a line.
      """)

  @Option(help: "The algorithm, or all: \(Self.names.joined(separator: ", ")).")
  var algorithm = "all"

  @Option(help: "Ranks, such as 64 or 4096.")
  var ranks: Int

  @Option(help: "Ranks that share a node (default: the model's, or 1).")
  var ranksPerNode: Int?

  @OptionGroup var buffers: BufferSizes

  @Option(help: "What travels: \(WireFormat.allCases.map(\.rawValue).joined(separator: ", ")).")
  var wire = WireFormat.float32

  @Option(help: "A network model: a JSON file of rondo bench network --json.")
  var model: String?

  @Option(help: "Microseconds of an empty message between nodes (without a model: 20).")
  var latencyUs: Double?

  @Option(help: "Gbit/s of a node's link (without a model: 10).")
  var bandwidthGbit: Double?

  @Option(help: "GB/s that a rank adds (without a model: 5).")
  var reductionGbps: Double?

  @Flag(help: "Print one JSON object a line.")
  var json = false

  private static var names: [String] {
    Algorithm.allCases.filter { $0.scheduled(elementBytes: 4) != nil }.map(\.rawValue)
  }

  private static let mostLinearRanks = 512

  func validate() throws {
    if try algorithms() == [.linear], ranks > Self.mostLinearRanks {
      throw ValidationError(
        "--ranks must be at most \(Self.mostLinearRanks) for the algorithm linear, found \(ranks)")
    }
    guard 1...Self.mostRanks ~= ranks else {
      throw ValidationError("--ranks must be from 1 to \(Self.mostRanks), found \(ranks)")
    }
    guard buffers.max.bytes / 4 <= Self.mostElements else {
      throw ValidationError(
        "--max must be at most \(4 * Self.mostElements) bytes, found \(buffers.max.bytes)")
    }
    if model == nil { _ = try networkModel() }
  }

  func run() throws {
    let algorithms = try algorithms()
    let network = try networkModel()
    if !json { printHeading(network) }
    for bytes in buffers.all {
      for algorithm in algorithms {
        // Through one rank goes everything, and its schedule would fill the memory.
        if algorithm == .linear, ranks > Self.mostLinearRanks { continue }
        guard let schedules = schedules(algorithm, network) else { continue }
        let seconds = Simulator.seconds(
          schedules, size: ranks, count: bytes / 4, wireBytesPerElement: wire == .bfloat16 ? 2 : 4,
          model: network, starts: ranks <= 64 ? 9 : 1)
        printRow(algorithm, bytes: bytes, seconds: seconds)
      }
    }
  }

  /// With the segments that the executor would take.
  private func schedules(_ algorithm: Algorithm, _ network: NetworkModel) -> (any ScheduledAllreduce)? {
    algorithm.scheduled(
      elementBytes: 4, segments: ranks > network.ranksPerNode ? .eager : .long,
      wireBytes: wire == .bfloat16 ? 2 : 4)
  }

  /// What fits the memory of a small machine, and what schedules can address.
  private static let mostRanks = 16_384
  private static let mostElements = 1 << 30

  private func algorithms() throws -> [Algorithm] {
    let all = Self.names.compactMap(Algorithm.init(rawValue:))
    if algorithm == "all" { return all }
    guard let found = all.first(where: { $0.rawValue == algorithm }) else {
      throw ValidationError(
        "--algorithm: there are no schedules of \"\(algorithm)\"; there are those of: "
          + "\(Self.names.joined(separator: ", ")), and all")
    }
    return [found]
  }

  /// The model of the file, or of the defaults, with the options' numbers in it.
  private func networkModel() throws -> NetworkModel {
    var network = NetworkModel(
      latencySeconds: 20e-6, bandwidthBytesPerSecond: 1.25e9, reductionBytesPerSecond: 5e9)
    if let model { network = try Self.read(model) }
    if let ranksPerNode { network.ranksPerNode = ranksPerNode }
    if let latencyUs { network.latencySeconds = latencyUs * 1e-6 }
    if let bandwidthGbit { network.bandwidthBytesPerSecond = bandwidthGbit / 8 * 1e9 }
    if let reductionGbps { network.reductionBytesPerSecond = reductionGbps * 1e9 }
    if let fault = network.fault { throw ValidationError("the network: \(fault)") }
    return network
  }

  private static func read(_ path: String) throws -> NetworkModel {
    do {
      return try JSONDecoder().decode(NetworkModel.self, from: Data(contentsOf: URL(fileURLWithPath: path)))
    } catch DecodingError.keyNotFound(let key, _) {
      throw ValidationError("--model \(path): \(key.stringValue) is missing")
    } catch DecodingError.typeMismatch(_, let context) {
      let key = context.codingPath.map(\.stringValue).joined(separator: ".")
      throw ValidationError("--model \(path): \(key.isEmpty ? "the file" : key) is not of the right kind")
    } catch let DecodingError.dataCorrupted(context) {
      throw ValidationError("--model \(path): \(context.debugDescription)")
    } catch {
      throw ValidationError("--model \(path) cannot be read")
    }
  }

  private func printHeading(_ network: NetworkModel) {
    let size = "\(ranks) rank\(ranks == 1 ? "" : "s")"
    print("# allreduce of float32 sums, \(size), \(network.ranksPerNode) on a node; simulated")
    print(
      "# latency \(network.latencySeconds * 1e6) us, link \(network.bandwidthBytesPerSecond * 8e-9) Gbit/s, "
        + "additions \(network.reductionBytesPerSecond * 1e-9) GB/s")
    print(Self.columns("bytes", "count", "algorithm", "time(us)", "algbw(GB/s)", "busbw(GB/s)", "#wrong"))
  }

  private func printRow(_ algorithm: Algorithm, bytes: Int, seconds: Double) {
    let bandwidth = seconds > 0 ? Double(bytes) / seconds / 1e9 : 0
    let bus = bandwidth * 2 * Double(ranks - 1) / Double(ranks)
    if json {
      print(
        """
        {"algorithm":"\(algorithm)","bytes":\(bytes),"count":\(bytes / 4),"ranks":\(ranks),\
        "time_us":\(Self.decimal(seconds * 1e6, 3)),"algbw_gbps":\(Self.decimal(bandwidth, 4)),\
        "busbw_gbps":\(Self.decimal(bus, 4)),"wrong":null,"simulated":true}
        """)
    } else {
      print(
        Self.columns(
          "\(bytes)", "\(bytes / 4)", "\(algorithm)", Self.decimal(seconds * 1e6, 1),
          Self.decimal(bandwidth, 2), Self.decimal(bus, 2), "-"))
    }
    // A line may take seconds; whoever reads a pipe wants each when it is there.
    fflush(nil)
  }

  private static func decimal(_ value: Double, _ digits: Int) -> String {
    String(format: "%.\(digits)f", value)
  }

  private static func columns(_ texts: String...) -> String {
    zip(texts, [12, 12, 20, 12, 12, 12, 8])
      .map { text, width in String(repeating: " ", count: Swift.max(1, width - text.count)) + text }
      .joined()
  }
}

extension WireFormat: ExpressibleByArgument {}
