import BLAS
import Datasets
import Foundation
import MPI
import MPITestSupport
import NeuralNetwork
import Testing

@testable import Training

@Suite struct LossConfigurationTests {
  private func configuration(_ loss: String) throws -> Configuration {
    try Configuration(yaml: smallConfiguration, overrides: ["training.loss=\(loss)"])
  }

  private func table(_ labels: Dataset.Labels) -> Dataset {
    Dataset(
      features: (0..<labels.count).map(Float.init), labels: labels, featureNames: ["x"], labelName: "y")
  }

  private var classes: Dataset { table(.classes([0, 1, 1, 1, 2, 2], names: ["no", "yes", "perhaps"])) }
  private var values: Dataset { table(.values([1, 2.5, 3])) }
  private var text: Dataset {
    Dataset(
      codes: CodeRows(text: Array("abcabcabc".utf8), context: 4), labels: .nextTokens(count: 2),
      labelName: "next byte")
  }

  private func loss(_ section: String, _ data: Dataset, task: NeuralNetwork.Task) throws -> Loss {
    let configuration = try configuration(section)
    try configuration.checkLoss(of: data)
    return ReadyMade.loss(configuration.training.loss, task, data)
  }

  @Test func everyLossIsMadeOfItsKeys() throws {
    let three = NeuralNetwork.Task.classification(classes: 3)
    let number = NeuralNetwork.Task.regression(outputs: 1)
    let next = NeuralNetwork.Task.nextToken(vocabulary: 256)
    #expect(try loss("{kind: auto}", classes, task: three) == .crossEntropy())
    #expect(try loss("{kind: auto}", values, task: number) == .squaredError)
    #expect(try loss("{label_smoothing: 0.1}", text, task: next) == .crossEntropy(smoothing: 0.1))
    #expect(
      try loss("{kind: cross-entropy, class_weights: [1, 0, 2.5]}", classes, task: three)
        == .crossEntropy(classWeights: [1, 0, 2.5]))
    #expect(
      try loss("{class_weights: balanced}", classes, task: three)
        == .crossEntropy(classWeights: [2, Float(2.0 / 3), 1]))
    #expect(try loss("{kind: focal}", classes, task: three) == .focal(alpha: 0.25, gamma: 2))
    #expect(
      try loss("{kind: focal, alpha: 0.5, gamma: 3}", classes, task: three) == .focal(alpha: 0.5, gamma: 3))
    #expect(try loss("{kind: binary-cross-entropy}", classes, task: three) == .binaryCrossEntropy)
    #expect(try loss("{kind: squared-error}", values, task: number) == .squaredError)
    #expect(try loss("{kind: absolute-error}", values, task: number) == .absoluteError)
    #expect(try loss("{kind: huber, delta: 2}", values, task: number) == .huber(delta: 2))
  }

  @Test func balancedWeightsLetAllClassesCountAlike() throws {
    let labels: [Int32] = (0..<97).map { $0 % 7 == 0 ? 1 : $0 % 5 == 0 ? 2 : 0 }
    let data = table(.classes(labels, names: ["a", "b", "c"]))
    guard
      case .crossEntropy(_, let weights?) = try loss(
        "{class_weights: balanced}", data, task: .classification(classes: 3))
    else {
      Issue.record("no weights")
      return
    }
    for index in 0..<3 {
      let sum = Float(labels.count { $0 == index }) * weights[index]
      #expect(abs(sum - 97.0 / 3) < 1e-4)
    }
  }

  @Test(arguments: [
    (
      "{kind: huber}", "classes",
      "kind: huber is not for labels that are classes; use cross-entropy or focal or binary-cross-entropy"
    ),
    (
      "{kind: focal}", "values",
      "kind: focal is not for labels that are values; use squared-error or absolute-error or huber"
    ),
    ("{kind: focal}", "text", "kind: focal is not for labels that are next tokens; use cross-entropy"),
    (
      "{label_smoothing: 0.1}", "values",
      "label_smoothing: it is for classes, and the labels are values; remove it"
    ),
    (
      "{class_weights: [1]}", "values",
      "class_weights: it is for classes, and the labels are values; remove it"
    ),
    (
      "{class_weights: balanced}", "text",
      "class_weights: it is for classes, and the labels are next tokens; remove it"
    ),
    (
      "{class_weights: [1, 2]}", "classes",
      "class_weights: expected 3 numbers, one for each of no, yes, perhaps, found 2"
    ),
  ])
  func aLossThatDoesNotFitTheLabelsIsRefused(section: String, labels: String, expected: String) throws {
    let data = labels == "classes" ? classes : labels == "values" ? values : text
    let error = #expect(throws: ConfigurationError.self) { try configuration(section).checkLoss(of: data) }
    #expect(error?.description == "training.loss.\(expected)")
  }

  @Test func aClassThatIsAbsentCannotBeBalanced() throws {
    let data = table(.classes([0, 2, 2], names: ["no", "yes", "perhaps"]))
    let error = #expect(throws: ConfigurationError.self) {
      try configuration("{class_weights: balanced}").checkLoss(of: data)
    }
    #expect(
      error?.description
        == "training.loss.class_weights: no training sample is of the class \"yes\", so classes cannot be balanced; "
        + "give the weights as a list")
  }

  @Test func dataAreCheckedAgainstTheLossWhenTheyAreLoaded() throws {
    #expect(throws: ConfigurationError.self) { try configuration("{kind: absolute-error}").loadData() }
    #expect(throws: Never.self) { try configuration("{class_weights: balanced}").loadData() }
  }
}

extension RankTests {
  @Suite struct LossTrainingTests {
    /// Of a value's loss only `loss` is that of the training; squared and absolute errors are what they say.
    @Test func metricsOfValuesDoNotDependOnTheLoss() throws {
      try withWorld { world in
        var tally = EvaluationTally(task: .regression(outputs: 1))
        let target: [Float] = [2, 2]
        [Float]([0.5, 0.25]).withUnsafeBufferPointer { losses in
          [Float]([1, 4]).withUnsafeBufferPointer { output in
            target.withUnsafeBytes { target in
              guard let target = target.baseAddress else { return }
              tally.add(2, of: 2, losses: losses, output: output, target: target)
            }
          }
        }
        let alone = try world.split(color: world.rank, key: 0)
        let evaluation = try tally.evaluation(classNames: nil, on: alone)
        #expect(
          [evaluation[.loss], evaluation[.mse], evaluation[.mae]] == [0.375, 2.5, 1.5])
      }
    }

    @Test(arguments: [
      "{kind: focal, gamma: 1.5, alpha: 0.75}", "{kind: binary-cross-entropy}",
      "{label_smoothing: 0.1, class_weights: balanced}",
    ])
    func anyNumberOfRanksLearnsWithEveryLoss(_ loss: String) throws {
      try withWorld { world in
        let configuration = try Configuration(
          yaml: """
            model: { kind: logistic }
            data: { source: digits }
            training: { batch: 240, microbatch: 20, steps: 12, optimizer: { learning_rate: 0.1 }, loss: \(loss) }
            """)
        let data = try configuration.loadData()
        func losses(_ world: borrowing Communicator) throws -> [Double] {
          let trainer = try Trainer(
            configuration, data: data, network: try Trainer.network(configuration, data: data),
            pool: ThreadPool(threads: 1), world: world)
          defer { trainer.close() }
          let losses = try (0..<12).map { _ in try trainer.trainStep() }
          let accuracy = try trainer.evaluate()[.accuracy] ?? 0
          #expect(accuracy > 0.7)
          return losses
        }
        let expected = try losses(try world.split(color: world.rank, key: 0))
        #expect(expected[11] < 0.7 * expected[0], "\(expected)")
        for (a, b) in zip(expected, try losses(world)) { #expect(abs(a - b) < 1e-3 * max(1, a)) }
      }
    }
  }
}
