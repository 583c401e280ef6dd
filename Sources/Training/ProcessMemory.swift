import Foundation

#if canImport(Glibc)
  import Glibc
#endif

/// The largest resident size that this process has had, in bytes.
func peakMemoryBytes() -> Int {
  var usage = rusage()
  // Cannot fail: the first argument is valid and the second is memory of ours.
  getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
  return usage.ru_maxrss * 1024
}

/// The resident size of this process now, in bytes; 0 where the system does not say.
public func residentMemoryBytes() -> Int {
  guard let text = try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8) else { return 0 }
  let pages = text.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
  return pages * sysconf(Int32(_SC_PAGESIZE))
}
