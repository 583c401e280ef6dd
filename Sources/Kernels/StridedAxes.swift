/// The axes of a box of elements with, for each of several buffers, the distance between neighbours along every axis.
package struct StridedAxes: Sendable, Equatable {
  package private(set) var extents: [Int]
  /// For each buffer, the strides of all axes.
  package private(set) var strides: [[Int]]

  /// Drops axes of extent 1 and joins neighbouring axes that lie in all buffers as one would: what is left are the loops that the
  /// layout needs, at least one.
  package init(_ extents: [Int], strides: [[Int]]) {
    var axes: [(extent: Int, strides: [Int])] = []
    for axis in extents.indices where extents[axis] > 1 {
      let here = strides.map { $0[axis] }
      if let outer = axes.last, outer.strides == here.map({ $0 * extents[axis] }) {
        axes[axes.count - 1] = (outer.extent * extents[axis], here)
      } else {
        axes.append((extents[axis], here))
      }
    }
    if axes.isEmpty { axes = [(1, strides.map { _ in 1 })] }
    self.extents = axes.map(\.extent)
    self.strides = strides.indices.map { buffer in axes.map { $0.strides[buffer] } }
  }

  package var rank: Int { extents.count }
  package var count: Int { extents.reduce(1, *) }

  /// The strides of a row-major tensor.
  package static func rowMajor(_ extents: [Int]) -> [Int] {
    var stride = 1
    var strides: [Int] = []
    for extent in extents.reversed() {
      strides.append(stride)
      stride *= extent
    }
    return strides.reversed()
  }
}
