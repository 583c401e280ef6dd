import CKernels

/// bfloat16, the upper half of a float32: eight bits of exponent as float32 has, eight of significand instead of 24. A format for
/// wire and storage; arithmetic is float32.
///
/// Rounding is to nearest even, with an error of at most 2⁻⁸ of the value (for subnormal results 2⁻¹³⁴). Values that round beyond the largest finite
/// bfloat16, (2 - 2⁻⁷) · 2¹²⁷, become infinity; every NaN becomes the one quiet NaN, so that what is rounded has the same bits
/// wherever its NaN came from.
package enum BFloat16 {
  /// y = x, rounded
  package static func round(
    _ count: Int, _ x: UnsafePointer<Float>, into y: UnsafeMutablePointer<UInt16>
  ) {
    rondo_bfloat16_from_float(count, x, y)
  }

  /// y = x, exactly
  package static func expand(
    _ count: Int, _ x: UnsafePointer<UInt16>, into y: UnsafeMutablePointer<Float>
  ) {
    rondo_bfloat16_to_float(count, x, y)
  }

  /// Rounds `x` to bfloat16 values in place. A second time changes nothing.
  package static func round(_ count: Int, inPlace x: UnsafeMutablePointer<Float>) {
    rondo_bfloat16_round(count, x)
  }

  /// Rounds `x` to bfloat16 values in place and writes them to `packed`, in one pass.
  package static func round(
    _ count: Int, inPlace x: UnsafeMutablePointer<Float>, packing packed: UnsafeMutablePointer<UInt16>
  ) {
    rondo_bfloat16_round_and_pack(count, x, packed)
  }

  /// a += b, in float32
  package static func add(
    _ count: Int, to a: UnsafeMutablePointer<Float>, _ b: UnsafePointer<UInt16>
  ) {
    rondo_bfloat16_add(count, a, b)
  }

  /// Expands the `count` values that lie packed in the last 2 · `count` bytes of `x` to all of `x`.
  package static func expand(_ count: Int, inPlace x: UnsafeMutablePointer<Float>) {
    rondo_bfloat16_expand_in_place(count, x)
  }
}
