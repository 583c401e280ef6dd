import CKernels

/// Loops over one or two flat ranges.
package enum Elementwise {
  /// a += b
  package static func add(_ count: Int, to a: UnsafeMutablePointer<Float>, _ b: UnsafePointer<Float>) {
    rondo_add(count, a, b)
  }

  /// a += b
  package static func add(_ count: Int, to a: UnsafeMutablePointer<Double>, _ b: UnsafePointer<Double>) {
    rondo_add_double(count, a, b)
  }

  /// How many elements are NaN or of a magnitude above `bound`.
  package static func countBeyond(_ bound: Float, _ count: Int, _ x: UnsafePointer<Float>) -> Int {
    Int(rondo_count_beyond(count, bound, x))
  }

  /// In `range`: the sum of the buffers in the order of a binary tree, written to each of `results`.
  ///
  /// - Parameter merges: the tree: how often the two newest sums are added after each buffer.
  package static func fold(
    _ range: Range<Int>, _ buffers: [UnsafeMutablePointer<Float>], merges: [UInt8],
    into results: [UnsafeMutablePointer<Float>]
  ) {
    rondo_fold(
      range.lowerBound, range.count, buffers.count, buffers, merges, results.count, results)
  }

  /// The same with one result.
  package static func fold(
    _ range: Range<Int>, _ buffers: [UnsafeMutablePointer<Float>], merges: [UInt8],
    into result: UnsafeMutablePointer<Float>
  ) {
    withUnsafePointer(to: result) {
      rondo_fold(range.lowerBound, range.count, buffers.count, buffers, merges, 1, $0)
    }
  }

  /// y = factor · x; `x` and `y` may be the same.
  package static func scale(
    _ count: Int, by factor: Float, _ x: UnsafePointer<Float>, into y: UnsafeMutablePointer<Float>
  ) {
    rondo_scale(count, factor, x, y)
  }

  /// y += factor · x
  package static func add(
    _ count: Int, _ factor: Float, times x: UnsafePointer<Float>, to y: UnsafeMutablePointer<Float>
  ) {
    rondo_add_scaled(count, factor, x, y)
  }

  /// y = eˣ within 2 ulp; results below 2⁻¹²⁶ are 0.
  package static func exp(_ count: Int, _ x: UnsafePointer<Float>, into y: UnsafeMutablePointer<Float>) {
    rondo_exp(count, x, y)
  }

  /// y = tanh x within 3 ulp.
  package static func tanh(_ count: Int, _ x: UnsafePointer<Float>, into y: UnsafeMutablePointer<Float>) {
    rondo_tanh(count, x, y)
  }

  /// y = erf x within 3 ulp.
  package static func erf(_ count: Int, _ x: UnsafePointer<Float>, into y: UnsafeMutablePointer<Float>) {
    rondo_erf(count, x, y)
  }

  /// y = log x within 1 ulp.
  package static func log(_ count: Int, _ x: UnsafePointer<Float>, into y: UnsafeMutablePointer<Float>) {
    ElementaryFunction.log.apply(count, x, into: y)
  }

  /// y = log(1 + x) within 1 ulp.
  package static func log1p(_ count: Int, _ x: UnsafePointer<Float>, into y: UnsafeMutablePointer<Float>) {
    ElementaryFunction.log1p.apply(count, x, into: y)
  }

  /// y = scale · x + shift, or added to y; `x` and `y` may be the same.
  package static func affine(
    _ count: Int, scale: Float, shift: Float, _ x: UnsafePointer<Float>, into y: UnsafeMutablePointer<Float>,
    accumulate: Bool = false
  ) {
    rondo_affine(count, scale, shift, x, y, accumulate ? 1 : 0)
  }

  /// Inverted dropout of elements `first ..< first + count` of a stream: each is 0 with the given probability, else
  /// x / (1 - probability). Which ones depends on (key, major, minor) and the element's place in the stream, nothing else; the
  /// gradient is the same function applied to dy. `x` and `y` may be the same.
  package static func dropout(
    _ count: Int, first: Int, probability: Float, key: UInt64, major: UInt32, minor: UInt32,
    _ x: UnsafePointer<Float>, into y: UnsafeMutablePointer<Float>
  ) {
    let threshold = UInt32(min(Double(probability) * 0x1p32, 0x1p32 - 1))
    rondo_dropout(
      count, UInt64(first), key, major, minor, Philox.Purpose.dropout.rawValue, threshold,
      1 / (1 - probability), x, y)
  }
}
