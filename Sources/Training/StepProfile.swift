import BLAS
import Collectives
import Foundation
import Graph
import MPI

/// Where the time of a training step goes, on one rank.
public struct StepProfile: Codable, Sendable {
  /// All operations of a name, or one.
  public struct Row: Codable, Sendable {
    public var name: String
    public var calls: Int
    public var forwardMs: Double
    public var backwardMs: Double
    /// Of its products, forward and backward; 0 without any.
    public var gflops: Double
  }

  /// Of a step, largest first.
  public var rows: [Row]
  /// Of a step: what is left for optimizer, communication, loading and the loop.
  public var otherMs: Double
  public var stepMs: Double
  /// One product of 1,024 x 1,024 x 1,024 on the same threads, after the steps.
  public var sgemmGflops: Double
  /// The step's products / step time / `sgemmGflops`.
  public var shareOfPeak: Double

  /// Runs `steps` more steps. Collective.
  static func measure(_ trainer: Trainer, steps: Int) throws(MPIError) -> StepProfile {
    let graph = trainer.network.graph
    let profile = OperationProfile(graph)
    trainer.executor.profile = profile
    var seconds = 0.0
    for _ in 0..<steps {
      try trainer.trainStep()
      seconds += trainer.stepSeconds
    }
    trainer.executor.profile = nil
    let each = 1e3 / Double(steps)
    let rows = profile.entries.map { entry in
      let time = entry.forwardSeconds + entry.backwardSeconds
      return Row(
        name: entry.name, calls: 1, forwardMs: each * entry.forwardSeconds,
        backwardMs: each * entry.backwardSeconds,
        gflops: time > 0 ? (entry.forwardFlops + entry.backwardFlops) / time * 1e-9 : 0)
    }
    let stepMs = each * seconds
    let flops = profile.entries.reduce(0.0) { $0 + $1.forwardFlops + $1.backwardFlops }
    let peak = sgemm(on: trainer.pool)
    return StepProfile(
      rows: rows.sorted { $0.forwardMs + $0.backwardMs > $1.forwardMs + $1.backwardMs },
      otherMs: stepMs - rows.reduce(0) { $0 + $1.forwardMs + $1.backwardMs }, stepMs: stepMs,
      sgemmGflops: peak, shareOfPeak: flops / seconds * 1e-9 / peak)
  }

  /// GFLOP/s of a large product: the median of some.
  private static func sgemm(on pool: ThreadPool) -> Double {
    let size = 1024
    let (a, b, c) = (Arena(count: size * size), Arena(count: size * size), Arena(count: size * size))
    for i in 0..<size * size {
      a.base[i] = Float(i % 7) - 3
      b.base[i] = Float(i % 5) - 2
    }
    let seconds = (0..<7).map { _ in
      let began = MPI.wallTime()
      BLAS.gemm(
        transposeA: false, transposeB: false, m: size, n: size, k: size, alpha: 1, a: a.base, lda: size,
        b: b.base, ldb: size, beta: 0, c: c.base, ldc: size, on: pool)
      return MPI.wallTime() - began
    }
    return 2e-9 * Double(size * size * size) / seconds.median
  }

  /// For people: operations of one kind (`dense`, `layer norm`) together, then the slowest single ones.
  public var table: String {
    var kinds: [String: Row] = [:]
    var products: [String: Double] = [:]
    for row in rows {
      let kind = String(row.name.prefix { $0 != " " })
      let time = row.forwardMs + row.backwardMs
      products[kind, default: 0] += row.gflops * time
      kinds[kind, default: Row(name: kind, calls: 0, forwardMs: 0, backwardMs: 0, gflops: 0)].calls += 1
      kinds[kind]?.forwardMs += row.forwardMs
      kinds[kind]?.backwardMs += row.backwardMs
    }
    let together = kinds.values.map { row in
      var row = row
      row.gflops = (products[row.name] ?? 0) / max(row.forwardMs + row.backwardMs, 1e-9)
      return row
    }.sorted { $0.forwardMs + $0.backwardMs > $1.forwardMs + $1.backwardMs }
    func line(_ row: Row) -> String {
      let time = row.forwardMs + row.backwardMs
      return String(
        format: "%@ %5d %10.3f %10.3f %6.1f %% %@",
        row.name.padding(toLength: 40, withPad: " ", startingAt: 0),
        row.calls, row.forwardMs, row.backwardMs, 100 * time / stepMs,
        row.gflops > 0 ? String(format: "%9.1f", row.gflops) : "")
    }
    let title = "operation".padding(toLength: 40, withPad: " ", startingAt: 0)
    return """
      \(title) calls forward ms   backward    step    GFLOP/s
      \(together.map(line).joined(separator: "\n"))
      \(line(Row(name: "optimizer, communication, the rest", calls: 1, forwardMs: otherMs, backwardMs: 0, gflops: 0)))

      \(rows.prefix(12).map(line).joined(separator: "\n"))

      \(String(format: "step %.3f ms: %.0f %% of the %.1f GFLOP/s of a product of 1,024 x 1,024 x 1,024", stepMs, 100 * shareOfPeak, sgemmGflops))
      """
  }
}
