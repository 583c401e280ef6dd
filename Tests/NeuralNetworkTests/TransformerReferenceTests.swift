import Graph
import NeuralNetwork
import Testing

/// The losses of the first 20 steps of the transformers equal PyTorch's.
@Suite struct TransformerReferenceTests {
  /// What backward computes again is what forward computed.
  @Test(arguments: [1, 4], Recomputation.allCases)
  func gpt(_ microbatches: Int, _ recomputation: Recomputation) throws {
    try expectLosses("gpt", microbatches, tiesHead: false, recomputation)
  }

  @Test(arguments: [1, 4]) func gptWithATiedHead(_ microbatches: Int) throws {
    try expectLosses("gpt-tied", microbatches, tiesHead: true, .elementwise)
  }

  private func expectLosses(
    _ name: String, _ microbatches: Int, tiesHead: Bool, _ recomputation: Recomputation
  ) throws {
    let reference = try Reference(name)
    let model = GPT(
      layers: 2, heads: 2, width: 16, context: 12, vocabulary: 17, tiesHead: tiesHead,
      recomputation: recomputation)
    try reference.expectLosses(microbatches: microbatches) { trace in
      let tokens = trace.input("tokens", perSample: [10], of: .int32)
      let labels = trace.input("labels", perSample: [10], of: .int32)
      let count = 10 * reference.batch
      return (
        softmaxCrossEntropy(model(tokens), labels: labels),
        [
          .integers(tokens, Generator.integers("tokens", count: count, below: 17)),
          .integers(labels, Generator.integers("labels", count: count, below: 17)),
        ]
      )
    }
  }

  /// Sequences of different lengths.
  @Test(arguments: [1, 4]) func encoder(_ microbatches: Int) throws {
    let reference = try Reference("encoder")
    let (batch, model) = (
      reference.batch, Encoder(layers: 2, heads: 4, width: 16, context: 12, vocabulary: 6, outputs: 3)
    )
    try reference.expectLosses(microbatches: microbatches) { trace in
      let tokens = trace.input("tokens", perSample: [12], of: .int32)
      let lengths = trace.input("lengths", perSample: Shape([]), of: .int32)
      let labels = trace.input("labels", perSample: Shape([]), of: .int32)
      return (
        softmaxCrossEntropy(model(tokens, lengths: lengths), labels: labels),
        [
          .integers(tokens, Generator.integers("tokens", count: 12 * batch, below: 6)),
          .integers(lengths, Generator.integers("lengths", count: batch, below: 12).map { $0 + 1 }),
          .integers(labels, Generator.integers("labels", count: batch, below: 3)),
        ]
      )
    }
  }
}
