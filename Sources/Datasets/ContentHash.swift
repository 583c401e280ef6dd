/// FNV-1a with 64 bits: what splits samples by their content and pins data in tests. Not for adversaries.
package enum ContentHash {
  package static func fnv1a(_ bytes: some Sequence<UInt8>) -> UInt64 {
    bytes.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
  }
}
