/// A network of nodes and the ranks on them, as the numbers that decide how long a schedule takes.
///
/// A message of b bytes between nodes takes `latencySeconds + b / bandwidth` when nothing is in its way:
/// Hockney's model. What is in its way is modelled by what is occupied: each node's link, which its ranks
/// share, in each direction for itself; each rank's thread, which copies and adds; and the cores of the
/// machine, where it has fewer than ranks.
///
/// Numbers come from a measurement (``NetworkProbe``), or from a data sheet: then everything but latency,
/// bandwidth and reduction speed may stay at its default, which is "costs nothing".
public struct NetworkModel: Sendable, Equatable {
  /// Seconds from the start of an empty message between nodes to its receipt, without the processors' part.
  public var latencySeconds: Double
  /// Bytes a second that a node's link carries in each direction, both at once. Its ranks share them.
  public var bandwidthBytesPerSecond: Double
  /// Bytes that a link lets pass at once after a pause, before the bandwidth holds: the bucket of a token
  /// bucket, as traffic shapers of clouds and of Linux (`tbf`) have it.
  public var burstBytes: Double = 0

  /// Processor time for each message at its sender.
  public var senderSecondsPerMessage: Double = 0
  /// Processor time for each message at its receiver.
  public var receiverSecondsPerMessage: Double = 0
  /// Processor time for each byte sent to another node: the copies of TCP, for one. Copies go on while the
  /// link carries what was copied before.
  public var senderSecondsPerByte: Double = 0
  /// Processor time for each byte received from another node.
  public var receiverSecondsPerByte: Double = 0

  /// As `latencySeconds`, between ranks of one node.
  public var localLatencySeconds: Double = 0.5e-6
  /// Bytes a second of a message between ranks of one node: the receiver's thread copies them.
  public var localBandwidthBytesPerSecond: Double = 5e9

  /// Bytes a second that a rank reads and writes while all ranks of its node sum each other's memory, and as long as all of that
  /// is in the node's caches.
  public var sharedBytesPerSecond: Double = 10e9
  public var cachedBytesPerSecond: Double = 10e9
  /// Bytes of buffers of all ranks of a node that stay in its caches from one sum to the next.
  public var cacheBytes: Int = 0

  /// Bytes a second that one core adds: bytes of the result, with operands that are not in its cache.
  public var reductionBytesPerSecond: Double

  /// Messages up to this length complete at the sender at once, buffered. Longer ones ask the receiver first
  /// and are sent when it has answered.
  public var eagerLimitBytes: Int = .max
  /// Ranks begin up to this many seconds apart: no barrier lets all go at once.
  public var skewSeconds: Double = 0

  /// Ranks on a node; node i has ranks `i * ranksPerNode ..< (i + 1) * ranksPerNode`.
  public var ranksPerNode: Int = 1
  /// Nodes that are really parts of one machine (network namespaces, virtual machines) and share its cores.
  public var nodesPerMachine: Int = 1
  /// Cores of a machine, for the threads of all its ranks.
  public var coresPerMachine: Int = .max

  public init(latencySeconds: Double, bandwidthBytesPerSecond: Double, reductionBytesPerSecond: Double) {
    self.latencySeconds = latencySeconds
    self.bandwidthBytesPerSecond = bandwidthBytesPerSecond
    self.reductionBytesPerSecond = reductionBytesPerSecond
  }

  /// Of seconds, bytes that pass at once, and of ranks or nodes.
  private static let greatest = 1e12

  /// What keeps the model from being one, in a line, or nil: speeds and numbers of things must be positive,
  /// times not negative, and all such that what is simulated can be counted.
  public var fault: String? {
    for (key, value) in [
      (CodingKeys.bandwidthBytesPerSecond, bandwidthBytesPerSecond),
      (.localBandwidthBytesPerSecond, localBandwidthBytesPerSecond),
      (.reductionBytesPerSecond, reductionBytesPerSecond), (.sharedBytesPerSecond, sharedBytesPerSecond),
      (.cachedBytesPerSecond, cachedBytesPerSecond),
    ] where !(value >= 1) {
      return "\(key.rawValue) must be at least 1, found \(value)"
    }
    for (key, value) in [
      (CodingKeys.latencySeconds, latencySeconds), (.burstBytes, burstBytes), (.skewSeconds, skewSeconds),
      (.senderSecondsPerMessage, senderSecondsPerMessage),
      (.receiverSecondsPerMessage, receiverSecondsPerMessage), (.senderSecondsPerByte, senderSecondsPerByte),
      (.receiverSecondsPerByte, receiverSecondsPerByte), (.localLatencySeconds, localLatencySeconds),
    ] where !(0...Self.greatest ~= value) {
      return "\(key.rawValue) must be from 0 to \(Int(Self.greatest)), found \(value)"
    }
    for (key, value, least, most) in [
      (CodingKeys.eagerLimitBytes, eagerLimitBytes, 0, Int.max), (.cacheBytes, cacheBytes, 0, .max),
      (.ranksPerNode, ranksPerNode, 1, Int(Self.greatest)),
      (.nodesPerMachine, nodesPerMachine, 1, Int(Self.greatest)),
      (.coresPerMachine, coresPerMachine, 1, .max),
    ] where !(least...most ~= value) {
      let range = most == .max ? "at least \(least)" : "from \(least) to \(most)"
      return "\(key.rawValue) must be \(range), found \(value)"
    }
    return nil
  }
}

extension NetworkModel: Codable {
  enum CodingKeys: String, CodingKey {
    case latencySeconds = "latency_seconds"
    case bandwidthBytesPerSecond = "bandwidth_bytes_per_second"
    case burstBytes = "burst_bytes"
    case senderSecondsPerMessage = "sender_seconds_per_message"
    case receiverSecondsPerMessage = "receiver_seconds_per_message"
    case senderSecondsPerByte = "sender_seconds_per_byte"
    case receiverSecondsPerByte = "receiver_seconds_per_byte"
    case localLatencySeconds = "local_latency_seconds"
    case localBandwidthBytesPerSecond = "local_bandwidth_bytes_per_second"
    case sharedBytesPerSecond = "shared_bytes_per_second"
    case cachedBytesPerSecond = "cached_bytes_per_second"
    case cacheBytes = "cache_bytes"
    case reductionBytesPerSecond = "reduction_bytes_per_second"
    case eagerLimitBytes = "eager_limit_bytes"
    case skewSeconds = "skew_seconds"
    case ranksPerNode = "ranks_per_node"
    case nodesPerMachine = "nodes_per_machine"
    case coresPerMachine = "cores_per_machine"
  }

  /// Latency, bandwidth and reduction speed must be there; what else is missing has its default. A model with
  /// a ``fault`` is an error.
  public init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: CodingKeys.self)
    self.init(
      latencySeconds: try values.decode(Double.self, forKey: .latencySeconds),
      bandwidthBytesPerSecond: try values.decode(Double.self, forKey: .bandwidthBytesPerSecond),
      reductionBytesPerSecond: try values.decode(Double.self, forKey: .reductionBytesPerSecond))
    func take<T: Decodable>(_ path: WritableKeyPath<NetworkModel, T>, _ key: CodingKeys) throws {
      if let value = try values.decodeIfPresent(T.self, forKey: key) { self[keyPath: path] = value }
    }
    try take(\.burstBytes, .burstBytes)
    try take(\.senderSecondsPerMessage, .senderSecondsPerMessage)
    try take(\.receiverSecondsPerMessage, .receiverSecondsPerMessage)
    try take(\.senderSecondsPerByte, .senderSecondsPerByte)
    try take(\.receiverSecondsPerByte, .receiverSecondsPerByte)
    try take(\.localLatencySeconds, .localLatencySeconds)
    try take(\.localBandwidthBytesPerSecond, .localBandwidthBytesPerSecond)
    try take(\.sharedBytesPerSecond, .sharedBytesPerSecond)
    try take(\.cachedBytesPerSecond, .cachedBytesPerSecond)
    try take(\.cacheBytes, .cacheBytes)
    try take(\.eagerLimitBytes, .eagerLimitBytes)
    try take(\.skewSeconds, .skewSeconds)
    try take(\.ranksPerNode, .ranksPerNode)
    try take(\.nodesPerMachine, .nodesPerMachine)
    try take(\.coresPerMachine, .coresPerMachine)
    if let fault {
      throw DecodingError.dataCorrupted(
        .init(codingPath: decoder.codingPath, debugDescription: "network model: \(fault)"))
    }
  }
}
