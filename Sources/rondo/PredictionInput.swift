import ArgumentParser
import Datasets
import Training

/// Where samples or prompts come from, and in which format they come and go.
struct PredictionInput {
  enum Format: String, ExpressibleByArgument, CaseIterable {
    case csv, jsonl, text
  }

  /// Nil for standard input.
  let path: String?
  /// As it was asked for.
  let format: Format?

  /// What the name of the file says.
  private var extensionFormat: Format? {
    guard var name = path?.lowercased() else { return nil }
    if name.hasSuffix(".gz") { name.removeLast(3) }
    if name.hasSuffix(".csv") { return .csv }
    return [".jsonl", ".ndjson", ".json"].contains { name.hasSuffix($0) } ? .jsonl : nil
  }

  /// Of what comes in.
  private var inputFormat: Format? { extensionFormat ?? format }

  /// Of the predictions.
  var predictionFormat: PredictionFormat.Kind {
    get throws {
      switch format ?? extensionFormat ?? .jsonl {
      case .csv: .csv
      case .jsonl: .jsonl
      case .text: throw ValidationError("--format: text is for a gpt; expected csv or jsonl")
      }
    }
  }

  /// Of the continuations of a gpt.
  var isJSONOut: Bool { (format ?? extensionFormat) == .jsonl }

  /// Whether prompts come as objects.
  var isJSONIn: Bool { path == nil ? format == .jsonl : extensionFormat == .jsonl }

  func refuseCSVOfTexts() throws {
    if inputFormat == .csv || format == .csv {
      throw ValidationError("a gpt continues texts: expected prompts in lines of text or of JSON, not csv")
    }
  }

  func samples(for run: TrainedRun) throws -> any SampleStream {
    let (preprocessing, truncates) = (try run.preprocessing(), run.configuration.data.truncate)
    switch inputFormat ?? .jsonl {
    case .csv: return try CSVSamples(path: path, preprocessing: preprocessing, truncates: truncates)
    case .jsonl: return try JSONSamples(path: path, preprocessing: preprocessing, truncates: truncates)
    case .text: throw ValidationError("--format: text is for a gpt; expected csv or jsonl")
    }
  }
}
