import ArgumentParser
import Collectives
import MPI
import Training

/// `rondo bench allreduce`: how fast buffers are summed over the ranks, in the columns of nccl-tests.
struct BenchAllreduce: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "allreduce",
    abstract: "Measure allreduce algorithms against MPI_Allreduce.",
    discussion: """
      Run it under mpirun or srun. Bus bandwidth is bytes / time x 2(n-1)/n, GB are 10^9 bytes. The exit \
      status is 1 when an element of a result is wrong.
      """)

  @Option(
    help: """
      The algorithm, several that take turns (ring,mpi), or all: \
      \(AllreduceWay.all.map(\.name).joined(separator: ", ")).
      """)
  var algorithm = "all"

  @OptionGroup var buffers: BufferSizes

  @Option(help: "Calls before the measured ones, at each size (default: 5, none of slow ones).")
  var warmup: Int?

  @Option(help: "Measured calls at each size (default: what two seconds take, 5 to 200).")
  var repetitions: Int?

  @Option(help: "How elements travel: \(WireFormat.allCases.map(\.rawValue).joined(separator: ", ")).")
  var wire = WireFormat.float32

  @Option(help: "Contributions in all of the algorithm tree (default: 8, or what the ranks need).")
  var leaves: Int?

  @Option(help: "For auto, the file of profiles that rondo tune wrote (default: where it writes).")
  var profile: String?

  @Flag(help: "Print one JSON object a line.")
  var json = false

  private static let mostCalls = 1_000_000

  func validate() throws {
    _ = try ways()
    guard 0...Self.mostCalls ~= warmup ?? 0 else {
      throw ValidationError("--warmup must be from 0 to \(Self.mostCalls), found \(warmup ?? 0)")
    }
    guard 1...Self.mostCalls ~= repetitions ?? 1 else {
      throw ValidationError("--repetitions must be from 1 to \(Self.mostCalls), found \(repetitions ?? 0)")
    }
  }

  func run() throws {
    let ways = try ways()
    try Job.run { world in
      let leaves = leaves ?? Swift.max(8, 1 << (Int.bitWidth - (world.size - 1).leadingZeroBitCount))
      if leaves < world.size {
        throw CommonFailure("--leaves must be at least the number of ranks, \(world.size)", exitStatus: 2)
      }
      let memory = try ArenaMemory(count: buffers.max.bytes / 4, leaves: leaves, on: world)
      let sizes = buffers.all
      let layout = try HostLayout(of: world)
      let isTwoLevel = !layout.isOneHost && layout.hasSharedHosts
      let (between, source) =
        try layout.isOneHost
        ? (AllreduceSelection(.ring), "shared memory")
        : MeasuredSelection(profile: profile, wire: wire).find(
          layout, chunkBytes: sizes.map { $0 / (isTwoLevel ? layout.carriers : 1) }, isTwoLevel: isTwoLevel,
          on: world)
      var allreduces: [ArenaAllreduce] = []
      var leftOut: [AllreduceWay] = []
      for way in ways {
        // Without several ranks on some of several hosts there are no two levels.
        if way == .twoLevel, algorithm == "all", memory.isOneHost || !memory.hasSharedHosts { continue }
        if let refusal = memory.refusal(of: way, wire: wire) {
          guard algorithm == "all" else { throw CommonFailure(refusal, exitStatus: 2) }
          if memory.refusal(of: way) == nil { leftOut.append(way) }
          continue
        }
        try memory.check(way)
        allreduces.append(try ArenaAllreduce(way, in: memory, between: between, wire: wire, on: world))
      }
      // A figure of float32 is none of another format.
      let note =
        leftOut.isEmpty
        ? nil : "left out, as they send no \(wire) here: \(leftOut.map(\.name).joined(separator: ", "))"
      if !json {
        try Job.show(heading(ranks: world.size, auto: source, note: note), on: world)
      } else if world.rank == 0, let note {
        Job.warn(note)
      }
      let benchmark = AllreduceBenchmark(allreduces, wire: wire)
      var wrong = 0
      for bytes in sizes {
        for row in try benchmark.measure(
          count: bytes / 4, warmup: warmup, repetitions: repetitions, on: world)
        {
          wrong += row.wrong
          try Job.show(json ? row.json : row.line, on: world)
        }
      }
      memory.free()
      if wrong > 0 { throw CommonFailure("\(wrong) elements of sums were wrong") }
    }
  }

  private func ways() throws -> [AllreduceWay] {
    if algorithm == "all" { return AllreduceWay.all }
    do {
      return try algorithm.split(separator: ",", omittingEmptySubsequences: false).map {
        try AllreduceWay(named: String($0))
      }
    } catch {
      throw ValidationError("--algorithm: \(error), and all")
    }
  }

  /// - Parameters:
  ///   - auto: where the choices of the algorithm auto come from.
  ///   - note: what else there is to say.
  private func heading(ranks: Int, auto: String, note: String?) -> String {
    let size = "\(ranks) rank\(ranks == 1 ? "" : "s")"
    let travelling = wire == .float32 ? "" : ", sent as \(wire)"
    let lines: [String?] = [
      "# allreduce of float32 sums in place\(travelling), \(size), rank 0 on \(MPI.processorName)",
      "# \(MPI.libraryVersion.prefix { $0 != "," })",
      "# time: median over repetitions of the slowest rank",
      "# wrong: elements, over all ranks and calls",
      "# auto: \(auto)",
      note.map { "# \($0)" },
      AllreduceBenchmark.Row.heading,
    ]
    return lines.compactMap(\.self).joined(separator: "\n")
  }
}

extension AllreduceBenchmark.Row {
  fileprivate static let heading = columns(
    "bytes", "count", "algorithm", "time(us)", "algbw(GB/s)", "busbw(GB/s)", "#wrong")

  fileprivate var line: String {
    Self.columns(
      "\(bytes)", "\(count)", "\(way)", decimal(median * 1e6, 1), decimal(algorithmBandwidth / 1e9, 2),
      decimal(busBandwidth / 1e9, 2), "\(wrong)")
  }

  fileprivate var json: String {
    """
    {"algorithm":"\(way)","bytes":\(bytes),"count":\(count),"ranks":\(ranks),\
    "time_us":\(decimal(median * 1e6, 3)),"algbw_gbps":\(decimal(algorithmBandwidth / 1e9, 4)),\
    "busbw_gbps":\(decimal(busBandwidth / 1e9, 4)),"wrong":\(wrong),"repetitions":\(seconds.count),\
    "time_us_min":\(decimal((seconds.first ?? 0) * 1e6, 3)),\
    "time_us_max":\(decimal((seconds.last ?? 0) * 1e6, 3))}
    """
  }

  private static func columns(_ texts: String...) -> String {
    zip(texts, [12, 12, 20, 12, 12, 12, 8])
      .map { text, width in String(repeating: " ", count: max(1, width - text.count)) + text }
      .joined()
  }

  /// A number that is not negative, with that many digits after the point.
  private func decimal(_ value: Double, _ digits: Int) -> String {
    var scale = 1
    for _ in 0..<digits { scale *= 10 }
    let scaled = Int((value * Double(scale)).rounded())
    let fraction = String(scaled % scale)
    return "\(scaled / scale)." + String(repeating: "0", count: digits - fraction.count) + fraction
  }
}
