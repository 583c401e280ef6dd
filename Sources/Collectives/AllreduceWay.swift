/// How a gradient arena is summed over the ranks, under the names that configurations and the command line use.
public enum AllreduceWay: Sendable, Hashable {
  /// By messages between all ranks.
  case messages(Algorithm)
  /// In shared memory: all ranks are on one host.
  case shared
  /// In shared memory within a host, by messages between hosts.
  case twoLevel
  /// In the order of one tree over the microbatches, whatever the number of ranks.
  case tree
  /// Shared memory within a host; between hosts the algorithm that is fastest there for the size, by measurement.
  case auto

  /// All of them.
  public static let all: [AllreduceWay] =
    Algorithm.allCases.map { .messages($0) } + [.tree, .shared, .twoLevel, .auto]

  /// The way of that name.
  /// - Throws: ``UnknownAllreduceWay``, whose text lists the names that there are.
  public init(named name: String) throws(UnknownAllreduceWay) {
    guard let way = Self.all.first(where: { $0.name == name }) else { throw UnknownAllreduceWay(name: name) }
    self = way
  }

  public var name: String {
    switch self {
    case .messages(let algorithm): algorithm.rawValue
    case .shared: "shared"
    case .twoLevel: "two-level"
    case .tree: "tree"
    case .auto: "auto"
    }
  }
}

extension AllreduceWay: CustomStringConvertible {
  public var description: String { name }
}

/// A name that no way to sum arenas has.
public struct UnknownAllreduceWay: Error, Equatable, CustomStringConvertible {
  public let name: String

  public var description: String {
    let names = AllreduceWay.all.map(\.name).joined(separator: ", ")
    return "there is no allreduce algorithm \"\(name)\"; there are: \(names)"
  }
}
