import BLAS

extension ThreadPool {
  /// Calls `body` with ranges of `grain` elements that cover `0..<count`. The cut depends on `count` and `grain` alone.
  public func run(over count: Int, grain: Int, _ body: (Range<Int>) -> Void) {
    run(tiles: (count + grain - 1) / grain) { tile in
      body(tile * grain..<min(count, (tile + 1) * grain))
    }
  }
}

/// Elements of one tile of an element-wise loop: large enough that handing it over costs little, small enough to stay in a core's
/// first cache levels.
let elementwiseGrain = 16_384
