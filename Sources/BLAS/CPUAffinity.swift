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
    // The kernel refuses a mask that is too short for its cores with EINVAL: 1,024 cores first, then more.
    for cores in [1 << 10, 1 << 13, 1 << 16] {
      let words = cores / UInt.bitWidth
      let mask = UnsafeMutableBufferPointer<UInt>.allocate(capacity: words)
      defer { mask.deallocate() }
      mask.initialize(repeating: 0)
      if rondo_sched_getaffinity(0, cores / 8, mask.baseAddress) == 0 {
        let allowed = (0..<cores).filter { mask[$0 / UInt.bitWidth] >> ($0 % UInt.bitWidth) & 1 == 1 }
        return CPUAffinity(allowed: allowed, online: max(online, allowed.count))
      }
    }
    return CPUAffinity(allowed: Array(0..<online), online: online)
  }
}
