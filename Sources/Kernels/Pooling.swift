import CKernels

/// The largest element or the mean of each window that slides over images, channels last. One dimension is height 1.
package struct Pooling {
  private let shape: rondo_pooling

  /// x is [samples, height, width, channels]; padding does not count. The axes' dilation is 1.
  package init(samples: Int, height: Convolution.Axis, width: Convolution.Axis, channels: Int) {
    shape = rondo_pooling(
      samples: samples, height: height.input, width: width.input, channels: channels,
      out_height: height.output,
      out_width: width.output, window_height: height.kernel, window_width: width.kernel,
      stride_height: height.stride, stride_width: width.stride, padding_top: height.padding,
      padding_left: width.padding)
  }

  private func with(_ body: (UnsafePointer<rondo_pooling>) -> Void) { withUnsafePointer(to: shape, body) }

  /// The largest element of each window, in output rows counted over all samples.
  package func max(_ rows: Range<Int>, _ x: UnsafePointer<Float>, into y: UnsafeMutablePointer<Float>) {
    with { rondo_max_pool($0, rows.lowerBound, rows.count, x, y) }
  }

  /// dx of some samples: each window's dy goes to its first largest element.
  package func maxGradient(
    _ samples: Range<Int>, x: UnsafePointer<Float>, y: UnsafePointer<Float>, dy: UnsafePointer<Float>,
    dx: UnsafeMutablePointer<Float>, accumulate: Bool
  ) {
    with { rondo_max_pool_gradient($0, samples.lowerBound, samples.count, x, y, dy, dx, accumulate ? 1 : 0) }
  }

  /// The mean of each window, in output rows counted over all samples.
  package func average(_ rows: Range<Int>, _ x: UnsafePointer<Float>, into y: UnsafeMutablePointer<Float>) {
    with { rondo_average_pool($0, rows.lowerBound, rows.count, x, y) }
  }

  /// dx of some samples.
  package func averageGradient(
    _ samples: Range<Int>, dy: UnsafePointer<Float>, dx: UnsafeMutablePointer<Float>, accumulate: Bool
  ) {
    with { rondo_average_pool_gradient($0, samples.lowerBound, samples.count, dy, dx, accumulate ? 1 : 0) }
  }
}
