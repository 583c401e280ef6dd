import CKernels

/// The same convolution from weights where they lie, for few pixels and many weights.
///
/// A *panel* is a part of one tap's weights of one block of channels: it is packed into scratch, meets all pixels, and is forgotten. So
/// no weight is read from memory twice, and none is written. A *row group* is a few rows of the weights as a matrix of [.., outputs].
extension Convolution {
  /// Elements of the scratch of one call of `forwardByPanels` or `inputGradientByPanels`.
  package var panelScratchCount: Int { with(rondo_convolution_panel_scratch) }
  package var rowGroups: Int { with(rondo_convolution_row_groups) }
  /// Elements of what `packGradient` writes.
  package var packedGradientCount: Int { with(rondo_convolution_gradient_panels) }

  /// Some blocks of the channels of y = f(x ∗ weights + bias), and of `z` as in `forward`.
  package func forwardByPanels(
    _ blocks: Range<Int>, x: UnsafePointer<Float>, weights: UnsafePointer<Float>, bias: UnsafePointer<Float>?,
    activation: Activation, y: UnsafeMutablePointer<Float>, z: UnsafeMutablePointer<Float>?,
    scratch: UnsafeMutablePointer<Float>
  ) {
    with {
      rondo_convolution_forward_panels(
        $0, blocks.lowerBound, blocks.count, x, weights, bias, activation.code, y, z, scratch)
    }
  }

  /// Some blocks of the channels of dx.
  package func inputGradientByPanels(
    _ inputBlocks: Range<Int>, dy: UnsafePointer<Float>, weights: UnsafePointer<Float>,
    dx: UnsafeMutablePointer<Float>, accumulate: Bool, scratch: UnsafeMutablePointer<Float>
  ) {
    with {
      rondo_convolution_input_gradient_panels(
        $0, inputBlocks.lowerBound, inputBlocks.count, dy, weights, dx, accumulate ? 1 : 0, scratch)
    }
  }

  /// Writes dy with the channels of some blocks side by side, as `weightGradientByPanels` reads them.
  package func packGradient(
    _ blocks: Range<Int>, _ dy: UnsafePointer<Float>, into packed: UnsafeMutablePointer<Float>
  ) {
    with { rondo_convolution_pack_gradient($0, blocks.lowerBound, blocks.count, dy, packed) }
  }

  /// Some row groups of the gradient of the weights, summed over all pixels and then written, or added, once.
  package func weightGradientByPanels(
    _ rowGroups: Range<Int>, x: UnsafePointer<Float>, packedGradient: UnsafePointer<Float>,
    into gradient: UnsafeMutablePointer<Float>, accumulate: Bool
  ) {
    with {
      rondo_convolution_weight_gradient_panels(
        $0, rowGroups.lowerBound, rowGroups.count, x, packedGradient, gradient, accumulate ? 1 : 0)
    }
  }
}
