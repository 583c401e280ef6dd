import Kernels

// The gradients of a convolution, from dy on.
extension ConvolutionOperation {
  func backward(_ context: BackwardContext) {
    let kernel = kernel(context.shape(ofInput: 0), context.shape(ofInput: 1))
    let work = work(context.shape(ofInput: 0), context.shape(ofInput: 1))
    differentiateActivation(context, kernel, work)
    let (input, weight) = (context.inputGradient(0), context.inputGradient(1))
    // One tensor as both: its gradients are added in the order of the inputs.
    let isBoth = input != nil && input?.pointer == weight?.pointer
    if isBoth { differentiateInput(context, kernel, work) }
    if let weight {
      differentiateWeight(context, kernel, work, weight)
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

  private func differentiateWeight(
    _ context: BackwardContext, _ kernel: Convolution, _ work: ConvolutionWork,
    _ gradient: BackwardContext.Gradient
  ) {
    if work.blocking == .panels {
      differentiateWeightByPanels(context, kernel, work, gradient)
      return
    }
    let sums = context.workspace
    let scratch = sums + (work.parts - 1) * work.weightCount
    let (x, dz) = (context.input(0), UnsafePointer(context.outputGradient))
    context.pool.run(tiles: work.weightTiles) { tile in
      let (part, blocks, units) = work.weightTile(tile)
      kernel.weightGradient(
        blocks, units, x: x, dy: dz,
        into: part == 0 ? gradient.pointer : sums + (part - 1) * work.weightCount,
        accumulate: part == 0 && gradient.accumulates, scratch: scratch + tile * work.weightScratchCount)
    }
    guard work.parts > 1 else { return }
    context.pool.run(over: context.shape(ofInput: 1).count, grain: elementwiseGrain) { range in
      for part in 1..<work.parts {
        Elementwise.add(
          range.count, to: gradient.pointer + range.lowerBound,
          sums + (part - 1) * work.weightCount + range.lowerBound)
      }
    }
  }

  private func differentiateWeightByPanels(
    _ context: BackwardContext, _ kernel: Convolution, _ work: ConvolutionWork,
    _ gradient: BackwardContext.Gradient
  ) {
    let (x, dz, packed) = (context.input(0), UnsafePointer(context.outputGradient), context.workspace)
    context.pool.run(tiles: work.panelTiles) { kernel.packGradient(work.panelBlocks($0), dz, into: packed) }
    context.pool.run(tiles: work.rowTiles) { tile in
      kernel.weightGradientByPanels(
        work.rowGroups(tile), x: x, packedGradient: packed, into: gradient.pointer,
        accumulate: gradient.accumulates)
    }
  }

  private func differentiateInput(
    _ context: BackwardContext, _ kernel: Convolution, _ work: ConvolutionWork
  ) {
    guard let gradient = context.inputGradient(0) else { return }
    let (packed, dz) = (context.workspace, UnsafePointer(context.outputGradient))
    let weight = context.input(1)
    if work.blocking == .panels {
      context.pool.run(tiles: work.inputPanelTiles) { tile in
        kernel.inputGradientByPanels(
          work.inputPanelBlocks(tile), dy: dz, weights: weight, dx: gradient.pointer,
          accumulate: gradient.accumulates, scratch: packed + tile * work.panelScratchCount)
      }
      return
    }
    context.pool.run(over: work.inputBlocks, grain: work.blocksPerTile) {
      kernel.packTransposed($0, weight, into: packed)
    }
    let scratch = packed + work.packedTransposedCount
    context.pool.run(tiles: work.inputTiles) { tile in
      kernel.inputGradient(
        work.inputUnits(tile), dy: dz, packedTransposed: packed, dx: gradient.pointer,
        accumulate: gradient.accumulates, scratch: scratch + tile * work.scratchCount)
    }
  }
}
