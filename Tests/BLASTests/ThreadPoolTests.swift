import Synchronization
import Testing

@testable import BLAS

@Suite struct ThreadPoolTests {
  @Test("each tile is computed exactly once", arguments: [1, 2, 3, 4, 7, 8], [0, 1, 2, 5, 64, 1_000])
  func eachTileOnce(threads: Int, tiles: Int) {
    let pool = ThreadPool(threads: threads)
    #expect(pool.threads == threads)
    var counts = [Int](repeating: 0, count: tiles)
    counts.withUnsafeMutableBufferPointer { counts in
      nonisolated(unsafe) let counts = counts
      for _ in 0..<20 { pool.run(tiles: tiles) { counts[$0] += 1 } }
    }
    #expect(counts.allSatisfy { $0 == 20 })
  }

  @Test("a region inside a region runs inline")
  func nested() {
    let pool = ThreadPool(threads: 4)
    let sum = Atomic<Int>(0)
    pool.run(tiles: 10) { outer in
      pool.run(tiles: 10) { inner in sum.wrappingAdd(outer * 10 + inner, ordering: .relaxed) }
    }
    #expect(sum.load(ordering: .relaxed) == 99 * 100 / 2)
  }

  @Test("8 threads on few cores finish 2,000 small regions, spinning or not", arguments: [nil, 64] as [Int?])
  func oversubscribed(cores: Int?) {
    let pool = ThreadPool(threads: 8, cores: cores)
    let sum = Atomic<Int>(0)
    let clock = ContinuousClock()
    let time = clock.measure {
      for _ in 0..<2_000 { pool.run(tiles: 8) { _ = sum.wrappingAdd($0, ordering: .relaxed) } }
    }
    #expect(sum.load(ordering: .relaxed) == 2_000 * 28)
    #expect(time < .seconds(20))
    print("2,000 regions:", time)
  }
}
