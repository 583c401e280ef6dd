import BLAS
import Graph
import NeuralNetwork
import Testing

@Suite struct ContainerTests {
  private func graph(features: Int = 6, _ model: (Tensor) -> Tensor) throws -> (Graph, output: Shape) {
    let trace = Trace(microbatch: 4)
    let x = trace.input("x", perSample: [features])
    let y = model(x)
    return (try trace.finish(loss: meanSquaredError(y, target: y), outputs: [y]), y.shape)
  }

  @Test func layersFollowOneAnotherAsTheyAreListed() throws {
    let hidden = [8, 7]
    let drops = false
    let model = Sequential {
      for (layer, units) in hidden.enumerated() {
        Dense("hidden.\(layer)", units)
        relu
        if drops { Dropout(0.5) }
      }
      if hidden.isEmpty { Dense("straight", 3) } else { Dense("output", 3) }
      [Function { $0 + $0 }, Dropout(0)] as [any Layer]
    }
    #expect(model.layers.count == 7)
    let (graph, output) = try graph(model.callAsFunction)
    #expect(output == [4, 3])
    #expect(
      graph.parameters.map(\.name) == [
        "hidden.0.weight", "hidden.0.bias", "hidden.1.weight", "hidden.1.bias", "output.weight",
        "output.bias",
      ])
  }

  @Test func imagesGoThroughLayersOfAnyKind() throws {
    let trace = Trace(microbatch: 2)
    let model = Sequential {
      Conv2D("stem", 4, kernel: 3, bias: false)
      BatchNorm("norm")
      relu
      MaxPool2D(2)
      Residual { Conv2D("inner", 4, kernel: 3, activation: .relu) }
      GlobalAveragePool()
      Dense("output", 3)
    }
    let y = model(trace.input("x", perSample: [8, 8, 1]))
    #expect(y.shape == [2, 3])
    #expect(try trace.finish(loss: nil, outputs: [y]).parameterCount == 36 + 8 + 4 * 36 + 4 + 15)
  }

  @Test func anEmptySequenceIsTheIdentity() throws {
    let trace = Trace(microbatch: 2)
    let x = trace.input("x", perSample: [3])
    #expect(Sequential {}(x).shape == x.shape)
  }

  /// The result of `model` for the input 1, 2, ..., and its parameters.
  private func run(_ model: (Tensor) -> Tensor, features: Int) throws -> ([Float], [String: [Float]]) {
    let trace = Trace(microbatch: 2)
    let x = trace.input("x", perSample: [features])
    let y = model(x)
    let executor = Executor(
      try trace.finish(loss: nil, outputs: [y]), pool: ThreadPool(threads: 1), seed: 1)
    let values = (0..<2 * features).map { Float($0 + 1) }
    executor.setInput(x, to: values.span, training: false)
    executor.forward(training: false)
    let parameters = executor.graph.parameters.map { ($0.name, executor.values(of: $0)) }
    return (executor.elements(of: y, training: false), Dictionary(uniqueKeysWithValues: parameters))
  }

  @Test func aResidualAddsWhatItWasGiven() throws {
    let (found, _) = try run(
      Residual { Dense("zero", 3, initializer: .zeros) }.callAsFunction, features: 3)
    #expect(found == [1, 2, 3, 4, 5, 6])
  }

  @Test func aShortcutFitsTheInputToTheResult() throws {
    let model = Residual {
      Dense("zero", 2, bias: false, initializer: .zeros)
    } shortcut: {
      Dense("fit", 2, bias: false, initializer: .constant(1))
    }
    let (found, parameters) = try run(model.callAsFunction, features: 3)
    #expect(found == [6, 6, 15, 15])
    #expect(parameters.keys.sorted() == ["fit.weight", "zero.weight"])
  }

  @Test func aResidualOfAnotherShapeIsRefused() {
    #expect {
      try graph(Residual { Dense("narrow", 2) }.callAsFunction)
    } throws: { "\($0)" == "residual: expected equal shapes, found [4, 6] and [4, 2]" }
  }

  /// One parameter in two layers: its gradient is the sum of what two parameters of the same values would get.
  @Test func tiedWeightsGetTheGradientOfBothUses() throws {
    func gradients(tied: Bool) throws -> [[Float]] {
      let trace = Trace(microbatch: 4)
      let x = trace.input("x", perSample: [3])
      let first = trace.parameter("weight", [3, 3], .constant(0.3))
      let second = tied ? first : trace.parameter("second", [3, 3], .constant(0.3))
      let y = dense(dense(x, weight: first, activation: .tanh), weight: second)
      let executor = Executor(
        try trace.finish(loss: meanSquaredError(y, target: x), outputs: []), pool: ThreadPool(threads: 2),
        seed: 1)
      let values = (0..<12).map { Float($0 % 5) - 2 }
      executor.setInput(x, to: values.span, training: true)
      executor.forward(training: true)
      executor.backward(scale: 1, accumulates: false)
      var gradients: [[Float]] = []
      for parameter in executor.graph.parameters {
        executor.gradients?.withMutableElements(parameter.range) { elements in
          gradients.append(elements.indices.map { elements[$0] })
        }
      }
      return gradients
    }
    let (tied, apart) = (try gradients(tied: true), try gradients(tied: false))
    #expect(tied.count == 1 && apart.count == 2)
    for i in 0..<9 { #expect(abs(tied[0][i] - (apart[0][i] + apart[1][i])) < 1e-5) }
  }
}

@Suite struct TabularTests {
  private func names(_ model: Tabular, numeric: Int) throws -> [String] {
    let trace = Trace(microbatch: 4)
    let codes = trace.input("codes", perSample: [model.cardinalities.count], of: .int32)
    let features = numeric == 0 ? nil : trace.input("features", perSample: [numeric])
    let y = model(features: features, codes: codes)
    return try trace.finish(loss: nil, outputs: [y]).parameters.map { "\($0.name) \($0.shape)" }
  }

  @Test func columnsAreEmbeddedBesideTheFeatures() throws {
    let model = Tabular(cardinalities: [7, 300], hidden: [16], outputs: 2)
    #expect(
      try names(model, numeric: 5) == [
        "columns.0.table [7, 4]", "columns.1.table [300, 50]", "hidden.0.weight [59, 16]",
        "hidden.0.bias [16]",
        "output.weight [16, 2]", "output.bias [2]",
      ])
    #expect(try names(model, numeric: 0)[2] == "hidden.0.weight [54, 16]")
  }

  @Test func widthsThatDoNotFitAreRefused() {
    #expect {
      try names(Tabular(cardinalities: [7, 3], widths: [2], hidden: [], outputs: 1), numeric: 1)
    } throws: { "\($0)".contains("tabular: expected a width for each cardinality") }
  }

  /// Whether a transaction is bad depends on a pair of codes alone, in a way that is not linear: only embeddings can learn it.
  @Test func aRuleOverCategoriesIsLearned() throws {
    let trace = Trace(microbatch: 64)
    let features = trace.input("features", perSample: [2])
    let codes = trace.input("codes", perSample: [2], of: .int32)
    let label = trace.input("label", perSample: [1])
    let logits = Tabular(cardinalities: [8, 8], hidden: [16], outputs: 1)(features: features, codes: codes)
    let loss = binaryCrossEntropy(logits, target: label)
    let executor = Executor(
      try trace.finish(loss: loss, outputs: []), pool: ThreadPool(threads: 1), seed: 1)
    let pairs = (0..<64).map { (Int32($0 / 8), Int32($0 % 8)) }
    let wrong = pairs.map { Float(($0.0 % 2) ^ ($0.1 / 4)) }
    let (amounts, numbers) = ([Float](repeating: 0.5, count: 128), pairs.flatMap { [$0.0, $0.1] })
    var last: [Float] = []
    for _ in 0..<400 {
      executor.setInput(features, to: amounts.span, training: true)
      executor.setInput(codes, to: numbers.span, training: true)
      executor.setInput(label, to: wrong.span, training: true)
      executor.forward(training: true)
      last = executor.elements(of: loss, training: true)
      executor.backward(scale: 1 / 64, accumulates: false)
      let all = 0..<executor.graph.arenaCount
      executor.gradients?.withMutableElements(all) { gradients in
        executor.parameters.withMutableElements(all) { values in
          for i in values.indices { values[i] -= 2 * gradients[i] }
        }
      }
    }
    #expect(last.allSatisfy { $0 < 0.1 }, "\(last)")
  }
}
