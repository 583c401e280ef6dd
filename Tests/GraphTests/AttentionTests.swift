import BLAS
import Foundation
import Graph
import Kernels
import Testing

/// Softmax attention as the formula says, in double precision, one query at a time: the largest distance from it.
private struct PlainAttention {
  let samples, queries, keys, width, heads: Int
  var isCausal = false
  var lengths: [Int32]? = nil

  func distance(of found: [Float], _ q: [Float], _ k: [Float], _ v: [Float]) -> Double {
    let head = width / heads
    var worst = 0.0
    for sample in 0..<samples {
      // Of long sequences every eleventh query and the last: all of them would take a minute.
      for query in 0..<queries where queries < 60 || query % 11 == 5 || query == queries - 1 {
        let valid = lengths.map { max(0, min(keys, Int($0[sample]))) } ?? keys
        let seen = isCausal ? min(valid, query + keys - queries + 1) : valid
        for first in stride(from: 0, to: width, by: head) {
          let row = (sample * queries + query) * width + first
          if seen == 0 {
            for column in 0..<head { worst = max(worst, abs(Double(found[row + column]))) }
            continue
          }
          let scores = (0..<seen).map { key in
            (0..<head).reduce(0.0) {
              $0 + Double(q[row + $1]) * Double(k[(sample * keys + key) * width + first + $1])
            } / Double(head).squareRoot()
          }
          let top = scores.max() ?? 0
          let weights = scores.map { exp($0 - top) }
          let sum = weights.reduce(0, +)
          for column in 0..<head {
            let y = (0..<seen).reduce(0.0) {
              $0 + weights[$1] * Double(v[(sample * keys + $1) * width + first + column])
            }
            let error = abs(Double(found[row + column]) - y / sum)
            if !(error <= worst) { worst = error }
          }
        }
      }
    }
    return worst
  }
}

private func draw(_ count: Int, key: UInt64) -> [Float] {
  (0..<count).map { 4 * Philox.uniform(Philox(key: key).block(at: $0, for: .synthetic).x) - 2 }
}

@Suite struct AttentionTests {
  /// Sizes around the kernel's register tiles (6), blocks (48) and panels (256 keys at a width of 64).
  @Test(
    arguments: [(1, 1, 1), (7, 7, 5), (48, 48, 64), (50, 50, 24), (97, 300, 64), (300, 300, 80)],
    [
      false, true,
    ])
  func theOutputIsThatOfTheFormula(_ size: (queries: Int, keys: Int, head: Int), causal: Bool) throws {
    let (samples, heads) = (3, 2)
    let width = heads * size.head
    for lengths in [nil, [Int32(size.keys), Int32(size.keys / 2), 0]] {
      let trace = Trace(microbatch: samples)
      let q = trace.input("q", perSample: [size.queries, width])
      let k = trace.input("k", perSample: [size.keys, width])
      let v = trace.input("v", perSample: [size.keys, width])
      let length = trace.input("length", perSample: [], of: .int32)
      let y = attention(
        query: q, key: k, value: v, heads: heads, causal: causal, lengths: lengths == nil ? nil : length)
      let graph = try trace.finish(loss: nil, outputs: [y])
      let executor = Executor(graph, pool: ThreadPool(threads: 2), seed: 1)
      let values = [q, k, v].enumerated().map { draw($1.shape.count, key: UInt64($0)) }
      for (tensor, values) in zip([q, k, v], values) {
        executor.setInput(tensor, to: values.span, training: false)
      }
      if let lengths { executor.setInput(length, to: lengths.span, training: false) }
      executor.forward(training: false)
      let plain = PlainAttention(
        samples: samples, queries: size.queries, keys: size.keys, width: width, heads: heads,
        isCausal: causal, lengths: lengths)
      let found = executor.elements(of: y, training: false)
      let worst = plain.distance(of: found, values[0], values[1], values[2])
      #expect(worst < 3e-6, "\(size) lengths \(lengths ?? [])")
    }
  }

  @Test(arguments: [false, true], GradientCheck.Wiring.allCases)
  func gradientsOfQueriesKeysAndValues(_ causal: Bool, _ wiring: GradientCheck.Wiring) throws {
    for keys in [7, 9] {
      let report = try GradientCheck.run(
        [[2, 7, 10], [2, keys, 10], [2, keys, 10]], microbatch: 2, wiring: wiring
      ) { _, x in attention(query: x[0], key: x[1], value: x[2], heads: 2, causal: causal) }
      #expect(report.worst < 1e-3 && report.checked > 9 * report.skipped, "\(report)")
    }
  }

  @Test(arguments: [false, true], GradientCheck.Wiring.allCases)
  func gradientsOfPackedInputs(_ causal: Bool, _ wiring: GradientCheck.Wiring) throws {
    let report = try GradientCheck.run([[2, 9, 24]], microbatch: 2, wiring: wiring) { _, x in
      attention(packed: x[0], heads: 2, causal: causal)
    }
    #expect(report.worst < 1e-3 && report.checked > 9 * report.skipped, "\(report)")
  }

  @Test(arguments: GradientCheck.Wiring.allCases)
  func gradientsOfOneTensorAsAllThree(_ wiring: GradientCheck.Wiring) throws {
    let report = try GradientCheck.run([[2, 6, 8]], microbatch: 2, wiring: wiring) { _, x in
      attention(query: x[0], key: x[0], value: x[0], heads: 2, causal: true)
    }
    #expect(report.worst < 1e-3 && report.checked > 9 * report.skipped, "\(report)")
  }

  /// Padding gets no gradient, and a sample that is padding altogether gives zeros.
  @Test(arguments: GradientCheck.Wiring.allCases)
  func gradientsWithPadding(_ wiring: GradientCheck.Wiring) throws {
    var lengths: Tensor?
    func prepare(_ executor: Executor) {
      if let lengths { executor.setInput(lengths, to: ([5, 2, 0] as [Int32]).span, training: true) }
    }
    let report = try GradientCheck.run([[3, 5, 12]], microbatch: 3, wiring: wiring, prepare: prepare) {
      trace, x in
      let given = lengths ?? trace.input("lengths", perSample: [], of: .int32)
      lengths = given
      return attention(packed: x[0], heads: 1, lengths: given)
    }
    #expect(report.worst < 1e-3 && report.checked > 9 * report.skipped, "\(report)")
  }

  /// Across panels and blocks finite differences would take minutes: the same sums taken apart and together must agree.
  @Test func packedAndSeparateInputsGiveTheSameBits() throws {
    let (samples, times, width, heads) = (2, 300, 128, 2)
    func run(threads: Int, packed: Bool) throws -> [[UInt32]] {
      let trace = Trace(microbatch: samples)
      let q = trace.parameter("q", [samples, times, width], .uniform(limit: 2))
      let k = trace.parameter("k", [samples, times, width], .uniform(limit: 2))
      let v = trace.parameter("v", [samples, times, width], .uniform(limit: 2))
      let all = trace.parameter("all", [samples, times, 3 * width], .zeros)
      let y =
        packed
        ? attention(packed: all, heads: heads, causal: true)
        : attention(query: q, key: k, value: v, heads: heads, causal: true)
      let target = trace.input("target", perSample: [times, width])
      let loss = meanSquaredError(y, target: target)
      let graph = try trace.finish(loss: loss, outputs: [y])
      let executor = Executor(graph, pool: ThreadPool(threads: threads), seed: 3)
      let parameters = graph.parameters
      for row in 0..<samples * times {
        for factor in 0..<3 {
          for column in 0..<width {
            executor.parameters.base[parameters[3].offset + (row * 3 + factor) * width + column] =
              executor.parameters.base[parameters[factor].offset + row * width + column]
          }
        }
      }
      executor.setInput(target, to: draw(samples * times * width, key: 5).span, training: true)
      executor.forward(training: true)
      executor.backward(scale: 1, accumulates: false)
      let gradients = try #require(executor.gradients)
      let split = (0..<3).map { factor in
        (0..<samples * times * width).map { element in
          let (row, column) = (element / width, element % width)
          let place =
            packed
            ? parameters[3].offset + (row * 3 + factor) * width + column
            : parameters[factor].offset + element
          return gradients.base[place].bitPattern
        }
      }
      return [executor.elements(of: y, training: true).map(\.bitPattern)] + split
    }
    let one = try run(threads: 1, packed: false)
    #expect(one.allSatisfy { !$0.allSatisfy { $0 == 0 } })
    for threads in [1, 2, 3, 4] { #expect(try run(threads: threads, packed: true) == one) }
  }

  /// Along a line in the space of inputs, at a size of several panels and blocks.
  @Test(arguments: [false, true]) func theGradientPredictsSmallSteps(causal: Bool) throws {
    let (samples, times, width) = (1, 300, 64)
    let trace = Trace(microbatch: samples)
    let packed = trace.parameter("packed", [samples, times, 3 * width], .uniform(limit: 2))
    let y = attention(packed: packed, heads: 1, causal: causal)
    let target = trace.input("target", perSample: [times, width])
    let loss = meanSquaredError(y, target: target)
    let graph = try trace.finish(loss: loss, outputs: [])
    let executor = Executor(graph, pool: ThreadPool(threads: 2), seed: 3)
    let start = executor.values(of: graph.parameters[0])
    let direction = draw(start.count, key: 8)
    func objective(_ step: Float) -> Double {
      for i in start.indices { executor.parameters.base[i] = start[i] + step * direction[i] }
      executor.setInput(target, to: draw(times * width, key: 5).span, training: true)
      executor.forward(training: true)
      return executor.elements(of: loss, training: true).reduce(0) { $0 + Double($1) }
    }
    _ = objective(0)
    executor.backward(scale: 1, accumulates: false)
    let analytic = direction.indices.reduce(0.0) {
      $0 + Double(direction[$1]) * Double(executor.gradients?.base[$1] ?? .nan)
    }
    let h: Float = 0x1p-7
    let (near, far) = (objective(h) - objective(-h), objective(2 * h) - objective(-2 * h))
    let numeric = (8 * near - far) / (12 * Double(h))
    #expect(abs(analytic - numeric) < 2e-3 * max(1, abs(numeric)), "\(analytic) and \(numeric)")
  }

  @Test func notANumberStaysInTheRowsThatSeeIt() throws {
    let trace = Trace(microbatch: 1)
    let packed = trace.input("packed", perSample: [20, 24])
    let y = attention(packed: packed, heads: 1, causal: true)
    let graph = try trace.finish(loss: nil, outputs: [y])
    let executor = Executor(graph, pool: ThreadPool(threads: 1), seed: 1)
    var values = draw(20 * 24, key: 2)
    values[9 * 24 + 8] = .nan  // a key
    executor.setInput(packed, to: values.span, training: false)
    executor.forward(training: false)
    let found = executor.elements(of: y, training: false)
    for row in 0..<20 {
      #expect(found[row * 8..<(row + 1) * 8].allSatisfy { $0.isNaN == (row >= 9) }, "row \(row)")
    }
  }

  @Test func misfitsAreRefused() {
    func message(_ body: (Trace) -> Tensor) -> String {
      let trace = Trace(microbatch: 2)
      let y = body(trace)
      do {
        _ = try trace.finish(loss: nil, outputs: [y])
        return ""
      } catch { return error.description }
    }
    #expect(
      message { attention(packed: $0.input("x", perSample: [5, 32]), heads: 3) }
        == "attention: expected 3 x a width that is a multiple of 3 heads, found [2, 5, 32]")
    #expect(
      message {
        let (q, k) = ($0.input("q", perSample: [5, 8]), $0.input("k", perSample: [4, 8]))
        return attention(query: q, key: k, value: k, heads: 2, causal: true)
      } == "attention: expected at least as many keys as queries, found 4 and 5")
    #expect(
      message {
        let (q, k) = ($0.input("q", perSample: [5, 8]), $0.input("k", perSample: [5, 6]))
        return attention(query: q, key: k, value: k, heads: 2)
      } == "attention: expected keys and values [2, keys, 8], found [2, 5, 6] and [2, 5, 6]")
    #expect(
      message { attention(packed: $0.input("x", perSample: [5, 3 * 512]), heads: 1) }
        == "attention: expected at most 256 columns a head, found 512")
    #expect(
      message {
        attention(
          packed: $0.input("x", perSample: [5, 24]), heads: 1,
          lengths: $0.input("l", perSample: [5], of: .int32))
      } == "attention: expected lengths [2], found [2, 5]")
  }
}
