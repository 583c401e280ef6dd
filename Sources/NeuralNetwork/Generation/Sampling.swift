import Foundation
import Kernels

/// How a token is chosen from logits: with probability softmax(logits / temperature), of all tokens or of the `topK` with the largest
/// logits.
public struct Sampling: Sendable, Equatable {
  /// 0 takes the largest logit, the first of them where several are equal. Below 1 sharpens the distribution, above 1 flattens it.
  public var temperature: Float
  /// nil: all tokens.
  public var topK: Int?

  /// - Precondition: the temperature is at least 0, `topK` at least 1.
  public init(temperature: Float = 1, topK: Int? = nil) {
    precondition(temperature >= 0, "Sampling: expected a temperature of at least 0, found \(temperature)")
    precondition(topK ?? 1 >= 1, "Sampling: expected at least 1 token to choose from, found \(topK ?? 1)")
    self.temperature = temperature
    self.topK = topK
  }

  /// The most probable token, always.
  public static let greedy = Sampling(temperature: 0)

  /// Draw number `draw` of the stream that `seed` names: the same choice for the same arguments.
  public func token(from logits: [Float], seed: UInt64, draw: Int) -> Int32 {
    let candidates = candidates(logits)
    guard temperature > 0, let top = candidates.map({ logits[$0] }).max() else {
      return Int32(candidates.first ?? 0)
    }
    let weights = candidates.map { exp(Double(logits[$0] - top) / Double(temperature)) }
    let word = Philox(key: seed).block(at: draw, for: .generation).x
    var left = (Double(word) + 0.5) * 0x1p-32 * weights.reduce(0, +)
    for (candidate, weight) in zip(candidates, weights) {
      left -= weight
      if left < 0 { return Int32(candidate) }
    }
    return Int32(candidates.last ?? 0)
  }

  /// The tokens to choose from, those with the largest logits first, of equal ones the lower token.
  private func candidates(_ logits: [Float]) -> [Int] {
    let count = min(temperature == 0 ? 1 : topK ?? logits.count, logits.count)
    if count == logits.count { return Array(logits.indices) }
    if count == 1 {
      return logits.indices.max { logits[$0] < logits[$1] || (logits[$0] == logits[$1] && $0 > $1) }
        .map { [$0] } ?? []
    }
    return Array(logits.indices.sorted { (-logits[$0], $0) < (-logits[$1], $1) }[..<count])
  }
}
