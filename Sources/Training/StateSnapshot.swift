import Checkpoints
import Kernels
import Synchronization

/// What a rank writes of the state after a step, while training goes on.
///
/// Up to the next update nothing changes the state: what is read until then is read where it lies. Before that update, `keep` copies the rest.
/// So a disk that is fast enough costs neither the time nor the memory of a copy, and a slow one no more than a copy of what it has yet to take.
///
/// `@unchecked Sendable` is safe because memory that others write is read under the lock, before `keep` has returned.
final class StateSnapshot: @unchecked Sendable {
  /// A range of floats, read from the front.
  private struct Part {
    let start: UnsafePointer<Float>
    let count: Int
    /// Floats that have been read.
    var done = 0
    /// Whether they are to be finite.
    let isChecked: Bool
    /// Where it has been copied to, apart from what had been read before.
    var copy: UnsafePointer<Float>?
  }

  /// `@unchecked Sendable` is safe because only who has the lock gets at one.
  private struct Parts: @unchecked Sendable {
    var all: [Part] = []
    var isKept = false
    var isFinite = true
  }

  private let parts: Mutex<Parts>
  /// Whose memory it is.
  private let owner: AnyObject
  /// Holds the copies.
  private let staging: StagingMemory

  init(of owner: AnyObject, staging: StagingMemory) {
    self.owner = owner
    self.staging = staging
    parts = Mutex(Parts())
  }

  /// Whether all that was to be is finite, of what has been read.
  var isFinite: Bool { parts.withLock { $0.isFinite } }

  /// Adds floats that are to be written, before the writing begins.
  ///
  /// - Parameter isChecked: whether they are to be finite.
  func source(
    _ name: String, shape: [Int], _ start: UnsafePointer<Float>, isChecked: Bool = false
  ) -> SafetensorsSource {
    let index = parts.withLock { parts in
      parts.all.append(Part(start: start, count: shape.reduce(1, *), isChecked: isChecked))
      return parts.all.count - 1
    }
    return SafetensorsSource(name, shape: shape, from: start) { [self] bytes, offset in
      read(index, from: offset / MemoryLayout<Float>.stride, into: bytes)
    }
  }

  /// Reads of the part that was added as number `index`; each part from its front.
  func read(_ index: Int, from first: Int, into bytes: UnsafeMutableRawBufferPointer) {
    parts.withLock { parts in
      let part = parts.all[index]
      let count = bytes.count / MemoryLayout<Float>.stride
      bytes.copyMemory(
        from: UnsafeRawBufferPointer(start: (part.copy ?? part.start) + first, count: bytes.count))
      parts.all[index].done = first + count
      guard part.isChecked, let start = bytes.baseAddress else { return }
      // While it is in the cache.
      let floats = start.assumingMemoryBound(to: Float.self)
      if Elementwise.countBeyond(.greatestFiniteMagnitude, count, floats) > 0 { parts.isFinite = false }
    }
  }

  /// Copies what has not been read yet. After it, others may write to the state. Later calls do nothing.
  ///
  /// - Parameter copy: to, from, and how many floats.
  func keep(_ copy: (UnsafeMutablePointer<Float>, UnsafePointer<Float>, Int) -> Void) {
    parts.withLock { parts in
      guard !parts.isKept else { return }
      parts.isKept = true
      guard parts.all.contains(where: { $0.done < $0.count }) else { return }
      // Each part has a place of its own whatever was read: so the next checkpoint finds most of its pages where this one has written.
      guard var place = staging.floats(parts.all.reduce(0) { $0 + $1.count }).baseAddress else { return }
      for (index, part) in parts.all.enumerated() {
        if part.done < part.count {
          copy(place + part.done, part.start + part.done, part.count - part.done)
          parts.all[index].copy = UnsafePointer(place)
        }
        place += part.count
      }
    }
  }
}
