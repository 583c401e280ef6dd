import BLAS
import Kernels

/// y = f(x ∗ W + b): y[n, i, j, k] = f(b[k] + Σ x[n, i·s + a·d - p, j·s + b·d - p, c] W[a, b, c, k]) over a, b, c, with stride s,
/// dilation d and padding p. (Cross-correlation, as all deep learning libraries call convolution.)
///
/// Shapes: x [samples, height, width, in], W [kernel height, kernel width, in / groups, out], b [out] (may be left out), y [samples,
/// out height, out width, out]; in one dimension x [samples, time, in], W [kernel, in / groups, out].
/// Backward, with dz = dy · f′: db = Σ dz,  dW[a, b, c, k] = Σ x[n, i·s + a·d - p, ..., c] dz[n, i, j, k],
/// dx[n, u, v, c] = Σ dz[n, i, j, k] W[a, b, c, k] over the outputs that saw (u, v): for a stride above 1 one correlation for each
/// remainder of (u, v).
/// Source: V. Dumoulin, F. Visin, "A guide to convolution arithmetic for deep learning", arXiv:1603.07285.
///
/// All three are direct loops that keep a tile of outputs, or of sums, in registers: for every shape measured at least as fast as a product
/// with the matrix of patches (im2col, all at once or 512 KiB at a time, whichever is faster; gradients of patches added where they
/// overlap). GFLOP/s on one thread of a Zen 4 machine, direct / product, OpenBLAS 0.3.21, best of 12; zeros around the image count as work:
///
///     x                 W           stride  forward    dx        dW
///     8 x 56 x 56 x 64  3 x 3 x 64          111 / 89   111 / 84  110 / 89
///     8 x 56 x 56 x 64  3 x 3 x 128    2    108 / 91   107 / 86  108 / 92
///     8 x 56 x 56 x 64  1 x 1 x 128    2     89 / 84    64 / 63  102 / 84
///     8 x 56 x 56 x 64  1 x 1 x 256          89 / 87    91 / 70   80 / 74
///     8 x 28 x 28 x 128 3 x 3 x 128         115 / 95   115 / 91  117 / 97
///     8 x 14 x 14 x 256 3 x 3 x 256         117 / 92   116 / 98  120 / 98
///     8 x 14 x 14 x 256 3 x 3 x 512    2    107 / 95   108 / 95  108 / 98
///     8 x 14 x 14 x 256 1 x 1 x 256         102 / 96    99 / 92  110 / 97
///     8 x 7 x 7 x 512   3 x 3 x 512         111 / 94   112 / 96  120 / 96
///     8 x 7 x 7 x 512   1 x 1 x 2048        101 / 97   102 / 93   96 / 96
///     64 x 32 x 32 x 16 3 x 3 x 16           93 / 52    92 / 50  113 / 50
///     64 x 16 x 16 x 32 3 x 3 x 32          109 / 78   107 / 72  123 / 78
///     64 x 8 x 8 x 64   3 x 3 x 64          119 / 91   118 / 84  132 / 93
///
/// Weights are packed first, and a few rows of pixels then meet all of them. Where weights are many and pixels few, packing would be as much work
/// as the convolution: there, panels of the weights meet all pixels (`ConvolutionWork.Blocking`; at most 1,024 pixels, more than 2^18 weights).
/// The same figures for those, panels / units / product, medians, with weights that are not in the caches, as in a step:
///
///     x                 W           stride  forward          dx               dW
///     1 x 7 x 7 x 512   3 x 3 x 512         96 / 75 / 68     94 / 69 / 65     116 / 81 / 85
///     2 x 7 x 7 x 512   3 x 3 x 512         119 / 94 / 83    113 / 88 / 82    129 / 102 / 92
///     4 x 7 x 7 x 512   3 x 3 x 512         130 / 109 / 93   124 / 104 / 93   134 / 119 / 96
///     8 x 7 x 7 x 512   3 x 3 x 512         132 / 116 / 96   129 / 113 / 97   136 / 126 / 98
///     1 x 14 x 14 x 256 3 x 3 x 256         116 / 102 / 81   114 / 98 / 87    123 / 108 / 90
///     4 x 14 x 14 x 256 3 x 3 x 256         119 / 112 / 87   115 / 108 / 93   121 / 118 / 88
///     1 x 14 x 14 x 256 3 x 3 x 512    2    82 / 68 / 62     80 / 62 / 59     96 / 66 / 81
///     4 x 14 x 14 x 256 3 x 3 x 512    2    112 / 101 / 89   106 / 95 / 88    114 / 102 / 94
///     1 x 7 x 7 x 512   1 x 1 x 2048        79 / 71 / 68     67 / 66 / 62     85 / 64 / 82
///     4 x 7 x 7 x 512   1 x 1 x 2048        100 / 96 / 95    95 / 94 / 90     101 / 93 / 100
///
/// A panel's sums over all pixels are complete when they are written, so a gradient of weights can be added whole where it lies
/// (`wholeAdditionScratch`).
struct ConvolutionOperation: Operation {
  let window: SlidingWindow
  let groups: Int
  let activation: Activation
  /// Nil: as the shape suggests.
  var blocking: ConvolutionWork.Blocking?

  var name: String { "convolution" }

  func outputShape(_ inputs: [Shape]) throws(ShapeError) -> Shape {
    let (x, weight) = (inputs[0], inputs[1])
    guard weight.rank == window.axes + 2 else {
      let expected = window.axes == 2 ? "[height, width, in / groups, out]" : "[kernel, in / groups, out]"
      throw ShapeError("expected weight \(expected), found \(weight)")
    }
    let shape = try window.outputShape(x, size(weight), channels: weight.columns)
    guard groups >= 1, weight.columns % groups == 0, x.columns == weight[window.axes] * groups else {
      throw ShapeError(
        "expected input [..., in] and weight [..., in / groups, out] with \(groups) groups, found \(x) and \(weight)"
      )
    }
    if inputs.count == 3, inputs[2] != [weight.columns] {
      throw ShapeError("expected bias [\(weight.columns)], found \(inputs[2])")
    }
    return shape
  }

  private func size(_ weight: Shape) -> HeightAndWidth {
    window.axes == 2 ? HeightAndWidth(weight[0], weight[1]) : HeightAndWidth(1, weight[0])
  }

  func kernel(_ x: Shape, _ weight: Shape) -> Convolution {
    Convolution(
      samples: x[0], height: window.height(x, size(weight)), width: window.width(x, size(weight)),
      channels: x.columns, outputs: weight.columns, groups: groups)
  }

  private var gradientNeedsOutput: Bool { activation != .identity && !activation.gradientNeedsInput }

  /// The pre-activation, where the gradient is computed from it.
  func savedCounts(_ inputs: [Shape]) -> [Int] {
    guard activation.gradientNeedsInput, let y = try? outputShape(inputs) else { return [] }
    return [y.count]
  }

  var backwardReads: BackwardReads { BackwardReads(inputs: [0, 1], output: gradientNeedsOutput) }

  func forwardFlops(_ inputs: [Shape]) -> Double {
    guard let y = try? outputShape(inputs) else { return 0 }
    return 2 * Double(y.rows) * Double(inputs[1].count)
  }

  func workspaceCount(_ inputs: [Shape]) -> Int { work(inputs[0], inputs[1]).workspaceCount }

  /// Of the weight, where each element's sum over all pixels is complete before it is written.
  func wholeAdditionScratch(ofInput index: Int, _ inputs: [Shape]) -> Int? {
    index == 1 && work(inputs[0], inputs[1]).blocking == .panels ? 0 : nil
  }

  func work(_ x: Shape, _ weight: Shape) -> ConvolutionWork {
    ConvolutionWork(kernel(x, weight), weight: weight, blocking: blocking)
  }

  func forward(_ context: ForwardContext) {
    let kernel = kernel(context.shape(ofInput: 0), context.shape(ofInput: 1))
    let work = work(context.shape(ofInput: 0), context.shape(ofInput: 1))
    let (x, y, packed) = (context.input(0), context.output, context.workspace)
    let bias = context.hasInput(2) ? context.input(2) : nil
    let z = activation.gradientNeedsInput ? context.saved(0) : nil
    let weight = context.input(1)
    if work.blocking == .panels {
      context.pool.run(tiles: work.panelTiles) { tile in
        kernel.forwardByPanels(
          work.panelBlocks(tile), x: x, weights: weight, bias: bias, activation: activation, y: y, z: z,
          scratch: context.workspace + tile * work.panelScratchCount)
      }
      return
    }
    context.pool.run(over: work.blocks, grain: work.blocksPerTile) {
      kernel.pack($0, weight, bias: bias, into: packed)
    }
    let scratch = packed + work.packedCount
    context.pool.run(tiles: work.tiles) { tile in
      kernel.forward(
        work.units(tile), x: x, packed: packed, activation: activation, hasBias: bias != nil, y: y, z: z,
        scratch: scratch + tile * work.scratchCount)
    }
  }
}

/// A convolution over images with optional bias and activation.
///
/// - Parameters:
///   - x: [samples, height, width, in].
///   - weight: [kernel height, kernel width, in / groups, out].
///   - bias: [out].
///   - groups: output channels of group g see the input channels of group g only.
/// - Returns: [samples, out height, out width, out].
public func convolution2D(
  _ x: Tensor, weight: Tensor, bias: Tensor? = nil, stride: HeightAndWidth = 1, padding: Padding = .same,
  dilation: HeightAndWidth = 1, groups: Int = 1, activation: Activation = .identity, name: String? = nil
) -> Tensor {
  let window = SlidingWindow(stride: stride, dilation: dilation, padding: padding, axes: 2)
  let operation = ConvolutionOperation(window: window, groups: groups, activation: activation)
  return x.trace.record(operation, [x, weight] + (bias.map { [$0] } ?? []), name: name)
}

/// A convolution over sequences with optional bias and activation.
///
/// - Parameters:
///   - x: [samples, time, in].
///   - weight: [kernel, in / groups, out].
///   - bias: [out].
/// - Returns: [samples, out time, out].
public func convolution1D(
  _ x: Tensor, weight: Tensor, bias: Tensor? = nil, stride: Int = 1, padding: Padding = .same,
  dilation: Int = 1,
  groups: Int = 1, activation: Activation = .identity, name: String? = nil
) -> Tensor {
  let window = SlidingWindow(
    stride: HeightAndWidth(1, stride), dilation: HeightAndWidth(1, dilation), padding: padding, axes: 1)
  let operation = ConvolutionOperation(window: window, groups: groups, activation: activation)
  return x.trace.record(operation, [x, weight] + (bias.map { [$0] } ?? []), name: name)
}
