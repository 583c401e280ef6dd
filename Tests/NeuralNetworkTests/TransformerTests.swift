import BLAS
import Foundation
import Graph
import Kernels
import NeuralNetwork
import Testing

/// Tokens drawn from 0..<bound.
private func draw(_ count: Int, below bound: UInt32, key: UInt64) -> [Int32] {
  (0..<count).map { Int32(Philox(key: key).block(at: $0, for: .synthetic).x % bound) }
}

/// Adam as in the paper (D. Kingma, J. Ba, arXiv:1412.6980).
private struct Adam {
  var m, v: [Float]
  var steps = 0

  init(count: Int) {
    m = Array(repeating: 0, count: count)
    v = m
  }

  mutating func update(_ parameters: Arena, _ gradients: Arena, rate: Float) {
    steps += 1
    let (first, second) = (1 - pow(0.9, Float(steps)), 1 - pow(0.999, Float(steps)))
    for i in m.indices {
      let g = gradients.base[i]
      m[i] = 0.9 * m[i] + 0.1 * g
      v[i] = 0.999 * v[i] + 0.001 * g * g
      parameters.base[i] -= rate * (m[i] / first) / ((v[i] / second).squareRoot() + 1e-8)
    }
  }
}

private struct Language {
  let graph: Graph
  let tokens, labels, logits, loss: Tensor

  init(_ model: GPT, microbatch: Int, time: Int) throws {
    let trace = Trace(microbatch: microbatch)
    tokens = trace.input("tokens", perSample: [time], of: .int32)
    labels = trace.input("labels", perSample: [time], of: .int32)
    logits = model(tokens)
    loss = softmaxCrossEntropy(logits, labels: labels)
    graph = try trace.finish(loss: loss, outputs: [logits])
  }
}

@Suite struct TransformerTests {
  private static let small = GPT(layers: 2, heads: 2, width: 8, context: 6, vocabulary: 11)

  @Test func theParametersOfAGPTHaveStableNamesAndShapes() throws {
    let graph = try Language(Self.small, microbatch: 2, time: 5).graph
    let names = graph.parameters.map { "\($0.name) \($0.shape)" }
    #expect(
      names.prefix(18) == [
        "embedding.table [11, 8]", "embedding.positions [6, 8]", "blocks.0.norm1.gain [8]",
        "blocks.0.norm1.bias [8]", "blocks.0.attention.query.weight [8, 8]",
        "blocks.0.attention.query.bias [8]",
        "blocks.0.attention.key.weight [8, 8]", "blocks.0.attention.key.bias [8]",
        "blocks.0.attention.value.weight [8, 8]", "blocks.0.attention.value.bias [8]",
        "blocks.0.attention.output.weight [8, 8]", "blocks.0.attention.output.bias [8]",
        "blocks.0.norm2.gain [8]", "blocks.0.norm2.bias [8]", "blocks.0.mlp.hidden.weight [8, 32]",
        "blocks.0.mlp.hidden.bias [32]", "blocks.0.mlp.output.weight [32, 8]", "blocks.0.mlp.output.bias [8]",
      ])
    #expect(names.suffix(3) == ["norm.gain [8]", "norm.bias [8]", "head.weight [8, 11]"])
  }

  @Test func aTiedHeadHasNoParameterOfItsOwn() throws {
    var model = Self.small
    model.tiesHead = true
    let graph = try Language(model, microbatch: 2, time: 5).graph
    #expect(graph.parameters.last?.name == "norm.bias")
    #expect(
      graph.parameterCount + 8 * 11 == (try Language(Self.small, microbatch: 2, time: 5)).graph.parameterCount
    )
  }

  @Test func lessIsKeptWhereMoreIsComputedAgain() throws {
    let counts = try Recomputation.allCases.map { recomputation in
      let model = GPT(
        layers: 6, heads: 2, width: 64, context: 64, vocabulary: 30, recomputation: recomputation)
      return Executor.activationCount(try Language(model, microbatch: 2, time: 64).graph)
    }
    #expect(Double(counts[1]) < 0.75 * Double(counts[0]) && counts[2] < counts[1] / 2, "\(counts)")
  }

  @Test func firstValuesAreThoseOfGPT2() throws {
    let model = GPT(layers: 8, heads: 2, width: 64, context: 32, vocabulary: 100)
    let language = try Language(model, microbatch: 1, time: 4)
    let executor = Executor(language.graph, pool: ThreadPool(threads: 1), seed: 1)
    func deviation(_ name: String) throws -> Float {
      let values = executor.values(of: try #require(language.graph.parameters.first { $0.name == name }))
      return (values.reduce(0) { $0 + $1 * $1 } / Float(values.count)).squareRoot()
    }
    for name in ["embedding.table", "blocks.3.attention.query.weight", "blocks.7.mlp.hidden.weight"] {
      #expect(abs(try deviation(name) - 0.02) < 1e-3, "\(name)")
    }
    for name in ["blocks.3.attention.output.weight", "blocks.7.mlp.output.weight"] {
      #expect(abs(try deviation(name) - 0.02 / 4) < 3e-4, "\(name): 1 / √(2 · 8 layers)")
    }
  }

  @Test func aGPTLearnsASequence() throws {
    let model = GPT(layers: 1, heads: 2, width: 16, context: 12, vocabulary: 7)
    let language = try Language(model, microbatch: 4, time: 12)
    let executor = Executor(language.graph, pool: ThreadPool(threads: 2), seed: 1)
    let gradients = try #require(executor.gradients)
    var losses: [Float] = []
    for step in 0..<80 {
      // Each token follows from the one before it: 3 x + 1 mod 7.
      var tokens: [Int32] = []
      for sample in 0..<4 {
        var token = Int32((4 * step + sample) % 7)
        for _ in 0..<12 {
          tokens.append(token)
          token = (3 * token + 1) % 7
        }
      }
      let labels = tokens.map { (3 * $0 + 1) % 7 }
      executor.setInput(language.tokens, to: tokens.span, training: true)
      executor.setInput(language.labels, to: labels.span, training: true)
      executor.forward(training: true)
      losses.append(executor.elements(of: language.loss, training: true).reduce(0, +) / 48)
      executor.backward(scale: 1 / 48, accumulates: false)
      for i in 0..<language.graph.arenaCount { executor.parameters.base[i] -= gradients.base[i] }
    }
    #expect(losses[0] > 1.8 && losses[79] < 0.2, "\(losses)")
  }

  /// One step's gradients: on any number of threads, and with blocks that are computed again.
  @Test func threadsAndRecomputationDoNotChangeOneBit() throws {
    func run(threads: Int, dropout: Float = 0.1, _ recomputation: Recomputation = .nothing) throws -> [UInt32]
    {
      let model = GPT(
        layers: 2, heads: 3, width: 48, context: 70, vocabulary: 30, dropout: dropout, tiesHead: true,
        recomputation: recomputation)
      let language = try Language(model, microbatch: 3, time: 70)
      let executor = Executor(language.graph, pool: ThreadPool(threads: threads), seed: 1)
      for accumulates in [false, true] {
        executor.setInput(language.tokens, to: draw(210, below: 30, key: 1).span, training: true)
        executor.setInput(language.labels, to: draw(210, below: 30, key: 2).span, training: true)
        executor.forward(training: true, at: Position(step: 1, firstSample: 3))
        executor.backward(scale: 1 / 210, accumulates: accumulates)
      }
      let gradients = try #require(executor.gradients)
      return (0..<language.graph.arenaCount).map { gradients.base[$0].bitPattern }
    }
    let expected = try run(threads: 1)
    for threads in [2, 3, 4] { #expect(try run(threads: threads) == expected) }
    #expect(try run(threads: 2, .blocks) == expected)
    // Gelu is an operation of its own there, so that what is drawn for dropout differs.
    #expect(try run(threads: 2, dropout: 0, .elementwise) == run(threads: 1, dropout: 0))
  }

  @Test func laterTokensDoNotChangeEarlierLogits() throws {
    let language = try Language(Self.small, microbatch: 1, time: 6)
    let executor = Executor(language.graph, pool: ThreadPool(threads: 1), seed: 1)
    func logits(_ tokens: [Int32]) -> [Float] {
      executor.setInput(language.tokens, to: tokens.span, training: false)
      executor.setInput(language.labels, to: tokens.span, training: false)
      executor.forward(training: false)
      return executor.elements(of: language.logits, training: false)
    }
    let (a, b) = (logits([1, 2, 3, 4, 5, 6]), logits([1, 2, 3, 9, 5, 6]))
    #expect(a[0..<33] == b[0..<33])
    #expect(a[33...] != b[33...])
  }

  @Test func aSequenceBeyondTheContextIsRefused() {
    #expect {
      _ = try Language(Self.small, microbatch: 2, time: 7)
    } throws: {
      "\($0)".contains("expected positions [context, 8] with a context of at least 7")
    }
  }

  @Test(arguments: Encoder.Pooling.allCases)
  func paddingDoesNotChangeWhatAnEncoderSays(_ pooling: Encoder.Pooling) throws {
    let model = Encoder(
      layers: 2, heads: 2, width: 8, context: 9, vocabulary: 5, outputs: 3, pooling: pooling)
    func logits(_ tokens: [Int32], time: Int, length: Int32) throws -> [Float] {
      let trace = Trace(microbatch: 1)
      let input = trace.input("tokens", perSample: [time], of: .int32)
      let lengths = trace.input("lengths", perSample: [], of: .int32)
      let output = model(input, lengths: lengths)
      let graph = try trace.finish(loss: nil, outputs: [output])
      let executor = Executor(graph, pool: ThreadPool(threads: 1), seed: 1)
      executor.setInput(input, to: tokens.span, training: false)
      executor.setInput(lengths, to: ([length] as [Int32]).span, training: false)
      executor.forward(training: false)
      return executor.elements(of: output, training: false)
    }
    let whole = try logits([4, 2, 0, 1, 3], time: 5, length: 5)
    let padded = try logits([4, 2, 0, 1, 3, 0, 0, 0, 0], time: 9, length: 5)
    let other = try logits([4, 2, 0, 1, 3, 1, 2, 3, 4], time: 9, length: 5)
    #expect(padded == other)
    for i in 0..<3 { #expect(abs(whole[i] - padded[i]) < 1e-6) }
    #expect(try logits([4, 2, 0, 1, 3, 1, 2, 3, 4], time: 9, length: 9) != other)
  }

  @Test(arguments: Encoder.Pooling.allCases)
  func anEncoderLearnsWhichSymbolIsThere(_ pooling: Encoder.Pooling) throws {
    let model = Encoder(
      layers: 1, heads: 2, width: 16, context: 8, vocabulary: 5, outputs: 2, pooling: pooling)
    let trace = Trace(microbatch: 16)
    let tokens = trace.input("tokens", perSample: [8], of: .int32)
    let labels = trace.input("labels", perSample: [], of: .int32)
    let logits = model(tokens)
    let loss = softmaxCrossEntropy(logits, labels: labels)
    let graph = try trace.finish(loss: loss, outputs: [])
    let executor = Executor(graph, pool: ThreadPool(threads: 2), seed: 1)
    let gradients = try #require(executor.gradients)
    var adam = Adam(count: graph.arenaCount)
    var last: Float = .nan
    for step in 0..<100 {
      var input = draw(16 * 8, below: 4, key: UInt64(step))
      let classes = (0..<16).map { Int32($0 % 2) }
      for sample in stride(from: 1, to: 16, by: 2) { input[8 * sample + (step + sample) % 8] = 4 }
      executor.setInput(tokens, to: input.span, training: true)
      executor.setInput(labels, to: classes.span, training: true)
      executor.forward(training: true)
      last = executor.elements(of: loss, training: true).reduce(0, +) / 16
      executor.backward(scale: 1 / 16, accumulates: false)
      adam.update(executor.parameters, gradients, rate: 0.01)
    }
    #expect(last < 0.1)
  }
}
