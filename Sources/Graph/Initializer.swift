import Foundation
import Kernels

/// How a parameter's first values are drawn. The draw depends on the seed, the parameter's name and the element's index alone.
///
/// For a matrix of shape [in, out], fan-in is `in` and fan-out is `out`; for other shapes fan-in is the product of all extents but the
/// last and fan-out the last.
public enum Initializer: Sendable, Equatable {
  case zeros
  case constant(Float)
  /// Uniform in (-limit, limit).
  case uniform(limit: Float)
  case normal(deviation: Float)
  /// Normal with deviation √(2 / fan-in), for relu and its kin. Source: K. He et al., arXiv:1502.01852, equation 10.
  case heNormal
  /// Uniform with limit √(6 / (fan-in + fan-out)). Source: X. Glorot, Y. Bengio, AISTATS 2010, equation 16.
  case glorotUniform

  /// Fills the region of parameter `name`.
  package func fill(_ region: UnsafeMutableBufferPointer<Float>, name: String, shape: Shape, seed: UInt64) {
    let fanIn = Float(max(1, shape.count / shape.columns))
    switch self {
    case .zeros: region.update(repeating: 0)
    case .constant(let value): region.update(repeating: value)
    case .uniform(let limit): draw(region, name, seed) { (2 * $0 - 1) * limit }
    case .glorotUniform:
      let limit = (6 / (fanIn + Float(shape.columns))).squareRoot()
      draw(region, name, seed) { (2 * $0 - 1) * limit }
    case .normal(let deviation): drawNormal(region, name, seed, deviation)
    case .heNormal: drawNormal(region, name, seed, (2 / fanIn).squareRoot())
    }
  }

  private func words(_ block: Int, _ name: UInt64, _ generator: Philox) -> SIMD4<UInt32> {
    generator.block(
      at: block, major: UInt32(truncatingIfNeeded: name), minor: UInt32(truncatingIfNeeded: name >> 32),
      for: .initialization)
  }

  private func draw(
    _ region: UnsafeMutableBufferPointer<Float>, _ name: String, _ seed: UInt64, _ map: (Float) -> Float
  ) {
    let generator = Philox(key: seed)
    let name = Philox.hash(name)
    for first in stride(from: 0, to: region.count, by: 4) {
      let block = words(first / 4, name, generator)
      for lane in 0..<min(4, region.count - first) { region[first + lane] = map(Philox.uniform(block[lane])) }
    }
  }

  /// Box and Muller's transform of two words a pair, in double precision.
  private func drawNormal(
    _ region: UnsafeMutableBufferPointer<Float>, _ name: String, _ seed: UInt64, _ deviation: Float
  ) {
    let generator = Philox(key: seed)
    let name = Philox.hash(name)
    for first in stride(from: 0, to: region.count, by: 4) {
      let block = words(first / 4, name, generator)
      var values = SIMD4<Float>.zero
      for pair in 0..<2 {
        let radius = (-2 * log((Double(block[2 * pair]) + 1) * 0x1p-32)).squareRoot()
        let angle = 2 * Double.pi * Double(block[2 * pair + 1]) * 0x1p-32
        values[2 * pair] = Float(radius * cos(angle)) * deviation
        values[2 * pair + 1] = Float(radius * sin(angle)) * deviation
      }
      for lane in 0..<min(4, region.count - first) { region[first + lane] = values[lane] }
    }
  }
}
