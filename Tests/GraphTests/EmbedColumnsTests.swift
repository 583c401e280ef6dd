import BLAS
import Kernels
import Testing

@testable import Graph

@Suite struct EmbedColumnsTests {
  /// A loss over two tables, of 3 and 4 codes, beside two features.
  private struct Traced {
    let executor: Executor
    let codes: Tensor
    let output: Tensor

    init(samples: Int, threads: Int) throws {
      let trace = Trace(microbatch: samples)
      codes = trace.input("codes", perSample: [2], of: .int32)
      let features = trace.parameter("features", [samples, 2], .uniform(limit: 1))
      let tables = [
        trace.parameter("a", [3, 2], .uniform(limit: 1)), trace.parameter("b", [4, 37], .uniform(limit: 1)),
      ]
      output = embedColumns(codes, tables: tables, beside: features)
      let target = trace.input("target", perSample: [41])
      let loss = meanSquaredError(output, target: target)
      let graph = try trace.finish(loss: loss, outputs: [output])
      executor = Executor(graph, pool: ThreadPool(threads: threads), seed: 3)
      let wanted = [Float](repeating: 0.5, count: 41 * samples)
      executor.setInput(target, to: wanted.span, training: true)
    }

    func values(_ name: String) -> [Float] {
      executor.graph.parameters.first { $0.name == name }.map { executor.values(of: $0) } ?? []
    }
  }

  @Test func aRowIsItsFeaturesAndTheRowsOfItsCodes() throws {
    let traced = try Traced(samples: 3, threads: 1)
    traced.executor.setInput(traced.codes, to: ([2, 0, 0, 3, 2, 0] as [Int32]).span, training: true)
    traced.executor.forward(training: true)
    let found = traced.executor.elements(of: traced.output, training: true)
    let (features, a, b) = (traced.values("features"), traced.values("a"), traced.values("b"))
    for (sample, codes) in [(2, 0), (0, 3), (2, 0)].enumerated() {
      let wanted =
        Array(features[2 * sample..<2 * sample + 2]) + Array(a[2 * codes.0..<2 * codes.0 + 2])
        + Array(b[37 * codes.1..<37 * codes.1 + 37])
      #expect(Array(found[41 * sample..<41 * sample + 41]) == wanted)
    }
  }

  @Test func aCodeOutsideItsTableIsNotANumberAndIsNotRead() throws {
    let traced = try Traced(samples: 3, threads: 1)
    traced.executor.setInput(traced.codes, to: ([3, 0, -1, 3, 2, .max] as [Int32]).span, training: true)
    traced.executor.forward(training: true)
    let found = traced.executor.elements(of: traced.output, training: true)
    let outside = [2, 3, 43, 44] + Array(86..<123)
    #expect(found.indices.filter { found[$0].isNaN } == outside)
  }

  /// Codes repeat: the row of a table gets the sum.
  @Test(arguments: GradientCheck.Wiring.allCases, [true, false])
  func backwardIsTheDerivative(_ wiring: GradientCheck.Wiring, _ hasFeatures: Bool) throws {
    var codes: Tensor?
    let values: [Int32] = [2, 0, 0, 3, 2, 0, 2, 1, 0, 3]
    func prepare(_ executor: Executor) {
      if let codes { executor.setInput(codes, to: values.span, training: true) }
    }
    let report = try GradientCheck.run(
      [[3, 2], [4, 5], [5, 3]], microbatch: 5, wiring: wiring, prepare: prepare
    ) { trace, x in
      let input = codes ?? trace.input("codes", perSample: [2], of: .int32)
      codes = input
      let y = embedColumns(input, tables: [x[0], x[1]], beside: hasFeatures ? x[2] : nil)
      return hasFeatures ? y : y + embedColumns(input, tables: [x[0], x[1]])
    }
    #expect(report.worst < 1e-3, "\(report)")
    #expect(report.checked > 9 * report.skipped, "\(report)")
  }

  @Test(arguments: [2, 3, 4]) func anyNumberOfThreadsComputesTheSameBits(_ threads: Int) throws {
    func bits(_ threads: Int) throws -> [UInt32] {
      let samples = 2000
      let traced = try Traced(samples: samples, threads: threads)
      let codes = (0..<2 * samples).map { Int32($0 * $0 % 3) }
      traced.executor.setInput(traced.codes, to: codes.span, training: true)
      traced.executor.forward(training: true)
      let output = traced.executor.elements(of: traced.output, training: true)
      traced.executor.backward(scale: 1, accumulates: false)
      let arena = traced.executor.graph.arenaCount
      let gradient = (0..<arena).map { traced.executor.gradients?.base[$0] ?? .nan }
      return (output + gradient).map(\.bitPattern)
    }
    let (found, alone) = (try bits(threads), try bits(1))
    #expect(found == alone)
  }

  @Test func mistakesAreFoundInTheTrace() {
    func message(_ body: (Trace) -> Tensor) -> String {
      let trace = Trace(microbatch: 4)
      let loss = body(trace)
      do {
        _ = try trace.finish(loss: loss, outputs: [])
        return "no error"
      } catch { return error.description }
    }
    #expect(
      message { trace in
        let codes = trace.input("codes", perSample: [3], of: .int32)
        return embedColumns(codes, tables: [trace.parameter("a", [3, 2], .zeros)])
      } == "embedColumns: expected codes [samples, 1], a column for each table, found [4, 3]")
    #expect(
      message { trace in
        let codes = trace.input("codes", perSample: [1], of: .int32)
        return embedColumns(codes, tables: [trace.parameter("a", [3], .zeros)])
      } == "embedColumns: column 0: expected a table [cardinality, width], found [3]")
    #expect(
      message { trace in
        let codes = trace.input("codes", perSample: [1], of: .int32)
        let features = trace.parameter("features", [5, 2], .zeros)
        return embedColumns(codes, tables: [trace.parameter("a", [3, 2], .zeros)], beside: features)
      } == "embedColumns: expected features [4, columns], found [5, 2]")
    #expect(
      message { embedColumns($0.input("codes", perSample: [1], of: .int32), tables: []) }
        == "embedColumns: expected at least one table")
  }
}
