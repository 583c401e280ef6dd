import Foundation

/// The numbers of ranks that schedules are proved for: all that machines of tests may have, and those beside powers of two; with
/// `RONDO_EXHAUSTIVE` all up to 64, which take a debug build minutes.
let provedSizes =
  ProcessInfo.processInfo.environment["RONDO_EXHAUSTIVE"] != nil
  ? Array(1...64) : Array(1...17) + [19, 24, 31, 32, 33, 48, 63, 64]
