/// How all ranks treat the gradients of one step.
struct UpdateDecision: Equatable, Sendable {
  /// The step changes nothing: some gradient is not finite.
  var isSkipped = false
  /// What gradients are multiplied with: clipping by the global norm.
  var scale: Float = 1

  init(isSkipped: Bool = false, scale: Float = 1) {
    self.isSkipped = isSkipped
    self.scale = scale
  }

  /// As one word of a `MemberSlot`.
  var bits: Int { Int(scale.bitPattern) | (isSkipped ? 1 << 32 : 0) }

  init(bits: Int) {
    scale = Float(bitPattern: UInt32(truncatingIfNeeded: bits))
    isSkipped = bits & 1 << 32 != 0
  }
}
