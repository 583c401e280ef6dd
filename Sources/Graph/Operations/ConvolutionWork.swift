import Kernels

/// How a convolution is computed, how its work is cut into tiles, and what workspace it needs: by its shape alone.
struct ConvolutionWork {
  /// What stays in the caches while the rest passes by.
  enum Blocking {
    /// A few rows of pixels, which meet all weights (`Convolution.forward`). The weights are packed beforehand.
    case units
    /// A panel of weights, which meets all pixels (`Convolution.forwardByPanels`).
    case panels
  }

  let tiles, inputTiles: Int
  /// The gradient of the weights is cut into parts of the units, which each but the first have sums of their own, or where those would be
  /// large, by blocks of channels.
  let parts, blocks, inputBlocks: Int
  /// Blocks that are packed at a time.
  let blocksPerTile: Int
  let blocking: Blocking
  let panelTiles, inputPanelTiles, rowTiles: Int
  let panelScratchCount, packedGradientCount: Int
  let weightCount, packedCount, packedTransposedCount, scratchCount, weightScratchCount: Int
  private let unitCount, inputUnitCount, weightUnitCount, rowGroupCount, outputs: Int
  private let isCutByBlocks: Bool

  private static let mostTiles = 16
  /// More parts cost memory and additions; fewer leave threads idle.
  private static let wantedWeightTiles = 8
  /// Weights whose sums go to a second-level cache. All blocks of a unit then follow each other, while what they read is in the cache.
  private static let smallWeight = 1 << 18
  /// Panels take weights that are many, by pixels that are few, and inputs enough to fill them.
  private static let fewPixels = 1024
  private static let fewInputs = 64

  static func blocking(_ kernel: Convolution, weight: Shape) -> Blocking {
    let inputs = weight[weight.rank - 2]
    let suits =
      weight.count > smallWeight && kernel.outputPixels <= fewPixels && inputs >= fewInputs
    return suits ? .panels : .units
  }

  /// - Parameter blocking: not of the shape's choice, for tests.
  init(_ kernel: Convolution, weight: Shape, blocking: Blocking? = nil) {
    self.blocking = kernel.isDepthwise ? .units : blocking ?? Self.blocking(kernel, weight: weight)
    panelScratchCount = Arena.aligned(kernel.panelScratchCount)
    packedGradientCount = Arena.aligned(kernel.packedGradientCount)
    panelTiles = min(kernel.blocks, Self.mostTiles)
    inputPanelTiles = min(kernel.inputBlocks, Self.mostTiles)
    rowGroupCount = kernel.rowGroups
    rowTiles = min(rowGroupCount, Self.mostTiles)
    unitCount = kernel.units
    inputUnitCount = kernel.inputUnits
    weightUnitCount = kernel.weightUnits
    tiles = min(unitCount, Self.mostTiles)
    inputTiles = min(inputUnitCount, Self.mostTiles)
    blocks = kernel.blocks
    inputBlocks = kernel.inputBlocks
    isCutByBlocks = weight.count > Self.smallWeight
    let blockTiles = isCutByBlocks ? blocks : 1
    parts = min(weightUnitCount, (Self.wantedWeightTiles + blockTiles - 1) / blockTiles)
    weightCount = Arena.aligned(weight.count)
    blocksPerTile = max(1, elementwiseGrain * blocks / weight.count)
    packedCount = Arena.aligned(kernel.packedCount)
    packedTransposedCount = Arena.aligned(kernel.packedTransposedCount)
    scratchCount = Arena.aligned(kernel.scratchCount)
    weightScratchCount = Arena.aligned(kernel.weightScratchCount)
    outputs = weight.columns
  }

  var workspaceCount: Int {
    let sums = tiles * Self.pixelsSideBySide(outputs) * outputs
    switch blocking {
    case .units:
      return max(
        packedCount + tiles * scratchCount, packedTransposedCount + inputTiles * scratchCount,
        (parts - 1) * weightCount + weightTiles * weightScratchCount, sums)
    case .panels:
      return max(max(panelTiles, inputPanelTiles) * panelScratchCount, packedGradientCount, sums)
    }
  }

  static func pixelsSideBySide(_ channels: Int) -> Int { max(1, 64 / channels) }

  func units(_ tile: Int) -> Range<Int> { Self.cut(unitCount, tile, tiles) }
  func inputUnits(_ tile: Int) -> Range<Int> { Self.cut(inputUnitCount, tile, inputTiles) }

  func panelBlocks(_ tile: Int) -> Range<Int> { Self.cut(blocks, tile, panelTiles) }
  func inputPanelBlocks(_ tile: Int) -> Range<Int> { Self.cut(inputBlocks, tile, inputPanelTiles) }
  func rowGroups(_ tile: Int) -> Range<Int> { Self.cut(rowGroupCount, tile, rowTiles) }

  var weightTiles: Int { isCutByBlocks ? parts * blocks : parts }

  func weightTile(_ tile: Int) -> (part: Int, blocks: Range<Int>, units: Range<Int>) {
    let part = isCutByBlocks ? tile / blocks : tile
    let first = tile % blocks
    return (part, isCutByBlocks ? first..<first + 1 : 0..<blocks, Self.cut(weightUnitCount, part, parts))
  }

  private static func cut(_ count: Int, _ part: Int, _ parts: Int) -> Range<Int> {
    count * part / parts..<count * (part + 1) / parts
  }
}
