import CThreads
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

  /// Moves the calling thread to a core that it may use and that is not taken, if there is one; then lets it use all its
  /// cores again. Allocates nothing on up to 8,192 cores: threads wake in the middle of steps.
  static func leaveCores(where isTaken: (_ core: Int) -> Bool) {
    withMask { mask in
      guard let mask, let words = mask.baseAddress else { return }
      withUnsafeTemporaryAllocation(of: UInt.self, capacity: mask.count) { free in
        for word in mask.indices {
          free[word] = mask[word]
          for bit in 0..<UInt.bitWidth
          where mask[word] >> bit & 1 == 1 && isTaken(word * UInt.bitWidth + bit) {
            free[word] &= ~(1 << bit)
          }
        }
        let bytes = mask.count * MemoryLayout<UInt>.size
        // Fails, and then does nothing, if no core is left.
        if rondo_sched_setaffinity(0, bytes, free.baseAddress) == 0 {
          _ = rondo_sched_setaffinity(0, bytes, words)
        }
      }
    }
  }

  /// The core that the calling thread runs on.
  static var core: Int { Int(rondo_sched_getcpu()) }

  /// Calls `body` with the calling thread's mask, a bit per core; nil if the system does not say.
  private static func withMask<Result>(_ body: (UnsafeMutableBufferPointer<UInt>?) -> Result) -> Result {
    // The kernel refuses a mask that is too short for its cores with EINVAL: 1,024 cores first, then more.
    for logarithm in stride(from: 10, through: 16, by: 3) {
      let cores = 1 << logarithm
      let result: Result? = withUnsafeTemporaryAllocation(of: UInt.self, capacity: cores / UInt.bitWidth) {
        mask in
        mask.initialize(repeating: 0)
        return rondo_sched_getaffinity(0, cores / 8, mask.baseAddress) == 0 ? body(mask) : nil
      }
      if let result { return result }
    }
    return body(nil)
  }
}
