import ArgumentParser
import Collectives
import MPI

/// `rondo bench allreduce`: how fast buffers are summed over the ranks, in the columns of nccl-tests.
///
/// Sums are in place, of float32. The time of a repetition is that of the slowest rank, the figure the median
/// over the repetitions. The algorithms take turns within a size, so that whatever else the machine does hits
/// all alike. Before every repetition the buffer is filled anew (not timed) with whole numbers whose sum is
/// exact, and every result is checked on every rank.
struct BenchAllreduce: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "allreduce",
    abstract: "Measure allreduce algorithms against MPI_Allreduce.",
    discussion: """
      Run it under mpirun or srun. Bus bandwidth is bytes / time x 2(n-1)/n, GB are 10^9 bytes. The exit \
      status is 1 when an element of a result is wrong.
      """)

  @Option(help: "The algorithm, or all: \(Algorithm.allCases.map(\.rawValue).joined(separator: ", ")).")
  var algorithm = "all"

  @Option(help: "The smallest buffer, such as 1000 (bytes) or 4KiB, the default.", transform: ByteSize.init)
  var min = ByteSize(bytes: 4 << 10)

  @Option(help: "The largest buffer (default: 64MiB).", transform: ByteSize.init)
  var max = ByteSize(bytes: 64 << 20)

  @Option(help: "Each buffer is this many times the one before.")
  var factor = 4

  @Option(help: "Calls before the measured ones, at each size.")
  var warmup = 5

  @Option(help: "Measured calls at each size (default: 20 from 1 MiB on, below it 200).")
  var repetitions: Int?

  @Flag(help: "Print one JSON object a line.")
  var json = false

  func validate() throws {
    _ = try algorithms()
    guard min.bytes >= 4 else { throw ValidationError("--min must be at least 4 bytes, one element") }
    guard min.bytes <= max.bytes else {
      throw ValidationError("--min \(min.bytes) is greater than --max \(max.bytes)")
    }
    guard factor >= 2 else { throw ValidationError("--factor must be at least 2, found \(factor)") }
    guard warmup >= 0 else { throw ValidationError("--warmup must not be negative, found \(warmup)") }
    guard repetitions ?? 1 >= 1 else {
      throw ValidationError("--repetitions must be at least 1, found \(repetitions ?? 0)")
    }
  }

  func run() throws {
    let algorithms = try algorithms()
    let wrong = try MPI.run { world in
      if world.rank == 0 && !json { printHeading(ranks: world.size) }
      let benchmark = try AllreduceBenchmark(algorithms, largest: max.bytes / 4, on: world)
      var wrong = 0
      var bytes = min.bytes
      while true {
        let count = bytes / 4
        let rows = try benchmark.measure(
          count: count, warmup: warmup, repetitions: repetitions ?? (bytes >= 1 << 20 ? 20 : 200), on: world)
        for row in rows {
          wrong += row.wrong
          if world.rank == 0 { print(json ? row.json : row.line) }
        }
        // Sizes stop at --max, and where the next one could not be written in an integer.
        let (next, overflow) = bytes.multipliedReportingOverflow(by: factor)
        if overflow || next > max.bytes { break }
        bytes = next
      }
      return wrong
    }
    if wrong > 0 { throw ExitCode.failure }
  }

  private func algorithms() throws -> [Algorithm] {
    if algorithm == "all" { return Algorithm.allCases }
    do {
      return [try Algorithm(named: algorithm)]
    } catch {
      throw ValidationError("--algorithm: \(error), and all")
    }
  }

  private func printHeading(ranks: Int) {
    let size = "\(ranks) rank\(ranks == 1 ? "" : "s")"
    print("# allreduce of float32 sums in place, \(size), rank 0 on \(MPI.processorName)")
    print("# \(MPI.libraryVersion.prefix { $0 != "," })")
    print("# time: median over repetitions of the slowest rank")
    print("# wrong: elements, over all ranks and repetitions")
    print(AllreduceRow.heading)
  }
}

/// Measures some algorithms on one buffer, which is as long as the longest call.
private struct AllreduceBenchmark: ~Copyable {
  private let algorithms: [Algorithm]
  private let executors: [ExecutorBox]
  private let buffer: UnsafeMutableBufferPointer<Float>

  /// An array cannot hold noncopyable values, but references to them.
  private final class ExecutorBox {
    var executor: AllreduceExecutor
    init(_ executor: consuming AllreduceExecutor) { self.executor = executor }
  }

  init(_ algorithms: [Algorithm], largest: Int, on world: borrowing Communicator) throws {
    self.algorithms = algorithms
    var executors: [ExecutorBox] = []
    for algorithm in algorithms { executors.append(ExecutorBox(try AllreduceExecutor(algorithm, on: world))) }
    self.executors = executors
    let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: largest * 4, alignment: 64)
    buffer = bytes.bindMemory(to: Float.self)
  }

  deinit { UnsafeMutableRawBufferPointer(buffer).deallocate() }

  func measure(
    count: Int, warmup: Int, repetitions: Int, on world: borrowing Communicator
  ) throws -> [AllreduceRow] {
    let elements = UnsafeMutableBufferPointer(rebasing: buffer.prefix(count))
    var seconds = algorithms.map { _ in [Double]() }
    var wrong = algorithms.map { _ in 0 }
    for repetition in -warmup..<repetitions {
      for turn in algorithms.indices {
        let index = (turn + repetition + warmup) % algorithms.count
        fill(elements, rank: world.rank)
        try world.barrier()
        let start = MPI.wallTime()
        try executors[index].executor.allreduce(elements)
        let elapsed = MPI.wallTime() - start
        guard repetition >= 0 else { continue }
        seconds[index].append(elapsed)
        wrong[index] += wrongElements(elements, ranks: world.size)
      }
    }
    return try algorithms.indices.map { index in
      var slowest = seconds[index]
      var span = slowest.mutableSpan
      try world.allreduce(&span, .maximum)
      return AllreduceRow(
        algorithm: algorithms[index], count: count, ranks: world.size, seconds: median(slowest),
        wrong: try world.allreduce(wrong[index], .sum))
    }
  }

  /// Element i of rank r is i mod 1021, plus r. Sums are whole numbers below 2^24 up to 4,096 ranks, so
  /// float32 holds them exactly in any order, and an element out of place or a contribution too many or too
  /// few shows.
  private func fill(_ elements: UnsafeMutableBufferPointer<Float>, rank: Int) {
    var residue = 0
    for i in elements.indices {
      elements[i] = Float(residue + rank)
      residue = residue == 1020 ? 0 : residue + 1
    }
  }

  private func wrongElements(_ elements: UnsafeMutableBufferPointer<Float>, ranks: Int) -> Int {
    var wrong = 0
    var residue = 0
    let sumOfRanks = ranks * (ranks - 1) / 2
    for element in elements {
      wrong += element == Float(residue * ranks + sumOfRanks) ? 0 : 1
      residue = residue == 1020 ? 0 : residue + 1
    }
    return wrong
  }

  private func median(_ values: [Double]) -> Double {
    let sorted = values.sorted()
    return (sorted[(sorted.count - 1) / 2] + sorted[sorted.count / 2]) / 2
  }
}

/// One line of the result.
private struct AllreduceRow {
  let algorithm: Algorithm
  let count: Int
  let ranks: Int
  let seconds: Double
  let wrong: Int

  private var bytes: Int { count * 4 }
  /// GB/s of buffer. A time too short for the clock has no bandwidth.
  private var algorithmBandwidth: Double { seconds > 0 ? Double(bytes) / seconds / 1e9 : 0 }
  /// GB/s that the busiest link carries when nothing is sent twice: comparable between numbers of ranks.
  private var busBandwidth: Double { algorithmBandwidth * 2 * Double(ranks - 1) / Double(ranks) }

  static let heading = columns(
    "bytes", "count", "algorithm", "time(us)", "algbw(GB/s)", "busbw(GB/s)", "#wrong")

  var line: String {
    Self.columns(
      "\(bytes)", "\(count)", "\(algorithm)", decimal(seconds * 1e6, 1), decimal(algorithmBandwidth, 2),
      decimal(busBandwidth, 2), "\(wrong)")
  }

  var json: String {
    """
    {"algorithm":"\(algorithm)","bytes":\(bytes),"count":\(count),"ranks":\(ranks),\
    "time_us":\(decimal(seconds * 1e6, 3)),"algbw_gbps":\(decimal(algorithmBandwidth, 4)),\
    "busbw_gbps":\(decimal(busBandwidth, 4)),"wrong":\(wrong)}
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

/// A number of bytes as people write it: `1000`, `4KiB`, `64 MiB`, `1GB`.
struct ByteSize {
  let bytes: Int

  init(bytes: Int) { self.bytes = bytes }

  init(_ text: String) throws {
    let units = [
      "": 1, "B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "kB": 1_000, "MB": 1_000_000,
      "GB": 1_000_000_000,
    ]
    let digits = text.prefix { $0.isASCII && $0.isNumber }
    let unit = text.dropFirst(digits.count).drop { $0 == " " }
    guard let number = Int(digits), let factor = units[String(unit)] else {
      throw ValidationError("a size is a number of bytes such as 1000, 4KiB or 64MiB, found \"\(text)\"")
    }
    let (bytes, overflow) = number.multipliedReportingOverflow(by: factor)
    guard !overflow else { throw ValidationError("the size \(text) is too large") }
    self.bytes = bytes
  }
}
