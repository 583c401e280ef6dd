import Glibc

/// Memory for pieces of one file after the other: a large page, which is prepared for the disk as a whole and not by pages of 4 KiB.
final class PieceMemory {
  private static let byteCount = 1 << 21

  let bytes: UnsafeMutableRawBufferPointer

  init() {
    bytes = .allocate(byteCount: Self.byteCount, alignment: Self.byteCount)
    madvise(bytes.baseAddress, bytes.count, MADV_HUGEPAGE)
  }

  deinit { bytes.deallocate() }
}
