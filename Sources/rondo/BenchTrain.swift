import ArgumentParser
import Foundation
import MPI
import Training

/// `rondo bench train`
struct BenchTrain: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "train",
    abstract: "Measure training steps of a ready-made model on synthetic data.",
    discussion: """
      The default is the MLP 784-1024-1024-10 with SGD and momentum, 256 samples a rank in one microbatch. Sizes are set as in a \
      configuration: --set model.hidden=[512] --set training.batch=1024. Figures are medians over the measured steps, each step as \
      long as on the slowest rank.
      """)

  @Option(help: "The model: \(TrainingBenchmark.models.joined(separator: ", ")).")
  var model = "mlp"

  @OptionGroup var threads: ThreadOptions

  @Option(name: .customLong("set"), help: "KEY=VALUE: overrides a key of the configuration. Repeatable.")
  var overrides: [String] = []

  @Option(help: "Numbers of a sample, for mlp, logistic and linear.")
  var features = 784

  @Option(help: "Measured steps.")
  var steps = 50

  @Option(help: "Steps before the measured ones.")
  var warmup = 5

  @Flag(help: "Run as many steps again and print the time of each operation, on rank 0.")
  var profile = false

  @Flag(help: "Print one JSON object.")
  var json = false

  func validate() throws {
    if steps < 1 { throw ValidationError("--steps: expected at least 1, found \(steps)") }
    if !(1...1 << 20).contains(features) {
      throw ValidationError("--features: expected 1 to 1048576, found \(features)")
    }
    if warmup < 0 { throw ValidationError("--warmup: expected at least 0, found \(warmup)") }
  }

  func run() throws {
    try Job.run { world in
      let pool = try threads.pool(on: world)
      let benchmark = try CommonFailure.agreed(on: world) {
        try TrainingBenchmark(model: model, ranks: world.size, features: features, overrides: overrides)
      }
      let result = try benchmark.run(
        pool: pool, warmup: warmup, steps: steps, profiles: profile, world: world)
      let profile = result.profile.map { "\n\n\($0.table)" } ?? ""
      try Job.show(json ? result.json : result.table + profile, on: world)
    }
  }
}
