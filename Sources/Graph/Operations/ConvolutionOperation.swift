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
/// All three are direct loops that keep a tile of outputs in registers. On the machine they were written on (Zen 4, one thread) 3x3 kernels
/// with 16 to 256 channels run at 82 to 104 GFLOP/s forward and 81 to 92 backward; products of the same size, without what making and
/// summing the patches would take, at 29 to 89 and 19 to 86. Only backward of 512 channels on 7 x 7 pixels is slower than its products
/// (60 to 87), and 1x1 kernels with many channels are as fast as theirs.
struct ConvolutionOperation: Operation {
  let window: SlidingWindow
  let groups: Int
  let activation: Activation

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

  private func kernel(_ x: Shape, _ weight: Shape) -> Convolution {
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

  func forwardFlops(_ inputs: [Shape]) -> Int {
    guard let y = try? outputShape(inputs) else { return 0 }
    return 2 * y.rows * inputs[1].count
  }

  func workspaceCount(_ inputs: [Shape]) -> Int {
    let work = ConvolutionWork(kernel(inputs[0], inputs[1]), outputs: inputs[1].columns)
    return work.workspaceCount
  }

  func forward(_ context: ForwardContext) {
    let kernel = kernel(context.shape(ofInput: 0), context.shape(ofInput: 1))
    let work = ConvolutionWork(kernel, outputs: context.outputShape.columns)
    let (x, y, packed) = (context.input(0), context.output, context.workspace)
    let bias = context.hasInput(2) ? context.input(2) : nil
    let z = activation.gradientNeedsInput ? context.saved(0) : nil
    kernel.pack(context.input(1), bias: bias, into: packed)
    let scratch = packed + work.packedCount
    context.pool.run(tiles: work.tiles) { tile in
      kernel.forward(
        work.units(tile), x: x, packed: packed, activation: activation, hasBias: bias != nil, y: y,
        z: z,
        scratch: scratch + tile * work.scratchCount)
    }
  }

  func backward(_ context: BackwardContext) {
    let kernel = kernel(context.shape(ofInput: 0), context.shape(ofInput: 1))
    let work = ConvolutionWork(kernel, outputs: context.outputShape.columns)
    differentiateActivation(context, kernel, work)
    let (input, weight) = (context.inputGradient(0), context.inputGradient(1))
    // One tensor as both: its gradients are added in the order of the inputs.
    let isBoth = input != nil && input?.pointer == weight?.pointer
    if isBoth { differentiateInput(context, kernel, work) }
    if let weight {
      let sums = context.workspace
      let scratch = sums + work.parts * work.packedCount
      let (x, dz) = (context.input(0), UnsafePointer(context.outputGradient))
      context.pool.run(tiles: work.parts * work.blocks) { tile in
        let (part, block) = (tile / work.blocks, tile % work.blocks)
        kernel.weightGradient(
          block: block, work.units(ofPart: part), x: x, dy: dz, sums: sums + part * work.packedCount,
          scratch: scratch + tile * work.scratchCount)
      }
      kernel.unpack(
        parts: work.parts, stride: work.packedCount, sums, into: weight.pointer,
        accumulate: weight.accumulates)
      context.gradientsAreDone(ofInputs: 1...2)
    }
    if !isBoth { differentiateInput(context, kernel, work) }
  }

  /// dz over dy, and the gradient of the bias.
  private func differentiateActivation(
    _ context: BackwardContext, _ kernel: Convolution, _ work: ConvolutionWork
  ) {
    let bias = context.hasInput(2) ? context.inputGradient(2) : nil
    guard activation != .identity || bias != nil else { return }
    let columns = context.outputShape.columns
    let dz = context.outputGradient
    let known = activation.gradientNeedsInput ? UnsafePointer(context.saved(0)) : context.output
    let sums = context.workspace
    // Few channels: several pixels side by side make rows that fill vectors.
    let side = ConvolutionWork.pixelsSideBySide(columns)
    context.pool.run(tiles: work.tiles) { tile in
      let pixels = kernel.pixels(work.units(tile))
      let rows = pixels.count / side
      let (first, rest) = (pixels.lowerBound * columns, (pixels.lowerBound + rows * side) * columns)
      let tileSums = sums + tile * side * columns
      activation.gradientWithColumnSums(
        rows: rows, columns: side * columns, known: known + first, dy: dz + first, dz: dz + first,
        ld: side * columns, sums: tileSums, accumulate: false)
      activation.gradientWithColumnSums(
        rows: pixels.count % side, columns: columns, known: known + rest, dy: dz + rest, dz: dz + rest,
        ld: columns, sums: tileSums, accumulate: true)
      for pixel in stride(from: 1, to: side, by: 1) {
        Elementwise.add(columns, to: tileSums, tileSums + pixel * columns)
      }
    }
    guard let bias else { return }
    if !bias.accumulates { bias.pointer.update(from: sums, count: columns) }
    for tile in (bias.accumulates ? 0 : 1)..<work.tiles {
      Elementwise.add(columns, to: bias.pointer, sums + tile * side * columns)
    }
  }

  private func differentiateInput(
    _ context: BackwardContext, _ kernel: Convolution, _ work: ConvolutionWork
  ) {
    guard let gradient = context.inputGradient(0) else { return }
    let (packed, dz) = (context.workspace, UnsafePointer(context.outputGradient))
    kernel.packTransposed(context.input(1), into: packed)
    let scratch = packed + work.packedTransposedCount
    context.pool.run(tiles: work.inputTiles) { tile in
      kernel.inputGradient(
        work.inputUnits(tile), dy: dz, packedTransposed: packed, dx: gradient.pointer,
        accumulate: gradient.accumulates, scratch: scratch + tile * work.scratchCount)
    }
  }
}

/// How a convolution's units are cut into tiles, and what workspace they need: by its shape alone.
struct ConvolutionWork {
  let tiles, inputTiles: Int
  /// Tiles of the gradient of the weights: parts of the units × blocks of channels. Each part has sums of its own.
  let parts, blocks: Int
  let packedCount, packedTransposedCount, scratchCount: Int
  private let unitCount, inputUnitCount, outputs: Int

  private static let mostTiles = 16
  /// More parts cost memory and additions; fewer leave threads idle.
  private static let wantedWeightTiles = 8

  init(_ kernel: Convolution, outputs: Int) {
    unitCount = kernel.units
    inputUnitCount = kernel.inputUnits
    tiles = min(unitCount, Self.mostTiles)
    inputTiles = min(inputUnitCount, Self.mostTiles)
    blocks = kernel.blocks
    parts = min(unitCount, (Self.wantedWeightTiles + blocks - 1) / blocks)
    packedCount = Arena.aligned(kernel.packedCount)
    packedTransposedCount = Arena.aligned(kernel.packedTransposedCount)
    scratchCount = Arena.aligned(kernel.scratchCount)
    self.outputs = outputs
  }

  var workspaceCount: Int {
    max(
      packedCount + tiles * scratchCount, packedTransposedCount + inputTiles * scratchCount,
      parts * (packedCount + blocks * scratchCount), tiles * Self.pixelsSideBySide(outputs) * outputs)
  }

  static func pixelsSideBySide(_ channels: Int) -> Int { max(1, 64 / channels) }

  func units(_ tile: Int) -> Range<Int> { Self.cut(unitCount, tile, tiles) }
  func units(ofPart part: Int) -> Range<Int> { Self.cut(unitCount, part, parts) }
  func inputUnits(_ tile: Int) -> Range<Int> { Self.cut(inputUnitCount, tile, inputTiles) }

  private static func cut(_ count: Int, _ part: Int, _ parts: Int) -> Range<Int> {
    count * part / parts..<count * (part + 1) / parts
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
