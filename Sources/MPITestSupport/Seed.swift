import MPI

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// A small generator with a known start, so that a failing property test can be run again (SplitMix64:
/// Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014).
public struct SeededGenerator: RandomNumberGenerator, Sendable {
  private var state: UInt64
  public init(seed: UInt64) { state = seed }

  public mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }
}

/// A seed that all ranks share, from `RONDO_TEST_SEED` or else drawn by rank 0, which prints it.
///
/// Collective.
public func sharedSeed(on world: borrowing Communicator) throws -> UInt64 {
  let given = getenv("RONDO_TEST_SEED").flatMap { UInt64(String(cString: $0)) }
  let seed = try world.broadcast(given ?? UInt64.random(in: 0...UInt64.max), root: 0)
  if world.rank == 0 { print("seed: RONDO_TEST_SEED=\(seed)") }
  return seed
}
