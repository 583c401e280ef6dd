import CKernels

/// Copies a box of elements between two buffers in which they lie differently: slices, concatenations, and where the first
/// has strides of 0, repeated elements. Fast where the last axis is contiguous in both.
package struct StridedCopy: Sendable {
  private let axes: StridedAxes

  /// Nil where more than ``Broadcast/largestRank`` loops would be needed.
  package init?(_ extents: [Int], from xStrides: [Int], to yStrides: [Int]) {
    axes = StridedAxes(extents, strides: [xStrides, yStrides])
    guard axes.rank <= Broadcast.largestRank else { return nil }
  }

  package var count: Int { axes.count }

  /// Elements `range` of the box, in row-major order: y = x, or y += x.
  package func run(
    _ range: Range<Int>, _ x: UnsafePointer<Float>, to y: UnsafeMutablePointer<Float>, accumulate: Bool
  ) {
    rondo_copy_strided(
      accumulate ? 1 : 0, axes.rank, axes.extents, axes.strides[0], axes.strides[1], range.lowerBound,
      range.count, x, y)
  }
}
