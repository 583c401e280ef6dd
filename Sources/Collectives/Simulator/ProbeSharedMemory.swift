import Kernels
import MPI

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// How fast ranks of a host sum buffers in shared memory, as ``SharedAllreduce`` does.
///
/// Each rank sums its chunk of all ranks' buffers and writes it to all, all ranks at once. The thread's clock counts, not the wall's:
/// how many ranks share a core is another number of the model.
struct ProbeSharedMemory {
  /// Bytes a second that a rank reads and writes: with buffers that no cache holds, and with such that caches do.
  private(set) var bytesPerSecond = 0.0
  private(set) var cachedBytesPerSecond = 0.0
  /// Bytes of all buffers of a host that its caches hold: half of the last level, since others use it too.
  let cacheBytes: Int

  /// Bytes of all buffers of a host: twice the cache, but at most so many.
  private static let mostBytes = 256 << 20
  private static let repetitions = 5

  /// Measures; the same on all ranks. Nil where shared memory has no room, or no host has several ranks. Collective.
  init?(_ communicator: borrowing Communicator) throws(MPIError) {
    let host = try communicator.splitByHost()
    let cache = try communicator.allreduce(Self.lastLevelCacheBytes, .minimum)
    cacheBytes = cache / 2
    let most = try communicator.allreduce(host.size, .maximum)
    // A multiple of a cache line for each rank.
    let count = min(2 * max(cache, 4 << 20), Self.mostBytes) / 4 / most / 16 * 16
    let hasRoom = MPI.freeSharedMemoryBytes ?? 0 > 2 * host.size * count * 4
    guard try communicator.allreduce(hasRoom ? 1 : 0, .minimum) == 1, most > 1 else { return nil }
    let window = try SharedWindow<Float>(count: count, on: host)
    var buffers: [UnsafeMutablePointer<Float>] = []
    for rank in 0..<host.size {
      guard let base = try window.part(of: rank).baseAddress else {
        preconditionFailure("ProbeSharedMemory: rank \(rank) was given no memory")
      }
      buffers.append(base)
    }
    bytesPerSecond = try Self.measure(count, buffers, host, communicator)
    let cached = max(16, min(count, cache / 8 / 4 / most / 16 * 16, (1 << 20) / 4))
    cachedBytesPerSecond = try Self.measure(cached, buffers, host, communicator)
    // The end of a window is collective: all get here, or none.
    try host.barrier()
  }

  /// Sums `count` elements of the buffers; gives the speed of the slowest rank.
  private static func measure(
    _ count: Int, _ buffers: [UnsafeMutablePointer<Float>], _ host: borrowing Communicator,
    _ communicator: borrowing Communicator
  ) throws(MPIError) -> Double {
    let merges = ReductionTree(leaves: buffers.count).merges
    let chunk = Partition(0..<count, into: buffers.count)[host.rank]
    var seconds: [Double] = []
    for _ in 0...repetitions {
      try host.barrier()
      let start = ProbeTransfers.processorTime()
      Elementwise.fold(chunk, buffers, merges: merges, into: buffers)
      seconds.append(ProbeTransfers.processorTime() - start)
    }
    // The first one meets pages and caches as nobody has used them yet.
    let slowest = try communicator.allreduce(max(Array(seconds.dropFirst()).median, 1e-9), .maximum)
    return Double(2 * MemoryLayout<Float>.stride * count) / slowest
  }

  /// As Linux has it, in KiB, such as `32768K`; where it does not say, a common size. (`sysconf` is wrong in virtual machines.)
  private static var lastLevelCacheBytes: Int {
    let fallback = 8 << 20
    guard let file = fopen("/sys/devices/system/cpu/cpu0/cache/index3/size", "r") else { return fallback }
    defer { fclose(file) }
    var kibibytes = 0
    while case let byte = fgetc(file), (48...57).contains(byte) {
      kibibytes = 10 * kibibytes + Int(byte - 48)
    }
    return kibibytes > 0 ? kibibytes << 10 : fallback
  }
}
