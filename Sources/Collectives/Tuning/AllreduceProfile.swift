/// What was measured of allreduce on some hosts, and what to choose there.
public struct AllreduceProfile: Sendable, Equatable, Codable {
  /// One algorithm at one size.
  public struct Measurement: Sendable, Equatable, Codable {
    public var algorithm: Algorithm
    /// Whether ranks of a host were summed in shared memory first.
    public var isTwoLevel: Bool
    /// Bytes of the buffer.
    public var bytes: Int
    /// How long messages were; nil where there is nothing to choose.
    public var segments: Segments?
    /// Median, in microseconds.
    public var timeUs: Double

    enum CodingKeys: String, CodingKey {
      case algorithm, bytes, segments
      case isTwoLevel = "two_level"
      case timeUs = "time_us"
    }
  }

  /// Where it was measured.
  public var layout: HostLayout
  /// The MPI library's name and version.
  public var library: String
  /// The day and time of the measurement, ISO 8601.
  public var measured: String
  /// Latency, bandwidth and speed of additions, where there is a network to measure.
  public var model: NetworkModel?
  /// At least one.
  public var measurements: [Measurement]

  public init(
    layout: HostLayout, library: String, measured: String, model: NetworkModel?, measurements: [Measurement]
  ) {
    self.layout = layout
    self.library = library
    self.measured = measured
    self.model = model
    self.measurements = measurements
  }

  /// The best algorithm for each size that an executor is asked for: on two levels a carrier's chunk.
  ///
  /// - Parameter wire: `MPI_Allreduce` sends float32 only; of bfloat16, what is best for half the bytes is best.
  public func selection(wire: WireFormat = .float32) -> AllreduceSelection {
    var best: [Int: Measurement] = [:]
    for measurement in measurements where wire == .float32 || measurement.algorithm != .mpi {
      if let other = best[measurement.bytes], other.timeUs <= measurement.timeUs { continue }
      best[measurement.bytes] = measurement
    }
    guard !best.isEmpty else { return AllreduceSelection(.ring) }
    return AllreduceSelection(
      best.values.map { measurement in
        let bytes = measurement.bytes / (measurement.isTwoLevel ? layout.carriers : 1)
        return .init(
          bytes: wire == .float32 ? bytes : 2 * bytes, algorithm: measurement.algorithm,
          segments: measurement.segments)
      })
  }
}

/// Several profiles, as a file holds them.
public struct AllreduceProfiles: Sendable, Equatable, Codable {
  public private(set) var profiles: [AllreduceProfile] = []

  public init() {}

  /// Takes in a profile, in place of one of the same hosts.
  public mutating func insert(_ profile: AllreduceProfile) {
    profiles.removeAll { $0.layout.isSame(as: profile.layout) }
    profiles.append(profile)
  }

  /// The profile of these hosts, or else the newest of as many hosts of the same series, with as many ranks each.
  public func fitting(_ layout: HostLayout) -> AllreduceProfile? {
    profiles.first { $0.layout.isSame(as: layout) } ?? profiles.last { $0.layout.isAlike(layout) }
  }
}
