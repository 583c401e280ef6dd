import BLAS
import Graph
import Kernels

/// The rows that a generator works on at a time, and what is done to each of them alone.
final class GenerationRows {
  /// Longer prompts are read in parts of this many tokens.
  static let most = 64

  private let width: Int
  private let memory: Arena
  /// [most, width]: what passes from block to block.
  let x: UnsafeMutablePointer<Float>
  /// [most, width]
  let normal, branch: UnsafeMutablePointer<Float>
  /// [most, 4 width]
  let hidden: UnsafeMutablePointer<Float>
  /// [heads, most]
  let logSums: UnsafeMutablePointer<Float>
  /// The row of the newest token.
  var last = 0

  init(_ model: GPT) {
    width = model.width
    let length = Self.most * max(2, width)  // mean and factor of each row find room in one
    memory = Arena(count: 7 * length + model.heads * Self.most)
    x = memory.base
    normal = x + length
    branch = normal + length
    hidden = branch + length
    logSums = hidden + 4 * length
  }

  /// normal = norm(x)
  func normalize(_ count: Int, _ norm: GPTWeights.Norm) { normalize(x, count, norm) }

  /// Row 0 of `normal` = norm(the newest token's row of x)
  func normalizeLast(_ norm: GPTWeights.Norm) { normalize(x + last * width, 1, norm) }

  private func normalize(_ x: UnsafePointer<Float>, _ count: Int, _ norm: GPTWeights.Norm) {
    // Mean and factor of each row are not needed any more: they go where the branch will be.
    RowNorm.layerNorm(
      rows: count, columns: width, epsilon: 1e-5, x: x, gain: norm.gain, bias: norm.bias, into: normal,
      mean: branch, inverse: branch + count)
  }

  /// y = f(x W + b) on `count` rows.
  func multiply(
    _ count: Int, _ product: GPTWeights.Product, _ x: UnsafePointer<Float>,
    activation: Activation = .identity, into y: UnsafeMutablePointer<Float>, on pool: ThreadPool
  ) {
    let (inputs, outputs) = (product.inputs, product.outputs)
    let isTransposed = product.isTransposed
    let stride = isTransposed ? inputs : outputs
    if count == 1 {
      BLAS.gemv(
        transpose: !isTransposed, m: isTransposed ? outputs : inputs, n: stride, alpha: 1,
        a: product.weight, lda: stride, x: x, beta: 0, y: y, on: pool)
    } else {
      BLAS.gemm(
        transposeA: false, transposeB: isTransposed, m: count, n: outputs, k: inputs, alpha: 1, a: x,
        lda: inputs, b: product.weight, ldb: stride, beta: 0, c: y, ldc: outputs, on: pool)
    }
    guard product.bias != nil || activation != .identity else { return }
    activation.applyWithBias(
      rows: count, columns: outputs, bias: product.bias, y: y, ldy: outputs)
  }
}
