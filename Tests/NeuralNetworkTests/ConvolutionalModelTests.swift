import BLAS
import Graph
import Kernels
import Testing

@testable import NeuralNetwork

/// Models for images and signals: shapes, sizes, and that they learn.
@Suite struct ConvolutionalModelTests {
  private static func graph(
    _ microbatch: Int, _ sample: Shape, _ model: (Tensor) -> Tensor
  ) throws -> (graph: Graph, output: Tensor) {
    let trace = Trace(microbatch: microbatch)
    let output = model(trace.input("x", perSample: sample))
    return (try trace.finish(loss: nil, outputs: [output]), output)
  }

  private static func trained(_ graph: Graph) -> Int {
    graph.parameters.filter { !$0.name.contains(".running") }.reduce(0) { $0 + $1.shape.count }
  }

  /// The paper's table 6: 0.27, 0.46 and 0.85 million parameters with option A. Option B adds 2,752 in two shortcuts.
  @Test(arguments: [(20, 269_722), (32, 464_154), (56, 853_018)])
  func residualNetworksHaveThePapersSize(_ layers: Int, _ count: Int) throws {
    let (graph, output) = try Self.graph(2, [32, 32, 3]) { ResNet(layers: layers, classes: 10)($0) }
    #expect(output.shape == [2, 10])
    #expect(Self.trained(graph) == count + 2_752, "\(Self.trained(graph))")
  }

  @Test func resnet18HasThePapersSize() throws {
    let (graph, output) = try Self.graph(1, [224, 224, 3]) { ResNet18(classes: 1000)($0) }
    #expect(output.shape == [1, 1000] && Self.trained(graph) == 11_689_512)
    // Small images pass as well.
    #expect(try Self.graph(1, [32, 32, 3]) { ResNet18(classes: 10)($0) }.output.shape == [1, 10])
  }

  @Test func lenetHasThePapersLayers() throws {
    let (graph, output) = try Self.graph(3, [28, 28, 1]) { LeNet(classes: 10)($0) }
    #expect(output.shape == [3, 10])
    #expect(
      graph.parameters.map(\.shape).filter { $0.rank > 1 } == [
        [5, 5, 1, 6], [5, 5, 6, 16], [400, 120], [120, 84], [84, 10],
      ])
    #expect(graph.parameters.map(\.name).contains("convolution2.weight"))
  }

  enum Model: String, CaseIterable {
    case lenet, resnet, signals

    var sample: Shape { self == .signals ? [48, 2] : [16, 16, 1] }

    func callAsFunction(_ x: Tensor) -> Tensor {
      switch self {
      case .lenet: LeNet(classes: 3)(x)
      case .resnet: ResNet(layers: 8, classes: 3)(x)
      case .signals: Conv1DNet(channels: [8, 16], kernel: 5, outputs: 3)(x)
      }
    }
  }

  /// Losses of some steps of plain gradient descent on samples of three textures, and the bits of the parameters after them.
  private func train(_ model: Model, threads: Int, steps: Int) throws -> (losses: [Float], bits: [UInt32]) {
    let trace = Trace(microbatch: 12)
    let x = trace.input("x", perSample: model.sample)
    let labels = trace.input("labels", perSample: Shape([]), of: .int32)
    let loss = softmaxCrossEntropy(model(x), labels: labels)
    let graph = try trace.finish(loss: loss, outputs: [])
    let executor = Executor(graph, pool: ThreadPool(threads: threads), seed: 1)
    guard let gradients = executor.gradients else { return ([], []) }
    let count = model.sample.count
    var values: [Float] = []
    for sample in 0..<12 {
      for element in 0..<count {
        let noise = Philox.uniform(Philox(key: 3).block(at: sample * count + element, for: .synthetic).x)
        values.append((element / (sample % 3 + 1) % 4 < 2 ? 1 : -1) + noise - 0.5)
      }
    }
    let classes = (0..<12).map { Int32($0 % 3) }
    var losses: [Float] = []
    for step in 0..<steps {
      executor.setInput(x, to: values.span, training: true)
      executor.setInput(labels, to: classes.span, training: true)
      executor.forward(training: true, at: Position(step: step, firstSample: 0))
      losses.append(executor.elements(of: loss, training: true).reduce(0, +) / 12)
      executor.backward(scale: 1 / 12, accumulates: false)
      for index in graph.statisticsCount..<graph.arenaCount {
        executor.parameters.base[index] -= 0.05 * gradients.base[index]
      }
      for statistic in graph.parameters {
        guard let momentum = statistic.momentum else { continue }
        for index in statistic.range {
          executor.parameters.base[index] +=
            momentum * (gradients.base[index] - executor.parameters.base[index])
        }
      }
    }
    return (losses, (0..<graph.arenaCount).map { executor.parameters.base[$0].bitPattern })
  }

  @Test(arguments: Model.allCases) func itLearns(_ model: Model) throws {
    let losses = try train(model, threads: 2, steps: 25).losses
    #expect(losses[0] > 0.8 && (losses.last ?? 9) < 0.3, "\(losses)")
  }

  @Test(arguments: Model.allCases) func anyNumberOfThreadsGivesTheSameBits(_ model: Model) throws {
    let expected = try train(model, threads: 1, steps: 2).bits
    for threads in 2...4 { #expect(try train(model, threads: threads, steps: 2).bits == expected) }
  }
}
