import Testing

@testable import Training

/// A checkpoint's writer reads the state of its step, whatever training has made of it since.
@Suite struct StateSnapshotTests {
  private final class State {
    let floats: UnsafeMutablePointer<Float>
    init(count: Int) {
      floats = .allocate(capacity: count)
      for index in 0..<count { floats[index] = Float(index) }
    }
    deinit { floats.deallocate() }
  }

  /// Wherever the update comes: before anything is read, in the middle of a tensor, at its end, after all.
  @Test(arguments: [0, 1, 2, 700, 1_001, 1_002, 1_400, 2_000, 2_001])
  func whatAnUpdateChangesIsCopiedBefore(stop: Int) {
    let staging = StagingMemory()
    // What an earlier checkpoint has left there is none of the next one's.
    staging.floats(3_000).update(repeating: 7)
    let lengths = [1, 0, 1_000, 1, 999]
    let count = lengths.reduce(0, +)
    let state = State(count: count)
    let snapshot = StateSnapshot(of: state, staging: staging)
    var first = 0
    for (index, length) in lengths.enumerated() {
      _ = snapshot.source("t\(index)", shape: [length], state.floats + first)
      first += length
    }
    var (found, copied) = ([Float](), 0)
    func update() {
      snapshot.keep { target, source, count in
        target.update(from: source, count: count)
        copied += count
      }
      for index in 0..<count { state.floats[index] = -1 }
    }
    var isUpdated = false
    for (index, length) in lengths.enumerated() {
      var next = 0
      while next < length {
        if found.count >= stop, !isUpdated {
          update()
          #expect(copied == count - found.count)
          isUpdated = true
        }
        var piece = [Float](
          repeating: 0, count: min(length - next, 7, found.count < stop ? stop - found.count : 7))
        piece.withUnsafeMutableBytes { snapshot.read(index, from: next, into: $0) }
        found += piece
        next += piece.count
      }
    }
    // The next update finds nothing to copy.
    update()
    #expect(copied == (isUpdated ? count - stop : 0))
    #expect(found == (0..<count).map { Float($0) })
  }

  /// Checkpoints in quick succession share the memory, and none is held for long after the last.
  @Test func theMemoryOfCopiesIsFreedWhenNoneFollows() {
    let (staging, start) = (StagingMemory(), ContinuousClock.now)
    let first = staging.floats(1 << 20, at: start).baseAddress
    staging.releaseIfIdle(at: start + .seconds(4))
    #expect(staging.floats(1 << 20, at: start + .seconds(4)).baseAddress == first)
    #expect(staging.floats(1 << 18, at: start + .seconds(8)).baseAddress == first)
    staging.releaseIfIdle(at: start + .seconds(17))
    #expect(staging.byteCount == 4 << 20)
    staging.releaseIfIdle(at: start + .seconds(19))
    #expect(staging.byteCount == 0)
    _ = staging.floats(3 << 20, at: start + .seconds(20))
    #expect(staging.byteCount == 12 << 20)
  }
}
