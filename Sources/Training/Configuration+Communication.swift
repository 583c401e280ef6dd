import Collectives

extension Configuration {
  /// How gradients travel between ranks.
  public struct Communication: Sendable, Equatable {
    public enum Algorithm: String, Sendable, CaseIterable {
      /// Shared memory within a host; between hosts the fastest algorithm for each size, by a profile (`rondo tune`) or a probe.
      case auto
      /// Shared memory: all ranks on one host.
      case shared
      /// Shared memory within a host, the fastest algorithm between hosts.
      case twoLevel = "two-level"
      case ring
      case recursiveDoubling = "recursive-doubling"
      case halvingDoubling = "halving-doubling"
      case direct
      /// The order of additions that does not depend on the number of ranks, by messages.
      case tree
      case linear
      /// `MPI_Allreduce`, as the MPI library chooses.
      case mpi
    }

    public typealias Wire = WireFormat

    public var algorithm: Algorithm
    /// The file of profiles that `rondo tune` wrote; nil for the one where it writes if nothing else is said.
    public var profile: String?
    /// Upper bound of a bucket's size. Smaller buckets overlap better with backward, larger ones use the network better.
    public var bucketBytes: Int
    /// How gradients travel between hosts: bfloat16 halves the bytes, for an error that ``WireFormat`` states. Within a host they are
    /// summed in shared memory, do not travel, and are not rounded.
    public var wire: Wire
    /// Whether buckets travel while backward still runs. In shared memory nothing travels.
    public var overlap: Bool
    /// Bytes of copies of weights and optimizer state that a rank may keep to update buckets while others still travel: the updates are
    /// taken back if the run is killed before all are there. Without `checkpoint.survive` no copies are needed. 0: updates begin when all
    /// gradients are there, as they do where clipping or the optimizer needs norms. Nil: 64 MiB, and 0 in sharded runs with copies, of
    /// which each rank updates so little that it saves no time.
    public var earlyUpdateBytes: Int?
    /// Whether all ranks compare, before each collective, which one they are at: to find a rank that has lost step.
    public var check: Bool
    /// Seconds without progress in a collective after which a line names the rank that is waited for; 0: never.
    public var warnAfterSeconds: Int
    /// Seconds without progress after which the job ends with that line; 0: never.
    public var abortAfterSeconds: Int

    public init(
      algorithm: Algorithm = .auto, profile: String? = nil, bucketBytes: Int = 4 << 20, wire: Wire = .float32,
      overlap: Bool = true, earlyUpdateBytes: Int? = nil,
      check: Bool = false, warnAfterSeconds: Int = 30, abortAfterSeconds: Int = 300
    ) {
      self.algorithm = algorithm
      self.profile = profile
      self.bucketBytes = bucketBytes
      self.wire = wire
      self.overlap = overlap
      self.earlyUpdateBytes = earlyUpdateBytes
      self.check = check
      self.warnAfterSeconds = warnAfterSeconds
      self.abortAfterSeconds = abortAfterSeconds
    }
  }
}
