import COpenBLAS
import Glibc

/// The cores that this process may run on.
public struct CPUAffinity: Sendable, Hashable {
  /// Numbers of the cores in the affinity mask, ascending.
  public let allowed: [Int]

  /// Cores that the machine has online.
  public let online: Int

  public init(allowed: [Int], online: Int) {
    self.allowed = allowed
    self.online = online
  }

  /// Of this process, as the system says now; all online cores if it does not say.
  public static var current: CPUAffinity {
    let online = max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)))
    return withMask { mask in
      let allowed = mask.map { mask in
        (0..<mask.count * UInt.bitWidth).filter {
          mask[$0 / UInt.bitWidth] >> ($0 % UInt.bitWidth) & 1 == 1
        }
      }
      return CPUAffinity(
        allowed: allowed ?? Array(0..<online), online: max(online, allowed?.count ?? 0))
    }
  }

  /// Moves the calling thread to a core that it may use and that is not in `taken`, if there is one; then lets it use
  /// all its cores again.
  static func leave(_ taken: some Sequence<Int>) {
    withMask { mask in
      guard let mask else { return }
      let words = (0..<mask.count).map { mask[$0] }
      for core in taken where core >= 0 && core < mask.count * UInt.bitWidth {
        mask[core / UInt.bitWidth] &= ~(1 << (core % UInt.bitWidth))
      }
      let bytes = mask.count * MemoryLayout<UInt>.size
      // Fails, and then does nothing, if no core is left.
      if rondo_sched_setaffinity(0, bytes, mask.baseAddress) == 0 {
        _ = words.withUnsafeBytes { rondo_sched_setaffinity(0, bytes, $0.baseAddress) }
      }
    }
  }

  /// The core that the calling thread runs on.
  static var core: Int { Int(rondo_sched_getcpu()) }

  /// Calls `body` with the calling thread's mask, a bit per core; nil if the system does not say.
  private static func withMask<Result>(_ body: (UnsafeMutableBufferPointer<UInt>?) -> Result) -> Result {
    // The kernel refuses a mask that is too short for its cores with EINVAL: 1,024 cores first, then more.
    for cores in [1 << 10, 1 << 13, 1 << 16] {
      let mask = UnsafeMutableBufferPointer<UInt>.allocate(capacity: cores / UInt.bitWidth)
      defer { mask.deallocate() }
      mask.initialize(repeating: 0)
      if rondo_sched_getaffinity(0, cores / 8, mask.baseAddress) == 0 { return body(mask) }
    }
    return body(nil)
  }
}
