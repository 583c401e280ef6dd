import BLAS
import Graph
import Kernels
import NeuralNetwork
import Testing

@Suite struct TextGeneratorTests {
  private static let model = GPT(
    layers: 2, heads: 2, width: 16, context: 10, vocabulary: 13, tiesHead: true)
  private static let untied = GPT(layers: 2, heads: 2, width: 16, context: 10, vocabulary: 13)

  /// A GPT with weights large enough for its logits to differ, its full forward pass and a generator that reads its weights.
  private struct Trained {
    let graph: Graph
    let tokens, logits: Tensor
    let executor: Executor
    let pool: ThreadPool

    let model: GPT

    init(_ model: GPT = TextGeneratorTests.model, threads: Int = 1) throws {
      self.model = model
      let trace = Trace(microbatch: 1)
      tokens = trace.input("tokens", perSample: [model.context], of: .int32)
      logits = model(tokens)
      graph = try trace.finish(loss: nil, outputs: [logits])
      pool = ThreadPool(threads: threads)
      executor = Executor(graph, pool: pool, seed: 3)
      for parameter in graph.parameters {
        for i in parameter.range {
          let noise = Philox.uniform(Philox(key: 21).block(at: i, for: .synthetic).x) - 0.5
          executor.parameters.base[i] = executor.parameters.base[i] * 8 + 0.3 * noise
        }
      }
    }

    /// The logits after the last of `window`, by the graph's forward pass.
    func full(_ window: [Int32]) -> [Float] {
      let padded = window + [Int32](repeating: 0, count: model.context - window.count)
      executor.setInput(tokens, to: padded.span, training: false)
      executor.forward(training: false)
      let all = executor.elements(of: logits, training: false)
      return Array(all[(window.count - 1) * 13..<window.count * 13])
    }

    func generator() throws -> TextGenerator {
      try TextGenerator(model, graph: graph, parameters: executor.parameters, pool: pool)
    }
  }

  /// The largest difference, in parts of the largest of `expected`: large weights magnify what rounding changes.
  private func distance(_ found: [Float], _ expected: [Float]) -> Float {
    let largest = expected.map(abs).max() ?? 0
    return zip(found, expected).map { abs($0 - $1) / largest }.max() ?? .nan
  }

  private func draw(_ count: Int) -> [Int32] {
    (0..<count).map { Int32(Philox(key: 5).block(at: $0, for: .synthetic).x % 13) }
  }

  /// Token by token and far beyond the context: what is kept gives what a pass over the whole window gives.
  @Test(arguments: [1, 2], [model, untied]) func logitsEqualTheFullForwardPassAtEveryPosition(
    threads: Int, model: GPT
  ) throws {
    let trained = try Trained(model, threads: threads)
    let generator = try trained.generator()
    let text = draw(34)
    for (place, token) in text.enumerated() {
      let found = generator.read([token])
      #expect(generator.window == Array(text[...place].suffix(generator.window.count)))
      #expect(generator.window.count >= min(place + 1, 6) && generator.window.count <= 10)
      #expect(distance(found, trained.full(generator.window)) < 5e-5, "position \(place)")
    }
    #expect(Set(trained.full([1, 2]).map(\.bitPattern)).count > 10)
  }

  @Test(arguments: [1, 4, 9, 10, 11, 16, 25]) func aPromptIsReadAsItsTokensOneByOne(_ count: Int) throws {
    let trained = try Trained()
    let (together, apart) = (try trained.generator(), try trained.generator())
    let text = draw(count + 3)
    var last: [Float] = []
    for token in text { last = apart.read([token]) }
    _ = together.read([text[0]])
    let found = together.read(Array(text[1...]))
    #expect(together.window == apart.window)
    #expect(distance(found, last) < 5e-5)
  }

  @Test func namedValuesGiveTheSameTokens() throws {
    let trained = try Trained()
    let values = Dictionary(
      uniqueKeysWithValues: trained.graph.parameters.map { ($0.name, trained.executor.values(of: $0)) })
    let copy = try TextGenerator(Self.model, values: values, pool: trained.pool)
    let sampling = Sampling(temperature: 0.9, topK: 5)
    let expected = try trained.generator().generate(after: [3, 1], count: 40, sampling: sampling, seed: 7)
    #expect(copy.generate(after: [3, 1], count: 40, sampling: sampling, seed: 7) == expected)
    #expect(Set(expected).count > 3)
    copy.reset()
    #expect(copy.generate(after: [3, 1], count: 40, sampling: sampling, seed: 8) != expected)
  }

  @Test func aMissingParameterIsNamed() throws {
    let trained = try Trained()
    var values = Dictionary(
      uniqueKeysWithValues: trained.graph.parameters.map { ($0.name, trained.executor.values(of: $0)) })
    values["blocks.1.norm2.gain"] = nil
    #expect {
      try TextGenerator(Self.model, values: values, pool: trained.pool)
    } throws: {
      "\($0)" == "generator: expected 16 values of parameter \"blocks.1.norm2.gain\", found 0"
    }
    #expect {
      try TextGenerator(
        GPT(layers: 3, heads: 2, width: 16, context: 10, vocabulary: 13), graph: trained.graph,
        parameters: trained.executor.parameters, pool: trained.pool)
    } throws: {
      "\($0)" == "generator: expected parameter \"blocks.2.norm1.gain\" [16], found none"
    }
  }

  @Test func greedyTakesTheFirstOfTheLargest() {
    #expect(Sampling.greedy.token(from: [1, 5, 2, 5], seed: 1, draw: 0) == 1)
    #expect(Sampling(temperature: 2, topK: 1).token(from: [1, 5, 2, 5], seed: 1, draw: 3) == 1)
  }

  @Test func tokensAreDrawnWithTheirProbabilities() {
    let logits: [Float] = [0, 1, -.infinity, 2]
    for (sampling, weights) in [
      (Sampling(), [1, 2.7182818, 0, 7.3890561]), (Sampling(temperature: 2), [1, 1.6487213, 0, 2.7182818]),
      (Sampling(topK: 2), [0, 2.7182818, 0, 7.3890561]),
    ] {
      var counts = [Int](repeating: 0, count: 4)
      let draws = 20_000
      for draw in 0..<draws { counts[Int(sampling.token(from: logits, seed: 3, draw: draw))] += 1 }
      let whole = weights.reduce(0, +)
      for (count, weight) in zip(counts, weights) {
        // Five standard deviations of a binomial count.
        let expected = Double(draws) * weight / whole
        #expect(abs(Double(count) - expected) <= 5 * (expected * (1 - weight / whole)).squareRoot())
      }
    }
  }
}
