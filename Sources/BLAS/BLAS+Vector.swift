extension BLAS {
  /// Sum of `x[i] y[i]`. Each tile is summed by OpenBLAS, and the tiles' sums are added in order.
  ///
  /// - Precondition: `x` and `y` have the same length.
  public static func dot<Scalar: BLASScalar>(
    _ x: Span<Scalar>, _ y: Span<Scalar>, on pool: ThreadPool
  ) -> Scalar {
    requireSameLength("dot", x.count, y.count)
    return x.withUnsafeBufferPointer { x in
      y.withUnsafeBufferPointer { y in
        guard let left = x.baseAddress, let right = y.baseAddress else { return 0 }
        return dot(count: x.count, x: left, y: right, on: pool)
      }
    }
  }

  /// `y = alpha x + y`.
  ///
  /// - Precondition: `x` and `y` have the same length.
  public static func axpy<Scalar: BLASScalar>(
    alpha: Scalar, _ x: Span<Scalar>, _ y: inout MutableSpan<Scalar>, on pool: ThreadPool
  ) {
    requireSameLength("axpy", x.count, y.count)
    x.withUnsafeBufferPointer { x in
      y.withUnsafeMutableBufferPointer { y in
        guard let from = x.baseAddress, let to = y.baseAddress else { return }
        axpy(count: x.count, alpha: alpha, x: from, y: to, on: pool)
      }
    }
  }

  /// `x = alpha x`. With `alpha` 0 all elements become 0, NaN and infinities among them.
  public static func scal<Scalar: BLASScalar>(
    alpha: Scalar, _ x: inout MutableSpan<Scalar>, on pool: ThreadPool
  ) {
    x.withUnsafeMutableBufferPointer { x in
      guard let address = x.baseAddress else { return }
      scal(count: x.count, alpha: alpha, x: address, on: pool)
    }
  }

  package static func dot<Scalar: BLASScalar>(
    count: Int, x: UnsafePointer<Scalar>, y: UnsafePointer<Scalar>, on pool: ThreadPool
  ) -> Scalar {
    singleThreaded
    let plan = VectorPlan(count: count)
    return withUnsafeTemporaryAllocation(of: Scalar.self, capacity: max(plan.tiles, 1)) { sums in
      sums.initialize(repeating: 0)
      pool.run(tiles: plan.tiles) { tile in
        let range = plan[tile]
        sums[tile] = Scalar._dot(range.count, x + range.lowerBound, y + range.lowerBound)
      }
      return sums.reduce(0, +)
    }
  }

  package static func axpy<Scalar: BLASScalar>(
    count: Int, alpha: Scalar, x: UnsafePointer<Scalar>, y: UnsafeMutablePointer<Scalar>, on pool: ThreadPool
  ) {
    singleThreaded
    let plan = VectorPlan(count: count)
    pool.run(tiles: plan.tiles) { tile in
      let range = plan[tile]
      Scalar._axpy(range.count, alpha, x + range.lowerBound, y + range.lowerBound)
    }
  }

  package static func scal<Scalar: BLASScalar>(
    count: Int, alpha: Scalar, x: UnsafeMutablePointer<Scalar>, on pool: ThreadPool
  ) {
    singleThreaded
    let plan = VectorPlan(count: count)
    pool.run(tiles: plan.tiles) { tile in
      let range = plan[tile]
      if alpha == 0 {
        // Versions of OpenBLAS differ in whether 0 x NaN is 0 or NaN here.
        (x + range.lowerBound).update(repeating: 0, count: range.count)
      } else {
        Scalar._scal(range.count, alpha, x + range.lowerBound)
      }
    }
  }

  private static func requireSameLength(_ name: String, _ x: Int, _ y: Int) {
    precondition(x == y, "\(name): expected vectors of the same length, found \(x) and \(y)")
  }
}

/// How a vector is cut: at most 64 tiles of at least 16,384 elements, by its length alone.
struct VectorPlan: Equatable {
  let count: Int
  let perTile: Int

  init(count: Int) {
    self.count = count
    let blocks = (count + 16_383) / 16_384
    perTile = max(1, (blocks + 63) / 64) * 16_384
    precondition(perTile <= BLAS.largestSize, "vector of \(count) elements: expected at most 2^36")
  }

  var tiles: Int { (count + perTile - 1) / perTile }

  subscript(tile: Int) -> Range<Int> { tile * perTile..<min((tile + 1) * perTile, count) }
}
