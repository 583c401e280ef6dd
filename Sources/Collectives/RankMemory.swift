/// A schedule's linear memory, laid over the caller's buffers and the workspace.
struct RankMemory {
  let data: UnsafeMutableRawPointer
  let otherPartials: [UnsafeMutableRawPointer]
  let count: Int
  let bufferCount: Int
  let workspace: UnsafeMutableRawPointer
  let elementBytes: Int

  func address(_ offset: Int) -> UnsafeMutableRawPointer {
    if offset < count { return data + offset * elementBytes }
    if offset >= bufferCount { return workspace + (offset - bufferCount) * elementBytes }
    let (partial, element) = offset.quotientAndRemainder(dividingBy: count)
    return otherPartials[partial - 1] + element * elementBytes
  }

  subscript(block: Block) -> UnsafeMutableRawBufferPointer {
    UnsafeMutableRawBufferPointer(start: address(block.offset), count: block.count * elementBytes)
  }

  /// The address of an element, where elements are float32.
  func floats(_ offset: Int) -> UnsafeMutablePointer<Float> {
    address(offset).assumingMemoryBound(to: Float.self)
  }

  /// Where the elements of a block of float32 arrive as bfloat16: its last half, from which they can be
  /// expanded in place.
  func packed(_ block: Block) -> UnsafeMutablePointer<UInt16> {
    (address(block.offset) + block.count * WirePlan.elementBytes).assumingMemoryBound(to: UInt16.self)
  }
}
