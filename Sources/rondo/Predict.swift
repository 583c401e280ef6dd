import ArgumentParser
import BLAS
import Foundation
import Training

/// `rondo predict`
struct Predict: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Continue texts with a trained gpt.",
    discussion: """
      Prompts are the lines of --input, or one --prompt. Text is printed as it is chosen. The same seed and prompt give the same text.
      """)

  enum Format: String, ExpressibleByArgument, CaseIterable {
    case text, jsonl
  }

  @Argument(help: "A run directory that rondo train wrote.")
  var runDirectory: String

  @Option(help: "What to continue.")
  var prompt: String?

  @Option(help: "A file with a prompt a line, or - for standard input.")
  var input: String?

  @Option(help: "text, or jsonl: an object with prompt and text a line.")
  var format = Format.text

  @Option(help: "Tokens (bytes) to choose for each prompt.")
  var tokens = 200

  @Option(help: "0 takes the likeliest token; below 1 keeps closer to it, above 1 strays further.")
  var temperature: Float = 0.8

  @Option(help: "Chooses among so many of the likeliest tokens (default: all).")
  var topK: Int?

  @Option(help: "Of the choices.")
  var seed: UInt64 = 1

  @Option(help: "Threads (default: 1).")
  var threads = 1

  func validate() throws {
    if (prompt == nil) == (input == nil) {
      throw ValidationError("expected one of --prompt TEXT and --input PATH")
    }
    if prompt?.isEmpty == true { throw ValidationError("--prompt: expected at least one character") }
    if tokens < 1 { throw ValidationError("--tokens: expected at least 1, found \(tokens)") }
    if !(temperature >= 0) || !temperature.isFinite {
      throw ValidationError("--temperature: expected a number of at least 0, found \(temperature)")
    }
    if let topK, topK < 1 { throw ValidationError("--top-k: expected at least 1, found \(topK)") }
    if threads < 1 { throw ValidationError("--threads: expected at least 1, found \(threads)") }
  }

  func run() throws {
    try Job.runAlone {
      let pool = ThreadPool(threads: threads)
      if let refusal = pool.refusal { throw ValidationError(refusal) }
      let generator = try TrainedRun(path: runDirectory).textGenerator(on: pool)
      let sampling = TextContinuation(
        generator: generator, temperature: temperature, topK: topK, seed: seed, count: tokens)
      if let prompt {
        _ = write(prompt, sampling)
      } else if input == "-" {
        while let line = readLine(), write(line, sampling) {}
      } else if let input {
        guard let text = FileManager.default.contents(atPath: input) else {
          throw ConfigurationError("the file cannot be read", at: input)
        }
        for line in String(decoding: text, as: UTF8.self).split(whereSeparator: \.isNewline) {
          guard write(String(line), sampling) else { return }
        }
      }
    }
  }

  /// - Returns: whether somebody still reads.
  private func write(_ prompt: String, _ continuation: TextContinuation) -> Bool {
    guard !prompt.isEmpty else { return true }
    switch format {
    case .text:
      guard Terminal.write(Array(prompt.utf8)) else { return false }
      continuation.each(after: prompt) { Terminal.write($0) }
      return Terminal.write([UInt8(ascii: "\n")])
    case .jsonl:
      var text: [UInt8] = []
      continuation.each(after: prompt) { bytes in
        text += bytes
        return true
      }
      let line = continuation.json(prompt: prompt, text: String(decoding: text, as: UTF8.self))
      return Terminal.write(Array(line.utf8) + [UInt8(ascii: "\n")])
    }
  }
}
