import ArgumentParser
import MPI
import Training

/// `rondo evaluate`
struct Evaluate: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Measure a trained model on held-out samples.",
    discussion: """
      Without --data on the samples that its run held out. Under mpirun the ranks share the work; the metrics are the same bits for any \
      number of them.
      """)

  @Argument(help: "A run directory that rondo train wrote, or one of its checkpoints.")
  var path: String

  @Option(
    help: "Samples with labels: a file (or, of images, a folder) of the format that the run was trained on.")
  var data: String?

  @OptionGroup var threads: ThreadOptions

  @Flag(help: "Print one JSON object.")
  var json = false

  func run() throws {
    try Job.run { world in
      let evaluation = try EvaluationRun(path, data: data, pool: try threads.pool(on: world)).run(on: world)
      try Job.show(json ? evaluation.json() : TerminalText.escaped(evaluation.table), on: world)
    }
  }
}
