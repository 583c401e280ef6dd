import ArgumentParser
import Foundation
import MPI
import Training

/// `rondo inspect`
struct Inspect: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Show what a configuration, a run, a checkpoint or a file of weights is.",
    discussion: """
      Of a configuration the layers of its model, their work, and the memory of a rank, without running it. Of the directory of a run \
      or a checkpoint how far it came, its metrics and files. Of a .safetensors file its tensors and metadata.
      """)

  @Argument(help: "A configuration (YAML), a directory, or a .safetensors file.")
  var path: String

  @Option(
    name: .customLong("set"),
    help: "KEY=VALUE: overrides a key of the configuration, such as training.microbatch=32. Repeatable.")
  var overrides: [String] = []

  @Option(help: "Of a configuration: the memory of one of so many ranks.")
  var ranks = 1

  @Option(help: "Of a configuration: the hosts over which the ranks are spread.")
  var hosts = 1

  @Flag(help: "Print one JSON object.")
  var json = false

  func run() throws {
    let program = residentMemoryBytes()
    try Job.runAlone {
      if ranks < 1 { throw ValidationError("--ranks is a number from 1 on, found \(ranks)") }
      if !(1...ranks).contains(hosts) {
        throw ValidationError("--hosts is a number from 1 to that of the ranks, found \(hosts)")
      }
      var isDirectory: ObjCBool = false
      let exists = FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory)
      let isWeights = path.hasSuffix(".safetensors")
      if exists && isDirectory.boolValue || isWeights, !overrides.isEmpty {
        throw ValidationError("--set overrides keys of a configuration, and \(path) is none")
      }
      if exists, isDirectory.boolValue {
        let inspection = try RunInspection(path: path)
        try Terminal.writeLine(json ? inspection.json : TerminalText.escaped(inspection.table))
      } else if isWeights {
        let inspection = try WeightsInspection(path: path)
        try Terminal.writeLine(json ? inspection.json : TerminalText.escaped(inspection.table))
      } else {
        let configuration = try Configuration(contentsOf: path, overrides: overrides)
        let inspection = try Inspection(
          configuration, data: try configuration.loadData(), ranks: ranks, hosts: hosts, program: program)
        try Terminal.writeLine(json ? inspection.json : TerminalText.escaped(inspection.table))
      }
    }
  }
}
