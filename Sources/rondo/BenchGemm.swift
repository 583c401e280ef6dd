import ArgumentParser
import BLAS
import Collectives
import Foundation
import Training

/// `rondo bench gemm`: the matrix product in tiles against OpenBLAS with threads of its own, in the same run.
struct BenchGemm: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "gemm",
    abstract: "Measure matrix products against OpenBLAS with its own threads.",
    discussion: """
      C = op(A) op(B) in float32. Each repetition times both sides, one after the other; figures are medians over \
      the repetitions, a ratio of 1 means as fast as OpenBLAS. The default shapes are squares and the products of \
      a multilayer perceptron 784-1024-1024-10 with a batch of 256: forward (nn), weight gradients (tn) and input \
      gradients (nt).
      """)

  @Option(
    help: """
      Threads of either side (default: OMP_NUM_THREADS, else SLURM_CPUS_PER_TASK, else the cores that this process \
      may use).
      """)
  var threads: Int?

  @Option(help: "A shape MxNxK: C is M x N, op(A) has K columns. May be given several times.")
  var shape: [GemmShape] = []

  @Option(help: "For --shape: nn, tn, nt or tt, a t for each of A and B that is transposed.")
  var transpose = GemmTranspose.nn

  @Option(help: "Measurements of each side for each shape.")
  var repetitions = 15

  @Flag(help: "Print one JSON object a line.")
  var json = false

  func validate() throws {
    guard repetitions >= 1 else {
      throw ValidationError("--repetitions must be at least 1, found \(repetitions)")
    }
  }

  func run() throws {
    try Job.runHere {
      let pool = ThreadPool(threads: try threadCount())
      if let refusal = pool.refusal { throw CommonFailure(refusal) }
      if !json {
        try Terminal.writeLine(BLAS.libraryVersion)
        try Terminal.writeLine("\(repetitions) repetitions, medians, threads: \(pool.threads)")
        try Terminal.writeLine(GemmFigures.heading)
      }
      for product in shape.isEmpty ? GemmProduct.defaults : shape.map({ GemmProduct($0, transpose) }) {
        let figures = product.measure(on: pool, repetitions: repetitions)
        try Terminal.writeLine(json ? figures.json : figures.line)
      }
    }
  }

  private func threadCount() throws -> Int {
    do {
      let resolved = try ThreadCount.resolve(
        option: threads, environment: ProcessInfo.processInfo.environment, affinity: .current)
      for warning in resolved.warnings {
        Job.warn("warning: \(warning)")
      }
      return resolved.count
    } catch {
      throw ValidationError(error.description)
    }
  }
}

/// Sizes as on the command line: `256x1024x784`.
struct GemmShape: ExpressibleByArgument {
  let m, n, k: Int

  init?(argument: String) {
    let sizes = argument.split(separator: "x", omittingEmptySubsequences: false).map { Int($0) ?? 0 }
    // Up to 2^20 each, and matrices that one can hope to hold in memory.
    guard sizes.count == 3, sizes.allSatisfy({ 1...1 << 20 ~= $0 }) else { return nil }
    let largest = max(sizes[0] * sizes[1], sizes[0] * sizes[2], sizes[1] * sizes[2])
    guard largest <= 1 << 30 else { return nil }
    (m, n, k) = (sizes[0], sizes[1], sizes[2])
  }
}

enum GemmTranspose: String, ExpressibleByArgument, CaseIterable {
  case nn, tn, nt, tt
}

/// One product that is measured.
private struct GemmProduct {
  let m, n, k: Int
  let transpose: GemmTranspose
  private var transposeA: Bool { transpose == .tn || transpose == .tt }
  private var transposeB: Bool { transpose == .nt || transpose == .tt }

  init(_ shape: GemmShape, _ transpose: GemmTranspose) {
    self.init(shape.m, shape.n, shape.k, transpose)
  }

  private init(_ m: Int, _ n: Int, _ k: Int, _ transpose: GemmTranspose) {
    (self.m, self.n, self.k, self.transpose) = (m, n, k, transpose)
  }

  static var defaults: [GemmProduct] {
    [
      GemmProduct(512, 512, 512, .nn), GemmProduct(1_024, 1_024, 1_024, .nn),
      GemmProduct(2_048, 2_048, 2_048, .nn),
      GemmProduct(256, 1_024, 784, .nn), GemmProduct(256, 1_024, 1_024, .nn),
      GemmProduct(256, 10, 1_024, .nn),
      GemmProduct(784, 1_024, 256, .tn), GemmProduct(1_024, 1_024, 256, .tn),
      GemmProduct(1_024, 10, 256, .tn),
      GemmProduct(256, 1_024, 1_024, .nt), GemmProduct(256, 1_024, 10, .nt),
    ]
  }

  /// Medians of `repetitions` turns. In a turn each side has one call to wake its threads, and then enough calls for
  /// about 5 ms.
  func measure(on pool: ThreadPool, repetitions: Int) -> GemmFigures {
    let a = Self.matrix(m * k)
    let b = Self.matrix(k * n)
    let c = Self.matrix(m * n)
    defer { for matrix in [a, b, c] { matrix.deallocate() } }
    func tiled() {
      BLAS.gemm(
        transposeA: transposeA, transposeB: transposeB, m: m, n: n, k: k, alpha: 1, a: a,
        lda: transposeA ? m : k, b: b, ldb: transposeB ? k : n, beta: 0, c: c, ldc: n, on: pool)
    }
    func whole() {
      BLAS.gemmInOneCall(transposeA: transposeA, transposeB: transposeB, m: m, n: n, k: k, a: a, b: b, c: c)
    }
    tiled()
    let calls = max(1, min(10_000, Int(5e-3 / max(seconds(calls: 1, tiled), 1e-7))))
    var times: [Double] = []
    var openBLASTimes: [Double] = []
    for _ in 0..<repetitions {
      tiled()
      times.append(seconds(calls: calls, tiled))
      openBLASTimes.append(
        BLAS.withOpenBLASThreads(pool.threads) {
          whole()
          return seconds(calls: calls, whole)
        })
      if pool.threads > 1 { waitForIdleThreads() }
    }
    return GemmFigures(
      product: self, threads: pool.threads, seconds: times.median, openBLASSeconds: openBLASTimes.median)
  }

  /// Seconds per call.
  private func seconds(calls: Int, _ body: () -> Void) -> Double {
    let time = ContinuousClock().measure { for _ in 0..<calls { body() } }
    return time / .seconds(1) / Double(calls)
  }

  /// OpenBLAS's threads spin for about 0.1 s after a product and would compete with the next turn: waits until this
  /// process uses no core, for at most a second.
  private func waitForIdleThreads() {
    for _ in 0..<200 {
      let before = clock()
      usleep(5_000)
      // CLOCKS_PER_SEC is 10^6 in POSIX: less than half a millisecond in five.
      if clock() - before < 500 { return }
    }
  }

  /// Numbers in -1..<1, at an address as arenas have it. Same numbers in every run.
  private static func matrix(_ count: Int) -> UnsafeMutablePointer<Float> {
    let memory = UnsafeMutableRawPointer.allocate(byteCount: count * 4, alignment: 64)
    let matrix = memory.bindMemory(to: Float.self, capacity: count)
    var state: UInt32 = 1
    for index in 0..<count {
      state = state &* 1_664_525 &+ 1_013_904_223
      (matrix + index).initialize(to: Float(Int32(bitPattern: state)) * 0x1p-31)
    }
    return matrix
  }
}

/// What was measured of one product.
private struct GemmFigures {
  let product: GemmProduct
  let threads: Int
  let seconds: Double
  let openBLASSeconds: Double

  private var operations: Double { 2 * Double(product.m) * Double(product.n) * Double(product.k) }
  private var gflops: Double { seconds > 0 ? operations / seconds / 1e9 : 0 }
  private var openBLASGflops: Double { openBLASSeconds > 0 ? operations / openBLASSeconds / 1e9 : 0 }
  private var ratio: Double { seconds > 0 ? openBLASSeconds / seconds : 0 }

  static let heading = columns("m", "n", "k", "transpose", "threads", "GFLOP/s", "OpenBLAS", "ratio")

  var line: String {
    Self.columns(
      "\(product.m)", "\(product.n)", "\(product.k)", product.transpose.rawValue, "\(threads)",
      decimal(gflops, 1), decimal(openBLASGflops, 1), decimal(ratio, 3))
  }

  var json: String {
    """
    {"m":\(product.m),"n":\(product.n),"k":\(product.k),"transpose":"\(product.transpose.rawValue)",\
    "threads":\(threads),"gflops":\(decimal(gflops, 3)),"openblas_gflops":\(decimal(openBLASGflops, 3)),\
    "ratio":\(decimal(ratio, 4))}
    """
  }

  private static func columns(_ texts: String...) -> String {
    zip(texts, [8, 8, 8, 11, 9, 10, 10, 8])
      .map { text, width in String(repeating: " ", count: max(1, width - text.count)) + text }
      .joined()
  }

  private func decimal(_ value: Double, _ digits: Int) -> String {
    String(format: "%.\(digits)f", value)
  }
}
