import MPI

/// The buffers that the ways of one benchmark share: one in plain memory, one in the host's shared memory, each made when the first way
/// asks for it.
public final class ArenaMemory {
  /// Whether all ranks are on one host.
  public let isOneHost: Bool
  /// Whether some host has several ranks.
  public let hasSharedHosts: Bool
  /// As of `HostLayout`.
  let isInBlocks: Bool

  /// Of the tree's order.
  public let tree: ReductionTree
  /// Elements of the longest buffer.
  let count: Int

  private let host: Communicator
  private let partials: Int
  /// What some host has no room for, in plain and in shared memory; nil where all have.
  private let plainShortage: MemoryShortage?
  private let sharedShortage: MemoryShortage?
  private var workspace = Workspace()
  private var arenas: SharedArenas?

  /// Collective.
  ///
  /// - Parameters:
  ///   - count: elements of the longest buffer.
  ///   - leaves: of the tree's order: at least as many as ranks.
  public convenience init(count: Int, leaves: Int, on world: borrowing Communicator) throws(MPIError) {
    try self.init(count: count, leaves: leaves, limit: MemoryLimit(), on: world)
  }

  /// - Parameter limit: what the ranks of this host may have, of which a tenth is left for what is not in buffers.
  init(
    count: Int, leaves: Int, limit: MemoryLimit, on world: borrowing Communicator
  ) throws(MPIError) {
    self.count = count
    host = try world.splitByHost()
    let layout = try HostLayout(of: world)
    isOneHost = layout.isOneHost
    hasSharedHosts = layout.hasSharedHosts
    isInBlocks = layout.isInBlocks
    tree = ReductionTree(leaves: leaves)
    let partials = tree.partials(size: world.size).map(\.count).max() ?? 1
    self.partials = partials
    let (elements, isUncountable) = count.multipliedReportingOverflow(by: 4 * partials * host.size)
    let needed = isUncountable ? Int.max : elements
    let place = limit.file.map { "the control group (\($0))" } ?? "the memory"
    plainShortage = try .agreed(needed, of: limit.bytes / 10 * 9, place, on: world)
    // What lies in shared memory is memory of the ranks too.
    let sharedShortage = try MemoryShortage.agreed(
      needed, of: MPI.freeSharedMemoryBytes ?? 0, "/dev/shm", on: world)
    self.sharedShortage = sharedShortage ?? plainShortage
  }

  /// Whether a way takes its buffers from the host's shared memory.
  private func isShared(_ way: AllreduceWay) -> Bool {
    switch way {
    case .messages: false
    case .shared, .twoLevel: true
    case .tree: isOneHost || hasSharedHosts && isInBlocks
    case .auto: isOneHost || hasSharedHosts
    }
  }

  /// - Throws: where some host has no room for the buffers of that way; then on all ranks.
  public func check(_ way: AllreduceWay) throws(MemoryShortage) {
    if let shortage = isShared(way) ? sharedShortage : plainShortage { throw shortage }
  }

  /// Why these ranks cannot sum in that way, with messages in that format, or nil.
  public func refusal(of way: AllreduceWay, wire: WireFormat = .float32) -> String? {
    if way == .shared, !isOneHost {
      return "the algorithm shared is for ranks of one host; use two-level or auto"
    }
    guard wire != .float32 else { return nil }
    switch way {
    case .messages(.mpi):
      return "MPI_Allreduce sends float32, whatever the wire format; choose another algorithm"
    case .tree:
      return "the algorithm tree sends float32, whatever the wire format; choose another algorithm"
    case .shared,
      .auto where isOneHost,
      .twoLevel where isOneHost:
      return
        "the algorithm \(way) sums float32 in the memory of one host, and sends nothing as \(wire); choose another algorithm"
    default: return nil
    }
  }

  /// Elements on a page boundary.
  func plain() -> UnsafeMutableBufferPointer<Float> {
    workspace.reserve(byteCount: partials * count * MemoryLayout<Float>.stride)
    return UnsafeMutableBufferPointer(
      rebasing: workspace.bytes.bindMemory(to: Float.self)[..<(partials * count)])
  }

  /// Collective.
  func shared() throws(MPIError) -> SharedArenas {
    if let arenas { return arenas }
    let new = try SharedArenas(count: partials * count, on: host)
    arenas = new
    return new
  }

  /// Frees what ranks share. Collective; nothing may touch the buffers afterwards.
  public func free() { arenas?.free() }
}

/// A host has no room for the buffers of a benchmark.
public struct MemoryShortage: CommonError, Equatable, CustomStringConvertible {
  public let description: String
  public var exitStatus: Int32 { 2 }

  /// Nil where every host has `available` bytes for those that are `needed`. Collective.
  fileprivate static func agreed(
    _ needed: Int, of available: Int, _ place: String, on world: borrowing Communicator
  ) throws(MPIError) -> MemoryShortage? {
    let verdict =
      needed <= available
      ? nil
      : "\(place) of \(MPI.processorName) has room for \(available) bytes, and the buffers of its ranks take "
        + (needed == .max ? "more than can be counted" : "\(needed)")
    return try world.agree(verdict).map { MemoryShortage(description: "\($0.text); lower --max") }
  }
}
