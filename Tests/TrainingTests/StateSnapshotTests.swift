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
    let lengths = [1, 0, 1_000, 1, 999]
    let count = lengths.reduce(0, +)
    let state = State(count: count)
    let snapshot = StateSnapshot(of: state)
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
}
