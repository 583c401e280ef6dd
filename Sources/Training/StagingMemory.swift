import Checkpoints

/// Memory for copies of a state that is about to change: those of one checkpoint at a time.
///
/// It outlives a checkpoint for a while. To clear new pages takes as long as to copy to them, and several times as long on a virtual machine whose
/// host has taken unused ones back, so checkpoints that follow each other in seconds use the same.
final class StagingMemory {
  /// How long nothing needs it before it is freed.
  static let idleTime = Duration.seconds(10)

  private var memory: SharedFile?
  private var lastUse = ContinuousClock.now

  /// Bytes that it holds, of which those that were never written to take no memory.
  var byteCount: Int { memory?.bytes.count ?? 0 }

  /// Room for so many floats, with any content. What was there before is gone.
  func floats(_ count: Int, at now: ContinuousClock.Instant = .now) -> UnsafeMutableBufferPointer<Float> {
    let byteCount = count * MemoryLayout<Float>.stride
    // Never two at a time.
    if self.byteCount < byteCount { memory = nil }
    let memory = memory ?? SharedFile(privateBytes: byteCount)
    self.memory = memory
    lastUse = now
    return UnsafeMutableBufferPointer(rebasing: memory.bytes.assumingMemoryBound(to: Float.self)[..<count])
  }

  /// Frees it when it has not been needed for long. Nobody reads of it then.
  func releaseIfIdle(at now: ContinuousClock.Instant = .now) {
    if lastUse.duration(to: now) > Self.idleTime { memory = nil }
  }
}
