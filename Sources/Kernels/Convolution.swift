import CKernels

/// Direct convolution of images that lie channels last, in parts that threads can share. One dimension is height 1.
///
/// A *unit* is a few output rows of a sample (a few rows of dx for the gradient of the input; some samples for that of the weights, where
/// images are small). *Packed* weights lie in *blocks* of output channels that fill vectors.
package struct Convolution {
  /// One axis of the sliding window.
  package struct Axis {
    package let input, output, kernel, stride, dilation, padding: Int

    package init(input: Int, output: Int, kernel: Int, stride: Int, dilation: Int, padding: Int) {
      self.input = input
      self.output = output
      self.kernel = kernel
      self.stride = stride
      self.dilation = dilation
      self.padding = padding
    }

    /// Height of a convolution in one dimension.
    package static let flat = Axis(input: 1, output: 1, kernel: 1, stride: 1, dilation: 1, padding: 0)
  }

  private let shape: rondo_convolution

  /// - Parameters:
  ///   - samples: x is [samples, height, width, channels].
  ///   - outputs: weights are [height's kernel, width's kernel, channels / groups, outputs].
  package init(samples: Int, height: Axis, width: Axis, channels: Int, outputs: Int, groups: Int) {
    shape = rondo_convolution(
      samples: samples, height: height.input, width: width.input, channels: channels,
      out_height: height.output,
      out_width: width.output, out_channels: outputs, kernel_height: height.kernel,
      kernel_width: width.kernel,
      stride_height: height.stride, stride_width: width.stride, dilation_height: height.dilation,
      dilation_width: width.dilation, padding_top: height.padding, padding_left: width.padding, groups: groups
    )
  }

  func with<Result>(_ body: (UnsafePointer<rondo_convolution>) -> Result) -> Result {
    withUnsafePointer(to: shape, body)
  }

  /// Units of forward, of the gradient of the input, and of the gradient of the weights.
  package var units: Int { with(rondo_convolution_units) }
  package var inputUnits: Int { with(rondo_convolution_input_units) }
  package var weightUnits: Int { with(rondo_convolution_weight_units) }
  /// Blocks of channels of the output, and of the input.
  package var blocks: Int { with(rondo_convolution_blocks) }
  package var inputBlocks: Int { with(rondo_convolution_input_blocks) }
  /// Elements of the scratch of one call of `forward` or `inputGradient`, and of `weightGradient`.
  package var scratchCount: Int { with(rondo_convolution_scratch) }
  package var weightScratchCount: Int { with(rondo_convolution_weight_scratch) }
  /// Elements of the packed weights.
  package var packedCount: Int { with(rondo_convolution_packed) }
  package var packedTransposedCount: Int { with(rondo_convolution_packed_transposed) }

  /// Each channel has a kernel of its own: those have loops of their own, and no panels.
  package var isDepthwise: Bool {
    shape.groups > 1 && shape.groups == shape.channels && shape.groups == shape.out_channels
  }
  package var outputPixels: Int { shape.samples * shape.out_height * shape.out_width }

  /// The output pixels of some units of `forward`, counted over all samples.
  package func pixels(_ units: Range<Int>) -> Range<Int> {
    with {
      rondo_convolution_pixels_before(
        $0, units.lowerBound)..<rondo_convolution_pixels_before($0, units.upperBound)
    }
  }

  /// Writes some blocks of the weights and of the bias as `forward` reads them.
  package func pack(
    _ blocks: Range<Int>, _ weights: UnsafePointer<Float>, bias: UnsafePointer<Float>?,
    into packed: UnsafeMutablePointer<Float>
  ) {
    with { rondo_convolution_pack($0, blocks.lowerBound, blocks.count, weights, bias, packed) }
  }

  /// Writes some blocks of the weights as `inputGradient` reads them.
  package func packTransposed(
    _ inputBlocks: Range<Int>, _ weights: UnsafePointer<Float>, into packed: UnsafeMutablePointer<Float>
  ) {
    with {
      rondo_convolution_pack_transposed($0, inputBlocks.lowerBound, inputBlocks.count, weights, packed)
    }
  }

  /// The units' rows of y = f(x ∗ weights + bias); with `z`, also of what f is applied to, where its gradient
  /// needs that.
  package func forward(
    _ units: Range<Int>, x: UnsafePointer<Float>, packed: UnsafePointer<Float>, activation: Activation,
    hasBias: Bool, y: UnsafeMutablePointer<Float>, z: UnsafeMutablePointer<Float>?,
    scratch: UnsafeMutablePointer<Float>
  ) {
    with {
      rondo_convolution_forward(
        $0, units.lowerBound, units.count, x, packed, activation.code, hasBias ? 1 : 0, y, z, scratch)
    }
  }

  /// The units' rows of dx.
  package func inputGradient(
    _ units: Range<Int>, dy: UnsafePointer<Float>, packedTransposed: UnsafePointer<Float>,
    dx: UnsafeMutablePointer<Float>, accumulate: Bool, scratch: UnsafeMutablePointer<Float>
  ) {
    with {
      rondo_convolution_input_gradient(
        $0, units.lowerBound, units.count, dy, packedTransposed, dx, accumulate ? 1 : 0, scratch)
    }
  }

  /// What the units contribute to the gradient of some blocks of the weights.
  package func weightGradient(
    _ blocks: Range<Int>, _ units: Range<Int>, x: UnsafePointer<Float>, dy: UnsafePointer<Float>,
    into gradient: UnsafeMutablePointer<Float>, accumulate: Bool, scratch: UnsafeMutablePointer<Float>
  ) {
    with {
      rondo_convolution_weight_gradient(
        $0, blocks.lowerBound, blocks.count, units.lowerBound, units.count, x, dy, gradient,
        accumulate ? 1 : 0, scratch)
    }
  }
}
