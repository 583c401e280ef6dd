import Dispatch
import Foundation
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

  @Test("two threads may start regions on one pool at once")
  func concurrentCallers() {
    let pool = ThreadPool(threads: 3)
    let sum = Atomic<Int>(0)
    DispatchQueue.concurrentPerform(iterations: 4) { _ in
      for _ in 0..<500 {
        pool.run(tiles: 6) { tile in sum.wrappingAdd(tile, ordering: .relaxed) }
      }
    }
    #expect(sum.load(ordering: .relaxed) == 4 * 500 * 15)
  }

  @Test("threads that fell asleep wake up for the next region")
  func sleepAndWake() {
    let pool = ThreadPool(threads: 4)
    var counts = [Int](repeating: 0, count: 9)
    counts.withUnsafeMutableBufferPointer { counts in
      nonisolated(unsafe) let counts = counts
      for pause in 0..<200 {
        usleep(UInt32(pause * 7 % 400))
        pool.run(tiles: 9) { counts[$0] += 1 }
      }
    }
    #expect(counts == [Int](repeating: 200, count: 9))
  }

  @Test("several threads really take part")
  func threadsTakePart() {
    let pool = ThreadPool(threads: 2)
    let threads = Mutex<Set<pthread_t>>([])
    // Each tile waits until the other is taken, for at most 10 seconds.
    let taken = Atomic<Int>(0)
    pool.run(tiles: 2) { _ in
      taken.wrappingAdd(1, ordering: .sequentiallyConsistent)
      _ = threads.withLock { $0.insert(pthread_self()) }
      for _ in 0..<100_000 where taken.load(ordering: .sequentiallyConsistent) < 2 { usleep(100) }
    }
    #expect(threads.withLock { $0.count } == 2)
  }

  @Test("a thread takes the same share of every region, while none is late", arguments: [2, 3])
  func sharesStay(threads: Int) {
    let pool = ThreadPool(threads: threads)
    let owners = Mutex([Set<pthread_t>](repeating: [], count: threads))
    for _ in 0..<20 {
      // Each tile waits until all are taken, for at most 10 seconds: so no thread takes two.
      let taken = Atomic<Int>(0)
      pool.run(tiles: threads) { tile in
        taken.wrappingAdd(1, ordering: .sequentiallyConsistent)
        owners.withLock { _ = $0[tile].insert(pthread_self()) }
        for _ in 0..<100_000 where taken.load(ordering: .sequentiallyConsistent) < threads { usleep(100) }
      }
    }
    let found = owners.withLock { $0 }
    #expect(found.allSatisfy { $0.count == 1 } && found[0] == [pthread_self()])
    #expect(found.reduce(into: Set()) { $0.formUnion($1) }.count == threads)
  }

  @Test("a share hands out its tiles in order, each once, and then none")
  func share() {
    let share = TileShare()
    for tiles in [3..<6, 0..<0, 0..<1] {
      share.fill(tiles)
      #expect((0..<tiles.count).map { _ in share.take() } == tiles.map(Optional.some))
      #expect(share.take() == nil)
    }
  }

  @Test("threads are named, and gone with the pool")
  func namesAndEnd() throws {
    func names() throws -> [String] {
      try FileManager.default.contentsOfDirectory(atPath: "/proc/self/task").compactMap {
        try? String(contentsOfFile: "/proc/self/task/\($0)/comm", encoding: .utf8)
      }
    }
    var pool: ThreadPool? = ThreadPool(threads: 24)
    // A thread names itself when it first runs.
    pool?.run(tiles: 100) { _ in usleep(1_000) }
    for _ in 0..<1_000 where try !names().contains("rondo-pool-23\n") { usleep(1_000) }
    #expect(try names().contains("rondo-pool-23\n"))
    pool = nil
    #expect(try !names().contains("rondo-pool-23\n"))
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
    // 2,000 regions take 3 to 10 ms on two idle cores; a collapse takes minutes.
    #expect(time < .seconds(60))
  }
}
