import BLAS
import Kernels

extension Reduction {
  /// y (+)= factor · reduction of x, on all threads.
  ///
  /// - Parameter workspace: of `workspaceCount` elements.
  func run(
    _ kind: Kind, _ x: UnsafePointer<Float>, factor: Float = 1, into y: UnsafeMutablePointer<Float>,
    accumulate: Bool, workspace: UnsafeMutablePointer<Float>, on pool: ThreadPool
  ) {
    pool.run(tiles: tiles) {
      reduce(kind, tile: $0, x, factor: factor, into: y, accumulate: accumulate, workspace: workspace)
    }
    guard parts > 1 else { return }
    pool.run(over: outputs, grain: 1_024) {
      combine(kind, $0, workspace, factor: factor, into: y, accumulate: accumulate)
    }
  }
}
