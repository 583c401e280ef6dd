import NeuralNetwork

/// Continues texts byte by byte, each prompt for itself.
public struct TextContinuation {
  private let generator: TextGenerator
  private let sampling: Sampling
  private let seed: UInt64
  private let count: Int

  /// - Parameters:
  ///   - temperature: at least 0; 0 takes the likeliest byte.
  ///   - topK: nil chooses among all bytes.
  ///   - count: bytes for each prompt.
  public init(generator: TextGenerator, temperature: Float, topK: Int?, seed: UInt64, count: Int) {
    self.generator = generator
    sampling = Sampling(temperature: temperature, topK: topK)
    self.seed = seed
    self.count = count
  }

  /// Calls `body` with the bytes that follow a prompt, as they are chosen.
  ///
  /// - Parameters:
  ///   - prompt: not empty.
  ///   - body: whether to go on.
  public func each(after prompt: String, _ body: ([UInt8]) throws -> Bool) rethrows {
    generator.reset()
    var next = prompt.utf8.map { Int32($0) }
    for draw in 0..<count {
      let token = sampling.token(from: generator.read(next), seed: seed, draw: draw)
      guard try body([UInt8(truncatingIfNeeded: token)]) else { return }
      next = [token]
    }
  }

  /// A line of JSON.
  public func json(prompt: String, text: String) -> String {
    JSONLine.encode(["prompt": prompt, "text": text])
  }
}
