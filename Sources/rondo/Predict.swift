import ArgumentParser
import BLAS
import Datasets
import Foundation
import Training

#if canImport(Glibc)
  import Glibc
#endif

/// `rondo predict`
struct Predict: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Predict with a trained model, or continue texts with a trained gpt.",
    discussion: """
      Samples are the rows of a CSV file whose columns have the names of the training's, or lines of JSON: objects with these names, \
      {"features": [...]} for images and signals, {"sequence": "ACGT"} for sequences. Each is answered by one line as it comes in.

      A gpt continues one --prompt, or the lines of the input, {"prompt": "..."} in lines of JSON; text is printed as it is chosen. The same \
      seed and prompt give the same text.
      """)

  @Argument(help: "A run directory that rondo train wrote, or one of its checkpoints.")
  var path: String

  @Option(
    help:
      "A file of samples, or of a prompt a line; - for standard input (default, if something is piped in).")
  var input: String?

  @Option(
    help: """
      Of the output, and of standard input: csv, jsonl, or for a gpt text (default: that of the input file's extension, else jsonl, of a \
      gpt text).
      """)
  var format: PredictionInput.Format?

  @Option(
    help: """
      Samples that are computed together if they are there already. With more than 1 the last digits of a prediction may depend on the \
      samples beside it.
      """)
  var batch = 1

  @Option(help: "Threads (default: 1).")
  var threads = 1

  @OptionGroup(title: "Options for a gpt") var text: TextOptions

  func validate() throws {
    if text.prompt != nil, input != nil {
      throw ValidationError("expected one of --prompt TEXT and --input PATH, found both")
    }
    // Memory is taken for a whole batch.
    if !(1...65_536 ~= batch) { throw ValidationError("--batch: expected 1 to 65536, found \(batch)") }
    if threads < 1 { throw ValidationError("--threads: expected at least 1, found \(threads)") }
  }

  func run() throws {
    try Job.runAlone {
      if text.prompt == nil, input == nil, isatty(STDIN_FILENO) == 1 {
        throw ValidationError(
          "expected --input PATH, or samples on standard input; for a gpt also --prompt TEXT")
      }
      let pool = ThreadPool(threads: threads)
      if let refusal = pool.refusal { throw ValidationError(refusal) }
      let run = try TrainedRun(path: path)
      let input = PredictionInput(path: input == "-" ? nil : input, format: format)
      if run.configuration.model.kind == .gpt {
        try text.run(run, input: input, pool: pool)
      } else {
        try text.refuse(for: run)
        try predict(run, input: input, pool: pool)
      }
    }
  }

  private func predict(_ run: TrainedRun, input: PredictionInput, pool: ThreadPool) throws {
    let predictor = try Predictor(run, batch: batch, pool: pool)
    let samples = try input.samples(for: run)
    try PredictionRun(predictor, format: try input.predictionFormat).run(samples) { line in
      try Terminal.write(Array(line.utf8) + [UInt8(ascii: "\n")])
    }
  }
}
