import Kernels

/// The rows of a tensor [rows..., channels], cut into tiles by the shape alone.
struct ChannelRows {
  let count: Int
  let columns: Int
  private let grain: Int

  init(_ shape: Shape) { self.init(count: shape.rows, columns: shape.columns) }

  init(count: Int, columns: Int) {
    self.count = count
    self.columns = columns
    grain = max(1, elementwiseGrain / columns)
  }

  var tiles: Int { (count + grain - 1) / grain }

  subscript(tile: Int) -> Range<Int> { tile * grain..<min(count, (tile + 1) * grain) }

  /// Mean and sum of squared differences from it over all rows, from those of each tile (2 × columns a tile), tiles ascending, in double
  /// precision. Source: T. Chan, G. Golub, R. LeVeque, "Updating formulae and a pairwise algorithm for computing sample variances", 1979.
  func combine(
    _ partial: UnsafePointer<Float>, mean: UnsafeMutablePointer<Float>, squares: UnsafeMutablePointer<Float>
  ) {
    for column in 0..<columns {
      var (total, m, s) = (0.0, 0.0, 0.0)
      for tile in 0..<tiles {
        let size = Double(self[tile].count)
        let difference = Double(partial[2 * tile * columns + column]) - m
        total += size
        m += difference * size / total
        s += Double(partial[(2 * tile + 1) * columns + column])
        s += difference * difference * size * (total - size) / total
      }
      mean[column] = Float(m)
      squares[column] = Float(s)
    }
  }
}

/// What a normalisation keeps for each channel from forward to backward.
struct NormCoefficients {
  /// μ, and 1 / √(σ² + ε)
  let mean, inverse: UnsafeMutablePointer<Float>
  /// y = x · scale + shift
  let scale, shift: UnsafeMutablePointer<Float>

  init(_ memory: UnsafeMutablePointer<Float>, _ columns: Int) {
    mean = memory
    inverse = memory + columns
    scale = memory + 2 * columns
    shift = memory + 3 * columns
  }

  func map(relu: Bool) -> ChannelNorm.Map {
    ChannelNorm.Map(scale: UnsafePointer(scale), shift: UnsafePointer(shift), relu: relu)
  }
}

extension BackwardContext.Gradient {
  /// Sets or adds one element.
  func write(_ value: Float, at index: Int) {
    pointer[index] = accumulates ? pointer[index] + value : value
  }
}
