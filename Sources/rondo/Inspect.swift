import ArgumentParser
import Training

/// `rondo inspect`
struct Inspect: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract:
      "Show the layers of a configuration's model, their work, and the memory of a rank, without running it.")

  @Argument(help: "The configuration, a YAML file.")
  var config: String

  @Option(
    name: .customLong("set"), help: "KEY=VALUE: overrides a key, such as training.microbatch=32. Repeatable.")
  var overrides: [String] = []

  @Flag(help: "Print one JSON object.")
  var json = false

  func run() throws {
    try Job.runAlone {
      let configuration = try Configuration(contentsOf: config, overrides: overrides)
      let inspection = try Inspection(configuration, data: try configuration.loadData())
      print(json ? inspection.json : inspection.table)
    }
  }
}
