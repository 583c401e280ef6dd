import ArgumentParser
import Training

/// `rondo train`
struct Train: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Train a model as a configuration describes it.",
    discussion: """
      Writes a run directory with config.yaml (as resolved), metrics.jsonl (a line a logged step), checkpoints and summary.json. The same \
      command with the same --output goes on where it was interrupted. SIGUSR1 writes a checkpoint; SIGUSR2, SIGTERM and SIGINT \
      write one and end with exit status 75 (through mpirun: SIGUSR2); before the first step they end with 75 at once.
      """)

  @Argument(help: "The configuration, a YAML file.")
  var config: String

  @Option(
    name: .customLong("set"), help: "KEY=VALUE: overrides a key, such as training.epochs=5. Repeatable.")
  var overrides: [String] = []

  @OptionGroup var threads: ThreadOptions

  @Option(help: "The run directory (default: runs/NAME-DATE-TIME).")
  var output: String?

  @Option(
    help: """
      What to do with what an earlier start of the run has left: auto goes on in --output, from memory or the newest checkpoint; never \
      refuses a directory that holds a run; DIR goes on with the run or the checkpoint there.
      """)
  var resume = "auto"

  @Flag(help: "Write timeline.json into the run directory, for chrome://tracing or ui.perfetto.dev.")
  var timeline = false

  @Flag(
    help: """
      Compare, before each collective, which one the ranks are at, and name the rank that differs (communication.check).
      """)
  var checkCollectives = false

  @Flag(help: "Print one JSON object a line: the metrics, and the summary last.")
  var json = false

  func run() throws {
    RunSignals.installRequests()
    try Job.run { world in
      let configuration = try CommonFailure.agreed(on: world) {
        try Configuration(
          contentsOf: config, overrides: overrides + (checkCollectives ? ["communication.check=true"] : []))
      }
      var run = TrainingRun(configuration, pool: try threads.pool(on: world), output: output)
      run.json = json
      run.timeline = timeline
      run.resume = ResumePolicy(resume)
      run.handlesSignals = true
      _ = try run.run(on: world)
    }
  }
}
