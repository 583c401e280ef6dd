import ArgumentParser
import BLAS
import Datasets
import Foundation
import Training

/// How a gpt continues texts.
struct TextOptions: ParsableArguments {
  @Option(help: "What to continue.")
  var prompt: String?

  @Option(help: "Tokens (bytes) to choose for each prompt (default: 200).")
  var tokens: Int?

  @Option(
    parsing: .unconditional,
    help: "0 takes the likeliest token; below 1 keeps closer to it, above 1 strays further (default: 0.8).")
  var temperature: Float?

  @Option(help: "Chooses among so many of the likeliest tokens (default: all).")
  var topK: Int?

  @Option(help: "Of the choices (default: 1).")
  var seed: UInt64?

  func validate() throws {
    if prompt?.isEmpty == true { throw ValidationError("--prompt: expected at least one character") }
    if let tokens, tokens < 1 { throw ValidationError("--tokens: expected at least 1, found \(tokens)") }
    if let temperature, !(temperature >= 0) || !temperature.isFinite {
      throw ValidationError("--temperature: expected a number of at least 0, found \(temperature)")
    }
    if let topK, topK < 1 { throw ValidationError("--top-k: expected at least 1, found \(topK)") }
  }

  /// These options have a meaning for a gpt only.
  func refuse(for run: TrainedRun) throws {
    let given: [(String, Bool)] = [
      ("--prompt", prompt != nil), ("--tokens", tokens != nil), ("--temperature", temperature != nil),
      ("--top-k", topK != nil), ("--seed", seed != nil),
    ]
    guard let (name, _) = given.first(where: { $0.1 }) else { return }
    throw ValidationError(
      "\(name) is for a gpt, and the run trained a \(run.configuration.model.kind.rawValue); expected --input PATH"
    )
  }

  /// Continues the prompt, or those that come in.
  func run(_ run: TrainedRun, input: PredictionInput, pool: ThreadPool) throws {
    try input.refuseCSVOfTexts()
    let continuation = TextContinuation(
      generator: try run.textGenerator(on: pool), temperature: temperature ?? 0.8, topK: topK,
      seed: seed ?? 1,
      count: tokens ?? 200)
    if let prompt {
      _ = try write(prompt, continuation, json: input.isJSONOut)
      return
    }
    let prompts = try PromptStream(path: input.path, isJSON: input.isJSONIn)
    while let next = try prompts.next() {
      guard try write(next, continuation, json: input.isJSONOut) else { return }
    }
  }

  /// - Returns: whether somebody still reads.
  private func write(_ prompt: String, _ continuation: TextContinuation, json: Bool) throws -> Bool {
    guard !prompt.isEmpty else { return true }
    guard !json else {
      var text: [UInt8] = []
      continuation.each(after: prompt) { bytes in
        text += bytes
        return true
      }
      let line = continuation.json(prompt: prompt, text: String(decoding: text, as: UTF8.self))
      return try Terminal.write(Array(line.utf8) + [UInt8(ascii: "\n")])
    }
    guard try Terminal.write(Array(prompt.utf8)) else { return false }
    try continuation.each(after: prompt) { try Terminal.write($0) }
    return try Terminal.write([UInt8(ascii: "\n")])
  }
}
