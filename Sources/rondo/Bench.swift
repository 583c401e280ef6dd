import ArgumentParser

/// `rondo bench`
struct Bench: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Measure collectives, matrix products and training steps.",
    subcommands: [BenchAllreduce.self, BenchGemm.self, BenchNetwork.self, BenchTrain.self])
}
